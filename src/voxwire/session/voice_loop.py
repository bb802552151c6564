"""A spoken conversation: what the microphone hears goes up, what the model says is played.

This module joins a session to something that hears and plays. It knows no device, and decides
nothing about turns: the server's turn detection does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from typing import Protocol, runtime_checkable

from voxwire_protocol import (
    InputAudioBufferSpeechStarted,
    ResponseOutputAudioDelta,
    ResponseOutputAudioDone,
)

from ..errors import ConnectionClosedError
from ..protocol.audio_format import PCM16, Format, format_of
from .actions import ConversationMethods
from .subscriptions import Subscriptions

__all__ = ["Audio", "VoiceLoop"]


class Sink(Protocol):
    """What plays: :class:`Speaker`, or anything that counts what was heard of it."""

    def write(self, data: bytes, /) -> None:
        """Play this after what is being played. Returns at once."""

    def flush(self) -> None:
        """The end of an utterance."""

    def clear(self) -> None:
        """Throw away what has not been played."""

    @property
    def played(self) -> float:
        """Milliseconds heard since it was opened, without what was thrown away."""
        ...

    @property
    def pending(self) -> float:
        """Milliseconds written and not heard yet."""
        ...


@runtime_checkable
class Audio(Protocol):
    """What a conversation is held through: :class:`LocalAudio`, a file, a phone line."""

    @property
    def microphone(self) -> AsyncIterable[bytes]:
        """What is heard, in pieces of 20 ms or so as they come; ends when there is no more."""
        ...

    @property
    def speaker(self) -> Sink:
        """What plays."""
        ...

    def open(self, input: Format, output: Format) -> object:
        """Begin, in the formats of the session: of what is heard, and of what is to be played."""

    def close(self) -> None:
        """End."""


class VoiceLoop(ConversationMethods, Subscriptions):
    """The part of an asyncio session that holds a spoken conversation."""

    async def talk(self, audio: Audio) -> None:
        """Hold a spoken conversation through `audio`, until what it hears ends, or the session.

        When the user begins to speak while the model does, playing stops at once and the server is
        told what was heard, unless turn detection has ``interrupt_response`` off. Where what is
        heard ends (a file), the last answer is still played. Cancel it to end it before.

        Args:
            audio: :class:`LocalAudio` for microphone and speaker, or any :class:`Audio`.

        Raises:
            ConnectionClosedError: the session ended other than by a regular close.
        """
        session = self._core.session
        audio.open(
            format_of(session, "input", default=PCM16), format_of(session, "output", default=PCM16)
        )
        playing = asyncio.create_task(self._play(audio), name="voxwire talk, playing")
        try:
            hearing = asyncio.create_task(self._hear(audio), name="voxwire talk, hearing")
            try:
                await asyncio.wait([playing, hearing], return_when=asyncio.FIRST_COMPLETED)
                if not playing.done():
                    try:
                        hearing.result()
                    except ConnectionClosedError:
                        await asyncio.wait([playing])  # it knows whether that was a regular close
                    else:
                        await self._played_out(audio, playing)
                if playing.done():
                    playing.result()
            finally:
                await _cancelled(hearing)
        finally:
            await _cancelled(playing)
            audio.close()

    async def _hear(self, audio: Audio) -> None:
        async for piece in audio.microphone:
            await self.append_audio(piece)

    async def _play(self, audio: Audio) -> None:
        playback, speaker = self._core.playback, audio.speaker
        async with self.stream(
            ResponseOutputAudioDelta, ResponseOutputAudioDone, limit=65_536
        ) as stream:

            def cut_in(event: InputAudioBufferSpeechStarted) -> None:
                if not playback.interrupts:
                    return
                try:
                    # First the ears: what was heard is counted before the rest is thrown away.
                    heard = speaker.played
                    speaker.clear()
                    self._core.interrupt(heard)
                except Exception as error:  # the speaker's, and the caller's to see
                    stream.mailbox.close(error)
                self._flush_soon()

            # As the event comes, and not in its turn: a little later the answer to this very
            # speech may be running, and would be cut off.
            def throw_away() -> None:
                try:
                    speaker.clear()
                except Exception as error:  # the speaker's, and the caller's to see
                    stream.mailbox.close(error)

            last = 0.0

            def ear() -> float:
                nonlocal last
                try:
                    last = speaker.played
                except Exception as error:  # the speaker's, and the caller's to see
                    stream.mailbox.close(error)
                return last

            # Where a connection is lost, what was heard decides what is said anew on the next one.
            before = playback.ear, playback.hush
            playback.ear, playback.hush = ear, throw_away
            cutting_in = self._core.router.subscribe((InputAudioBufferSpeechStarted,), cut_in)
            try:
                async for event in stream:
                    if isinstance(event, ResponseOutputAudioDone):
                        speaker.flush()
                    elif isinstance(event, ResponseOutputAudioDelta) and playback.accepts(event):
                        speaker.write(event.audio)
            finally:
                cutting_in.cancel()
                playback.ear, playback.hush = before

    async def _played_out(self, audio: Audio, playing: asyncio.Task[None]) -> None:
        """Wait until the model has nothing more to say, and all of it was played."""
        quiet = 0
        while not playing.done() and quiet < SETTLED:
            await asyncio.sleep(TICK)
            busy = not (self._core.turns.idle and not audio.speaker.pending)
            quiet = 0 if busy else quiet + 1


async def _cancelled(task: asyncio.Task[None]) -> None:
    """End a task. What it raises in the end has been told, or is not worth telling."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


TICK = 0.02
SETTLED = 25
"""So many ticks of silence end a conversation whose listener has left: time for the server to find
the end of the last turn and to begin its answer."""
