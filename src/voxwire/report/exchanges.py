"""Responses in time: what brought each of them about, when its first word and sound came, its end.

This module sees events with their times. What was said in a response it does not know.
"""

from __future__ import annotations

from collections import deque

import attrs
import voxwire_protocol as p

from ..conversation.item_state import peek, string
from .model import Exchange

__all__ = ["Exchanges", "Running"]


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


class Exchanges:
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
