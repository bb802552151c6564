"""Responses in time: what brought each of them about, when its first word and sound came, its end.

This module sees events with their times. What was said in a response it does not know.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import Final

import attrs
import voxwire_protocol as p

from ..conversation.item_state import peek, string
from .model import Exchange, Timing, Turn

__all__ = ["KINDS", "ResponseTimings", "Running", "of_exchange", "timings"]


@attrs.define(kw_only=True)
class Running:
    """A response, as far as it has come."""

    id: str
    at: float
    trigger: str
    asked: float | None = None
    speech_end: float | None = None
    first_text: float | None = None
    first_audio: float | None = None
    end: float | None = None
    status: str | None = None
    reason: str | None = None
    aside: bool = False

    def frozen(self) -> Exchange:
        """As it is now."""
        return Exchange(**attrs.asdict(self))


class ResponseTimings:
    """The responses of one connection."""

    def __init__(self) -> None:
        self.known: dict[str, Running] = {}
        self._asked: deque[float] = deque()
        self._speech_end: float | None = None

    def speech_ended(self, at: float) -> None:
        """The user's turn is over: the next response answers it."""
        self._speech_end = at

    def sent(self, at: float, event: p.Event) -> None:
        """An event of the client."""
        if isinstance(event, p.ResponseCreate):
            self._asked.append(at)
        elif isinstance(event, p.ConversationItemCreate) and not isinstance(
            event.item, p.FunctionCallOutput
        ):
            self._speech_end = None  # something newer to answer than what was spoken

    def received(self, at: float, event: p.Event) -> None:
        """An event of the server."""
        match event:
            case p.ResponseCreated(response=response):
                id = string(peek(response, "id"))
                if id is not None and id not in self.known:
                    self.known[id] = self._begun(at, id, response)
            case (
                p.ResponseOutputTextDelta()
                | p.ResponseOutputAudioTranscriptDelta()
                | p.ResponseOutputTextDone()
                | p.ResponseOutputAudioTranscriptDone()
            ):
                if (running := self._of(event)) and running.first_text is None:
                    running.first_text = at
            case p.ResponseOutputAudioDelta():
                if (running := self._of(event)) and running.first_audio is None:
                    running.first_audio = at
            case p.ResponseDone(response=response):
                running = self.known.get(string(peek(response, "id")) or "")
                if running is not None and running.end is None:
                    running.end = at
                    running.status = string(peek(response, "status"))
                    running.reason = string(peek(peek(response, "status_details"), "reason"))
                    if running.first_audio is None and self._speech_end is None:
                        # A tool was called: whoever spoke waits on.
                        self._speech_end = running.speech_end
            case p.ErrorEvent():
                code = string(peek(event.error, "code"))
                if code == "conversation_already_has_active_response" and self._asked:
                    self._asked.pop()  # nothing will come of it
            case _:
                pass

    def _of(self, event: p.Event) -> Running | None:
        return self.known.get(string(peek(event, "response_id")) or "")

    def _begun(self, at: float, id: str, response: object) -> Running:
        aside = getattr(response, "conversation_id", p.UNSET) is None
        asked = self._asked.popleft() if self._asked else None
        speech_end = None if aside else self._speech_end
        if not aside:
            self._speech_end = None
        trigger = "server" if asked is None else "request"
        if asked is None and speech_end is not None:
            trigger = "speech"
        return Running(
            id=id, at=at, trigger=trigger, asked=asked, speech_end=speech_end, aside=aside
        )


KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "speech_to_audio": (
        "End of speech → first sound",
        "From where the server heard the user's speech end, or the client committed it, to the "
        "first sound of the answer, the calls of tools in between among it.",
    ),
    "request_to_content": (
        "Request → first word or sound",
        "From the response that the client asked for to the first thing that came of it.",
    ),
    "response_to_text": (
        "Response → first text",
        "From the response's beginning, as the server told it, to its first word.",
    ),
    "response_to_audio": (
        "Response → first sound",
        "From the response's beginning, as the server told it, to its first sound.",
    ),
    "speech_to_transcript": (
        "End of speech → transcript",
        "From the end of the user's speech to its whole transcript.",
    ),
    "tool": (
        "Tool",
        "From when a call was complete to when the client sent its output.",
    ),
    "interruption": (
        "Interruption",
        "From when the server heard the user begin to when the client cut the answer off.",
    ),
}
"""What is measured: key -> name, and what it is from and to."""


def of_exchange(exchange: Exchange) -> dict[str, float]:
    """The latencies of a response."""
    firsts = [t for t in (exchange.first_text, exchange.first_audio) if t is not None]
    pairs = {
        "speech_to_audio": (exchange.speech_end, exchange.first_audio),
        "request_to_content": (
            exchange.asked,
            min(firsts) if firsts else None,
        ),
        "response_to_text": (exchange.at, exchange.first_text),
        "response_to_audio": (exchange.at, exchange.first_audio),
    }
    return {
        key: round((end - start) * 1000, 1)
        for key, (start, end) in pairs.items()
        if start is not None and end is not None and end >= start
    }


def timings(turns: Iterable[Turn]) -> list[Timing]:
    """The latencies of all turns, kind by kind; only kinds of which there is one."""
    found: dict[str, list[tuple[str, float]]] = {key: [] for key in KINDS}
    for turn in turns:
        for key, ms in turn.latencies.items():
            found[key].append((turn.id, ms))
    return [_timing(key, values) for key, values in found.items() if values]


def _timing(key: str, values: Sequence[tuple[str, float]]) -> Timing:
    name, explained = KINDS[key]
    ranked = sorted(ms for _, ms in values)
    middle = len(ranked) // 2
    median = ranked[middle] if len(ranked) % 2 else (ranked[middle - 1] + ranked[middle]) / 2
    return Timing(
        key=key,
        name=name,
        explained=explained,
        values=tuple(values),
        median=round(median, 1),
        p95=ranked[ceil(len(ranked) * 0.95) - 1],
        max=ranked[-1],
    )
