"""A conversation as JSON values, and back: the form in which it is stored.

It reads and rebuilds a ledger; it does not follow events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from voxwire_protocol import ConversationItemAdded, Model, TranscriptionError

from ..errors import InvalidOption
from ..protocol.audio_format import Format, format_of
from .item_state import ItemState, PartState, entries, peek
from .items import new_item
from .state import ConversationState
from .usage import Usage, UsageRecord

__all__ = ["restored", "snapshot"]

_VERSION: Final = 1


class _Part(msgspec.Struct):
    index: int
    type: str | None
    text: str | None
    transcript: str | None
    settled: list[bool]
    heard: str | None
    cut_ms: int | None
    billed: bool
    format: str
    rate: int
    size: int
    audio: bytes
    error: dict[str, Any] | None


class _Item(msgspec.Struct):
    id: str
    type: str | None
    role: str | None
    status: str | None
    phase: str | None
    name: str | None
    call_id: str | None
    output: str | None
    arguments: str | None
    response_id: str | None
    previous_item_id: str | None
    interrupted: bool
    completed: bool
    content: list[_Part]
    item: Any
    idle_timeout: bool = False


class _Snapshot(msgspec.Struct):
    version: int
    items: list[_Item]
    usage: Usage
    spent: list[UsageRecord]


def snapshot(ledger: ConversationState) -> dict[str, Any]:
    """All of the conversation as JSON values; the audio that is kept is in it, as base64."""
    items = [_pack(ledger.items[id]) for id in ledger.order]
    # What runs side by side ends in any order, and equal conversations have equal snapshots.
    spent = sorted(ledger.spent, key=_rank)
    whole = _Snapshot(_VERSION, items, ledger.usage, spent)
    packed: dict[str, Any] = msgspec.to_builtins(whole)
    return packed


def _rank(spent: UsageRecord) -> tuple[str, str]:
    return spent.kind, spent.id or ""


def _pack(item: ItemState) -> _Item:
    source = item.source
    return _Item(
        id=item.id,
        type=item.type,
        role=item.role,
        status=item.status,
        phase=item.phase,
        name=item.name,
        call_id=item.call_id,
        output=item.output,
        arguments=item.arguments.value if item.arguments.known else None,
        response_id=item.response_id,
        previous_item_id=item.previous,
        interrupted=item.interrupted,
        completed=item.completed,
        content=[_pack_part(index, part) for index, part in sorted(item.parts.items())],
        item=source.to_dict() if hasattr(source, "to_dict") else source,
        idle_timeout=item.idle,
    )


def _pack_part(index: int, part: PartState) -> _Part:
    return _Part(
        index=index,
        type=part.kind,
        text=part.text.value if part.text.known else None,
        transcript=part.transcript.value if part.transcript.known else None,
        settled=[part.text.settled, part.transcript.settled, part.sound.settled],
        heard=part.heard,
        cut_ms=part.cut_ms,
        billed=part.billed,
        format=part.format.type,
        rate=part.format.rate,
        size=part.sound.size,
        audio=part.sound.value,
        error=part.error.to_dict() if isinstance(part.error, Model) else None,
    )


def restored(data: Mapping[str, Any], seconds: float | None = None) -> ConversationState:
    """The ledger of a snapshot; raises :class:`InvalidOption` for what is none."""
    try:
        packed = msgspec.convert(dict(data), _Snapshot)
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise InvalidOption(f"this is no snapshot of a conversation: {error}") from error
    if packed.version != _VERSION:
        raise InvalidOption(
            f"$.version: a snapshot of version {packed.version}; this release reads {_VERSION}"
        )
    ledger = ConversationState(seconds)
    for spent in packed.spent:
        ledger.spend(spent)
    for entry in packed.items:
        if entry.id in ledger.items:
            raise InvalidOption(f"$.items: the id {entry.id!r} is there twice")
        ledger.items[entry.id] = _unpack(ledger, entry)
        ledger.order.append(entry.id)
    return ledger


def _unpack(ledger: ConversationState, entry: _Item) -> ItemState:
    item = new_item(entry.id)
    for name in ("type", "role", "status", "phase", "name", "call_id", "output"):
        setattr(item, name, getattr(entry, name))
    item.response_id, item.previous = entry.response_id, entry.previous_item_id
    item.interrupted, item.completed = entry.interrupted, entry.completed
    item.placed = item.listed = True
    item.idle = entry.idle_timeout
    item.source = _read_item(entry.item)
    if entry.arguments is not None:
        item.arguments.add(entry.arguments)
        item.arguments.settled = item.status != "in_progress"
    content = entries(peek(item.source, "content"))
    for packed in entry.content:
        part = item.part(packed.index, packed.type)
        _unpack_part(ledger, part, packed)
        if packed.index < len(content):
            part.source = content[packed.index]
    return item


def _unpack_part(ledger: ConversationState, part: PartState, packed: _Part) -> None:
    for text, value in ((part.text, packed.text), (part.transcript, packed.transcript)):
        if value is not None:
            text.add(value)
    settled = [*packed.settled, False, False, False]
    part.text.settled, part.transcript.settled, part.sound.settled = settled[:3]
    part.heard, part.cut_ms, part.billed = packed.heard, packed.cut_ms, packed.billed
    format = format_of(packed.format)
    part.format = Format(format.type, packed.rate)
    part.sound.size = max(packed.size, len(packed.audio))
    if packed.audio:
        ledger.keep(part, [packed.audio])
    part.error = None if packed.error is None else TranscriptionError.from_dict(packed.error)


def _read_item(value: Any) -> Any:
    """The protocol's class of an item, as it would be read from the wire."""
    return ConversationItemAdded.from_dict({"item": value}).item
