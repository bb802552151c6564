"""The session without I/O: frame in -> event, state and routed event; event in -> frame to send.

The one module that knows all the parts of a session. It never awaits, never blocks and touches no
socket, so the asyncio face, the threaded face and the tests share it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

import attrs
from voxwire_protocol import (
    UNSET,
    ClientEvent,
    ErrorEvent,
    Event,
    ServerEvent,
    SessionCreated,
    SessionUpdated,
)

from . import codec
from .errors import ConnectionClosedError, SessionExpired
from .events import ConnectionClosed, HandlerFailed, LocalEvent
from .router import Router

__all__ = ["Core", "Tap"]

log = logging.getLogger("voxwire")


class Tap(Protocol):
    """Sees each frame as it passes, in wire order: a recorder, for one."""

    def client(self, frame: str | bytes, /) -> None:
        """A frame that was sent."""

    def server(self, frame: str | bytes, /) -> None:
        """A frame that was received."""

    def closed(
        self, code: int | None, reason: str | None, /, *, by: Literal["client", "server"] | None
    ) -> None:
        """The end of the connection."""


class Core:
    """What one connection knows.

    Args:
        protocol: the family of events that the connection speaks.
    """

    def __init__(self, protocol: codec.Codec = codec.REALTIME) -> None:
        self.codec = protocol
        self.router = Router({**protocol.client, **protocol.server})
        self.taps: list[Tap] = []
        self.session: Any = None
        self.last_error: ErrorEvent | None = None
        self.closed: ConnectionClosed | None = None
        self._event_ids = _event_ids()

    def received(self, frame: bytes | str) -> Event:
        """Take a frame from the server: decode it, keep what it changes, and route it.

        Never raises for what the frame holds.
        """
        for tap in self.taps:
            tap.server(frame)
        event = self.codec.decode(frame)
        if log.isEnabledFor(logging.DEBUG):
            log.debug("<- %r", event)
        if isinstance(event, (SessionCreated, SessionUpdated)):
            self.session = event.session
        elif isinstance(event, ErrorEvent):
            self.last_error = event
        self.router.dispatch(event, ServerEvent)
        return event

    def prepare(
        self, event: ClientEvent | Mapping[str, Any], *, extra: Mapping[str, Any] | None = None
    ) -> tuple[ClientEvent, bytes]:
        """Check what the caller wants to send, and give it an `event_id` where it has none.

        Returns the event and its frame. Raises :class:`InvalidEvent` before anything is sent, and
        :class:`ConnectionClosedError` once the connection has ended.
        """
        self.require_open()
        checked = self.codec.event(event, extra=extra)
        if getattr(checked, "event_id", None) is UNSET:
            checked = attrs.evolve(checked, event_id=self.next_event_id())
        return checked, self.codec.encode(checked, extra=extra, checked=True)

    def sent(self, event: ClientEvent | None, frame: bytes | str) -> None:
        """Note a frame that has been handed to the socket, and route its event."""
        for tap in self.taps:
            tap.client(frame)
        if event is None:  # sent raw: what it is, is the caller's own business
            event_seen: Event = self.codec.decode_client(frame)
        else:
            event_seen = event
        if log.isEnabledFor(logging.DEBUG):
            log.debug("-> %r", event_seen)
        self.router.dispatch(event_seen, ClientEvent)

    def local(self, event: LocalEvent) -> None:
        """Route an event of Voxwire's own."""
        self.router.dispatch(event, type(event))

    def handler_failed(self, handler: Callable[..., Any], event: Event, error: Exception) -> None:
        """Report a handler that raised: a log line with the traceback, and an event."""
        name = getattr(handler, "__qualname__", None) or repr(handler)
        log.error("handler %s failed on %s", name, type(event).__name__, exc_info=error)
        # A handler of HandlerFailed that fails in turn has its log line; an event would loop.
        if not isinstance(event, HandlerFailed):
            self.local(HandlerFailed(handler=name, event=event, exception=error))

    def ended(self, code: int, reason: str, *, clean: bool, expected: bool) -> None:
        """Note that the connection is gone. Only the first call counts."""
        if self.closed is None:
            self.closed = ConnectionClosed(code=code, reason=reason, clean=clean, expected=expected)
            log.debug("closed: %d %s", code, reason)
            broken = code == 1006
            for tap in self.taps:
                tap.closed(
                    None if broken else code,
                    reason or None,
                    by=None if broken else "client" if expected else "server",
                )
            self.local(self.closed)

    def closing_error(self) -> ConnectionClosedError | None:
        """The exception for those who wait for what can no longer come; `None` while open."""
        if self.closed is None:
            return None
        # OpenAI ends a session at its time limit with 1001 and says so in the reason.
        expired = self.closed.code == 1001 and not self.closed.expected
        cls = SessionExpired if expired else ConnectionClosedError
        return cls(self.closed.code, self.closed.reason, event=self.last_error)

    def reading_error(self) -> ConnectionClosedError | None:
        """The exception that ends an iteration: none where the end was asked for or regular."""
        if self.closed is None or self.closed.expected or self.closed.code in (1000, 1005):
            return None
        return self.closing_error()

    def require_open(self) -> None:
        """Raise :class:`ConnectionClosedError` once the connection has ended."""
        error = self.closing_error()
        if error is not None:
            raise error

    def next_event_id(self) -> str:
        """An `event_id` that no other event of this process has."""
        return next(self._event_ids)


class _event_ids:
    """Counts on from a random start: unique without the cost of a random number for each event."""

    def __init__(self) -> None:
        self._prefix = f"evt_{os.urandom(8).hex()}_"
        self._count = 0

    def __next__(self) -> str:
        self._count += 1
        return f"{self._prefix}{self._count}"
