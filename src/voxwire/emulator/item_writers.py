"""How one item of a response is written: the events from its opening to its end, in their order.

A writer goes through its item piece by piece and can be stopped at any of them; it then closes what
it has opened. It knows nothing of when a response begins and ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import attrs
import pybase64
from voxwire_protocol import (
    ConversationItemAdded,
    ConversationItemDone,
    OutputAudioBufferStarted,
    ResponseContentPartAdded,
    ResponseContentPartDone,
    ResponseFunctionCallArgumentsDelta,
    ResponseFunctionCallArgumentsDone,
    ResponseOutputAudioDelta,
    ResponseOutputAudioDone,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputAudioTranscriptDone,
    ResponseOutputItemAdded,
    ResponseOutputItemDone,
    ResponseOutputTextDelta,
    ResponseOutputTextDone,
)

from ..protocol.audio_format import Format
from .conversation_items import ConversationItems, ItemRecord
from .responder import Call
from .session_context import SessionContext
from .token_usage import SPOKEN_MS, TokenCount, pieces

__all__ = ["CallWriter", "MessageWriter", "Place", "Writer"]


@attrs.frozen(kw_only=True)
class Place:
    """Where an item is written: the response, its index there, and the conversation if any."""

    stage: SessionContext
    response_id: str
    index: int
    items: ConversationItems | None

    def open(self, item: dict[str, Any], record: ItemRecord) -> None:
        self.stage.send(
            ResponseOutputItemAdded,
            response_id=self.response_id,
            output_index=self.index,
            item=item,
        )
        if self.items is not None:
            previous = self.items.add(record)
            self.stage.send(ConversationItemAdded, previous_item_id=previous, item=item)

    def close(self, item: dict[str, Any]) -> None:
        if self.items is not None and item["id"] in self.items:
            previous = self.items.previous_when_done(item["id"])
            self.stage.send(ConversationItemDone, previous_item_id=previous, item=item)
        self.stage.send(
            ResponseOutputItemDone, response_id=self.response_id, output_index=self.index, item=item
        )


class Writer(Protocol):
    """What both kinds of items have in common. ``cut`` tells that the budget did not suffice."""

    written: TokenCount
    cut: bool

    def open(self) -> None: ...
    def pieces(self) -> Iterator[float]:
        """Send piece after piece; each value is how long to wait before the next."""
        ...

    def close(self, status: str) -> dict[str, Any]:
        """Close what is open; gives the item as it ended."""
        ...


class MessageWriter:
    """A message of the assistant: text, or speech with its transcript."""

    def __init__(
        self,
        place: Place,
        text: str,
        speech: bytes | None,
        format: Format,
        budget: int | None,
        phase: str | None,
    ) -> None:
        self._place, self._stage = place, place.stage
        self._tokens = pieces(text)
        self._speech, self._format = speech, format
        self.cut = False
        if budget is not None:
            self._keep_within(budget)
        self._said = ""
        self.written = TokenCount()
        self._item: dict[str, Any] = {
            "id": self._stage.ids.new("item"),
            "type": "message",
            "status": "in_progress",
            "role": "assistant",
            **({"phase": phase} if phase else {}),
            "content": [],
        }
        self._record = ItemRecord(item=dict(self._item), format=format)
        self._about = {
            "response_id": place.response_id,
            "item_id": self._item["id"],
            "output_index": place.index,
            "content_index": 0,
        }

    def _keep_within(self, budget: int) -> None:
        spoken = self._format.ms(len(self._speech or b"")) // SPOKEN_MS
        wanted = len(self._tokens) + spoken
        if wanted <= budget:
            return
        self.cut = True
        self._tokens = self._tokens[: max(1, len(self._tokens) * budget // wanted)]
        if self._speech is not None:
            kept = self._format.size(ms=spoken * budget // wanted * SPOKEN_MS)
            self._speech = self._speech[:kept]

    def open(self) -> None:
        self._place.open(self._item, self._record)
        part = {"type": "text", "text": ""}
        if self._speech is not None:
            part = {"type": "audio", "transcript": ""}
        self._stage.send(ResponseContentPartAdded, **self._about, part=part)

    def pieces(self) -> Iterator[float]:
        timing = self._stage.habits.timing
        plan = [(i * timing.token, token) for i, token in enumerate(self._tokens)]
        steps: list[tuple[float, str | bytes]] = list(plan)
        if self._speech:
            size = self._format.size(ms=timing.chunk_ms)
            chunks = [self._speech[i : i + size] for i in range(0, len(self._speech), size)]
            steps += [(timing.audio + i * timing.chunk, c) for i, c in enumerate(chunks)]
            steps.sort(key=lambda step: step[0])
        for number, (when, piece) in enumerate(steps):
            if isinstance(piece, str):
                self._text(piece)
            else:
                self._sound(piece)
            yield steps[number + 1][0] - when if number + 1 < len(steps) else timing.token

    def _text(self, piece: str) -> None:
        self._said += piece
        self.written += TokenCount(text=1)
        cls = (
            ResponseOutputTextDelta if self._speech is None else ResponseOutputAudioTranscriptDelta
        )
        padding = self._stage.ids.padding(piece)
        self._stage.send(cls, **self._about, delta=piece, obfuscation=padding)

    def _sound(self, piece: bytes) -> None:
        begins = not self._record.audio
        self._record.audio += piece
        total = -(-self._record.audio_ms // SPOKEN_MS)
        self.written = TokenCount(text=self.written.text, audio=total)
        if self._stage.habits.media == "socket":
            delta = pybase64.b64encode(piece).decode()
            self._stage.send(ResponseOutputAudioDelta, **self._about, delta=delta)
        elif begins:
            self._stage.send(OutputAudioBufferStarted, response_id=self._place.response_id)

    @property
    def audio_ms(self) -> int:
        """How much of it has been spoken."""
        return self._record.audio_ms

    def close(self, status: str) -> dict[str, Any]:
        said, send = self._said, self._stage.send
        if self._speech is None:
            send(ResponseOutputTextDone, **self._about, text=said)
            part, content = {"type": "text", "text": said}, {"type": "output_text", "text": said}
        else:
            send(ResponseOutputAudioDone, **self._about)
            send(ResponseOutputAudioTranscriptDone, **self._about, transcript=said)
            part = {"type": "audio", "transcript": said}
            content = {"type": "output_audio", "transcript": said}
        send(ResponseContentPartDone, **self._about, part=part)
        self._item = {**self._item, "status": status, "content": [content]}
        self._record.item = {**self._item, "content": [dict(content)]}
        self._place.close(self._item)
        return self._item


class CallWriter:
    """A call of a tool."""

    def __init__(self, place: Place, call: Call, budget: int | None) -> None:
        self._place, self._stage, self._call = place, place.stage, call
        self._tokens = pieces(call.text)
        self.cut = budget is not None and len(self._tokens) > budget
        if self.cut:
            self._tokens = self._tokens[: max(1, budget or 0)]
        self._said = ""
        self.written = TokenCount(text=len(pieces(call.name)))
        self._item: dict[str, Any] = {
            "id": self._stage.ids.new("item"),
            "type": "function_call",
            "status": "in_progress",
            "name": call.name,
            "call_id": call.call_id or self._stage.ids.new("call", 16),
            "arguments": "",
        }
        self._record = ItemRecord(item=dict(self._item))
        self._about = {
            "response_id": place.response_id,
            "item_id": self._item["id"],
            "output_index": place.index,
            "call_id": self._item["call_id"],
        }

    def open(self) -> None:
        self._place.open(self._item, self._record)

    def pieces(self) -> Iterator[float]:
        for piece in self._tokens:
            self._said += piece
            self.written += TokenCount(text=1)
            padding = self._stage.ids.padding(piece)
            self._stage.send(
                ResponseFunctionCallArgumentsDelta,
                **self._about,
                delta=piece,
                obfuscation=padding,
            )
            yield self._stage.habits.timing.token

    def close(self, status: str) -> dict[str, Any]:
        self._stage.send(
            ResponseFunctionCallArgumentsDone,
            **self._about,
            name=self._call.name,
            arguments=self._said,
        )
        self._item = {**self._item, "status": status, "arguments": self._said}
        self._record.item = dict(self._item)
        self._place.close(self._item)
        return self._item
