"""The events that Voxwire itself raises, beside those that come over the wire.

They travel through the same router as the protocol's events and are subscribed to in the same way.
This module knows their shapes; it does not know when they are sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs

from ..protocol.local_event import LocalEvent

__all__ = [
    "ConnectionClosed",
    "HandlerFailed",
    "ObserverFailed",
    "Reconnected",
    "Reconnecting",
    "ResponseTimedOut",
    "ToolFailed",
    "ToolRoundsExceeded",
]


@attrs.frozen(kw_only=True)
class HandlerFailed(LocalEvent):
    """A handler raised. The session and all other handlers go on."""

    type: ClassVar[str] = "voxwire.handler_failed"

    handler: str
    """The qualified name of the handler."""

    event: Any
    """The event that the handler was given."""

    exception: BaseException
    """What it raised, with its traceback."""


@attrs.frozen(kw_only=True)
class ObserverFailed(LocalEvent):
    """Something that is shown each frame failed and is shown no more: a recording whose file cannot
    be written, for one. The session goes on."""

    type: ClassVar[str] = "voxwire.observer_failed"

    observer: str
    """What it was: the name of its class."""

    exception: BaseException
    """Why."""


@attrs.frozen(kw_only=True)
class ToolFailed(LocalEvent):
    """A tool raised, or took too long. The model was told so, and the session goes on."""

    type: ClassVar[str] = "voxwire.tool_failed"

    call: Any
    """The :class:`Call` that was being answered."""

    exception: BaseException
    """What it raised, with its traceback."""


@attrs.frozen(kw_only=True)
class ToolRoundsExceeded(LocalEvent):
    """The model has called tools in as many responses of one turn as ``tool_rounds`` allows. It is
    asked once more, without tools, and the turn ends with that."""

    type: ClassVar[str] = "voxwire.tool_rounds_exceeded"

    rounds: int
    """How many responses of the turn called tools."""

    response_id: str | None
    """The last of them."""


@attrs.frozen(kw_only=True)
class ResponseTimedOut(LocalEvent):
    """The server sent nothing of a response for so long that it was cancelled and given up. What
    waits in the queue goes on."""

    type: ClassVar[str] = "voxwire.response_timed_out"

    response_id: str | None
    """Its id; ``None`` where the server never began it."""

    seconds: float
    """The limit: ``response_timeout``."""


@attrs.frozen(kw_only=True)
class ConnectionClosed(LocalEvent):
    """The connection has ended, and the session with it. It is the last event of a session, on a
    clean close too. A connection that is replaced by another ends in :class:`Reconnecting`."""

    type: ClassVar[str] = "voxwire.connection_closed"

    code: int
    """The WebSocket close code; 1006 where the connection broke without a close frame."""

    reason: str
    """The reason that came with the close; may be empty."""

    clean: bool
    """Whether a close handshake took place."""

    expected: bool
    """Whether this side asked for it."""

    error: BaseException | None = None
    """Why no other connection could be made, where that was tried."""


@attrs.frozen(kw_only=True)
class Reconnecting(LocalEvent):
    """The connection was lost, and another one is about to be tried; or the session moves to
    another one as planned. What is sent from now on waits; audio that is appended is kept."""

    type: ClassVar[str] = "voxwire.reconnecting"

    attempt: int
    """1 for the first since the session last made progress."""

    delay: float
    """Seconds until the attempt."""

    closed: ConnectionClosed | None = None
    """How the connection ended; ``None`` while it still works."""

    error: BaseException | None = None
    """Why the attempt before this one failed."""

    planned: bool = False
    """Whether the session moves of its own accord, before its time is over."""


@attrs.frozen(kw_only=True)
class Reconnected(LocalEvent):
    """The session goes on over another connection, its conversation restored."""

    type: ClassVar[str] = "voxwire.reconnected"

    attempt: int
    """Which attempt it was; 0 for a planned move."""

    seconds: float
    """How long nothing could be sent."""

    planned: bool = False
    """Whether the session moved of its own accord."""

    restored: int = 0
    """How many items were added to the new conversation."""

    left_out: tuple[str, ...] = ()
    """Ids of items that could not be: speech without a transcript whose sound is not kept, and
    what belonged to a hosted tool of the old connection."""

    renamed: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """Old id -> new id of items whose id was longer than a client may choose."""

    repeated: int = 0
    """How many events were sent again because nothing had acknowledged them."""

    asked_again: int = 0
    """How many responses were cut off and asked for again."""

    interrupted: tuple[str, ...] = ()
    """Ids of responses that were cut off and are not asked for again. What came of them stays."""

    lost_audio_ms: int = 0
    """Milliseconds of appended audio that no longer fitted the bound and are lost."""
