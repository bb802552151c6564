"""Which server event acknowledges what was sent, and which error refuses it.

The protocol acknowledges by kind, not by id: only an ``error`` names the event it answers. So what
was sent waits in line for the next event that fits. This module knows the pairs; it sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, cast

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
    UnknownEvent,
)

from ..errors import ServerError, VoxwireError

__all__ = ["Acknowledgements", "SentEvent"]

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
    ResponseCancel: (ResponseDone, UnknownEvent),  # response.cancelled is undeclared
    SessionClose: (SessionClosed,),
}
_ANSWERS: frozenset[type[Event]] = frozenset(cls for answers in _BY.values() for cls in answers) | {
    ErrorEvent
}
_ITEM_EVENTS = (ConversationItemAdded, ConversationItemCreated, ConversationItemDone)


class SentEvent:
    """An event that went out, and what became of it.

    `answer` is the event that acknowledged it, `error` what refused it; both are ``None`` while
    neither has come. An ``input_audio_buffer.append`` is never acknowledged: `awaited` is False.
    """

    __slots__ = ("_wake", "answer", "awaited", "error", "event", "frame")

    def __init__(self, event: ClientEvent, *, awaited: bool, frame: bytes | str = b"") -> None:
        self.event = event
        self.awaited = awaited
        self.frame = frame
        """How it went out; empty once it is done."""
        self.answer: Event | None = None
        self.error: BaseException | None = None
        self._wake: list[Callable[[], None]] = []

    def unsubscribe(self, wake: Callable[[], None]) -> None:
        """Undo :meth:`subscribe`."""
        if wake in self._wake:
            self._wake.remove(wake)

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
            self.frame = b""
            wakes, self._wake = self._wake, []
            for wake in wakes:
                wake()


class Acknowledgements:
    """What one connection has sent and not yet heard back about."""

    CONCERN: ClassVar[frozenset[type[Event]]] = _ANSWERS
    """The server events that may answer something: no others need be applied."""

    def __init__(self) -> None:
        self._waiting: list[SentEvent] = []
        # Items that were told of: a second event about one acknowledges nothing else.
        self._items: dict[str, None] = {}

    @property
    def idle(self) -> bool:
        """Whether nothing waits for an answer."""
        return not self._waiting

    @property
    def waiting(self) -> list[SentEvent]:
        """What waits for an answer, in the order of sending."""
        return list(self._waiting)

    def sent(self, event: ClientEvent, frame: bytes | str = b"") -> SentEvent:
        """Note an event that goes out."""
        sent = SentEvent(event, awaited=type(event) in _BY, frame=frame)
        if isinstance(event, ConversationItemCreate):
            # Whatever was told of an earlier item of that id, this one is not told of yet.
            self._items.pop(_get(event.item, "id"), None)
        if sent.awaited:
            self.again(sent)
        return sent

    def again(self, sent: SentEvent) -> None:
        """Note an event that goes out again."""
        if len(self._waiting) >= LIMIT:
            oldest = self._waiting.pop(0)
            oldest.settle(None, VoxwireError(f"{LIMIT} later events had no answer either"))
        self._waiting.append(sent)

    def take(self) -> list[SentEvent]:
        """The connection is gone: what it has left unanswered, in the order of sending."""
        waiting, self._waiting = self._waiting, []
        self._items.clear()
        return list(waiting)

    def apply(self, event: Event) -> SentEvent | None:
        """Take a server event; returns what it answers, if anything."""
        if type(event) not in _ANSWERS:
            return None
        if isinstance(event, ErrorEvent):
            return self._refused(event)
        if isinstance(event, ConversationItemDeleted) and isinstance(event.item_id, str):
            self._items.pop(event.item_id, None)  # another one may have its id
        known = self._told_before(event) if isinstance(event, _ITEM_EVENTS) else False
        for sent in self._waiting:
            if (
                isinstance(event, _BY[type(sent.event)])
                and not (known and isinstance(sent.event, ConversationItemCreate))
                and _fits(sent.event, event)
            ):
                self._waiting.remove(sent)
                sent.settle(event)
                return sent
        return None

    def close(self, error: BaseException) -> None:
        """The connection is gone: nothing more will be acknowledged."""
        waiting, self._waiting = self._waiting, []
        for sent in waiting:
            sent.settle(None, error)

    def _refused(self, event: ErrorEvent) -> SentEvent | None:
        event_id = getattr(event.error, "event_id", None)
        # Some servers leave the id out: where only one event waits, there is no doubt.
        says = any(isinstance(_get(event.error, key), str) for key in ("code", "message"))
        lone = says and not isinstance(event_id, str) and len(self._waiting) == 1
        for sent in list(self._waiting):
            if lone or (isinstance(event_id, str) and sent.event_id == event_id):
                self._waiting.remove(sent)
                sent.settle(None, ServerError(event))
                return sent
        return None

    def _told_before(self, event: Any) -> bool:
        item_id = getattr(event.item, "id", None)
        if not isinstance(item_id, str):
            return False
        known = item_id in self._items
        if not known:
            self._items[item_id] = None
            if len(self._items) > 64:
                del self._items[next(iter(self._items))]
        return known


def _fits(sent: ClientEvent, event: Any) -> bool:
    """Whether `event` is about the same thing, where both name it."""
    if isinstance(sent, ConversationItemCreate):
        return _same_item(sent.item, event.item)
    if isinstance(sent, ConversationItemRetrieve):
        return bool(getattr(event.item, "id", None) == sent.item_id)
    if isinstance(sent, (ConversationItemDelete, ConversationItemTruncate)):
        # Without an id it is the oldest that waits: a server takes them in order.
        return not isinstance(event.item_id, str) or event.item_id == sent.item_id
    if isinstance(sent, ResponseCancel):
        return _cancelled(sent, event)
    if isinstance(sent, ResponseCreate):
        asked: Any = getattr(sent.response, "metadata", None)
        given: Any = getattr(event.response, "metadata", None)
        # Metadata is repeated by most servers, and tells responses that run side by side apart.
        wanted = cast("dict[str, Any]", asked) if isinstance(asked, dict) else {}
        echoed = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
        if echoed and not wanted:
            return False
        return not echoed or all(echoed.get(key) == value for key, value in wanted.items())
    return True


def _cancelled(sent: ResponseCancel, event: Any) -> bool:
    if isinstance(event, UnknownEvent) and event.type != "response.cancelled":
        return False
    ended = getattr(getattr(event, "response", None), "id", None)
    named = isinstance(sent.response_id, str) and isinstance(ended, str)
    return sent.response_id == ended if named else True


def _same_item(sent: Any, got: Any) -> bool:
    for key in ("id", "call_id", "approval_request_id"):
        ours, theirs = _get(sent, key), _get(got, key)
        if isinstance(ours, str) and isinstance(theirs, str):
            return ours == theirs
    # Without an id: the next item of the same kind, as the server takes them in order.
    alike = all(_get(sent, key) == _get(got, key) for key in ("type", "role"))
    return alike and (_speech(sent) or not _speech(got))


def _speech(item: Any) -> bool:
    """Whether an item is what the user said aloud, which is no answer to a text that was sent."""
    content = _get(item, "content")
    parts = cast("list[object]", content) if isinstance(content, list) else []
    return any(_get(part, "type") == "input_audio" for part in parts)


def _get(value: Any, key: str) -> Any:
    """A field of an object or of the dict that a program may put in its place."""
    if isinstance(value, Mapping):
        return cast("Mapping[str, Any]", value).get(key)
    return getattr(value, key, None)
