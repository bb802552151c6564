"""One connection of a recording, taken in entry by entry, and what it amounts to so far.

Frames go through the codec and the conversation's cache, as in a live session; what they say in
time goes to the modules that measure. It opens no file, and knows no page.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
import voxwire_protocol as p

from ..conversation.item_state import peek, string
from ..conversation.pricing import Price, SessionUsage
from ..errors import RecordingError
from ..protocol.codec import Codec
from ..protocol.redaction import redact
from ..recording.frames import Close, Entry, Frame, Meta, begins
from ..recording.frames import read as entries_of
from ..recording.reader import CODECS, Family, told_by
from .audio_clips import AudioClips
from .bars import bars
from .clock import Clock
from .event_rows import raw_of_close, raw_of_frame, raw_of_meta, safe_text
from .findings import Findings
from .labels import in_short, summary, where_of
from .model import Finding, Level, Report, Row, Session
from .response_timings import timings
from .tiles import tiles
from .timeline import Timeline, id_of, response_of
from .turns import Note, Source, tool_failure

__all__ = ["Connections", "Read", "Reading", "read_all"]


_GAP = 0.2
"""Seconds for which an answer may stand still before it is a finding."""
_UNTOLD = 0.5
"""Seconds of an answer that may be left unheard without the server being told."""


class Reading:
    """Reads one connection.

    Args:
        family: which of the two protocols it speaks.
        number: which entry of the file it begins with, from 1.
        sound: whether the sound is kept, for a page to play.
        prices: prices of one's own by model.
    """

    def __init__(
        self,
        family: Family = "realtime",
        *,
        number: int = 1,
        sound: bool = True,
        prices: Mapping[str, Price] | None = None,
    ) -> None:
        self.family: Family = family
        self.rows: list[Row] = []
        self.shelf = AudioClips(sound)
        self._codec: Codec = CODECS[family]
        self._number = number
        self._prices = prices
        self._clock = Clock()
        self._moments = Timeline(self.shelf)
        self._findings = Findings()
        self._about: list[tuple[str, str]] = []
        self._closed: Close | None = None
        self._ours = False
        self._sent = self._received = 0

    @property
    def length(self) -> float:
        """Seconds of sound in it, kept or not."""
        voices = self._moments.listener.voices.values()
        return self._moments.spoken.seconds + sum(voice.received for voice in voices)

    def take(self, entry: Entry) -> Row:
        """Take an entry in. Never raises for what it holds."""
        if isinstance(entry, Frame):
            row = self._frame(entry)
        else:
            row = self._close(entry) if isinstance(entry, Close) else self._meta(entry)
        self.rows.append(row)
        return row

    def session(self, *, finished: bool = True) -> Session:
        """What it amounts to, up to here."""
        moments = self._moments
        usage: dict[str, Any] = redact(self._usage().to_dict(self._prices))
        used = {e["id"]: e for e in usage["entries"] if e["kind"] == "response"}
        known = {running.id: running.frozen() for running in moments.exchanges.known.values()}
        source = Source(
            order=moments.cache.conversation.items,
            exchanges=known,
            listener=moments.listener,
            clips=moments.spoken.clips,
            used=used,
            unconfirmed=list(moments.created),
        )
        turns = [*moments.notes.turns(source), *moments.translated.turns()]
        if not self._clock.timed:
            turns = [attrs.evolve(turn, latencies={}) for turn in turns]
        if self.family == "translation":
            turns.sort(key=lambda turn: turn.at)
        over = finished or self._closed is not None
        drawn = bars(
            moments.notes.known,
            turns,
            known,
            moments.listener,
            moments.started,
            self._clock,
        )
        duration = round(max([self._clock.now, *(bar.end for bar in drawn)]), 4)
        timed = self._clock.timed
        times = timings(turns) if timed else []
        found = self._found(over)
        return Session(
            title=self._title(),
            facts=self._facts(),
            timed=timed,
            finished=over,
            duration=duration,
            sent=self._sent,
            received=self._received,
            tiles=tiles(
                duration=duration,
                timed=timed,
                frames=(self._sent, self._received),
                turns=turns,
                timings=times,
                usage=usage,
                findings=found,
            ),
            turns=turns,
            bars=drawn,
            waves={
                "user": moments.spoken.all_waves(),
                "model": moments.listener.waves(),
            },
            exchanges=list(known.values()),
            timings=times,
            findings=found,
            usage=usage,
            sounds=self.shelf.infos(),
            rows=self.rows,
        )

    # --- entries -----------------------------------------------------------------------------

    def _frame(self, frame: Frame) -> Row:
        sent, data = frame.dir == "c2s", frame.data
        event = (self._codec.decode_client if sent else self._codec.decode)(data)
        sound = _sound_of(event)
        rate = (
            self._moments.spoken.format if sent else self._moments.output_of(event)
        ).bytes_per_second
        length = len(sound) / rate
        at, ends = self._clock.frame(frame.t, length)
        number = self._number + len(self.rows)
        level: Level | None = None
        if not sound:
            # Frames of sound come by the hundred thousand, and hold nothing else.
            level = self._findings.frame(frame, event, self._codec, at, number)
        if sent:
            self._sent += 1
            self._moments.sent(at, ends, number, event, sound)
        else:
            self._received += 1
            self._moments.received(at, number, event, sound)
        return Row(
            n=number,
            at=round(at, 4),
            dir="sent" if sent else "received",
            type=safe_text(frame.type or "") or "(no type)",
            text=safe_text(summary(event, length)),
            size=_size(data, frame),
            audio=round(length, 4),
            level=level,
            item=id_of(event),
            response=response_of(event),
            raw=raw_of_frame(frame),
        )

    def _close(self, close: Close) -> Row:
        at = self._clock.note(close.t)
        number = self._number + len(self.rows)
        self._closed = close
        level = self._findings.close(close, at, number)
        code = "without a close frame" if close.code is None else str(close.code)
        by = f" by the {close.by}" if close.by else ""
        text = safe_text(f"{code}{by} {close.reason or ''}".strip())
        raw = raw_of_close(close)
        return Row(n=number, at=at, dir="closed", type="close", text=text, level=level, raw=raw)

    def _meta(self, meta: Meta) -> Row:
        at = self._clock.note(meta.t)
        self._ours = self._ours or "format" in meta.fields
        raw = raw_of_meta(meta)
        url, created = meta.fields.get("url"), meta.fields.get("created")
        where = ""
        if isinstance(url, str):
            where, model = where_of(url)
            self._about += [("Server", where), ("Model asked for", model)]
        if isinstance(created, str):
            self._about.insert(0, ("Begun", safe_text(created)))
        number = self._number + len(self.rows)
        return Row(n=number, at=at, dir="note", type="meta", text=where, raw=raw)

    # --- what it amounts to ------------------------------------------------------------------

    def _usage(self) -> SessionUsage:
        heard = peek(peek(self._moments.session, "audio"), "input")
        transcription = peek(heard, "transcription") or peek(
            self._moments.session, "input_audio_transcription"
        )
        conversation = self._moments.cache.conversation
        return SessionUsage.of(
            conversation.usage,
            conversation.spent,
            model=string(peek(self._moments.session, "model")),
            transcription_model=string(peek(transcription, "model")),
        )

    def _title(self) -> str:
        model = string(peek(self._moments.session, "model"))
        return safe_text(model or dict(self._about).get("Model asked for") or self.family)

    def _facts(self) -> list[tuple[str, str]]:
        facts = dict(self._about) | self._moments.facts
        if facts.get("Model"):
            facts.pop("Model asked for", None)
        return [(label, safe_text(value)) for label, value in facts.items() if value]

    def _found(self, over: bool) -> list[Finding]:
        extra: list[tuple[Level, str, str, float, int]] = []
        voices = self._moments.listener.voices
        outputs = {
            note.item.call_id: (note.item.output, note.first)
            for note in self._moments.notes.known.values()
            if note.item is not None and note.item.type == "function_call_output"
        }
        for note in self._moments.notes.known.values():
            voice = voices.get(note.id)
            late = [gap for gap in voice.gaps if gap[1] >= _GAP] if voice is not None else []
            if late and self._clock.timed:
                text = "the next sound of an answer came late: playing it stood still"
                extra.append(("warning", "Gap", text, late[0][0], note.last))
            told = note.cut_at is not None or (voice is not None and voice.known)
            deleted = note.item is not None and note.item.deleted
            if note.left >= _UNTOLD and over and not told and not deleted:
                text = (
                    "the user spoke into an answer, and the server was not told how much of it was "
                    "heard (conversation.item.truncate)"
                )
                extra.append(("note", "Not told", text, note.interrupted_at or 0.0, note.last))
            if note.called is not None and note.answered is None and over:
                text = f"{_name(note)} was never answered"
                extra.append(("note", "Tool", text, note.at, note.last))
            if note.item is not None and note.item.type in ("function_call", "mcp_call"):
                output, row = outputs.get(note.item.call_id or "", (note.item.output, note.last))
                if (why := tool_failure(note.item, output)) is not None:
                    text = in_short(f"{_name(note)} failed: {why}")
                    extra.append(("error", "Tool", text, note.answered or note.latest, row))
        return self._findings.all(extra)


def _name(note: Note) -> str:
    return (note.item.name if note.item is not None else None) or "a tool"


def _sound_of(event: p.Event) -> bytes:
    """The sound that an event carries; nothing where it is no base64."""
    match event:
        case p.InputAudioBufferAppend() | p.SessionInputAudioBufferAppend():
            return event.audio_bytes
        case p.ResponseOutputAudioDelta() | p.SessionOutputAudioDelta():
            return event.audio
        case _:
            return b""


def _size(data: str | bytes, frame: Frame) -> int:
    """Bytes on the wire, the sound among them that was left out of the recording."""
    size = len(data.encode("utf-8", "surrogatepass")) if isinstance(data, str) else len(data)
    left_out: list[Any] = list(frame.left_out.values())
    return size + sum(count for count in left_out if type(count) is int)


_DECIDING = 20
"""Frames after which the family of a connection is taken for told."""


class Connections:
    """The connections of a recording, while its entries are taken in one by one.

    Which family a connection is of, its first frames tell: until then its entries wait. One in
    which nothing was ever said is left out.

    Args:
        sound: whether to keep the sound, for a page to play.
        prices: prices of one's own by model.
    """

    def __init__(self, *, sound: bool = True, prices: Mapping[str, Price] | None = None) -> None:
        self.readings: list[Reading] = []
        self.count = 0
        """Entries so far."""
        self._sound = sound
        self._prices = prices
        self._waiting: list[Entry] | None = []
        self._closed = False

    def take(self, entry: Entry) -> None:
        """Take the next entry."""
        if begins(entry, closed=self._closed):
            self.settle()
            self._waiting, self._closed = [], False
        self._closed = self._closed or isinstance(entry, Close)
        self.count += 1
        if self._waiting is None:
            self.readings[-1].take(entry)
            return
        self._waiting.append(entry)
        frames = sum(isinstance(one, Frame) for one in self._waiting)
        if frames and (frames >= _DECIDING or told_by(self._waiting) is not None):
            self.settle()

    def settle(self) -> None:
        """No more will come of what waits."""
        waiting = self._waiting
        if waiting is None or all(isinstance(one, Meta) for one in waiting):
            return
        reading = Reading(
            told_by(waiting) or "realtime",
            number=self.count - len(waiting) + 1,
            sound=self._sound,
            prices=self._prices,
        )
        self._waiting = None
        self.readings.append(reading)
        for one in waiting:
            reading.take(one)


@attrs.frozen(kw_only=True)
class Read:
    """A recording that was read, connection by connection."""

    source: str
    readings: list[Reading]

    def report(self) -> Report:
        """What is in it."""
        return Report(source=self.source, sessions=[one.session() for one in self.readings])


def read_all(
    source: str | os.PathLike[str] | Iterable[Entry],
    *,
    name: str | None = None,
    sound: bool = True,
    prices: Mapping[str, Price] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Read:
    """Read a recording: its path, or its entries.

    Args:
        name: what it is called; the file's name if it is a file.
        sound: whether to keep the sound, for a page to play.
        prices: prices of one's own by model.
        progress: is told how many entries were read, now and then.

    Raises:
        RecordingError: it is no recording, or it holds nothing.
    """
    if isinstance(source, str | os.PathLike):
        name = name or Path(source).name
        source = entries_of(source)
    name = name or "recording"
    connections = Connections(sound=sound, prices=prices)
    for one in source:
        connections.take(one)
        if progress is not None and connections.count % 500 == 0:
            progress(connections.count)
    connections.settle()
    if not connections.readings:
        raise RecordingError(f"{name}: there is nothing in it")
    return Read(source=name, readings=connections.readings)
