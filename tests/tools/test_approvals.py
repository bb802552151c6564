from __future__ import annotations

import asyncio
from typing import Any

from scripted import CREATED
from voxwire_protocol import McpApprovalRequest

from voxwire import McpApprovalRequested
from voxwire.emulator.replay import ReplayServer

REQUEST = {
    "type": "mcp_approval_request",
    "id": "mcpr_1",
    "server_label": "desk",
    "name": "book",
    "arguments": '{"seats":2}',
}


def carrier(name: str, number: int, item: dict[str, object]) -> dict[str, object]:
    event = {
        "type": name,
        "event_id": f"event_{number}",
        "response_id": "resp_1",
        "output_index": 0,
        "item": item,
    }
    return {"dir": "s2c", "event": event}


SCRIPT = [
    CREATED,
    carrier("conversation.item.added", 1, {**REQUEST, "arguments": ""}),
    carrier("conversation.item.done", 2, REQUEST),
    carrier("response.output_item.done", 3, REQUEST),
    {"dir": "c2s", "event": {"type": "conversation.item.create", "item": {}}},
]


async def _answered(connect: Any, reason: str | None, *, approve: bool) -> dict[str, object]:
    asked: list[McpApprovalRequested] = []
    answered = asyncio.Event()
    async with ReplayServer(SCRIPT, hold=True) as server:
        async with connect(url=server.url) as session:

            @session.on(McpApprovalRequested, catch_up=True)
            async def ask(event: McpApprovalRequested) -> None:
                asked.append(event)
                await (event.approve() if approve else event.reject(reason))
                await event.approve()  # the second answer is not sent
                answered.set()

            await asyncio.wait_for(answered.wait(), 5)
            item = session.conversation["mcpr_1"]
            assert item.type == "mcp_approval_request"
        sent = [frame.event for frame in server.connections[0].received]
    (event,) = asked
    assert isinstance(event.item, McpApprovalRequest)
    assert (event.name, event.server_label, event.arguments) == ("book", "desk", '{"seats":2}')
    assert len(sent) == 1
    return sent[0]["item"]


async def test_a_person_says_yes(connect: Any) -> None:
    item = await _answered(connect, None, approve=True)
    assert item.pop("id")
    assert item == {
        "type": "mcp_approval_response",
        "approval_request_id": "mcpr_1",
        "approve": True,
    }


async def test_a_person_says_no_and_why(connect: Any) -> None:
    item = await _answered(connect, "not now", approve=False)
    assert (item["approve"], item["reason"]) == (False, "not now")
