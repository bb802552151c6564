"""The events that Voxwire itself raises, beside those that come over the wire.

They travel through the same router as the protocol's events and are subscribed to in the same way.
This module knows their shapes; it does not know when they are sent.
"""

from __future__ import annotations

from typing import Any

import attrs
from voxwire_protocol import Event

__all__ = ["ConnectionClosed", "HandlerFailed", "LocalEvent", "Overflow", "ToolFailed"]


class LocalEvent(Event):
    """The base of all events that come from Voxwire and not from the wire."""

    __slots__ = ()


@attrs.frozen(kw_only=True)
class Overflow(LocalEvent):
    """A bounded queue was full, and its oldest events were dropped to make room.

    A reader gets it in the place of what was lost. It is also routed once for each time that a
    queue begins to overflow, so that a program can watch all its queues in one handler.
    """

    queue: str
    """Whose queue it was: ``"session"`` for the session's own iterator, else the subscription."""

    dropped: int
    """How many events were lost up to this moment since the reader last took one."""


@attrs.frozen(kw_only=True)
class HandlerFailed(LocalEvent):
    """A handler raised. The session and all other handlers go on."""

    handler: str
    """The qualified name of the handler."""

    event: Any
    """The event that the handler was given."""

    exception: BaseException
    """What it raised, with its traceback."""


@attrs.frozen(kw_only=True)
class ToolFailed(LocalEvent):
    """A tool raised, or took too long. The model was told so, and the session goes on."""

    call: Any
    """The :class:`Call` that was being answered."""

    exception: BaseException
    """What it raised, with its traceback."""


@attrs.frozen(kw_only=True)
class ConnectionClosed(LocalEvent):
    """The connection has ended. It is the last event of a connection, on a clean close too."""

    code: int
    """The WebSocket close code; 1006 where the connection broke without a close frame."""

    reason: str
    """The reason that came with the close; may be empty."""

    clean: bool
    """Whether a close handshake took place."""

    expected: bool
    """Whether this side asked for it."""
