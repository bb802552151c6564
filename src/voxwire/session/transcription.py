"""What was said, line by line, put together from the events of a transcription.

Transcripts come in any order; lines are given in the order in which they were spoken. This module
takes events and gives lines. It sends nothing and waits for nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any, Unpack

import attrs
from voxwire_protocol import (
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionDelta,
    ConversationItemInputAudioTranscriptionFailed,
    ConversationItemInputAudioTranscriptionSegment,
    Event,
    InputAudioBufferCommitted,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    SessionUpdate,
    TranscriptionError,
    TranscriptionSession,
)

from ..audio.convert import silence
from ..audio.segments import Cut, FixedSegmenter, PauseSegmenter, Segmenter
from ..errors import InvalidOption, WaitTimeout
from ..protocol.audio_format import PCM16, Format, format_of
from ..protocol.dialect import early_transcript
from .core import log
from .input_audio import MIN_COMMIT_MS
from .media_options import TranscriptionOptions, transcription_session
from .media_session import SoundSource, WhileSending, sound_of
from .sender import Hearing
from .session import BaseSession

__all__ = ["EVENTS", "Transcriber", "TranscriptLine", "TranscriptLines"]


EVENTS = (
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    InputAudioBufferCommitted,
    ConversationItemInputAudioTranscriptionDelta,
    ConversationItemInputAudioTranscriptionSegment,
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionFailed,
)
"""What lines are made of."""


@attrs.frozen(kw_only=True)
class TranscriptLine:
    """What was said in one go."""

    item_id: str
    """The item of the session that it is about."""
    text: str
    """What was said; what there is of it, where `error` is set."""
    start_ms: int | None = None
    """Where it begins in the sound that was sent; ``None`` where the server does not tell."""
    end_ms: int | None = None
    """Where it ends."""
    languages: tuple[str, ...] = ()
    """What was spoken, where the model tells."""
    segments: tuple[ConversationItemInputAudioTranscriptionSegment, ...] = ()
    """Who said what, where the model tells speakers apart."""
    usage: Any = None
    """What writing it has used; ``None`` where the server does not tell."""
    error: TranscriptionError | None = None
    """Why it could not be written."""


@attrs.define
class _Draft:
    item_id: str
    start_ms: int | None = None
    end_ms: int | None = None
    text: str = ""
    unsure: bool = False
    segments: list[ConversationItemInputAudioTranscriptionSegment] = attrs.Factory(
        list[ConversationItemInputAudioTranscriptionSegment]
    )
    committed: bool = False
    line: TranscriptLine | None = None


class TranscriptLines:
    """The lines of one transcription."""

    def __init__(self) -> None:
        self._drafts: dict[str, _Draft] = {}  # in the order in which they were spoken
        self._cuts: deque[Cut] = deque()
        self._given: set[str] = set()

    @property
    def pending(self) -> int:
        """How many lines have begun and are not given yet."""
        return len(self._drafts)

    def cut(self, cut: Cut) -> None:
        """A segment is committed by the client: the next item that has no time of its own."""
        self._cuts.append(cut)

    def apply(self, event: Event) -> None:
        """Take an event."""
        match event:
            case InputAudioBufferSpeechStarted():
                draft = self._draft(event.item_id)
                if draft is not None:
                    draft.start_ms = event.audio_start_ms
            case InputAudioBufferSpeechStopped():
                draft = self._draft(event.item_id)
                if draft is not None:
                    draft.end_ms = event.audio_end_ms
            case InputAudioBufferCommitted():
                draft = self._draft(event.item_id)
                if draft is not None and not draft.committed:
                    draft.committed = True
                    if self._cuts:  # these count, whatever a server reports of speech in between
                        cut = self._cuts.popleft()
                        draft.start_ms, draft.end_ms = cut.start_ms, cut.end_ms
                        draft.unsure = not cut.speech
            case ConversationItemInputAudioTranscriptionDelta(delta=str(delta)):
                draft = self._draft(event.item_id)
                if draft is not None:
                    draft.text += delta
            case ConversationItemInputAudioTranscriptionSegment():
                draft = self._draft(event.item_id)
                if draft is not None:
                    draft.segments.append(event)
            case ConversationItemInputAudioTranscriptionCompleted() if early_transcript(event):
                draft = self._draft(event.item_id)
                if draft is not None and isinstance(event.transcript, str):
                    draft.text = event.transcript
            case ConversationItemInputAudioTranscriptionCompleted():
                self._end(
                    event.item_id,
                    text=event.transcript if isinstance(event.transcript, str) else None,
                    languages=tuple(one.code for one in event.languages or ()),
                    usage=event.usage or None,
                )
            case ConversationItemInputAudioTranscriptionFailed():
                self._end(event.item_id, error=event.error)
            case _:
                pass

    def take(self) -> list[TranscriptLine]:
        """The lines that are ready, none of them before one that was spoken earlier. Where the
        client was not sure that there is speech and the server finds none, there is no line."""
        ready: list[TranscriptLine] = []
        for item_id, draft in list(self._drafts.items()):
            if draft.line is None:
                break
            del self._drafts[item_id]
            self._given.add(item_id)
            if draft.line.text or draft.line.error is not None or not draft.unsure:
                ready.append(draft.line)
        return ready

    def _draft(self, item_id: str) -> _Draft | None:
        if item_id in self._given:  # something late about a line that is out
            return None
        return self._drafts.setdefault(item_id, _Draft(item_id))

    def _end(self, item_id: str, *, text: str | None = None, **about: Any) -> None:
        draft = self._draft(item_id)
        if draft is not None:
            draft.line = TranscriptLine(
                item_id=item_id,
                text=(draft.text if text is None else text).strip(),
                start_ms=draft.start_ms,
                end_ms=draft.end_ms,
                segments=tuple(draft.segments),
                **about,
            )


SHORTEST_LIMIT_MS = 1_000
"""The least that the longest line may be: it takes some speech to find a quiet place in it."""
ANSWER_SECONDS = 5.0
"""How long a server may take to say that it has changed the session."""


class Transcriber(Hearing, BaseSession):
    """A live transcription session: send it sound, and read lines.

    Made by :func:`connect_transcription`. It takes the events that a transcription has:
    ``append_audio``, ``commit_audio``, ``clear_audio`` and ``update``; it has no responses.
    """

    _busy = False

    async def update(self, **options: Unpack[TranscriptionOptions]) -> Event | None:
        """Change the session, and wait for the server to say that it has.

        Returns:
            The ``session.updated`` event; ``None`` where a server sends none within 5 seconds.

        Raises:
            InvalidEvent, InvalidOption: a setting breaks the protocol; nothing was sent.
            ServerError: the server refused, and changed nothing.
        """
        if "model" not in options:
            known = self._settings("transcription", "model")
            if known is not None:
                options = {"model": known, **options}
        return await self.change(transcription_session(**options))

    async def change(self, session: TranscriptionSession) -> Event | None:
        """Like :meth:`update`, with a session object alone, sent as it is."""
        receipt = await self.send(SessionUpdate(session=session))
        if not self._core.acknowledged:
            return None
        try:
            return await receipt.acknowledged(timeout=ANSWER_SECONDS)
        except WaitTimeout:  # some compatible servers do not acknowledge
            log.warning("session.update was not acknowledged within %g s", ANSWER_SECONDS)
            return None

    def _settings(self, *path: str) -> Any:
        place = getattr(getattr(self.session, "audio", None), "input", None)
        for step in path:
            place = getattr(place, step, None)
        return place or None

    async def transcribe(
        self,
        source: SoundSource,
        *,
        segment_ms: int | None = None,
        pause_ms: int = 500,
        longest_ms: int = 20_000,
        settle: float = 1.0,
        patience: float = 30.0,
    ) -> AsyncIterator[TranscriptLine]:
        """Send audio, and give the lines of text as they come, in the order of speech.

        It ends when the audio does and all lines have come. With turn detection, the server finds
        the lines, and a little silence is sent behind the audio so that the last one ends. Without,
        the audio is committed at the pauses of the speaker, which are found here, by loudness;
        silence and steady noise between the lines are not sent.

        Args:
            source: the path of a WAV file, audio in the session's format, or what gives chunks of
                it, such as a microphone.
            segment_ms: without turn detection, send everything and commit lines of this length
                instead, which may cut words.
            pause_ms: without turn detection, the shortest pause that ends a line.
            longest_ms: without turn detection, the longest line; where the speaker makes no pause,
                it ends at the quietest place before.
            settle: seconds without news after which a server that finds the lines by itself counts
                as having found all.
            patience: seconds to wait for a line that has begun and does not come.

        Raises:
            InvalidOption: another transcription runs, the source is no audio, or a length is out of
                range.
            ServerError: the server refused what was sent.
            ConnectionClosedError: the session ended before all was written.
        """
        if self._busy:
            raise InvalidOption("one transcribe() at a time: wait for its end, or connect again")
        segmenter = _segmenter(self._format, segment_ms, pause_ms, longest_ms)
        self._busy = True
        lines = TranscriptLines()
        manual = self._settings("turn_detection") is None
        stream = self.stream(*EVENTS, limit=65_536)
        feed = self._commit(source, lines, segmenter) if manual else self._flow(source)
        meanwhile = WhileSending(stream, asyncio.create_task(feed, name="voxwire transcribe"))
        try:
            while not (meanwhile.sent and manual and not lines.pending):
                waits = None
                if meanwhile.sent:
                    waits = patience if lines.pending else settle
                event = await meanwhile.next(waits)
                if event == "over":
                    self._core.require_open()
                if event == "quiet":
                    break
                if isinstance(event, Event):
                    lines.apply(event)
                for line in lines.take():
                    yield line
            if lines.pending:
                log.warning("%d lines did not come within %g s", lines.pending, patience)
        finally:
            self._busy = False
            await meanwhile.close()

    async def _flow(self, source: SoundSource) -> None:
        """Send all of it; the server finds the lines."""
        form = self._format
        async for piece in sound_of(source, form):
            await self.append_audio(piece)
        detection = self._settings("turn_detection")
        quiet_ms = getattr(detection, "silence_duration_ms", None)
        if not isinstance(quiet_ms, int):
            quiet_ms = 3000  # the end is found by the sense of what is said
        await self.append_audio(silence(quiet_ms + 700, form))
        # An update that changes nothing: its answer comes after all that the sound has led to.
        await self.change(TranscriptionSession())

    async def _commit(self, source: SoundSource, lines: TranscriptLines, cuts: Segmenter) -> None:
        """Send the segments of it, and commit each."""
        form = self._format
        sent = 0

        async def pass_on(segment: bytes | Cut) -> None:
            nonlocal sent
            if not isinstance(segment, Cut):
                await self.append_audio(segment)
                sent += len(segment)
                return
            short = form.size(ms=MIN_COMMIT_MS) - sent
            if short > 0:
                await self.append_audio(silence(form.ms(short) + 1, form))
            lines.cut(segment)
            receipt = await self.commit_audio()
            sent = 0
            await receipt.acknowledged(ANSWER_SECONDS)

        async for chunk in sound_of(source, form):
            for segment in cuts.feed(chunk):
                await pass_on(segment)
        for segment in cuts.end():
            await pass_on(segment)

    @property
    def _format(self) -> Format:
        return format_of(self.session, "input", default=PCM16)


def _segmenter(form: Format, segment_ms: int | None, pause_ms: int, longest_ms: int) -> Segmenter:
    """What ends a line where the server does not."""
    if segment_ms is not None:
        if segment_ms < MIN_COMMIT_MS:
            raise InvalidOption(f"segment_ms={segment_ms}: a line has at least {MIN_COMMIT_MS} ms")
        return FixedSegmenter(segment_ms, form)
    if pause_ms < MIN_COMMIT_MS:
        raise InvalidOption(f"pause_ms={pause_ms}: a pause has at least {MIN_COMMIT_MS} ms")
    if longest_ms < SHORTEST_LIMIT_MS:
        raise InvalidOption(f"longest_ms={longest_ms}: give {SHORTEST_LIMIT_MS} or more")
    return PauseSegmenter(form, pause_ms=pause_ms, longest_ms=longest_ms)
