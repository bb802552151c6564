"""The SIP example: the service's webhook over a real socket, and a caller on their own line."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

import httpx
import pytest
from served import KEY, example, served, until

import voxwire
from voxwire.emulator import Emulator

SECRET = "whsec_dGhlIGtleSBvZiB0aGUgaGFyYm91cg=="


@pytest.fixture
def agent(
    server: Emulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> ModuleType:
    monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", SECRET)
    caplog.set_level(logging.INFO, "harbour")
    return example("sip_agent")


@pytest.fixture
async def webhook(agent: ModuleType) -> AsyncIterator[str]:
    async with served(agent.app) as url:
        yield f"{url}/webhook"


async def post(webhook: str, event: dict[str, Any] | bytes, *, signed: bool = True) -> int:
    """What the service does when something happens; the status of the answer."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    headers = voxwire.webhooks.sign(body, SECRET) if signed else {}
    async with httpx.AsyncClient() as client:
        return (await client.post(webhook, content=body, headers=headers)).status_code


def calls(server: Emulator) -> list[Any]:
    return list(server.host.desk.calls)


async def hang_up(agent: ModuleType, call_id: str) -> None:
    async with voxwire.AsyncClient() as client:
        await client.calls.hangup(call_id)
    await until(lambda: not agent.calls)


async def test_a_call_is_taken_and_ended_when_the_good_bye_was_heard(
    server: Emulator, agent: ModuleType, webhook: str, caplog: pytest.LogCaptureFixture
) -> None:
    server.on("nothing more", call="end_call")
    server.on(output_of="end_call", reply="Good bye.")
    server.on(None, reply="Good day, the harbour desk.")
    assert await post(webhook, server.incoming_call(From="sip:+15550100@localhost")) == 200
    await until(lambda: "desk: Good day, the harbour desk." in caplog.text)
    (call,) = calls(server)
    async with voxwire.attach(call.id, url=server.url, api_key=KEY) as user:
        assert user.session.instructions.startswith("You are the harbour desk")
        async with user.expect(voxwire.OutputAudioBufferStopped, timeout=20) as heard:
            user.say("Thank you, nothing more.")
        await heard
        await until(lambda: call.state == "ended")
    await until(lambda: not agent.calls)
    assert "desk: Good bye." in caplog.text


async def test_a_caller_is_put_through(server: Emulator, agent: ModuleType, webhook: str) -> None:
    server.on("engine", call="put_through", arguments={"to": "engineer"})
    await post(webhook, server.incoming_call())
    (call,) = calls(server)
    await until(lambda: server.connections and server.connections[0].events)
    async with voxwire.attach(call.id, url=server.url, api_key=KEY) as user:
        await user.say("My engine smokes")
        await until(lambda: call.referred_to)
    assert call.referred_to == "tel:+15550102"
    await hang_up(agent, call.id)


async def test_the_telephone_is_not_answered_to_anybody(
    server: Emulator, agent: ModuleType, webhook: str
) -> None:
    incoming = server.incoming_call(From="sip:anonymous@anonymous.invalid")
    assert await post(webhook, incoming) == 200
    await until(lambda: not agent.calls)
    (call,) = calls(server)
    assert (call.state, call.rejected_with) == ("ended", 603)


async def test_a_webhook_that_is_not_signed_is_not_believed(
    server: Emulator, agent: ModuleType, webhook: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert await post(webhook, server.incoming_call(), signed=False) == 400
    assert not agent.calls
    assert [call.state for call in calls(server)] == ["ringing"]
    assert "not believed" in caplog.text


async def test_a_call_that_is_lost_is_told(
    server: Emulator, agent: ModuleType, webhook: str, caplog: pytest.LogCaptureFixture
) -> None:
    event = server.incoming_call()
    event["data"]["call_id"] = "rtc_gone"
    assert await post(webhook, event) == 200
    await until(lambda: "is lost" in caplog.text)
    await until(lambda: not agent.calls)


async def test_a_webhook_of_another_kind_is_acknowledged(agent: ModuleType, webhook: str) -> None:
    assert await post(webhook, b'{"type": "response.completed"}') == 200
    assert not agent.calls


async def test_who_presses_zero_gets_a_person(
    server: Emulator, agent: ModuleType, webhook: str
) -> None:
    await post(webhook, server.incoming_call())
    (call,) = calls(server)
    await until(lambda: server.connections and server.connections[0].events)
    for key in ("5", "0"):
        call.room.stage.out.append(
            voxwire.InputAudioBufferDtmfEventReceived(event=key, received_at=0)
        )
    call.room.wake()
    await until(lambda: call.referred_to)
    assert call.referred_to == "tel:+15550101"
    await hang_up(agent, call.id)
