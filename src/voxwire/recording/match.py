"""Whether a client said what the recorded client said, and where it first did not.

Knows frames and nothing of sockets or time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, cast

import attrs

from ..protocol.redaction import redact
from .frames import Close, Entry, Frame, without_audio

__all__ = ["APPENDS", "Deviation", "Matching", "comparable", "difference", "script"]

Matching: TypeAlias = Literal["strict", "tolerant"]

APPENDS = frozenset({"input_audio_buffer.append", "session.input_audio_buffer.append"})


@attrs.frozen(kw_only=True)
class Deviation:
    """One way in which a client did not do what the recorded client did.

    ``unexpected``: it sent something that the recording does not have here. ``missing``: it did not
    send what the recording has. ``different``: the right event with other contents (only in strict
    matching). ``left``: it closed while something was still expected of it.
    """

    connection: int
    kind: Literal["unexpected", "missing", "different", "left"]
    expected: str | None = None
    got: str | None = None
    detail: str = ""

    def __str__(self) -> str:
        where = f"where {self.expected} was recorded" if self.expected else "at the end"
        text = {
            "unexpected": f"the client sent {self.got} {where}",
            "missing": f"the client did not send {self.expected}",
            "different": f"{self.got} is not as recorded",
            "left": f"the client closed before it sent {self.expected}",
        }[self.kind]
        return f"{text}: {self.detail}" if self.detail else text


def script(entries: Iterable[Entry], matching: Matching) -> list[Frame | Close]:
    """What there is to play: frames up to the close.

    In tolerant matching only the first of a run of audio frames is waited for: how a client cuts
    its audio is its own affair.
    """
    result: list[Frame | Close] = []
    appending = False
    for entry in entries:
        match entry:
            case Frame(dir="c2s"):
                repeated = appending and entry.type in APPENDS
                appending = entry.type in APPENDS
                if repeated and matching == "tolerant":
                    continue
                result.append(entry)
            case Frame():
                result.append(entry)
            case Close():
                result.append(entry)
                break
            case _:
                pass
    return result


def comparable(frame: Frame) -> Any:
    """What strict matching compares: all but the event's id, its audio, and secrets."""
    if frame.raw is not None:
        return frame.raw
    event = without_audio(redact(frame.event), {})
    if isinstance(event, dict):
        fields = cast("Mapping[str, Any]", event)
        return {name: value for name, value in fields.items() if name != "event_id"}
    return event


def difference(expected: Any, got: Any, path: str = "$") -> str | None:
    """The first place where two JSON values differ, said in words; None when they are equal."""
    if isinstance(expected, dict) and isinstance(got, dict):
        left, right = cast("Mapping[str, Any]", expected), cast("Mapping[str, Any]", got)
        for name in [*left, *(name for name in right if name not in left)]:
            at = f"{path}.{name}"
            if name not in right:
                return f"{at} is missing"
            if name not in left:
                return f"{at} is not in the recording"
            if found := difference(left[name], right[name], at):
                return found
        return None
    if isinstance(expected, list) and isinstance(got, list):
        ours, theirs = cast("Sequence[Any]", expected), cast("Sequence[Any]", got)
        for index, (a, b) in enumerate(zip(ours, theirs, strict=False)):
            if found := difference(a, b, f"{path}[{index}]"):
                return found
        if len(ours) != len(theirs):
            return f"{path} has {len(theirs)} entries, recorded are {len(ours)}"
        return None
    # JSON knows one kind of number, and true is none of them.
    if isinstance(expected, bool) is isinstance(got, bool) and expected == got:
        return None
    return f"{path} is {_short(got)}, recorded is {_short(expected)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
