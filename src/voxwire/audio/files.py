"""WAV files read into sound as a session takes it, and written from sound as a session gives it.

This module knows files. What samples are, others know.
"""

from __future__ import annotations

import asyncio
import os
import time
import wave
from array import array
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import IO, TypeAlias

from ..errors import InvalidOption
from ..protocol.audio_format import PCM16, Format
from .convert import Bytes, Converter, chunks, pieces_of, silence

__all__ = ["FileAudio", "FileMicrophone", "FileSpeaker", "read_wav", "stream_wav", "write_wav"]


Source: TypeAlias = "str | os.PathLike[str] | IO[bytes]"


def read_wav(source: Source, format: Format = PCM16) -> bytes:
    """A whole WAV file as mono sound in `format`; see :func:`stream_wav`."""
    return b"".join(stream_wav(source, format))


def stream_wav(source: Source, format: Format = PCM16) -> Iterator[bytes]:
    """A WAV file as mono sound in `format`, piece by piece, so that it may be hours long.

    Channels are mixed. Another rate than that of `format` needs ``pip install 'voxwire[audio]'``.

    Raises:
        InvalidOption: the file is no WAV file of 8, 16, 24 or 32 bits, or soxr is missing.
        OSError: the file cannot be opened.
    """
    name = os.fspath(source) if isinstance(source, (str, os.PathLike)) else "the file"
    try:
        with wave.open(os.fspath(source) if isinstance(source, os.PathLike) else source) as file:
            width, channels = file.getsampwidth(), file.getnchannels()
            converter = Converter(Format("audio/pcm", file.getframerate()), format, live=False)
            while frames := file.readframes(_FRAMES):
                frames = frames[: len(frames) // (width * channels) * width * channels]
                if made := converter.feed(_mono(_sixteen_bits(frames, width), channels)):
                    yield made
            if made := converter.finish():
                yield made
    except (wave.Error, EOFError) as error:
        # All that `wave` raises for what is no WAV file, or one that is cut off.
        said = str(error) or "it ends in its header"
        raise InvalidOption(
            f"{name} cannot be read: {said} (save it as WAV with 16-bit PCM)"
        ) from None


def write_wav(target: Source, sound: Bytes | Iterable[Bytes], format: Format = PCM16) -> None:
    """Write mono sound in `format` as a WAV file of 16-bit samples, at the rate of the format."""
    samples = Format("audio/pcm", format.rate)
    converter = Converter(format, samples)
    with wave.open(os.fspath(target) if isinstance(target, os.PathLike) else target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(format.rate)
        for piece in pieces_of(sound):
            file.writeframes(converter.feed(piece))
        file.writeframes(converter.finish())


_FRAMES = 1 << 14


def _sixteen_bits(frames: bytes, width: int) -> bytes:
    """The upper 16 bits of each sample."""
    if width == 2:
        return frames
    samples = bytearray(2 * (len(frames) // width))
    if width == 1:  # the one width without a sign
        samples[1::2] = frames.translate(_CENTRED)
    else:
        samples[0::2] = frames[width - 2 :: width]
        samples[1::2] = frames[width - 1 :: width]
    return bytes(samples)


_CENTRED = bytes(level ^ 0x80 for level in range(256))


def _mono(samples: bytes, channels: int) -> bytes:
    if channels == 1:
        return samples
    values = array("h", samples)
    each = [values[channel::channels] for channel in range(channels)]
    return array("h", (sum(frame) // channels for frame in zip(*each, strict=True))).tobytes()


_PIECE_MS = 20


class FileAudio:
    """What a conversation is held through where there is no sound device: give it to
    :meth:`Session.talk`.

    Args:
        source: the WAV file that is heard.
        target: the WAV file that what was played goes to, when the conversation has ended; what
            an interruption threw away is not in it. Left out, it is kept nowhere.
        silence_ms: silence that is heard behind the file, so that turn detection finds the end of
            the last words; it may take seconds where it goes by the sense of what is said.
        speed: how fast time goes by: 1 as it does.
        clock: what tells the time, in seconds.

    Raises:
        InvalidOption: `speed` is not above 0.
    """

    def __init__(
        self,
        source: Source,
        target: Source | None = None,
        *,
        silence_ms: float = 2000,
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if speed <= 0:
            raise InvalidOption(f"speed={speed:g}: 1 is the pace of speech, 2 is twice as fast")

        def now() -> float:
            return clock() * speed

        self.microphone = FileMicrophone(source, silence_ms, speed, now)
        self.speaker = FileSpeaker(now)
        self._target = target

    def open(self, input: Format = PCM16, output: Format = PCM16) -> None:
        """Begin, in the formats of a session."""
        self.microphone.format = input
        self.speaker.format = output

    def close(self) -> None:
        """End, and write the target.

        Raises:
            OSError: it cannot be written.
        """
        heard = self.speaker.take()
        if self._target is not None:
            write_wav(self._target, heard, self.speaker.format)


class FileMicrophone:
    """Gives a WAV file in pieces of 20 ms, at the pace of speech, and some silence behind it."""

    def __init__(
        self, source: Source, silence_ms: float, speed: float, now: Callable[[], float]
    ) -> None:
        self.format = PCM16
        self._source = source
        self._silence_ms = silence_ms
        self._speed = speed
        self._now = now

    async def __aiter__(self) -> AsyncIterator[bytes]:
        due = self._now()
        for sound in (stream_wav(self._source, self.format), self._silence()):
            for piece in chunks(sound, ms=_PIECE_MS, format=self.format):
                await asyncio.sleep(max(0.0, due - self._now()) / self._speed)
                due += len(piece) / self.format.bytes_per_second
                yield piece

    def _silence(self) -> bytes:
        return silence(self._silence_ms, self.format)


class FileSpeaker:
    """Plays by the clock, and keeps what was heard."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.format = PCM16
        self._now = now
        self._waiting: deque[bytes] = deque()
        self._heard = bytearray()
        self._since = 0.0  # until here it is settled what was heard

    def write(self, data: bytes) -> None:
        """Play this after what is being played. Returns at once."""
        self._settle()
        self._waiting.append(bytes(data))

    def flush(self) -> None:
        """The end of an utterance: nothing is held back here."""

    def clear(self) -> None:
        """Throw away what has not been heard, as far as anybody was told: what plays between a look
        at :attr:`played` and this is not kept, so that both say the same."""
        self._waiting.clear()

    @property
    def played(self) -> float:
        """Milliseconds heard since it was opened, without what was thrown away."""
        self._settle()
        return len(self._heard) * 1000 / self.format.bytes_per_second

    @property
    def pending(self) -> float:
        """Milliseconds written and not heard yet."""
        self._settle()
        return sum(map(len, self._waiting)) * 1000 / self.format.bytes_per_second

    def take(self) -> bytes:
        """What was heard."""
        self._settle()
        self.clear()
        heard = bytes(self._heard)
        self._heard.clear()
        return heard

    def _settle(self) -> None:
        """What has been heard by now."""
        now = self._now()
        if not self._waiting:
            self._since = now
            return
        room = self.format.size(ms=max(0.0, now - self._since) * 1000)
        # Counted in whole samples: what is less than one is left for the next time.
        self._since += room / self.format.bytes_per_second
        while self._waiting and room:
            piece = self._waiting.popleft()
            self._heard += piece[:room]
            if len(piece) > room:
                self._waiting.appendleft(piece[room:])
            room = max(0, room - len(piece))
        if not self._waiting:
            self._since = now
