"""Turns through tools: the sequencer and the batches of calls in step."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from responding import BUSY, echo
from voxwire_protocol import (
    ClientEvent,
    ConversationItemCreate,
    ResponseCreate,
    ResponseCreateParams,
)

from voxwire.errors import ConnectionClosedError
from voxwire.protocol.codec import REALTIME
from voxwire.session.responses import ResponseQueue
from voxwire.session.responses.state import ResponseState
from voxwire.session.tool_loop import ToolLoop
from voxwire.tools.toolset import ToolSet


def lookup(x: int = 0) -> int:
    return x


class Wire:
    def __init__(self) -> None:
        numbers = itertools.count(1)
        self.responses = ResponseQueue(lambda: f"evt_{next(numbers)}")
        self.turns = ToolLoop(self.responses, ToolSet([lookup]))
        self.sent: list[ClientEvent] = []

    def send(self, events: list[ClientEvent]) -> None:
        for event in events:
            self.sent.append(event)
            self.send(self.turns.sent(event))

    def ask(self, **params: Any) -> ResponseState:
        request = ResponseCreate(response=ResponseCreateParams(**params))
        turn, events = self.responses.request(request)
        self.send(events)
        return turn

    @property
    def creates(self) -> list[ResponseCreate]:
        return [event for event in self.sent if isinstance(event, ResponseCreate)]

    @property
    def asked(self) -> list[Any]:
        """The instructions of what was asked for; ``None`` where there were none."""
        said = (getattr(create.response, "instructions", None) for create in self.creates)
        return [text or None for text in said]

    @property
    def outputs(self) -> list[str]:
        items: list[Any] = [e.item for e in self.sent if isinstance(e, ConversationItemCreate)]
        return [item.call_id for item in items]

    def hear(self, kind: str, **fields: Any) -> None:
        frame = json.dumps({"type": kind, "event_id": "e", **fields})
        self.send(self.turns.apply(REALTIME.decode(frame.encode())))

    def created(self, response_id: str, of: ResponseCreate | None = None) -> None:
        response = {"id": response_id, "conversation_id": "c", "metadata": echo(of)}
        self.hear("response.created", response=response)

    def done(self, response_id: str, *call_ids: str, status: str = "completed") -> None:
        output = [
            {
                "type": "function_call",
                "status": "completed",
                "id": f"item_{call_id}",
                "call_id": call_id,
                "name": "lookup",
                "arguments": "{}",
            }
            for call_id in call_ids
        ]
        self.hear("response.done", response={"id": response_id, "status": status, "output": output})

    def answer(self) -> None:
        self.send(self.turns.answered(self.turns.to_run.pop(0), "1"))


@pytest.fixture
def wire() -> Wire:
    return Wire()


def test_a_turn_ends_with_the_answer_and_not_with_the_calls(wire: Wire) -> None:
    turn, later = wire.ask(instructions="a"), wire.ask(instructions="b")
    wire.created("r1", wire.creates[0])
    wire.done("r1", "c1", "c2")
    wire.answer()
    assert (wire.outputs, wire.asked, turn.done) == (["c1"], ["a"], False)
    wire.answer()
    assert (wire.outputs, wire.asked) == (["c1", "c2"], ["a", "a"])
    wire.created("r2", wire.creates[1])
    wire.done("r2")
    assert (turn.done, turn.status, len(turn.responses)) == (True, "completed", 2)
    assert wire.asked == ["a", "a", "b"]
    assert not later.done


def test_what_the_server_began_by_itself_goes_on_in_its_own_manner(wire: Wire) -> None:
    wire.ask(instructions="a")
    wire.created("r1", wire.creates[0])
    wire.done("r1")
    turn = wire.ask(instructions="b")
    wire.created("vad")  # it won the race
    error = {"code": BUSY, "event_id": wire.creates[1].event_id, "message": "no"}
    wire.hear("error", error=error)
    wire.done("vad", "c1")
    wire.answer()
    assert wire.asked == ["a", "b", None]
    wire.created("r2", wire.creates[2])
    wire.done("r2")
    assert wire.asked == ["a", "b", None, "b"]
    wire.created("r3", wire.creates[3])
    wire.done("r3")
    assert turn.done
    assert [response.id for response in turn.responses] == ["r3"]


@pytest.mark.parametrize("too_late", [False, True])
def test_a_turn_that_is_cancelled_gives_its_outputs_and_asks_for_no_answer(
    wire: Wire, too_late: bool
) -> None:
    turn, later = wire.ask(instructions="a"), wire.ask(instructions="b")
    wire.created("r1", wire.creates[0])
    if too_late:
        wire.send(wire.responses.cancel(turn))
    wire.done("r1", "c1")
    if not too_late:
        wire.send(wire.responses.cancel(turn))
    assert (turn.done, turn.status) == (True, "cancelled")
    wire.answer()
    assert wire.outputs == ["c1"]
    assert wire.asked == ["a", "b"]
    assert not later.done


def test_the_end_of_the_connection_ends_a_turn_whose_tools_run(wire: Wire) -> None:
    turn = wire.ask()
    wire.created("r1", wire.creates[0])
    wire.done("r1", "c1")
    call = wire.turns.to_run.pop(0)
    error = ConnectionClosedError(1006)
    wire.turns.close(error)
    assert turn.error is error
    sent = len(wire.sent)
    wire.send(wire.turns.answered(call, "1"))
    wire.send(wire.turns.postponed(call))
    assert len(wire.sent) == sent
    assert wire.turns.idle
