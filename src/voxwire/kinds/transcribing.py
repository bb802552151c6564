"""A transcription session: sound goes in, lines of text come out. Nobody answers here.

This module knows when a line is to be ended and when all lines have come. How lines are put
together is for ``lines``, what the session is for ``settings``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Unpack

from voxwire_protocol import Event, SessionUpdate, TranscriptionSession

from ..audio.converting import silence
from ..audio.formats import PCM16, Format, format_of
from ..core import log
from ..errors import InvalidOption, WaitTimeout
from ..sending import Hearing
from ..session import Live
from ..uplink import MIN_COMMIT_MS
from .lines import EVENTS, Line, Lines
from .meanwhile import Meanwhile
from .settings import TranscriptionOptions, transcription_session
from .sources import SoundSource, sound_of

__all__ = ["Transcriber"]

ANSWER_SECONDS = 5.0
"""How long a server may take to say that it has changed the session."""


class Transcriber(Hearing, Live):
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
        segment_ms: int = 10_000,
        settle: float = 1.0,
        patience: float = 30.0,
    ) -> AsyncIterator[Line]:
        """Send sound, and give the lines of text as they come, in the order of speech.

        It ends when the sound does and all lines have come. With turn detection, the server finds
        the lines, and a little silence is sent behind the sound so that the last one ends. Without,
        the sound is cut into lines of equal length.

        Args:
            source: the path of a WAV file, sound in the session's format, or what gives pieces of
                it, such as a microphone.
            segment_ms: how long a line is where there is no turn detection.
            settle: seconds without news after which a server that finds the lines by itself counts
                as having found all.
            patience: seconds to wait for a line that has begun and does not come.

        Raises:
            InvalidOption: another transcription runs, or the source is no sound.
            ServerError: the server refused what was sent.
            ConnectionClosedError: the session ended before all was written.
        """
        if self._busy:
            raise InvalidOption("one transcribe() at a time: wait for its end, or connect again")
        if segment_ms < MIN_COMMIT_MS:
            raise InvalidOption(f"segment_ms={segment_ms}: a line has at least {MIN_COMMIT_MS} ms")
        self._busy = True
        lines = Lines()
        manual = self._settings("turn_detection") is None
        stream = self.stream(*EVENTS, limit=65_536)
        feed = self._cut(source, lines, segment_ms) if manual else self._flow(source)
        meanwhile = Meanwhile(stream, asyncio.create_task(feed, name="voxwire transcribe"))
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

    async def _cut(self, source: SoundSource, lines: Lines, segment_ms: int) -> None:
        """Send it in lines of equal length."""
        form = self._format
        begun = sent = 0
        segment = form.size(ms=segment_ms)

        async def commit() -> None:
            nonlocal begun, sent
            short = form.size(ms=MIN_COMMIT_MS) - (sent - begun)
            if short > 0:
                await self.append_audio(silence(form.ms(short) + 1, form))
            lines.cut(form.ms(begun), form.ms(sent))
            receipt = await self.commit_audio()
            begun = sent
            await receipt.acknowledged(ANSWER_SECONDS)

        async for piece in sound_of(source, form):
            view = memoryview(piece)
            while view:
                part = view[: segment - (sent - begun)]
                await self.append_audio(part)
                sent += len(part)
                view = view[len(part) :]
                if sent - begun == segment:
                    await commit()
        if sent > begun:
            await commit()

    @property
    def _format(self) -> Format:
        return format_of(self.session, "input", default=PCM16)
