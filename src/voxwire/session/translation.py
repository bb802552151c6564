"""A translation session: speech goes in, speech and text in another language come out.

This module knows that sound has to go on without a gap, and how the end is said. There are no
items, responses or turns here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Unpack

import attrs
import pybase64
from voxwire_protocol import (
    UNSET,
    Event,
    SessionClose,
    SessionClosed,
    SessionInputAudioBufferAppend,
    SessionInputTranscriptDelta,
    SessionOutputAudioDelta,
    SessionOutputTranscriptDelta,
    TranslationSession,
    TranslationSessionChanges,
    TranslationSessionUpdate,
)

from ..audio.pacing import Clock, Pacer
from ..errors import ConnectionClosedError, InvalidOption, WaitTimeout
from ..protocol.audio_format import PCM16
from .core import Core, log
from .media_options import TranslationOptions, translation_session
from .media_session import SoundSource, WhileSending, sound_of
from .response import SendReceipt
from .sender import TranslationSendable
from .session import BaseSession

__all__ = ["Translated", "Translator", "changes"]

ANSWER_SECONDS = 5.0
"""How long a server may take to say that it has changed the session."""

HANGS_UP_SECONDS = 1.0
"""How long after its last event a server may take to close the connection."""


@attrs.frozen(kw_only=True)
class Translated:
    """A piece of a translation: one of sound, text and source text, the others empty."""

    audio: bytes = attrs.field(default=b"", repr=lambda audio: f"<{len(audio)} bytes>")
    """The translation, spoken: PCM at 24 kHz."""
    text: str = ""
    """The translation, written; pieces are joined as they are."""
    source_text: str = ""
    """What was said, where the session has a `transcription`."""
    elapsed_ms: int | None = None
    """Where it belongs in time, where the server tells; source and translation count apart."""


class Translator(BaseSession):
    """A live translation session: send it speech, and read what it says.

    Made by :func:`connect_translation`. From the first sound on, sound is sent without a gap, with
    silence where there is none.
    """

    _busy = False
    _goodbye: asyncio.Task[None] | None = None

    def __init__(
        self,
        socket: Any,
        core: Core,
        *,
        speed: float | None = 1.0,
        clock: Clock | None = None,
        finish_timeout: float = 10.0,
        **details: Any,
    ) -> None:
        super().__init__(socket, core, **details)
        self._pacer = Pacer(self._send_frame, speed=speed, clock=clock)
        self._finish_timeout = finish_timeout

    async def _send_frame(self, frame: bytes) -> None:
        await self.send(SessionInputAudioBufferAppend(audio=pybase64.b64encode(frame).decode()))

    async def send(
        self, event: TranslationSendable, *, extra: Mapping[str, Any] | None = None
    ) -> SendReceipt:
        """Check an event and send it; see :meth:`Session.send`."""
        return await self._send(event, extra)

    async def append_audio(self, audio: bytes | bytearray | memoryview) -> None:
        """Send speech, PCM at 24 kHz, any length; it waits while two seconds are yet to be sent.

        Raises:
            ConnectionClosedError: the connection has ended.
            InvalidOption: :meth:`close` was called.
        """
        self._core.require_open()
        if self._goodbye is not None:
            raise InvalidOption("the session is being closed: nothing more can be said")
        await self._pacer.feed(audio)

    async def update(
        self, *, to: str | None = None, **options: Unpack[TranslationOptions]
    ) -> Event | None:
        """Change the session, and wait for the server to say that it has.

        Args:
            to: another language to translate into.
            options: see :class:`TranslationOptions`.

        Raises:
            InvalidEvent, InvalidOption: a setting breaks the protocol; nothing was sent.
            ServerError: the server refused, and changed nothing.
        """
        return await self.change(translation_session(to=to, **options))

    async def change(self, session: TranslationSession) -> Event | None:
        """Like :meth:`update`, with a session object. Its model cannot change."""
        update = TranslationSessionUpdate(session=changes(session))
        receipt = await self.send(update)
        if not self._core.acknowledged:
            return None
        try:
            return await receipt.acknowledged(timeout=ANSWER_SECONDS)
        except WaitTimeout:  # some compatible servers do not acknowledge
            log.warning("session.update was not acknowledged within %g s", ANSWER_SECONDS)
            return None

    async def translate(self, source: SoundSource) -> AsyncIterator[Translated]:
        """Send speech, and give its translation as it comes.

        Where the speech ends, so does the session: the server is told, and what it has yet to say
        is given before the iteration ends.

        Args:
            source: the path of a WAV file, PCM at 24 kHz, or what gives pieces of it, such as a
                microphone.

        Raises:
            InvalidOption: another translation runs, or the source is no sound.
            ConnectionClosedError: the session ended before all was said.
        """
        if self._busy:
            raise InvalidOption("one translate() at a time")
        self._core.require_open()
        self._busy = True
        stream = self.stream(
            SessionOutputAudioDelta,
            SessionOutputTranscriptDelta,
            SessionInputTranscriptDelta,
            SessionClosed,
            limit=65_536,
        )
        feed = asyncio.create_task(self._feed(source), name="voxwire translate")
        meanwhile = WhileSending(stream, feed)
        try:
            while True:
                # The farewell is awaited there; what came before it lies in the stream already.
                event = await meanwhile.next(0.0 if meanwhile.sent else None)
                match event:
                    case SessionOutputAudioDelta():
                        yield Translated(audio=event.audio, elapsed_ms=event.elapsed_ms or None)
                    case SessionOutputTranscriptDelta():
                        yield Translated(text=event.delta, elapsed_ms=event.elapsed_ms or None)
                    case SessionInputTranscriptDelta():
                        yield Translated(
                            source_text=event.delta, elapsed_ms=event.elapsed_ms or None
                        )
                    case "sent":
                        continue
                    case SessionClosed():
                        # The server hangs up with that: who looks next finds the session closed.
                        await asyncio.wait([self.reading], timeout=HANGS_UP_SECONDS)
                        break
                    case _:
                        break
            if not meanwhile.sent and self._goodbye is None:
                self._core.require_open()
        finally:
            self._busy = False
            await meanwhile.close()

    async def _feed(self, source: SoundSource) -> None:
        async for piece in sound_of(source, PCM16):
            await self.append_audio(piece)
        await self._pacer.end()
        await self._say_goodbye()

    async def _say_goodbye(self) -> None:
        """Have the server finish, and wait until it has; once."""
        if self._goodbye is None:
            self._goodbye = asyncio.create_task(self._farewell(), name="voxwire farewell")
        await asyncio.shield(self._goodbye)

    async def _farewell(self) -> None:
        try:
            await self._pacer.stop(rest=True)
            async with self.expect(SessionClosed, timeout=self._finish_timeout):
                await self.send(SessionClose())
        except WaitTimeout:
            # The server does not finish: closing goes on, and the log says what is missing.
            log.warning("the translation was not finished within %g s", self._finish_timeout)
        except ConnectionClosedError:
            pass  # some servers close without a word

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Have the server finish what it has to say, and end the session."""
        if self.closed is None:
            await self._say_goodbye()
        await self._hang_up(code, reason)

    async def _hang_up(self, code: int = 1000, reason: str = "") -> None:
        await self._pacer.stop()
        await super().close(code, reason)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            await self.close()
        else:  # nobody is left to hear the rest
            await self._hang_up()


def changes(session: TranslationSession) -> TranslationSessionChanges:
    """What of a session can be asked for once it is there: all but the model."""
    audio = session.audio
    return TranslationSessionChanges(audio=UNSET if audio is None else audio)
