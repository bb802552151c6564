"""Which server event acknowledges what was sent, and which error refuses it.

The protocol acknowledges by kind, not by id: only an ``error`` names the event it answers. So what
was sent waits in line for the next event that fits. This module knows the pairs; it sends nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from voxwire_protocol import (
    ClientEvent,
    ConversationItemAdded,
    ConversationItemCreate,
    ConversationItemCreated,
    ConversationItemDelete,
    ConversationItemDeleted,
    ConversationItemDone,
    ConversationItemRetrieve,
    ConversationItemRetrieved,
    ConversationItemTruncate,
    ConversationItemTruncated,
    ErrorEvent,
    Event,
    InputAudioBufferClear,
    InputAudioBufferCleared,
    InputAudioBufferCommit,
    InputAudioBufferCommitted,
    OutputAudioBufferClear,
    OutputAudioBufferCleared,
    ResponseCancel,
    ResponseCreate,
    ResponseCreated,
    ResponseDone,
    SessionClose,
    SessionClosed,
    SessionUpdate,
    SessionUpdated,
    TranslationSessionUpdate,
    TranslationSessionUpdated,
)

from .errors import ServerError

__all__ = ["Acknowledgements", "Sent"]

LIMIT = 1024
"""How many unanswered events are remembered; compatible servers leave some unanswered for ever."""

_BY: dict[type[ClientEvent], tuple[type[Event], ...]] = {
    SessionUpdate: (SessionUpdated,),
    TranslationSessionUpdate: (TranslationSessionUpdated,),
    ConversationItemCreate: (ConversationItemAdded, ConversationItemCreated, ConversationItemDone),
    ConversationItemDelete: (ConversationItemDeleted,),
    ConversationItemRetrieve: (ConversationItemRetrieved,),
    ConversationItemTruncate: (ConversationItemTruncated,),
    InputAudioBufferClear: (InputAudioBufferCleared,),
    InputAudioBufferCommit: (InputAudioBufferCommitted,),
    OutputAudioBufferClear: (OutputAudioBufferCleared,),
    ResponseCreate: (ResponseCreated,),
    ResponseCancel: (ResponseDone,),
    SessionClose: (SessionClosed,),
}


class Sent:
    """An event that went out, and what became of it.

    `answer` is the event that acknowledged it, `error` what refused it; both are ``None`` while
    neither has come. An ``input_audio_buffer.append`` is never acknowledged: `awaited` is False.
    """

    __slots__ = ("_wake", "answer", "awaited", "error", "event")

    def __init__(self, event: ClientEvent, *, awaited: bool) -> None:
        self.event = event
        self.awaited = awaited
        self.answer: Event | None = None
        self.error: BaseException | None = None
        self._wake: list[Callable[[], None]] = []

    @property
    def event_id(self) -> str | None:
        """The id by which an ``error`` names the event."""
        event_id = getattr(self.event, "event_id", None)
        return event_id if isinstance(event_id, str) else None

    @property
    def done(self) -> bool:
        """Whether an answer or an error has come."""
        return self.answer is not None or self.error is not None

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Call `wake` once it is done; now, if it is done already."""
        if self.done:
            wake()
        else:
            self._wake.append(wake)

    def settle(self, answer: Event | None, error: BaseException | None = None) -> None:
        """Note the outcome; only the first one counts."""
        if not self.done:
            self.answer, self.error = answer, error
            wakes, self._wake = self._wake, []
            for wake in wakes:
                wake()


class Acknowledgements:
    """What one connection has sent and not yet heard back about."""

    def __init__(self) -> None:
        self._waiting: deque[Sent] = deque()

    def sent(self, event: ClientEvent) -> Sent:
        """Note an event that goes out."""
        sent = Sent(event, awaited=type(event) in _BY)
        if sent.awaited:
            if len(self._waiting) >= LIMIT:
                self._waiting.popleft()
            self._waiting.append(sent)
        return sent

    def apply(self, event: Event) -> Sent | None:
        """Take a server event; returns what it answers, if anything."""
        if not self._waiting:
            return None
        refused = _refused(event)
        for sent in self._waiting:
            if refused is not None:
                if sent.event_id != refused:
                    continue
                error = ServerError(event) if isinstance(event, ErrorEvent) else None
                self._waiting.remove(sent)
                sent.settle(None, error)
                return sent
            if isinstance(event, _BY[type(sent.event)]) and _fits(sent.event, event):
                self._waiting.remove(sent)
                sent.settle(event)
                return sent
        return None

    def close(self, error: BaseException) -> None:
        """The connection is gone: nothing more will be acknowledged."""
        waiting, self._waiting = self._waiting, deque()
        for sent in waiting:
            sent.settle(None, error)


def _refused(event: Event) -> str | None:
    if not isinstance(event, ErrorEvent):
        return None
    event_id = getattr(event.error, "event_id", None)
    return event_id if isinstance(event_id, str) else ""  # "" names nothing that was sent


def _fits(sent: ClientEvent, event: Any) -> bool:
    """Whether `event` is about the same thing, where both name it."""
    if isinstance(sent, ConversationItemCreate):
        return _same_item(sent.item, event.item)
    if isinstance(sent, ConversationItemRetrieve):
        return bool(getattr(event.item, "id", None) == sent.item_id)
    if isinstance(sent, (ConversationItemDelete, ConversationItemTruncate)):
        return bool(event.item_id == sent.item_id)
    if isinstance(sent, ResponseCancel) and isinstance(sent.response_id, str):
        return bool(getattr(event.response, "id", None) == sent.response_id)
    if isinstance(sent, ResponseCreate):
        asked = getattr(sent.response, "metadata", None)
        given = getattr(event.response, "metadata", None)
        # Metadata is repeated by most servers, and tells responses that run side by side apart.
        return not (isinstance(asked, dict) and isinstance(given, dict)) or asked == given
    return True


def _same_item(sent: Any, got: Any) -> bool:
    for key in ("id", "call_id", "approval_request_id"):
        ours, theirs = getattr(sent, key, None), getattr(got, key, None)
        if isinstance(ours, str) and isinstance(theirs, str):
            return ours == theirs
    # Without an id: the next item of the same kind, as the server takes them in order.
    return type(sent) is type(got)
