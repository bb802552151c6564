"""How mishaps change what is sent: events in, frames, pauses and breaks out.

It knows events as JSON objects, and no sockets: whoever asks carries out what comes out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias, cast

import attrs

from .api_errors import ApiError
from .faults import (
    AnyFault,
    CloseAfter,
    CutFrame,
    Delay,
    Drop,
    Duplicate,
    Expire,
    Garbage,
    LoseBeginning,
    LoseEnd,
    Malformed,
    Nulls,
    Reorder,
    UnknownEvents,
    UnknownFields,
)

__all__ = ["Break", "FaultInjector", "Out", "Pause", "Raw", "Shut"]


@attrs.frozen
class Raw:
    """A frame that is no event."""

    frame: str | bytes


@attrs.frozen
class Pause:
    """Wait so many seconds."""

    seconds: float


@attrs.frozen
class Break:
    """Break the connection; in the middle of this event, if there is one."""

    inside: Mapping[str, Any] | None = None


@attrs.frozen
class Shut:
    """Close the connection."""

    code: int
    reason: str = ""


Out: TypeAlias = dict[str, Any] | Raw | Pause | Break | Shut

_TRANSCRIPT: Final = "conversation.item.input_audio_transcription."


class FaultInjector:
    """The mishaps of one connection. They count the frames of their own connection only."""

    def __init__(self, faults: Iterable[AnyFault] = ()) -> None:
        self._faults: list[tuple[AnyFault, _State]] = []
        for fault in faults:
            self.add(fault)

    def __bool__(self) -> bool:
        return bool(self._faults)

    def add(self, fault: AnyFault) -> None:
        """From now on, this goes wrong too."""
        self._faults.append((fault, _State()))

    def play(self, event: dict[str, Any]) -> list[Out]:
        """What to do in place of sending an event."""
        outs: list[Out] = [event]
        for fault, state in self._faults:
            changed: list[Out] = []
            for out in outs:
                if isinstance(out, dict):
                    changed.extend(_apply(fault, state, out))
                    state.sent += 1
                else:
                    changed.append(out)
            outs = changed
        return outs


@attrs.define
class _State:
    sent: int = 0
    kept: list[tuple[int, dict[str, Any]]] = attrs.Factory(list[tuple[int, dict[str, Any]]])
    swapped: dict[str, Any] | None = None
    running: bool = False
    responses: int = 0
    lost: str = ""


def _apply(fault: AnyFault, state: _State, event: dict[str, Any]) -> Iterator[Out]:
    name = str(event.get("type"))
    match fault:
        case Drop(after) if state.sent >= after:
            yield Break()
        case CutFrame(after) if state.sent >= after:
            yield Break(event)
        case CloseAfter(after, code, reason) if state.sent >= after:
            yield Shut(code, reason)
        case Expire(after) if state.sent >= after:
            yield Shut(1001, ApiError.expired(60).reason)
        case Delay(seconds, kind) if kind in (None, name):
            yield Pause(seconds)
            yield event
        case Duplicate(kind) if kind in (None, name):
            yield event
            yield dict(event)
        case Reorder(late):
            yield from _reordered(state, event, name, late)
        case UnknownEvents(every):
            yield event
            if (state.sent + 1) % every == 0:
                payload = {"level": state.sent, "tags": ["a", None]}
                yield {"type": "emulator.invented", "event_id": f"x{state.sent}", "data": payload}
        case UnknownFields():
            yield cast("dict[str, Any]", _with_field(event))
        case Nulls():
            yield _with_nulls(event, name)
        case LoseBeginning(after) if _lost(state, event, name, after):
            pass
        case LoseEnd(after) if name == "response.done":
            state.responses += 1
            if state.responses <= after:
                yield event
        case Malformed(after, frames) if state.sent == after:
            yield from map(Raw, frames)
            yield event
        case Garbage(frames) if state.sent == 0:
            yield from map(Raw, frames)
            yield event
        case _:
            yield event


def _lost(state: _State, event: dict[str, Any], name: str, after: int) -> bool:
    """Whether an event is of a response whose request nobody is to answer."""
    if name == "response.created":
        state.responses += 1
        state.lost = event["response"]["id"] if state.responses > after else ""
    if not state.lost:
        return False
    if name == "response.done":
        mine: bool = event["response"]["id"] == state.lost
        state.lost = "" if mine else state.lost
        return mine
    if name.startswith("conversation.item.") and "item" in event:
        return _is_output(event["item"])
    return name == "response.created" or event.get("response_id") == state.lost


def _reordered(state: _State, event: dict[str, Any], name: str, late: int) -> Iterator[Out]:
    if name == "response.created":
        state.running = True
    if name.startswith(_TRANSCRIPT) and state.running:
        state.kept.append((state.sent + late, event))
    elif name == "conversation.item.done" and state.running and _is_output(event["item"]):
        state.swapped = event
    else:
        yield event
        if state.swapped is not None:
            yield state.swapped
            state.swapped = None
    # The end of a turn lets everything go: perhaps nothing comes after it.
    if name == "response.done":
        state.running = False
    while state.kept and (not state.running or state.kept[0][0] <= state.sent):
        yield state.kept.pop(0)[1]


def _is_output(item: Mapping[str, Any]) -> bool:
    return item.get("role") == "assistant" or item.get("type") == "function_call"


def _with_field(value: Any) -> Any:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {**{k: _with_field(v) for k, v in fields.items()}, "x_invented": {"new": True}}
    if isinstance(value, list):
        return [_with_field(entry) for entry in cast("Iterable[Any]", value)]
    return value


def _with_nulls(event: dict[str, Any], name: str) -> dict[str, Any]:
    if name in ("session.created", "session.updated"):
        session = {"include": None, **event["session"]}
        audio = dict(session.get("audio") or {})
        if "input" in audio and (heard := audio["input"].get("transcription")):
            heard = {"language": None, "prompt": None, **heard}
            audio["input"] = {**audio["input"], "transcription": heard}
        return {**event, "session": {**session, "audio": audio}}
    if name in ("response.created", "response.done"):
        return {**event, "response": {"status_details": None, "usage": None, **event["response"]}}
    return event
