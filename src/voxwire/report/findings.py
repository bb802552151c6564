"""What in a session is worth a look: errors, what does not fit the specs, what went wrong.

The same at several places is one finding. This module sees entries with their times and decides
what is wrong with each; the conversation it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs
import voxwire_protocol as p

from ..conversation.item_state import entries, number, peek, string
from ..errors import InvalidEvent
from ..protocol.codec import Codec, problems
from ..recording.frames import Close, Frame
from .event_rows import safe_text
from .labels import error_text, in_short
from .model import Finding, Level

__all__ = ["Findings"]

_KEPT = 100
_ORDER: Final[Mapping[Level | None, int]] = {"error": 0, "warning": 1, "note": 2, None: 3}
_WELL: Final = (1000, 1001)


@attrs.define
class _Met:
    level: Level
    what: str
    text: str
    at: float
    count: int = 0
    rows: list[int] = attrs.Factory(list[int])


class Findings:
    """What was found in one connection."""

    def __init__(self) -> None:
        self._met: dict[tuple[str, str], _Met] = {}

    def add(self, level: Level, what: str, text: str, at: float, row: int | None = None) -> None:
        """Something was found."""
        text = in_short(safe_text(text))
        met = self._met.get((what, text))
        if met is None:
            met = self._met[what, text] = _Met(level, what, text, at)
        met.count += 1
        if row is not None and len(met.rows) < _KEPT:
            met.rows.append(row)

    def all(self, extra: Iterable[tuple[Level, str, str, float, int]] = ()) -> list[Finding]:
        """The findings, errors first; with ``extra`` ones that hold for now."""
        now: dict[tuple[str, str], _Met] = {}
        for level, what, text, at, row in extra:
            met = now.setdefault((what, text), _Met(level, what, safe_text(text), at))
            met.count += 1
            met.rows.append(row)
        ranked = sorted(
            [*self._met.values(), *now.values()], key=lambda met: (_ORDER[met.level], met.at)
        )
        return [
            Finding(
                level=m.level, what=m.what, text=m.text, count=m.count, at=m.at, rows=tuple(m.rows)
            )
            for m in ranked
        ]

    def frame(
        self, frame: Frame, event: p.Event, codec: Codec, at: float, row: int
    ) -> Level | None:
        """Look at a frame and its event; tells how bad it is."""
        found = [*self._of_event(event, frame), *self._misfits(frame, event, codec)]
        for level, what, text in found:
            self.add(level, what, text, at, row)
        return min((level for level, _, _ in found), key=_ORDER.__getitem__, default=None)

    def close(self, close: Close, at: float, row: int) -> Level | None:
        """Look at the end of the connection."""
        why = f": {close.reason}" if close.reason else ""
        if close.code is None:
            self.add("error", "Closed", "the connection broke off without a close frame", at, row)
            return "error"
        if close.code in _WELL:
            return None
        whom = f" by the {close.by}" if close.by else ""
        self.add("error", "Closed", f"closed{whom} with {close.code}{why}", at, row)
        return "error"

    def _of_event(self, event: p.Event, frame: Frame) -> Iterable[tuple[Level, str, str]]:
        match event:
            case p.ErrorEvent(error=error):
                yield "error", "Error", error_text(error)
            case p.ResponseDone(response=response):
                yield from _of_response(response)
            case p.ConversationItemInputAudioTranscriptionFailed(error=error):
                yield "error", "Not transcribed", error_text(error)
            case p.McpListToolsFailed():
                yield "error", "MCP", "the tools of a server could not be listed"
            case p.RateLimitsUpdated(rate_limits=limits):
                for limit in entries(limits):
                    if peek(limit, "remaining") == 0 and number(peek(limit, "limit")):
                        name = string(peek(limit, "name")) or "?"
                        yield "warning", "Rate limit", f"none left of {name}"
            case p.UnknownEvent(reason=str(reason)):
                who = "client" if frame.dir == "c2s" else "server"
                yield "warning", "No event", f"the {who} sent what is no event ({reason})"
            case p.UnknownEvent(type=name):
                who = "client" if frame.dir == "c2s" else "server"
                yield "note", "Not in the specs", f"the {who} sends {name}"
            case _:
                pass

    def _misfits(
        self, frame: Frame, event: p.Event, codec: Codec
    ) -> Iterable[tuple[Level, str, str]]:
        if isinstance(event, p.UnknownEvent):
            return
        if frame.dir == "c2s":
            fields: Any = frame.event
            if isinstance(event, p.SessionUpdate) and peek(event.session, "type") is None:
                yield "note", "Beta", "session.update has the flat session of the beta"
                return
            try:
                codec.event(fields)
            except InvalidEvent as error:  # what the codec refuses to send is the finding
                yield "warning", "Would be refused", f"{frame.type}: {error}"
            except (RecursionError, TypeError, ValueError):
                return  # too deep to be checked
            return
        for problem in problems(event):
            # One finding for all places in an array.
            path = re.sub(r"\[[0-9]+\]", "[*]", problem.path)
            text = f"{frame.type} {path}: expected {problem.expected}, got {problem.got}"
            yield "note", "Does not fit the specs", text


def _of_response(response: object) -> Iterable[tuple[Level, str, str]]:
    status = string(peek(response, "status"))
    details = peek(response, "status_details")
    why = string(peek(details, "reason")) or string(peek(details, "type")) or ""
    error = peek(details, "error")
    if status == "failed":
        yield "error", "Response failed", error_text(error) if error is not None else why
    elif status == "incomplete":
        yield "warning", "Response incomplete", why or "it ended before it was whole"
