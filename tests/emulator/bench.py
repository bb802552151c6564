"""A session on the workbench: its rules without a socket, and a clock that is wound by hand."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

from voxwire.emulator.realtime_session import RealtimeSession
from voxwire.emulator.script import Script
from voxwire.emulator.session_context import Ended, Habits, Ids, SessionContext
from voxwire.emulator.session_settings import realtime
from voxwire.protocol.codec import validate

DELTAS = (".delta",)


class Bench:
    """One machine. Every event that it sends is validated strictly before a test sees it."""

    def __init__(
        self,
        script: Script | None = None,
        *,
        model: str = "gpt-realtime",
        session: dict[str, Any] | None = None,
        habits: Habits | None = None,
        strict: bool = True,
    ) -> None:
        self.script = script or Script()
        self.waiting: list[Any] = []
        self.stage = SessionContext(
            ids=Ids(1),
            script=self.script,
            think=lambda turn, answer: answer(self.script.answer(turn)),
            habits=habits or Habits(),
        )
        self.machine = RealtimeSession(self.stage, session or realtime(model, "sess_1", 1))
        self.strict = strict

    def send(self, *events: dict[str, Any] | str | bytes) -> None:
        for event in events:
            self.machine.receive(json.dumps(event) if isinstance(event, dict) else event)

    def take(self) -> list[Any]:
        """What has been sent so far."""
        events = self.stage.take()
        for event in events:
            assert isinstance(event, Ended) or not self.strict or validate(event) == []
        return events

    def run(self, *events: dict[str, Any] | str | bytes) -> list[Any]:
        """Send, and wait until all is quiet."""
        self.send(*events)
        self.stage.timeline.run()
        return self.take()

    def until(self, name: str) -> list[Any]:
        """Go on until an event of this name has come."""
        seen = self.take()
        while not any(event.type == name for event in seen):
            assert self.stage.timeline.step(), f"{name} never came, only {types(seen)}"
            seen += self.take()
        return seen

    def say(self, text: str, **response: Any) -> list[Any]:
        """A whole turn in text."""
        return self.run(typed(text), {"type": "response.create", "response": response})


def typed(text: str, **more: Any) -> dict[str, Any]:
    item = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": text}],
    }
    return {"type": "conversation.item.create", "item": {**item, **more}}


def output(call_id: str, text: str) -> dict[str, Any]:
    item = {"type": "function_call_output", "call_id": call_id, "output": text}
    return {"type": "conversation.item.create", "item": item}


def update(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **session}}


def append(audio: bytes) -> dict[str, Any]:
    return {"type": "input_audio_buffer.append", "audio": base64.b64encode(audio).decode()}


def appended(audio: bytes, size: int = 4800) -> list[dict[str, Any]]:
    return [append(audio[i : i + size]) for i in range(0, len(audio), size)]


def types(events: Iterable[Any]) -> list[str]:
    """The names of events, a run of the same as one."""
    found: list[str] = []
    for event in events:
        if not found or found[-1] != event.type:
            found.append(event.type)
    return found


def only(events: Iterable[Any], name: str) -> Any:
    """The one event of a name."""
    found = [event for event in events if event.type == name]
    assert len(found) == 1, f"{len(found)} events {name}"
    return found[0]


def errors(events: Iterable[Any]) -> list[tuple[str | None, str | None]]:
    """Code and param of the errors among events."""
    return [(e.error.code, e.error.param) for e in events if e.type == "error"]
