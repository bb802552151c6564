"""What the client has made of the session: its settings, to be told to another connection.

Updates are merged as the server merges them. This module does not know what the server made of
them, nor when they are sent.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import attrs
from voxwire_protocol import (
    UNSET,
    AudioInput,
    AudioOutput,
    Model,
    RealtimeAudio,
    RealtimeSession,
    SessionUpdate,
    TranscriptionAudio,
    TranscriptionSession,
)

__all__ = ["Settings"]

_MERGED: Final = (
    RealtimeSession,
    TranscriptionSession,
    RealtimeAudio,
    TranscriptionAudio,
    AudioInput,
    AudioOutput,
)
"""What keeps the fields that an update leaves out; any other value replaces the one before."""

_FOLDED: Final = 64
"""So many updates may still be refused; the oldest of more counts as taken."""


class Settings:
    """The settings of one session, over all its connections."""

    def __init__(self) -> None:
        self._taken: Any = None
        self._sent: list[tuple[str | None, Any]] = []

    def sent(self, event: SessionUpdate) -> None:
        """An update goes out."""
        session: Any = event.session
        # A program may put dicts into an event.
        whole = type(session).from_dict(session.to_dict()) if isinstance(session, Model) else None
        event_id = event.event_id if isinstance(event.event_id, str) else None
        self._sent.append((event_id, whole))
        while len(self._sent) > _FOLDED:
            self._taken = merged(self._taken, self._sent.pop(0)[1])

    def refused(self, event_id: object) -> None:
        """The server has dropped an update, as a whole."""
        for each in self._sent:
            if each[0] is not None and each[0] == event_id:
                self._sent.remove(each)
                return

    def told(self, leaving_out: Collection[str] = ()) -> Any:
        """What all updates come to; ``None`` where there was none.

        Args:
            leaving_out: ids of updates that will be sent again by themselves.
        """
        session = self._taken
        for event_id, update in self._sent:
            if event_id not in leaving_out:
                session = merged(session, update)
        return session


def merged(old: Any, new: Any) -> Any:
    """`old` with what `new` says."""
    if new is None or type(old) is not type(new) or not isinstance(new, _MERGED):
        return old if new is None else new
    changes: dict[str, Any] = {}
    for field in attrs.fields(type(new)):
        value = getattr(new, field.name)
        if value is not UNSET:
            before = getattr(old, field.name)
            changes[field.name] = merged(before, value) if isinstance(value, _MERGED) else value
    return attrs.evolve(old, **changes)
