"""Items of a conversation in the forms in which a client may add them to another one.

What the model said can be added as text only, what the user said also as sound. This module reads
items and writes protocol items; it changes nothing, and knows no connection.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import attrs
import pybase64
from voxwire_protocol import (
    AssistantMessage,
    ConversationItemAdded,
    ConversationItemCreate,
    ConversationItemCreated,
    ConversationItemDone,
    ConversationItemRetrieved,
    ConversationItemTruncated,
    Event,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    OutputText,
    SystemMessage,
    UserMessage,
)

from ..protocol.constraints import LONGEST_ID
from ..protocol.local_event import LocalEvent
from .item_state import ItemState, PartState, peek
from .local_events import ConversationUpdated
from .reducers.audio import truncated
from .state import ConversationState

__all__ = ["CONNECTION_ONLY", "Again", "Migration", "mirrors", "to_client_item"]


CONNECTION_ONLY: Final = ("mcp_list_tools", "mcp_approval_request", "mcp_approval_response")
"""Types of items that belong to the hosted tools of one connection; another has its own."""


def to_client_item(item: ItemState, sound: bytes = b"") -> Any:
    """The item that a client may add in its place; ``None`` where there is no form for it.

    Args:
        item: the item.
        sound: what the user said in it, where nobody has written that down.
    """
    if item.type == "function_call":
        if not item.name or not item.call_id:
            return None
        return FunctionCall(
            id=item.id, name=item.name, call_id=item.call_id, arguments=item.arguments.value
        )
    if item.type == "function_call_output":
        if item.call_id is None:
            return None
        return FunctionCallOutput(id=item.id, call_id=item.call_id, output=item.output or "")
    if item.type == "mcp_call":
        return _told(item)
    if item.type != "message":
        return None
    if item.role == "assistant":
        said = [text for part in _parts(item) if (text := _said(part))]
        if not said:
            return None
        # Its phase is the server's to tell.
        return AssistantMessage(id=item.id, content=[OutputText(text=text) for text in said])
    if item.role == "system":
        told = [InputText(text=part.text.value) for part in _parts(item) if part.text.value]
        return SystemMessage(id=item.id, content=told) if told else None
    content = [form for part in _parts(item) for form in _input(part, sound)]
    return UserMessage(id=item.id, content=content) if content else None


def _parts(item: ItemState) -> list[PartState]:
    return [part for _, part in sorted(item.parts.items())]


def _said(part: PartState) -> str:
    """The words of the model, as far as they were heard."""
    spoken = part.transcript.value if part.heard is None else part.heard
    return part.text.value or spoken


def _input(part: PartState, sound: bytes) -> list[Any]:
    """What the user wrote, showed or said. Words say it shorter than sound, and for good."""
    words = part.text.value or part.transcript.value
    if words:
        return [InputText(text=words)]
    if part.kind == "input_image":
        url = peek(part.source, "image_url")
        return [InputImage(image_url=url)] if isinstance(url, str) and url else []
    if part.kind == "input_audio":
        whole = part.sound.held == part.sound.size
        heard = part.sound.value if part.sound.size and whole else sound
        return [InputAudio(audio=pybase64.b64encode(heard).decode())] if heard else []
    return []


def _told(item: ItemState) -> SystemMessage | None:
    """A call of a hosted tool, in words: only the server makes the item itself."""
    if not item.name or item.output is None:
        return None
    given = f" with {item.arguments.value}" if item.arguments.value else ""
    text = f"The tool {item.name} was called{given} and returned: {item.output}"
    return SystemMessage(id=item.id, content=[InputText(text=text)])


_SHOWS = (
    ConversationItemAdded,
    ConversationItemCreated,
    ConversationItemDone,
    ConversationItemRetrieved,
    ConversationItemCreate,
)


def mirrors(ledger: ConversationState, event: Event) -> bool:
    """Whether an event only shows an item that came from an earlier connection."""
    return isinstance(event, _SHOWS) and peek(event.item, "id") in ledger.mirrored


@attrs.frozen(kw_only=True)
class Again:
    """The audio that a server has to hear again."""

    turns: list[tuple[bytes, str | None]] = attrs.field(factory=list[tuple[bytes, Any]], repr=False)
    """Sound that was committed by hand, in order, each with the ``event_id`` of its commit, where
    that one has not been answered."""
    rest: bytes = attrs.field(default=b"", repr=False)
    """What comes last, and is for turn detection or a later commit."""
    lost_ms: int = 0
    """Milliseconds that were to be heard again, and are not held any more."""


class Migration:
    """Takes a conversation from one connection to the next. Call in the order of the methods."""

    def __init__(self, ledger: ConversationState) -> None:
        self._ledger = ledger

    def begin(self) -> None:
        """The connection is gone: another session counts its own milliseconds, but not yet."""
        self._ledger.moving = True

    # -- what was being said -----------------------------------------------------------------

    def drop_response(self, response_id: str, heard: Mapping[str, int]) -> list[LocalEvent]:
        """A response was cut off, and is to be made anew: what nobody has heard of it goes.

        Args:
            heard: item id -> milliseconds of it that the listener has heard.
        """
        changes: list[LocalEvent] = []
        for item in self._of(response_id):
            ms = heard.get(item.id, 0)
            if ms > 0 and item.role == "assistant":
                changes += truncated(self._ledger, _cut(item, ms))
                item.become("incomplete")
                item.interrupted = True
            else:
                self._ledger.remove(item)
                changes.append(ConversationUpdated(item=item.view, delta=None))
        return changes

    def end_response(self, response_id: str) -> list[LocalEvent]:
        """A response was cut off, and stays as it is: what is empty or half a call goes."""
        changes: list[LocalEvent] = []
        said = self._of(response_id)
        self._answer(said)
        for item in said:
            if item.completed or item.status == "completed":
                continue
            if item.role == "assistant" and to_client_item(item) is not None:
                item.become("incomplete")
                item.interrupted = True
            else:
                self._ledger.remove(item)
            changes.append(ConversationUpdated(item=item.view, delta=None))
        return changes

    def _answer(self, said: list[ItemState]) -> None:
        """What the user said before these items has its answer, though its end was not told."""
        ledger = self._ledger
        last = said[-1].id if said else None
        if last in ledger.order:
            for id in ledger.order[: ledger.order.index(last)]:
                item = ledger.items[id]
                item.answered = item.answered or item.role == "user"

    def complete(self, response_id: str) -> bool:
        """Whether a response that was cut off lacked its end only: it has said an answer, and
        nothing that was not whole. Said once more, it would be said twice."""
        items = self._of(response_id)
        if not items or not all(item.completed for item in items):
            return False
        last = items[-1]
        return last.role == "assistant" and last.phase != "commentary"

    def _of(self, response_id: str) -> list[ItemState]:
        items = list(self._ledger.items.values())
        return [item for item in items if response_id and item.response_id == response_id]

    # -- what the user said ------------------------------------------------------------------

    def unanswered(self) -> list[ItemState]:
        """The turns that the user has spoken and nobody has answered, the earliest first."""
        found: list[ItemState] = []
        for id in reversed(self._ledger.order):
            item = self._ledger.items[id]
            if item.answered:
                break
            if item.span is not None:
                found.append(item)
        return found[::-1]

    def give_up(self) -> None:
        """What the user has said so far is not worth another request."""
        for item in self.unanswered():
            item.answered = True

    def hear_again(self) -> Again:
        """Take the user's turns that nobody has understood yet out of the conversation, and return
        their sound with all that came after."""
        ledger, appended = self._ledger, self._ledger.appended
        coming = [item for item in ledger.awaited.values() if item.span or item.speech is not None]
        turns = self.unanswered()
        unclear = [item for item in turns if not _clear(item) and self._held(item)]
        start = min(
            appended.taken if appended.speech is None else appended.speech,
            *(item.span[0] for item in (*unclear, *coming) if item.span),
            *(item.speech for item in coming if item.speech is not None),
            appended.total,
        )
        again = [item for item in turns if item.span and item.span[0] >= start]
        for item in again:
            ledger.remove(item)
        committed: list[tuple[int, int, str | None]] = []
        rest = start
        if not appended.turn_detection:  # else the server finds the turns again by itself
            spans = sorted(item.span for item in (*again, *coming) if item.span)
            committed = [(begin, end, None) for begin, end in spans]
            rest = max([start, *(end for _, end in spans)])
            for mark in appended.marks:
                if mark.kind == "commit":
                    committed.append((rest, mark.position, mark.event_id))
                rest = mark.position
        sounds = [(self._piece(begin, end), event_id) for begin, end, event_id in committed]
        tail = self._piece(rest, appended.total)
        wanted = sum(end - begin for begin, end, _ in committed) + appended.total - rest
        held = sum(len(sound) for sound, _ in sounds) + len(tail)
        return Again(turns=sounds, rest=tail, lost_ms=appended.format.ms(wanted - held))

    def _piece(self, start: int, end: int) -> bytes:
        return b"".join(self._ledger.appended.piece(start, end))

    def _held(self, item: ItemState) -> bool:
        assert item.span is not None  # asked about turns with a span only
        begin, end = item.span
        return len(self._piece(begin, end)) == end - begin > 0

    # -- what is added to the new conversation -----------------------------------------------

    def items(self) -> tuple[list[ConversationItemCreate], list[str], dict[str, str]]:
        """What to add to the new conversation; the ids of what cannot be; and new ids."""
        ledger = self._ledger
        creates: list[ConversationItemCreate] = []
        left_out: list[str] = []
        renamed: dict[str, str] = {}
        for id in list(ledger.order):
            item = ledger.items[id]
            if len(id) > LONGEST_ID:
                renamed[id] = short_id(id)
                ledger.rename(item, renamed[id])
            sound = self._piece(*item.span) if item.span and self._held(item) else b""
            form = to_client_item(item, sound)
            if form is not None:
                creates.append(ConversationItemCreate(item=form))
            elif item.type not in CONNECTION_ONLY:
                left_out.append(item.id)
        return creates, left_out, renamed

    def arrive(self) -> None:
        """The new connection begins: nothing of the old one holds any more."""
        ledger = self._ledger
        ledger.leave()
        ledger.mirrored.update(ledger.order)
        ledger.appended.reset()
        ledger.moving = False


def _clear(item: ItemState) -> bool:
    """Whether it is known what the user said there, or that nobody will know."""
    parts = item.parts.values()
    return any(p.transcript.settled or p.text.value or p.error is not None for p in parts)


def _cut(item: ItemState, ms: int) -> Any:
    return ConversationItemTruncated(event_id="", item_id=item.id, content_index=0, audio_end_ms=ms)


def short_id(id: str) -> str:
    """An id that a client may choose, in place of a longer one; always the same."""
    return f"vw_{hashlib.sha256(id.encode(errors='replace')).hexdigest()[:24]}"
