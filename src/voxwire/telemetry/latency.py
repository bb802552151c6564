"""The latencies that people feel: how long until something is written, and until it is heard.

This module measures. Which responses there are, it is told.
"""

from __future__ import annotations

import time
from typing import Any

import attrs
from opentelemetry.trace import Span

from .names import FIRST_AUDIO, GENERATE, OPERATION, RESPONSE_FIRST_CHUNK, SINCE
from .session_span import SessionSpan
from .setup import Setup

__all__ = ["Asked", "Latencies", "Running"]


@attrs.define(eq=False)
class Asked:
    """A request that went out."""

    wall: int = attrs.field(factory=time.time_ns)
    begun: float = attrs.field(factory=time.monotonic)


@attrs.define(eq=False)
class Running:
    """A response that has begun."""

    span: Span
    begun: float
    asked: bool
    beside: bool
    silent: bool = True
    """Whether nothing of it has come yet."""
    unheard: bool = True
    """Whether no sound of it has come yet."""


class Latencies:
    """What one session lets its user wait for."""

    def __init__(self, setup: Setup, session: SessionSpan) -> None:
        self._setup, self._session = setup, session
        self._spoke: float | None = None
        """When the user ended to speak, until the answer to that is heard."""

    def user_spoke(self, *_: Any) -> None:
        """The user has ended to speak."""
        self._spoke = time.monotonic()

    def user_speaks(self, *_: Any) -> None:
        """The user has begun to speak: what they said before will not be answered alone."""
        self._spoke = None

    def piece(self, running: Running, *, sound: bool) -> None:
        """A piece of a response has come."""
        now = time.monotonic()
        about = {OPERATION: GENERATE, **self._session.attributes}
        if running.silent:
            running.silent = False
            if running.asked:
                running.span.set_attribute(RESPONSE_FIRST_CHUNK, now - running.begun)
                self._setup.instruments.first_chunk.record(now - running.begun, about)
        if sound and running.unheard:
            running.unheard = False
            since, begun = self._cause(running)
            if begun is not None:
                running.span.set_attributes({FIRST_AUDIO: now - begun, SINCE: since})
                self._setup.instruments.first_audio.record(now - begun, {**about, SINCE: since})

    def _cause(self, running: Running) -> tuple[str, float | None]:
        """What the sound is the answer to, and since when it is awaited."""
        if running.beside or self._spoke is None:
            return "request", running.begun if running.asked else None
        spoke, self._spoke = self._spoke, None
        return "speech", spoke
