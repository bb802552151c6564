"""What the events about items and their content change: places, texts, arguments.

Nothing here raises for what a server says; an event about an item that is not in the conversation
changes nothing. Sound has its own module.
"""

from __future__ import annotations

from typing import Any, Final

from voxwire_protocol import (
    ConversationItemAdded,
    ConversationItemCreate,
    ConversationItemDeleted,
    ConversationItemDone,
    ConversationItemRetrieved,
    ResponseFunctionCallArgumentsDelta,
    ResponseFunctionCallArgumentsDone,
    ResponseMcpCallArgumentsDelta,
    ResponseMcpCallArgumentsDone,
    ResponseOutputTextDelta,
    ResponseOutputTextDone,
)

from ...protocol.local_event import LocalEvent
from ..item_state import ItemState, PartState, entries, peek, settle, string
from ..local_events import (
    ConversationItemAppended,
    ConversationItemCompleted,
    ConversationUpdated,
    Delta,
)
from ..state import ConversationState

# These come whole; the model's own items, and the service's, tell when they are finished.
_WHOLE: Final = ("function_call_output", "mcp_approval_request", "mcp_approval_response")


def updated(item: ItemState, delta: Delta | None = None) -> list[LocalEvent]:
    """What to tell of a change to `item`."""
    return [ConversationUpdated(item=item.view, delta=delta)]


def find(ledger: ConversationState, event: Any) -> ItemState | None:
    """The item that an event of a response is about, where it is in the conversation."""
    item_id = event.item_id
    item = ledger.items.get(item_id) if isinstance(item_id, str) else None
    if item is not None and item.response_id is None:
        ledger.join(item, peek(event, "response_id"))
    return item


def place(ledger: ConversationState, event: Any, kind: str) -> tuple[ItemState, PartState] | None:
    """The item, and the part of it, that a piece of a response belongs to: asked a hundred times a
    second, and nearly always of a part that is there."""
    item_id, index = event.item_id, event.content_index
    item = ledger.items.get(item_id) if type(item_id) is str else None
    if item is None:
        return None
    if item.response_id is None:
        ledger.join(item, event.response_id)
    part = item.parts.get(index) if type(index) is int else None
    return item, item.part(index, kind) if part is None else part


def completed(item: ItemState, *, over: bool) -> list[LocalEvent]:
    """What to tell if `item` is whole now. Not every server gives a status to what is over."""
    if over and item.status is None:
        item.status = "completed"
    if item.completed or item.status != "completed":
        return []
    item.completed = True
    return [ConversationItemCompleted(item=item.view)]


def whole(ledger: ConversationState, item: ItemState) -> list[LocalEvent]:
    """What to tell of a turn of the user of which all is there: not every server gives it a last
    status. It may be ahead of its item."""
    item.whole = True
    if item.id not in ledger.items or item.role != "user":
        return []
    item.become("completed")
    return completed(item, over=True)


def shown(item: ItemState, *, new: bool, changed: bool, over: bool) -> list[LocalEvent]:
    events = updated(item) if new or changed else []
    if new:
        events.append(ConversationItemAppended(item=item.view))
    return events + completed(item, over=over)


def item_added(ledger: ConversationState, event: ConversationItemAdded) -> list[LocalEvent]:
    item, new = ledger.enter(event.item, again=True)
    if item is None:
        return []
    item.listed = True
    own = not item.announced and item.response_id is None
    sent = ledger.claim(event.item) if new and own else None
    # Azure Voice Live shows an item that only begins as incomplete. What a client adds is whole.
    changed = item.absorb(event.item, final=False, begins=sent is None)
    if sent is not None:
        item.fill(sent.item)
    for index, part in enumerate(entries(peek(sent.item, "content")) if sent else ()):
        # The server shows the user's audio without the sound.
        if peek(part, "audio") and not item.part(index).sound.size:
            _fill(ledger, item, index, peek(part, "audio_bytes"))
    changed |= ledger.place(item, event.previous_item_id, sent)
    over = item.role in ("user", "system") or item.type in _WHOLE
    events = shown(item, new=new, changed=changed, over=over)
    return events + whole(ledger, item) if item.whole else events


def item_done(ledger: ConversationState, event: ConversationItemDone) -> list[LocalEvent]:
    item, new = ledger.enter(event.item)
    if item is None:
        return []
    item.listed = True
    changed = item.absorb(event.item, final=True)
    # Null says nothing here: the live service sends it for items that do have one before them.
    if string(event.previous_item_id) is not None:
        changed |= ledger.place(item, event.previous_item_id, None)
    return shown(item, new=new, changed=changed, over=True)


def item_retrieved(ledger: ConversationState, event: ConversationItemRetrieved) -> list[LocalEvent]:
    item = ledger.visible(peek(event.item, "id"))
    if item is None:
        return []
    changed = item.absorb(event.item, final=False)
    for index, part in enumerate(entries(peek(event.item, "content"))):
        audio = peek(part, "audio_bytes")
        if audio and item.part(index).sound.held < len(audio):
            _fill(ledger, item, index, audio)
            changed = True
    return updated(item) if changed else []


def _fill(ledger: ConversationState, item: ItemState, index: int, audio: object) -> None:
    if isinstance(audio, bytes):
        part = item.part(index)
        part.format = ledger.appended.format if item.role == "user" else part.format
        part.sound.forget(part.sound.held)
        part.sound.size = len(audio)
        ledger.keep(part, [audio])


def item_deleted(ledger: ConversationState, event: ConversationItemDeleted) -> list[LocalEvent]:
    item = ledger.visible(event.item_id)
    if item is None:
        return []
    ledger.remove(item)
    return updated(item)


def item_sent(ledger: ConversationState, event: ConversationItemCreate) -> list[LocalEvent]:
    ledger.sent_item(string(event.event_id), event.item, event.previous_item_id)
    return []


def part_event(ledger: ConversationState, event: Any, *, final: bool) -> list[LocalEvent]:
    item = find(ledger, event)
    if item is None:
        return []
    changed = item.part(event.content_index).absorb(event.part, final=final)
    return updated(item) if changed else []


def text_delta(ledger: ConversationState, event: ResponseOutputTextDelta) -> list[LocalEvent]:
    found, piece = place(ledger, event, "output_text"), event.delta
    if found is None or type(piece) is not str or not piece:
        return []
    item, part = found
    taken = part.text.add(piece)
    return updated(item, Delta(text=piece)) if taken and ledger.told else []


def text_done(ledger: ConversationState, event: ResponseOutputTextDone) -> list[LocalEvent]:
    item = find(ledger, event)
    if item is None:
        return []
    part = item.part(event.content_index, "output_text")
    changed, missed = settle(part.text, event.text)
    return updated(item, Delta(text=missed) if missed else None) if changed else []


def arguments_delta(
    ledger: ConversationState,
    event: ResponseFunctionCallArgumentsDelta | ResponseMcpCallArgumentsDelta,
) -> list[LocalEvent]:
    item, piece = find(ledger, event), string(event.delta)
    if item is None or not piece:
        return []
    taken = item.arguments.add(piece)
    return updated(item, Delta(arguments=piece)) if taken and ledger.told else []


def arguments_done(
    ledger: ConversationState,
    event: ResponseFunctionCallArgumentsDone | ResponseMcpCallArgumentsDone,
) -> list[LocalEvent]:
    item = find(ledger, event)
    if item is None:
        return []
    changed, missed = settle(item.arguments, event.arguments)
    item.name = item.name or string(peek(event, "name"))
    return updated(item, Delta(arguments=missed) if missed else None) if changed else []
