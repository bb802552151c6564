"""The state of a conversation: its items, their order, and what is awaited.

The reducers write here, the faces read. This module knows the rules of order; it does not know
which event does what.
"""

from __future__ import annotations

from typing import Any

import attrs

from ..protocol.audio_format import PCM16, Format
from .buffers import AudioBudget, InputAudioBuffer
from .item_state import ItemState, PartState, entries, peek, string
from .items import new_item
from .usage import Usage, UsageRecord

__all__ = ["ConversationState", "Created", "Running", "limit"]

# So many responses and transcriptions are told one by one; older ones are added up.
_SINGLE = 10_000

# How many ids are remembered that may never come: a server could name them without end.
_REMEMBERED = 1024


@attrs.define(eq=False)
class Running:
    """A response that is being made."""

    format: Format
    apart: bool = False
    """Whether its output stays out of the conversation."""
    items: list[ItemState] = attrs.Factory(list[ItemState])


@attrs.define(eq=False)
class Created:
    """An item that was sent, until the server shows it."""

    event_id: str | None
    item: Any
    previous: str | None


class ConversationState:
    """What is known of one conversation.

    Args:
        seconds: how much audio to keep; ``None`` for all, 0 for none.
        tail: how much of the user's latest audio to hold for a server that may have to hear it
            again.
        most: how many items to keep, the latest; ``None`` for all.
    """

    def __init__(
        self, seconds: float | None = 0.0, tail: float = 0.0, most: int | None = None
    ) -> None:
        self.items: dict[str, ItemState] = {}
        self.order: list[str] = []
        self.awaited: dict[str, ItemState] = {}
        """Items of which something is known before they come."""
        self.running: dict[str, Running] = {}
        self.done: dict[str, None] = {}
        self.translated = 0
        """Bytes of sound that were sent to be translated."""
        self.model: str | None = None
        self.transcription_model: str | None = None
        self.format = PCM16
        """Of the model's speech."""
        self.appended = InputAudioBuffer(seconds, tail)
        self.detection_asked: tuple[str | None, bool] | None = None
        """The update that changes who finds the turns, by its id, until the server answers."""
        self.shelf = AudioBudget(seconds)
        self.most = most
        self.forgotten = 0
        """How many items had to go for later ones, and have not been told of."""
        self._spent: list[UsageRecord] = []
        self._usage = Usage()
        self.told = True
        """Whether anybody is told of what a piece of text or sound adds."""
        self.mirrored: set[str] = set()
        """Items of an earlier connection, in the form in which they were added to this one: what
        the server shows of them is less than is known."""
        self.moving = False
        """Whether the conversation is on its way to another connection."""
        self._deleted: dict[str, None] = {}
        self._created: list[Created] = []
        self._orphans: dict[str, list[ItemState]] = {}

    def retain(self, seconds: float | None, tail: float = 0.0) -> None:
        """Keep that much audio from now on; what is held already goes by the new measure."""
        self.appended.seconds, self.appended.tail = seconds, tail
        self.shelf = AudioBudget(seconds)
        for id in self.order:
            for _, part in sorted(self.items[id].parts.items()):
                held = part.sound.value
                part.sound.forget(len(held))
                self.keep(part, [held] if held else [])

    def spend(self, spent: UsageRecord) -> None:
        """Note what was used."""
        self._spent.append(spent)
        if len(self._spent) > _SINGLE:
            self._spent[:2] = _together(*self._spent[:2])
        self._usage += spent.usage

    @property
    def spent(self) -> list[UsageRecord]:
        """What was used, in the order in which it came; what was translated is one at the end."""
        seconds = self.translated / PCM16.bytes_per_second
        translation = UsageRecord(
            kind="translation", model=self.model, usage=Usage(translated=seconds)
        )
        return [*self._spent, translation] if seconds else self._spent.copy()

    @property
    def usage(self) -> Usage:
        """The sum of it."""
        seconds = self.translated / PCM16.bytes_per_second
        return self._usage + Usage(translated=seconds) if seconds else self._usage

    def visible(self, item_id: object) -> ItemState | None:
        """The item with that id, where it is in the conversation."""
        return self.items.get(item_id) if isinstance(item_id, str) else None

    def await_item(self, item_id: object) -> ItemState | None:
        """The item with that id, which may be still to come; ``None`` where there is no id."""
        id = string(item_id)
        if id is None:
            return None
        state = self.items.get(id) or self.awaited.get(id)
        if state is None:
            state = self.awaited[id] = new_item(id)
            limit(self.awaited)
        return state

    def enter(self, item: object, *, again: bool = False) -> tuple[ItemState | None, bool]:
        """The state of an item that the server shows, and whether it is new to the conversation.

        A deleted item comes back only where the server adds it `again`.
        """
        id = string(peek(item, "id"))
        if id is None:
            return None, False
        if id in self.items:
            return self.items[id], False
        if again:
            self._deleted.pop(id, None)
        elif id in self._deleted:
            return None, False
        state = self.awaited.pop(id) if id in self.awaited else new_item(id)
        self.items[id] = state
        self.order.append(id)
        while self.most is not None and len(self.order) > self.most:
            oldest = self.items[self.order[0]]
            self.remove(oldest, deleted=False)
            self._deleted[oldest.id] = None
            limit(self._deleted)
            self.forgotten += 1
        return state, True

    def place(self, state: ItemState, previous: object, sent: Created | None) -> bool:
        """Put an item where the server says that it stands; tells whether that moved anything."""
        if state.placed:
            return False
        after = string(previous) or (sent.previous if sent else None)
        moved = False
        if after == "root" or (after is None and self._leads(state, previous, sent)):
            state.placed = True
            moved = self._move([state.id], 0)
        elif after is not None:
            state.placed, state.previous = True, after
            if after in self.items:
                moved = self._move([state.id], self._place_of(after) + 1)
            else:
                self._orphans.setdefault(after, []).append(state)
                limit(self._orphans)
        # What came too early to stand behind this item now can, with all that stands behind it.
        for orphan in self._orphans.pop(state.id, ()):
            if orphan.id in self.items:
                moved |= self._move(self._row(orphan.id), self.order.index(state.id) + 1)
        return moved

    def _leads(self, state: ItemState, previous: object, sent: Created | None) -> bool:
        """Whether an item without a predecessor belongs to the head of the conversation.

        That is what null means; but xAI sends it for whatever a client adds and for some of the
        model's items, and no server puts those anywhere but at the end.
        """
        if previous is not None or sent or state.response_id or state.announced:
            return False
        answers = state.type == "function_call_output" and any(
            item.type == "function_call" and item.call_id == state.call_id
            for item in self.items.values()
        )
        return not answers and state.status != "in_progress"

    def _row(self, id: str) -> list[str]:
        row = [id]
        for follower in self.order[self.order.index(id) + 1 :]:
            if self.items[follower].previous not in row:
                break
            row.append(follower)
        return row

    def _place_of(self, id: str) -> int:
        """Where an item stands: mostly at the end, so that is where to look first."""
        for place in range(len(self.order) - 1, max(-1, len(self.order) - 4), -1):
            if self.order[place] == id:
                return place
        return self.order.index(id)

    def _move(self, row: list[str], index: int) -> bool:
        """Move neighbours to the gap before `index`."""
        old = self.order.index(row[0]) if self.order[-1] != row[0] else len(self.order) - 1
        if old <= index <= old + len(row):
            return False
        del self.order[old : old + len(row)]
        index -= len(row) if index > old else 0
        self.order[index:index] = row
        return True

    def remove(self, state: ItemState, *, deleted: bool = True) -> None:
        """Take an item out of the conversation."""
        del self.items[state.id]
        self.order.remove(state.id)
        if deleted:
            state.deleted = True
            self.mirrored.discard(state.id)  # another one may have its id
            self._deleted[state.id] = None
            limit(self._deleted)

    def sent_item(self, event_id: str | None, item: object, previous: object) -> None:
        """The client has sent an item: it will be shown by the server."""
        self._created.append(Created(event_id, item, string(previous)))
        del self._created[:-_REMEMBERED]

    def refused(self, event_id: str) -> None:
        """The server did not take the item that was sent with that `event_id`."""
        for created in self._created:
            if created.event_id == event_id:
                self._created.remove(created)
                return

    def claim(self, item: object) -> Created | None:
        """What the client sent to make `item`: by its id, else the first that looks the same."""
        for created in self._created:
            id = string(peek(created.item, "id"))
            if id == peek(item, "id") if id else _alike(created.item, item):
                self._created.remove(created)
                return created
        return None

    def answer(self) -> None:
        """A response has ended: what the user has said up to now has been heard."""
        for id in reversed(self.order):
            item = self.items[id]
            if item.answered:
                break
            item.answered = item.role == "user"

    def leave(self) -> None:
        """Forget what holds for one connection only; another may give its ids anew."""
        self.done.clear()
        self._deleted.clear()
        self.running.clear()
        self.awaited.clear()
        self._created.clear()
        self._orphans.clear()
        self.mirrored.clear()
        for id in self.order:
            self.items[id].span = None
            self.items[id].speech = None

    def rename(self, state: ItemState, id: str) -> None:
        """Give an item another id."""
        del self.items[state.id]
        self.order[self.order.index(state.id)] = id
        state.id = id
        self.items[id] = state

    def keep(self, part: PartState, chunks: list[bytes]) -> None:
        """Keep audio as the end of that part, as far as audio is kept."""
        self.shelf.put(part.sound, chunks, part.format.bytes_per_second)

    def join(self, state: ItemState, response_id: object) -> None:
        """Note which response an item is part of."""
        id = string(response_id)
        if id is not None and state.response_id is None:
            state.response_id = id
            running = self.running.get(id)
            if running is not None:
                running.items.append(state)
                del running.items[:-MOST_OF_A_RESPONSE]


MOST_OF_A_RESPONSE = 1024
"""How many items of a running response are followed to its end: no model writes so many."""


def _alike(created: object, item: object) -> bool:
    # xAI gives a role to what has none.
    role, sent, seen = peek(created, "role"), _texts(created), _texts(item)
    return (
        peek(created, "type") == peek(item, "type")
        and role in (None, peek(item, "role"))
        and peek(created, "call_id") == peek(item, "call_id")
        # A server may show less than was sent, but nothing else.
        and len(sent) == len(seen)
        and all(b in (a, None, "") for a, b in zip(sent, seen, strict=True))
    )


def _texts(item: object) -> list[Any]:
    return [peek(part, "text") for part in entries(peek(item, "content"))]


def _together(first: UsageRecord, second: UsageRecord) -> list[UsageRecord]:
    """Two entries in one, where the same price holds for both."""
    if (first.kind, first.model) == (second.kind, second.model):
        return [UsageRecord(kind=first.kind, model=first.model, usage=first.usage + second.usage)]
    return [first, second]


def limit(ids: dict[str, Any]) -> None:
    """Forget the oldest of what may be forgotten, where there is too much of it."""
    while len(ids) > _REMEMBERED:
        del ids[next(iter(ids))]
