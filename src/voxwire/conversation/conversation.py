"""The conversation, followed from the events of a session: a read view and a write view.

:class:`Conversation` is what a program reads. :class:`ConversationTracker` is what the session
writes to. What each event changes is in the table of ``reducers``; how the items stand, in
``state``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

from voxwire_protocol import Event

from ..errors import InvalidOption
from ..protocol.local_event import LocalEvent, Overflow
from .buffers import InputAudioBuffer
from .items import Item
from .messages import messages
from .migration import Migration, mirrors
from .reducers import RECEIVED, SENT
from .snapshot import restored, snapshot
from .state import ConversationState
from .usage import Usage, UsageRecord

__all__ = ["AudioRetention", "Conversation", "ConversationTracker"]

AudioRetention: TypeAlias = Literal["none", "all"] | float
"""How much sound to keep in memory: none of it, all, or the latest seconds over all items."""


class Conversation:
    """The items of a conversation in their order, always as they are now.

    Two conversations are equal where their snapshots are.
    """

    __slots__ = ("_ledger",)
    __hash__ = None  # type: ignore[assignment]  # it changes

    def __init__(self, ledger: ConversationState | None = None) -> None:
        self._ledger = ConversationState() if ledger is None else ledger

    @property
    def items(self) -> tuple[Item, ...]:
        """The items in their order."""
        known = self._ledger.items
        return tuple(known[id].view for id in tuple(self._ledger.order) if id in known)

    @property
    def usage(self) -> Usage:
        """What its responses have used, and what the transcriptions have."""
        return self._ledger.usage

    @property
    def spent(self) -> tuple[UsageRecord, ...]:
        """What makes up the usage, in the order in which it came: each response, also one beside
        the conversation, and each transcription."""
        return tuple(self._ledger.spent)

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self._ledger.order)

    def __getitem__(self, key: int | str) -> Item:
        """The item at a place (-1 is the last) or with an id."""
        if isinstance(key, int):
            return self._ledger.items[self._ledger.order[key]].view
        return self._ledger.items[key].view

    def get(self, id: str) -> Item | None:
        """The item with that id; ``None`` where it is not in the conversation."""
        state = self._ledger.items.get(id)
        return None if state is None else state.view

    def __contains__(self, item: object) -> bool:
        if isinstance(item, Item):
            return self.get(item.id) is item
        return isinstance(item, str) and item in self._ledger.items

    def to_messages(self) -> list[dict[str, Any]]:
        """The conversation as messages of a chat API: dicts of ``role`` and ``content``, images
        and tool calls with their outputs included.

        Speech is its transcript, that of an interrupted item the words that were heard, by
        estimate. Left out is what a chat API refuses or has no use for: calls without an output,
        items without words, approvals and lists of tools.
        """
        return messages(self.items)

    def snapshot(self) -> dict[str, Any]:
        """All of it as JSON values, to be stored and given to :meth:`restore`."""
        return snapshot(self._ledger)

    @classmethod
    def restore(cls, data: Mapping[str, Any]) -> Conversation:
        """The conversation of a :meth:`snapshot`; raises :class:`InvalidOption` for anything else.

        ``ConversationTracker(conversation=...)`` goes on with it.
        """
        return cls(restored(data))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Conversation):
            return NotImplemented
        return self.snapshot() == other.snapshot()

    def __repr__(self) -> str:
        return f"<Conversation of {len(self)} items>"


class ConversationTracker:
    """Keeps a :class:`Conversation` up to date.

    Args:
        audio: how much sound to keep: ``"none"``, ``"all"``, or a number of seconds, the latest
            over all items. Lengths are counted in any case.
        conversation: one to go on with, such as a restored one.
        tail: seconds of the user's latest audio to hold in any case, for another connection.
        most: how many items to keep; the oldest of more go, with an :class:`Overflow`. ``None``
            keeps all.
    """

    def __init__(
        self,
        *,
        audio: AudioRetention = "none",
        conversation: Conversation | None = None,
        tail: float = 0.0,
        most: int | None = None,
    ) -> None:
        seconds = _seconds(audio)
        if conversation is None:
            self._ledger = ConversationState(seconds, tail, most)
            conversation = Conversation(self._ledger)
        else:
            self._ledger = conversation._ledger  # pyright: ignore[reportPrivateUsage]
            self._ledger.retain(seconds, tail)
            self._ledger.most = most
        self.conversation = conversation
        """The read face."""

    def apply(self, event: Event, sent: bool = False) -> list[LocalEvent]:
        """Take an event in, and tell what it changed. Never raises for what a server says.

        Args:
            event: any event; one that does not concern the conversation changes nothing.
            sent: whether the client sent it. Of those, appended audio, commits and clears of the
                input audio buffer and created items matter.
        """
        ledger = self._ledger
        if ledger.mirrored and mirrors(ledger, event):
            return []
        reducer = (SENT if sent else RECEIVED).get(type(event))
        if reducer is None:
            return []
        changes = reducer(ledger, event)
        if ledger.forgotten:
            lost, ledger.forgotten = ledger.forgotten, 0
            changes.append(Overflow(queue="conversation", dropped=lost))
        return changes

    @property
    def told(self) -> bool:
        """Whether :meth:`apply` tells of each piece of text and sound that comes. Switched off, it
        tells of all else, and sound that is not kept is not decoded."""
        return self._ledger.told

    @told.setter
    def told(self, told: bool) -> None:
        self._ledger.told = told

    @property
    def appended(self) -> InputAudioBuffer:
        """The input audio buffer, as this side sees it."""
        return self._ledger.appended

    @property
    def removal(self) -> Migration:
        """What moves the conversation to another connection."""
        return Migration(self._ledger)

    def mirrors(self, event: Event) -> bool:
        """Whether an event only shows an item that came from an earlier connection."""
        return bool(self._ledger.mirrored) and mirrors(self._ledger, event)

    def append_audio(self, audio: bytes | bytearray | memoryview) -> None:
        """Count, and keep as far as audio is kept, what was appended to the input audio buffer:
        for a client that does not :meth:`apply` its `input_audio_buffer.append` events."""
        self._ledger.appended.append(audio)


def _seconds(audio: AudioRetention) -> float | None:
    if audio in ("all", math.inf):
        return None
    if audio == "none":
        return 0.0
    if isinstance(audio, (int, float)) and not isinstance(audio, bool) and audio >= 0:
        return float(audio)
    raise InvalidOption(f'audio={audio!r}: say "none", "all", or how many seconds to keep')
