"""When things happened in one connection: speech, responses, playing, tools, items.

Each event goes to the conversation's cache, as in a live session, and to the modules that measure
one thing each; what has to be known across them is known here. Nothing is worded or listed.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import attrs
import voxwire_protocol as p

from ..conversation.conversation import ConversationTracker
from ..conversation.item_state import number, peek, string
from ..conversation.local_events import ConversationUpdated
from ..protocol.audio_format import PCM16, Format, format_of
from ..protocol.dialect import described, early_transcript
from ..protocol.local_event import LocalEvent
from .audio_clips import AudioClips
from .input_audio import InputAudio
from .labels import facts_of
from .playback_estimate import PlaybackEstimate
from .response_timings import ResponseTimings
from .translation_turns import Translated
from .turns import Note, Notes

__all__ = ["Timeline", "id_of", "response_of"]

_SHOWING = (p.ConversationItemAdded, p.ConversationItemCreated)
_DESCRIBING = (
    p.SessionCreated,
    p.SessionUpdated,
    p.TranslationSessionCreated,
    p.TranslationSessionUpdated,
)
_AUDIO_PIECE = 20.0
"""Seconds of a translation in one sound that is played."""


class Timeline:
    """Follows one connection's events with their times. ``row`` is the number of an entry."""

    def __init__(self, shelf: AudioClips) -> None:
        self.cache = ConversationTracker()
        self.notes = Notes()
        self.exchanges = ResponseTimings()
        self.translated = Translated()
        self.spoken = InputAudio(shelf)
        self.listener = PlaybackEstimate(shelf)
        self.created: deque[tuple[float, int, Any]] = deque()
        """What the client sent of items, until the server shows them: when, entry, item."""
        self.started: dict[str, float] = {}
        """Speech that goes on: item -> since when."""
        self.session: Any = None
        """The session as the server last described it."""
        self.facts: dict[str, str] = {}
        """What is worth knowing of it, by label."""
        self._beside = (
            ConversationTracker()
        )  # responses that are in no conversation, in one of their own
        self._output = PCM16
        self._formats: dict[str, Format] = {}
        self._commits: deque[float] = deque()
        self._idle: set[str] = set()  # items of silence after which a server asked by itself
        self._spoke_at = 0.0  # when the server last heard the user begin

    def sent(self, at: float, ends: float, row: int, event: p.Event, sound: bytes) -> None:
        """An event that the client sent, with the sound in it, which was spoken until ``ends``."""
        self.exchanges.sent(at, event)
        self._tell(self.cache.apply(event, sent=True), at, row)
        match event:
            case p.InputAudioBufferAppend() | p.SessionInputAudioBufferAppend():
                self.spoken.append(ends, sound)
            case p.InputAudioBufferCommit():
                self._commits.append(at)
            case p.ConversationItemCreate(item=item):
                self.created.append((at, row, item))
                call = self._call(string(peek(item, "call_id")))
                if call is not None and call.answered is None:
                    call.answered = at
            case p.ConversationItemTruncate():
                self._cut(event.item_id, number(event.audio_end_ms) / 1000, at, row)
            case p.ConversationItemDelete(item_id=str(id)):
                self.listener.delete(id)
            case _:
                pass

    def received(self, at: float, row: int, event: p.Event, sound: bytes) -> None:
        """An event that the server sent, with the sound in it."""
        if isinstance(event, p.ConversationItemTruncated):
            self._cut(event.item_id, number(event.audio_end_ms) / 1000, at, row, by_server=True)
        self._hear_user(at, row, event)
        self.exchanges.received(at, event)
        self._tell(self.cache.apply(event), at, row)
        self._take_aside(at, row, event)
        self.translated.received(at, row, event)
        if isinstance(event, _DESCRIBING):
            self._describe(described(event))
        elif isinstance(event, p.ResponseCreated):
            id = _id(peek(event.response, "id"))
            if id is not None:
                self._formats[id] = format_of(event.response, default=self._output)
        elif isinstance(event, p.ResponseOutputAudioDelta):
            id, response = _id(event.item_id), _id(event.response_id)
            if id is not None and sound:
                self.listener.hear(at, id, response, sound, self.output_of(event))
        elif isinstance(event, p.SessionOutputAudioDelta) and sound:
            voices = self.listener.voices
            last = voices.get(f"translation-{len(voices)}")
            count = len(voices) + (last is None or last.received > _AUDIO_PIECE)
            self.listener.hear(at, f"translation-{count}", None, sound, self.output_of(event))
        elif isinstance(event, p.ResponseDone):
            self._end_of_response(at, event.response)
        elif isinstance(event, p.OutputAudioBufferStarted):
            self.listener.call(at, response_of(event), plays=True)
        elif isinstance(event, p.OutputAudioBufferStopped):
            self.listener.call(at, response_of(event), plays=False)
        elif isinstance(event, p.OutputAudioBufferCleared):
            self.listener.call(at, response_of(event), plays=False, cut=True)
            self.listener.stop(at)
        self._touch(at, row, event)

    def _hear_user(self, at: float, row: int, event: p.Event) -> None:
        """Where the user's speech begins and ends, on the clock of the recording."""
        match event:
            case p.InputAudioBufferSpeechStarted(item_id=str(id)):
                if not self.cache.appended.manual:  # else the commit says when that was
                    begin = self.spoken.when(number(event.audio_start_ms) / 1000)
                    self.started[id] = at if begin is None else min(begin, at)
                self.notes.touch(id, at, row)
                self._spoke_at = at
                playing = self.listener.playing(at)
                if playing is not None and (heard := self.notes.known.get(playing.id)):
                    heard.interrupted_at, heard.left = at, playing.left_at(at)
            case p.InputAudioBufferSpeechStopped(item_id=str(id)) if (
                id in self.started or not self.cache.appended.manual
            ):
                end = self.spoken.when(number(event.audio_end_ms) / 1000)
                self._spoke(id, at if end is None else min(end, at), at, row)
            case p.InputAudioBufferTimeoutTriggered(item_id=str(id)):
                self._idle.add(id)
            case p.InputAudioBufferCommitted(item_id=str(id)) if id in self._idle:
                self.notes.touch(id, at, row)  # nobody spoke: there is nothing to wait for
            case p.InputAudioBufferCommitted(item_id=str(id)):
                sent = self._commits.popleft() if self._commits else at
                note = self.notes.touch(id, at, row)
                if note.speech is None:
                    self._spoke(id, sent, at, row)
            case p.InputAudioBufferCommitted():
                self.exchanges.speech_ended(self._commits.popleft() if self._commits else at)
            case p.ErrorEvent(error=error) if self._commits:
                if peek(error, "code") == "input_audio_buffer_commit_empty":
                    self._commits.popleft()
            case p.ConversationItemInputAudioTranscriptionCompleted(item_id=str(id)):
                note = self.notes.touch(id, at, row)
                if note.transcribed is None and not early_transcript(event):
                    note.transcribed = at
            case _:
                pass

    def _spoke(self, id: str, end: float, at: float, row: int) -> None:
        note = self.notes.touch(id, at, row)
        begin = self.started.pop(id, None)
        note.speech = (end if begin is None else min(begin, end), end)
        self.exchanges.speech_ended(end)

    def _cut(
        self, id: object, place: float, at: float, row: int, *, by_server: bool = False
    ) -> None:
        """An item was truncated: what was said of it before is gone after this."""
        if not isinstance(id, str):
            return
        item = self.cache.conversation.get(id)
        note = self.notes.known.get(id)
        if item is not None and note is not None and not note.said:
            note.said = item.transcript or ""
            if not by_server:
                note.cut_at = at
        self.listener.truncate(at, id, place)

    def _end_of_response(self, at: float, response: object) -> None:
        if peek(response, "status") == "cancelled":
            why = string(peek(peek(response, "status_details"), "reason"))
            stopped = self._spoke_at if why == "turn_detected" else at
            self.listener.stop(min(at, stopped), _id(peek(response, "id")))

    def _take_aside(self, at: float, row: int, event: p.Event) -> None:
        """What belongs to a response beside the conversation goes into one of its own."""
        id = response_of(event)
        running = self.exchanges.known.get(id or "")
        if running is None or not running.aside:
            return
        response: Any = peek(event, "response")
        if isinstance(response, p.RealtimeResponse) and isinstance(
            event, p.ResponseCreated | p.ResponseDone
        ):
            event = attrs.evolve(event, response=attrs.evolve(response, conversation_id=p.UNSET))
        self._tell(self._beside.apply(event), at, row, aside=True)

    def _tell(self, told: list[LocalEvent], at: float, row: int, *, aside: bool = False) -> None:
        for change in told:
            if isinstance(change, ConversationUpdated):
                note = self.notes.touch(change.item.id, at, row)
                note.item, note.aside = change.item, aside
                note.latest = at if change.item.role != "user" else note.latest
                note.response = note.response or change.item.response_id
                self._begin_of(note)

    def _begin_of(self, note: Note) -> None:
        """Where speech began that nobody told the beginning of: it was committed by hand."""
        if note.speech is None or note.item is None or note.speech[0] < note.speech[1]:
            return
        starts = [p.audio_start_ms for p in note.item.content if p.audio_start_ms is not None]
        begin = self.spoken.when(starts[0] / 1000) if starts else None
        if begin is not None:
            note.speech = (min(begin, note.speech[1]), note.speech[1])

    def _touch(self, at: float, row: int, event: p.Event) -> None:
        """Which items an event is about, and what the client had sent to make them."""
        id = id_of(event)
        if id is None:
            return
        if isinstance(event, _SHOWING):
            sent = self._claim(event.item)
            shown = self.notes.touch(id, at, row)
            if sent is not None:
                shown.at, shown.first = min(shown.at, sent[0]), min(shown.first, sent[1])
            return
        note = self.notes.known.get(id)
        if note is None:
            return
        note.last = row
        if isinstance(event, p.ResponseFunctionCallArgumentsDone | p.ResponseOutputItemDone):
            is_call = note.item is not None and note.item.type == "function_call"
            if is_call and note.called is None:
                note.called = at

    def _claim(self, item: object) -> tuple[float, int, Any] | None:
        """What the client sent to make an item: by its id, else the first that looks the same."""
        for sent in self.created:
            id = peek(sent[2], "id")
            same = all(peek(sent[2], name) == peek(item, name) for name in ("type", "call_id"))
            if id == peek(item, "id") if id else same:
                self.created.remove(sent)
                return sent
        return None

    def _call(self, call_id: str | None) -> Note | None:
        if call_id is None:
            return None
        for note in reversed(self.notes.known.values()):
            item = note.item
            if item is not None and item.type == "function_call" and item.call_id == call_id:
                return note
        return None

    def output_of(self, event: p.Event) -> Format:
        """The format of the model's sound in an event."""
        if isinstance(event, p.SessionOutputAudioDelta):
            rate = event.sample_rate
            known = isinstance(rate, int) and not isinstance(rate, bool) and 0 < rate < 1 << 20
            return Format("audio/pcm", rate) if known and isinstance(rate, int) else self._output
        return self._formats.get(_id(peek(event, "response_id")) or "", self._output)

    def _describe(self, session: Any) -> None:
        self.session = session
        # What no server takes back, and not every one repeats.
        kept = {label: self.facts[label] for label in ("Model", "Voice") if label in self.facts}
        self.facts = kept | dict(facts_of(session))
        self._output = format_of(session, "output", default=PCM16)
        self.spoken.format = format_of(session, "input", default=PCM16)


def id_of(event: object) -> str | None:
    """The id of the item that an event is about."""
    return _id(peek(event, "item_id")) or _id(peek(peek(event, "item"), "id"))


def response_of(event: object) -> str | None:
    """The id of the response that an event is about."""
    return _id(peek(event, "response_id")) or _id(peek(peek(event, "response"), "id"))


def _id(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
