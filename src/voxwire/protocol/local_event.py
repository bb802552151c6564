"""Events that Voxwire raises itself, beside those that come over the wire: their base, and the one
that reports a full queue."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
from voxwire_protocol import Event

__all__ = ["LOCAL_EVENTS", "LocalEvent", "Overflow"]

LOCAL_EVENTS: dict[str, type[Event]] = {}
"""The events of Voxwire's own that are defined, by their ``type``."""


class LocalEvent(Event):
    """The base of all events that come from Voxwire and not from the wire."""

    __slots__ = ()

    # One for all events of a class, where those of the wire have a field.
    type: ClassVar[str] = "voxwire.local"  # pyright: ignore[reportIncompatibleMethodOverride]
    """Its name: that of the reference clients, where they have the event, else with ``voxwire.`` in
    front, so that it is no wire name."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # attrs makes each class twice, for its slots: the second one counts.
        LOCAL_EVENTS[cls.type] = cls


@attrs.frozen(kw_only=True)
class Overflow(LocalEvent):
    """A bounded queue was full, and its oldest events were dropped to make room.

    A reader gets it in the place of what was lost. It is also routed once for each time that a
    queue begins to overflow, so that a program can watch all its queues in one handler.
    """

    type: ClassVar[str] = "voxwire.overflow"

    queue: str
    """Whose queue it was: ``"session"`` for the session's own iterator, else the subscription."""

    dropped: int
    """How many events were lost up to this moment since the reader last took one."""
