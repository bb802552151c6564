"""What the events about responses change: the items of their output, their end, what they used.

It also has the service's own reports, of hosted tools and of errors. Nothing here raises for what
a server says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from voxwire_protocol import (
    UNSET,
    ErrorEvent,
    ResponseCreated,
    ResponseDone,
    ResponseOutputItemAdded,
    ResponseOutputItemDone,
)

from ...protocol.audio_format import format_of
from ...protocol.local_event import LocalEvent
from ..item_state import ItemState, entries, peek, string
from ..state import ConversationState, Running, limit
from ..usage import UsageRecord, of_response
from .items import shown, updated


def response_created(ledger: ConversationState, event: ResponseCreated) -> list[LocalEvent]:
    id = string(peek(event.response, "id"))
    if id is not None and id not in ledger.done:
        format = format_of(event.response, default=ledger.format)
        ledger.running.setdefault(id, Running(format, _apart(event.response)))
        limit(ledger.running)
    return []


def _apart(response: object) -> bool:
    """Whether a response stays out of the conversation. Only null says so: several servers do not
    send the field at all."""
    return getattr(response, "conversation_id", UNSET) is None


def response_done(ledger: ConversationState, event: ResponseDone) -> list[LocalEvent]:
    response, id = event.response, string(peek(event.response, "id"))
    running = ledger.running.pop(id, None) if id is not None else None
    if id is None or id not in ledger.done:
        ledger.spend(
            UsageRecord(
                kind="response",
                id=id,
                model=string(peek(response, "model")) or ledger.model,
                status=string(peek(response, "status")),
                usage=of_response(event),
            )
        )
    if id is not None:
        ledger.done[id] = None
        limit(ledger.done)
    if running.apart if running is not None else _apart(response):
        # Where its beginning was not seen, its items were taken for the conversation's.
        for item in [item for item in ledger.items.values() if item.response_id == id]:
            if id is not None and not item.listed:
                ledger.remove(item, deleted=False)
        return []
    status = string(peek(response, "status")) or "completed"
    if status != "cancelled" or peek(peek(response, "status_details"), "reason") != "turn_detected":
        ledger.answer()
    events: list[LocalEvent] = []
    for output in entries(peek(response, "output")):
        written, new = ledger.enter(output)
        if written is not None:
            ledger.join(written, id)
            changed = written.absorb(output, final=True) | _end(written, status)
            events += shown(written, new=new, changed=changed, over=True)
    for item in running.items if running is not None else ():
        if not item.deleted and _end(item, status):
            events += shown(item, new=False, changed=True, over=True)
    return events


def _end(item: ItemState, status: str) -> bool:
    """End an item with its response, where it has not ended before."""
    changed = item.become("completed" if status == "completed" else "incomplete")
    if status == "cancelled" and item.status == "incomplete" and not item.interrupted:
        item.interrupted = changed = True
    return changed


def output_added(ledger: ConversationState, event: ResponseOutputItemAdded) -> list[LocalEvent]:
    running = ledger.running.get(string(event.response_id) or "")
    if running is not None and running.apart:
        return []
    item, new = ledger.enter(event.item)
    if item is None:
        return []
    ledger.join(item, event.response_id)
    changed = item.absorb(event.item, final=False, begins=True)
    return shown(item, new=new, changed=changed, over=False)


def output_done(ledger: ConversationState, event: ResponseOutputItemDone) -> list[LocalEvent]:
    item = ledger.visible(peek(event.item, "id"))
    if item is None:
        return []
    ledger.join(item, event.response_id)
    changed = item.absorb(event.item, final=True)
    return shown(item, new=False, changed=changed, over=True)


def service_status(status: str) -> Callable[[ConversationState, Any], list[LocalEvent]]:
    def reduce(ledger: ConversationState, event: Any) -> list[LocalEvent]:
        item = ledger.visible(event.item_id)
        return updated(item) if item is not None and item.become(status) else []

    return reduce


def error(ledger: ConversationState, event: ErrorEvent) -> list[LocalEvent]:
    id = string(peek(event.error, "event_id"))
    if id is not None:
        ledger.refused(id)
        if ledger.detection_asked is not None and ledger.detection_asked[0] == id:
            ledger.detection_asked = None
        ledger.appended.unmark(id)
    elif string(peek(event.error, "code")) == "input_audio_buffer_commit_empty":
        ledger.appended.unmark(None, "commit")
    return []
