"""The log of a session, read again: the state that it tells, and the events in it.

This module follows lines; where they come from, and what is done with the state, others know.
"""

from __future__ import annotations

import json
from typing import Any

import attrs
from voxwire_protocol import (
    ErrorEvent,
    Event,
    SessionCreated,
    SessionUpdate,
    SessionUpdated,
)

from ..conversation.conversation import ConversationTracker
from ..protocol import codec
from ..protocol.local_event import Overflow
from ..session.acknowledgements import Acknowledgements
from ..session.core import MOST_ITEMS
from ..session.local_events import ConnectionClosed
from ..session.sent_settings import Settings
from .base import Entry, Stored
from .local_events import StoreReset
from .log_entries import read_note, silence
from .progress import Progress, asked_of
from .snapshot import kept_in

__all__ = ["ReplayedLog", "events_of", "is_reset", "past"]


def past(position: str) -> tuple[int, ...]:
    """What positions of one log are compared by."""
    return tuple(int(part) for part in position.split("-")) if position else ()


@attrs.define(kw_only=True)
class ReplayedLog:
    """The state of a session up to the line that was applied last."""

    cache: ConversationTracker
    progress: Progress
    settings: Settings
    acks: Acknowledgements
    session: Any = None
    """The session as the server described it last."""
    address: str = ""
    extra: dict[str, Any] = attrs.field(factory=dict[str, Any])
    """What was stored beside the session."""
    keep_items: int | None = MOST_ITEMS
    """How many items the conversation keeps; ``None`` for all."""

    @classmethod
    def of(cls, stored: Stored) -> ReplayedLog:
        """The state of its snapshot."""
        kept = kept_in(stored.snapshot)
        settings = Settings()
        if kept.settings is not None:
            settings.sent(SessionUpdate.from_dict({"session": kept.settings}))
        self = cls(
            cache=ConversationTracker(conversation=kept.conversation),
            progress=kept.progress,
            settings=settings,
            acks=Acknowledgements(),
            session=kept.session,
            address=kept.address,
            extra=kept.extra,
            keep_items=kept.keep_items,
        )
        if kept.session is not None:
            # The conversation keeps what it was told, and not by which model or in which format.
            described = {"event_id": "", "session": kept.session}
            self.cache.apply(SessionUpdated.from_dict(described))
        for fields in kept.unanswered:
            frame = json.dumps(fields, separators=(",", ":")).encode()
            event: Any = codec.REALTIME.decode_client(frame)
            self.cache.apply(event, sent=True)
            self.acks.sent(event, frame)
        return self

    def apply(self, entry: Entry) -> list[Event]:
        """Take a line in; returns the events that it stands for."""
        if entry.kind == "note":
            self._note(entry)
            return events_of(entry)
        found = events_of(entry)
        for event in found:
            if entry.kind == "s2c":
                self._received(event)
            else:
                self._sent(event, entry.data)
        return found

    def _received(self, event: Event) -> None:
        if isinstance(event, (SessionCreated, SessionUpdated)):
            self.session = codec.REALTIME.session(event)
        elif isinstance(event, ErrorEvent):
            self.settings.refused(getattr(event.error, "event_id", None))
        self.cache.apply(event)
        self.acks.apply(event)
        self.progress.received(event)

    def _sent(self, event: Event, frame: bytes) -> None:
        if isinstance(event, SessionUpdate):
            self.settings.sent(event)
        self.cache.apply(event, sent=True)
        self.acks.sent(event, frame)  # type: ignore[arg-type]  # a client's event
        self.progress.sent(event)

    def _note(self, entry: Entry) -> None:
        name, fields = read_note(entry.data)
        match name:
            case "opened":
                self.address = str(fields["address"])
                self.keep_items = fields.get("keep_items", MOST_ITEMS)
            case "audio":
                self.cache.apply(silence(fields), sent=fields["way"] == "in")
            case "tool.started":
                self.progress.begun(str(fields["call_id"]))
            case "asked":
                self.progress.ask(asked_of(fields))
            case "withdrawn":
                self.progress.withdraw(int(fields["number"]))
            case "moved":
                self.progress.moved()
            case "resumed":
                self.progress = Progress.from_json(fields["progress"])
            case _:  # it changes nothing, or a later release has written it
                pass


def is_reset(entry: Entry) -> bool:
    """Whether a log begins with it again, because the store had lost what was before."""
    return entry.kind == "note" and read_note(entry.data)[0] == "reset"


def events_of(entry: Entry) -> list[Event]:
    """The events that a line stands for, as they were."""
    if entry.kind == "s2c":
        return [codec.REALTIME.decode(entry.data)]
    if entry.kind == "c2s":
        return [codec.REALTIME.decode_client(entry.data)]
    name, fields = read_note(entry.data)
    if name == "closed":
        about = {key: fields[key] for key in ("code", "reason", "clean", "expected")}
        return [ConnectionClosed(**about)]
    if name == "gap":
        return [Overflow(queue="store", dropped=int(fields["dropped"]))]
    if name == "reset":
        return [StoreReset(reason="", fence=entry.fence, dropped=int(fields["dropped"]))]
    return []
