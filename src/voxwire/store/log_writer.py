"""What a session writes to its store: taken from the events as they pass, bounded, in order.

Hangs on the seams of the core. This module waits for nothing and knows no store; who reads the
buffer, and when, is decided elsewhere.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

from voxwire_protocol import (
    ClientEvent,
    ConversationItemCreate,
    Event,
    InputAudioBufferAppend,
    ResponseCreate,
    ResponseDone,
    ResponseOutputAudioDelta,
    ResponseOutputItemDone,
    ServerEvent,
    SessionCreated,
    SessionUpdate,
    SessionUpdated,
    UnknownEvent,
)
from voxwire_protocol._runtime import plain

from ..protocol.codec import REALTIME
from ..protocol.dialect import Dialect
from ..protocol.redaction import redact
from ..session.core import Core
from ..session.local_events import ConnectionClosed
from ..session.responses.state import ResponseState
from .base import Entry
from .log_entries import Heard, audio_size, entry, note
from .progress import Asked, Progress

__all__ = ["LogWriter"]

# What may hold a key of a tool's server: cut out, like everywhere else.
_SECRETIVE = (ResponseCreate, SessionCreated, SessionUpdate, SessionUpdated)


class LogWriter:
    """The log of one session, as far as it is not written.

    Args:
        audio: whether sound is kept, and not only its length.
        limit: bytes that it holds; beyond that the oldest lines go.
        woken: called for each new line; told whether it should be written soon.
    """

    def __init__(
        self, core: Core, *, audio: bool, limit: float, woken: Callable[[bool], None]
    ) -> None:
        self.progress = Progress()
        self.taken = 0
        """How many lines have been handed out in all, or dropped."""
        self.dropped = 0
        """How many lines there was no room for."""
        self.size = 0
        """Bytes that wait."""
        self._core = core
        self._audio = audio
        self._limit = limit
        self._woken = woken
        self._lines: deque[Entry] = deque()
        self._heard: dict[str, Heard] = {}
        self._calls: dict[str, int] = {}  # call id -> how many lines there were with its own
        self._asked = 0
        self._opened = False
        names = {*core.codec.client.values()} - {InputAudioBufferAppend}
        core.router.subscribe((ServerEvent,), self._received)
        core.router.subscribe(tuple(names), self._sent)
        core.router.subscribe((ConnectionClosed,), self._closed)
        core.taps.append(self)
        core.asking.append(self._asks)

    @property
    def count(self) -> int:
        """How many lines there have been in all."""
        return self.taken + len(self._lines)

    @property
    def line(self) -> int:
        """How many lines there are with all that has happened so far."""
        self._seal()
        return self.count

    def moved(self) -> None:
        """The session goes on over another connection."""
        self.progress.moved()
        self.note("moved")

    def take_up(self, progress: Progress) -> None:
        """Go on with what another process has left under way."""
        self.progress = progress
        self._asked = max(progress.asked, default=0)
        self.note("resumed", progress=progress.to_json())

    def call_line(self, call_id: str) -> int:
        """How many lines there were when the call had come; 0 where it is not known."""
        return self._calls.get(call_id, 0)

    def note(self, name: str, **fields: Any) -> int:
        """Add a note; returns how many lines there are with it."""
        self._put(note(name, **redact(fields)), urgent=True)
        return self.count

    def take(self, limit: int = 1024 * 1024) -> list[Entry]:
        """Hand out lines, up to so many bytes."""
        self._seal()
        found: list[Entry] = []
        size = 0
        while self._lines and (size < limit or not found):
            line = self._lines.popleft()
            size += len(line.data)
            found.append(line)
        self.size -= size
        self.taken += len(found)
        return found

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self._lines and not self._heard

    # -- what passes --------------------------------------------------------------------------

    def client(self, frame: str | bytes, /) -> None:
        """A frame that goes out: here for the sound, which makes no events."""
        data = frame.encode() if isinstance(frame, str) else frame
        if b'"input_audio_buffer.append"' not in data[:200]:
            return
        if self._audio:
            self._put(entry("c2s", bytes(data)), urgent=False)
            return
        start = data.find(b'"audio":"', 0, 300)
        if start >= 0:
            sound = data.rfind(b'"') - start - 9
            padding = data.count(b"=", -5)
            self._hear(Heard(way="in", size=max(0, sound * 3 // 4 - padding)))

    def server(self, frame: str | bytes, /) -> None:
        """Nothing: what comes in is an event."""

    def closed(
        self, code: int | None, reason: str | None, /, *, by: Literal["client", "server"] | None
    ) -> None:
        """Nothing: the end of the session is an event."""

    def _received(self, event: Event) -> None:
        if not self._opened:
            self._opened = True
            self.note("opened", address=self._core.address, keep_items=self._core.keep_items)
        if isinstance(event, ResponseOutputAudioDelta) and not self._audio:
            self._hear(
                Heard(
                    way="out",
                    size=audio_size(event.delta),
                    response_id=_text(event.response_id),
                    item_id=_text(event.item_id),
                    output_index=_number(event.output_index),
                    content_index=_number(event.content_index),
                )
            )
            return
        ends = isinstance(event, (ResponseOutputItemDone, ResponseDone))
        calls = self.progress.calls() if ends else set[str]()
        self.progress.received(event)
        raw = self._in_our_form(event) or event.raw or b"{}"
        if isinstance(event, _SECRETIVE):
            raw = _without_keys(raw)
        kind = str(getattr(event, "type", ""))
        self._put(entry("s2c", raw), urgent=not kind.endswith(".delta"))
        for call_id in self.progress.calls() - calls if ends else ():
            self._calls[call_id] = self.count

    def _sent(self, event: Event) -> None:
        if isinstance(event, UnknownEvent) or not isinstance(event, ClientEvent):
            return
        self.progress.sent(event)
        ours = isinstance(self._core.codec, Dialect)
        raw = REALTIME.encode(event, checked=True) if ours else event.raw
        raw = raw or self._core.codec.encode(event, checked=True)
        if isinstance(event, _SECRETIVE):
            raw = _without_keys(raw)
        if isinstance(event, ConversationItemCreate) and not self._audio:
            raw = _without_sound(raw)
        self._put(entry("c2s", raw), urgent=True)

    def _in_our_form(self, event: Event) -> bytes | None:
        """The frame of an event that a server of another dialect writes in its own form: who reads
        the log need not know that server. ``None`` for an event that is in ours."""
        if not isinstance(self._core.codec, Dialect):
            return None
        if isinstance(event, (SessionCreated, SessionUpdated)):
            described = self._core.codec.session(event)
            data = {"type": event.type, "event_id": "", "session": plain(described)}
            return json.dumps(data, separators=(",", ":")).encode()
        if isinstance(event, UnknownEvent) or event.raw is None:
            return None
        return REALTIME.encode(event, checked=True)

    def _closed(self, event: ConnectionClosed) -> None:
        self.note(
            "closed",
            code=event.code, reason=event.reason, clean=event.clean, expected=event.expected,
        )  # fmt: skip

    def _asks(self, turn: ResponseState) -> None:
        """A response is asked for: until it is sent, only this tells of it."""
        if turn.asked is None or turn.done:
            return
        self._asked += 1
        items = [item for item in turn.items if isinstance(item, ConversationItemCreate)]
        outbox = self._core.outbox
        if turn.sent and len(outbox) > 1 and isinstance(outbox[-2], ConversationItemCreate):
            items = [outbox[-2]]  # it is on its way with the request
        asked = Asked(number=self._asked, event=turn.asked, items=items, token=turn.token)
        number = asked.number
        self.progress.ask(asked)
        self.note(
            "asked",
            number=number, event=turn.asked.to_dict(), token=turn.token,
            items=[item.to_dict() for item in items],
        )  # fmt: skip

        def changed() -> None:
            if turn.done and number in self.progress.asked:
                self.progress.withdraw(number)
                self.note("withdrawn", number=number)

        turn.subscribe(changed)

    # -- the buffer ---------------------------------------------------------------------------

    def _hear(self, heard: Heard) -> None:
        before = self._heard.get(heard.way)
        if before is not None and before.goes_on(heard):
            before.size += heard.size
            return
        if before is not None:
            self._seal(heard.way)
        self._heard[heard.way] = heard
        self._woken(False)

    def _seal(self, *ways: str) -> None:
        """Write down the sound that was counted."""
        for way in ways or tuple(self._heard):
            heard = self._heard.pop(way, None)
            if heard is not None:
                self._add(heard.entry())

    def _put(self, line: Entry, *, urgent: bool) -> None:
        if urgent and self._heard:
            self._seal()  # what ends a sound comes after it
        self._add(line)
        self._woken(urgent)

    def _add(self, line: Entry) -> None:
        self._lines.append(line)
        self.size += len(line.data)
        while self.size > self._limit and self._lines:
            oldest = self._lines.popleft()
            self.size -= len(oldest.data)
            self.taken += 1
            self.dropped += 1


def _without_keys(frame: bytes) -> bytes:
    try:
        value = json.loads(frame)
    except ValueError:  # what it is, the codec has told
        return frame
    cleaned = redact(value)
    return frame if cleaned is value else json.dumps(cleaned, separators=(",", ":")).encode()


def _without_sound(frame: bytes) -> bytes:
    if b'"audio"' not in frame:
        return frame
    value: Any = json.loads(frame)
    parts: list[Any] = value.get("item", {}).get("content") or []
    for part in parts:
        if isinstance(part.get("audio"), str):
            part["audio"] = ""
    return json.dumps(value, separators=(",", ":")).encode()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
