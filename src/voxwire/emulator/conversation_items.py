"""The conversation as the server keeps it: items in order, with the sound that belongs to them."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, cast

import attrs
import pybase64

from ..protocol.audio_format import PCM16, Format
from .api_errors import ApiError

__all__ = ["ConversationItems", "ItemRecord"]


@attrs.define(kw_only=True)
class ItemRecord:
    """An item as it goes over the wire, and what does not go over it."""

    item: dict[str, Any]
    audio: bytearray = attrs.field(factory=bytearray)
    format: Format = PCM16
    heard: str | None = ""
    """What the user says in it, whether anyone wants it transcribed or not; None where that
    cannot be made out."""

    @property
    def id(self) -> str:
        return cast("str", self.item["id"])

    @property
    def audio_ms(self) -> int:
        return self.format.ms(len(self.audio))

    @property
    def parts(self) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", self.item.get("content") or [])


class ConversationItems:
    """The items of a conversation, in their order."""

    def __init__(self) -> None:
        self._order: list[str] = []
        self._records: dict[str, ItemRecord] = {}
        self._calls: set[str] = set()

    def __iter__(self) -> Iterator[ItemRecord]:
        return (self._records[item_id] for item_id in self._order)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._records

    def get(self, item_id: object) -> ItemRecord | None:
        return self._records.get(item_id) if isinstance(item_id, str) else None

    def need(self, item_id: object, doing: str, param: str = "item_id") -> ItemRecord:
        """An item that has to be there for ``doing`` something with it."""
        record = self.get(item_id)
        if record is None:
            raise ApiError.no_item(doing, item_id, param)
        return record

    @property
    def last(self) -> str | None:
        return self._order[-1] if self._order else None

    def add(self, record: ItemRecord, after: str | None = None) -> str | None:
        """Put an item behind another (``root``: at the head), or at the end; say behind which."""
        if record.id in self._records:
            raise ApiError.item_exists(record.id)
        if after is None:
            place = len(self._order)
        elif after == "root":
            place = 0
        elif after in self._records:
            place = self._order.index(after) + 1
        else:
            raise ApiError.no_previous(after)
        self._order.insert(place, record.id)
        self._records[record.id] = record
        if record.item["type"] == "function_call":
            self._calls.add(str(record.item.get("call_id")))
        return self._order[place - 1] if place else None

    def previous_when_done(self, item_id: str) -> str | None:
        """What ``conversation.item.done`` says is before an item.

        The live service says null for the second item too: every recording has it so.
        """
        if item_id not in self._records:
            return None
        place = self._order.index(item_id)
        return self._order[place - 1] if place > 1 else None

    def remove(self, item_id: object) -> None:
        record = self.need(item_id, "delete")
        self._order.remove(record.id)
        del self._records[record.id]

    def knows_call(self, call_id: str) -> bool:
        """Whether there was such a function call; its item may have been deleted."""
        return call_id in self._calls

    def truncate(self, item_id: object, content_index: int, audio_end_ms: int) -> None:
        """Forget what was not heard of an answer: its sound from there on, and all its text."""
        record = self.need(item_id, "truncate")
        parts = record.parts
        speech = len(parts) > content_index and parts[content_index]["type"] == "output_audio"
        if record.item.get("role") != "assistant" or not (speech or record.audio):
            raise ApiError.not_truncatable()
        if content_index != 0:
            raise ApiError("invalid_value", "Only content_index 0 has audio.", "content_index")
        if audio_end_ms > record.audio_ms:
            raise ApiError.too_short(record.audio_ms, audio_end_ms)
        del record.audio[record.format.size(ms=audio_end_ms) :]
        for part in parts:
            part.pop("transcript", None)

    def full(self, item_id: object) -> dict[str, Any]:
        """An item with its sound in it."""
        record = self.need(item_id, "retrieve")
        item = deepcopy(record.item)
        for part in cast("list[dict[str, Any]]", item.get("content") or []):
            if part["type"] in ("input_audio", "output_audio") and record.audio:
                part["audio"] = pybase64.b64encode(bytes(record.audio)).decode()
        return item
