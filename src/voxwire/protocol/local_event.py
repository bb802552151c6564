"""Events that Voxwire raises itself, beside those that come over the wire: their base, and the one
that reports a full queue."""

from __future__ import annotations

import attrs
from voxwire_protocol import Event

__all__ = ["LocalEvent", "Overflow"]


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
