"""Sound devices, by sounddevice (``pip install 'voxwire[audio]'``): opening and closing them.

This module knows rates and devices that are not there. What goes in or out, others know.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from importlib import import_module
from typing import Any, Literal, Self, TypeAlias

from ..errors import InvalidOption
from ..protocol.audio_format import PCM16, Format
from .convert import Converter

__all__ = ["Device", "LocalAudio", "Microphone", "SoundStream", "Speaker"]


Device: TypeAlias = int | str | None
"""The number of a device, part of its name, or the default one."""


class SoundStream:
    """What the two directions share: a device opened at its format's rate, or at its own."""

    _kind: Literal["input", "output"]

    def __init__(self, format: Format, device: Device, backend: Any) -> None:
        self.format = format
        self.device = device
        self._backend = backend
        self._stream: Any = None
        self._lock = threading.Lock()

    def open(self) -> Self:
        """Start the device.

        Raises:
            InvalidOption: sounddevice or its library is not installed, or there is no such device;
                the message has the cure.
        """
        if self._stream is not None:
            return self
        sound = self._backend or _backend()
        make = sound.RawInputStream if self._kind == "input" else sound.RawOutputStream
        try:
            own = int(sound.query_devices(self.device, self._kind)["default_samplerate"])
            for rate in dict.fromkeys((self.format.rate, own)):
                try:
                    stream = make(
                        samplerate=rate,
                        blocksize=rate // 50,
                        device=self.device,
                        channels=1,
                        dtype="int16",
                        callback=self._called,
                    )
                except sound.PortAudioError:
                    if rate == own:
                        raise
                    continue  # many devices know only their own rate
                self._converter = self._conversion(Format("audio/pcm", rate))
                self._stream = stream
                stream.start()
                break
        except (sound.PortAudioError, ValueError) as error:
            # What the library raises for a device that is not there, or in use.
            self.close()
            which = "default device" if self.device is None else f"device {self.device!r}"
            raise InvalidOption(
                f"no {self._kind} of sound: {which}: {error} (python -m sounddevice lists devices)"
            ) from None
        return self

    def close(self) -> None:
        """Stop the device. It can be opened again."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _conversion(self, device: Format) -> Converter:
        raise NotImplementedError

    def _called(self, data: Any, frames: int, time: Any, status: Any) -> None:
        raise NotImplementedError


def _backend() -> Any:
    # By name, because it is optional and brings no types.
    try:
        return import_module("sounddevice")
    except ImportError:
        raise InvalidOption(
            "the microphone and the speaker need sounddevice: pip install 'voxwire[audio]'"
        ) from None
    except OSError as error:
        raise InvalidOption(
            f"sounddevice finds no PortAudio library: {error} (apt install libportaudio2, "
            "or brew install portaudio)"
        ) from None


class Microphone(SoundStream):
    """Gives what it hears, in pieces of 20 ms: iterate it, with ``async for`` or ``for``.

    Args:
        format: the format of what it gives.
        device: number or part of the name; the default one where it is left out.
        keep_ms: how much it keeps for a slow reader; older sound is dropped, and counted.
        backend: what to use in the place of the sounddevice module.
    """

    _kind = "input"

    def __init__(
        self,
        format: Format = PCM16,
        *,
        device: Device = None,
        keep_ms: int = 10_000,
        backend: Any = None,
    ) -> None:
        super().__init__(format, device, backend)
        self.dropped = 0
        """Pieces that nobody read in time."""
        self._pieces: deque[bytes] = deque()
        self._limit = max(1, keep_ms // 20)
        self._news = threading.Condition(self._lock)
        self._waiter: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def close(self) -> None:
        """Stop the device; a reader gets what is left, and then the end."""
        super().close()
        with self._lock:
            self._tell()

    def __iter__(self) -> Iterator[bytes]:
        while True:
            with self._lock:
                while not self._pieces and self._stream is not None:
                    self._news.wait()
                if not self._pieces:
                    return
                piece = self._pieces.popleft()
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        news = asyncio.Event()
        with self._lock:
            self._waiter = (asyncio.get_running_loop(), news)
        while True:
            with self._lock:
                news.clear()
                piece = self._pieces.popleft() if self._pieces else None
                over = self._stream is None
            if piece is not None:
                yield piece
            elif over:
                return
            else:
                await news.wait()

    def _conversion(self, device: Format) -> Converter:
        return Converter(device, self.format)

    def _called(self, data: Any, frames: int, time: Any, status: Any) -> None:
        piece = self._converter.feed(bytes(data))
        if not piece:
            return
        with self._lock:
            self._pieces.append(piece)
            while len(self._pieces) > self._limit:
                self._pieces.popleft()
                self.dropped += 1
            self._tell()

    def _tell(self) -> None:
        self._news.notify_all()
        if self._waiter is not None:
            loop, news = self._waiter
            if not loop.is_closed():
                loop.call_soon_threadsafe(news.set)


class Speaker(SoundStream):
    """Plays what is written to it, and knows how much of that was heard.

    Args:
        format: the format of what is written.
        device: number or part of the name; the default one where it is left out.
        backend: what to use in the place of the sounddevice module.
    """

    _kind = "output"

    def __init__(
        self, format: Format = PCM16, *, device: Device = None, backend: Any = None
    ) -> None:
        super().__init__(format, device, backend)
        self._waiting: deque[memoryview] = deque()
        self._handed: deque[tuple[float, int]] = deque()  # when it is heard, bytes
        self._heard = 0  # bytes at the device's rate
        self._rate = 1

    def write(self, data: bytes) -> None:
        """Play `data` after what is there; returns at once. Opens the device where it is not."""
        if self._stream is None:
            self.open()
        self._put(self._converter.feed(data))

    def _put(self, samples: bytes) -> None:
        if samples:
            with self._lock:
                self._waiting.append(memoryview(samples))

    def flush(self) -> None:
        """The end of an utterance: play what resampling holds back. Without it the last
        milliseconds come with the next utterance, where the device has another rate."""
        if self._stream is not None:
            self._put(self._converter.finish())

    def clear(self) -> None:
        """Forget what has not been heard. What the device holds already, some milliseconds, may
        still sound, and does not count as played."""
        with self._lock:
            self._heard += self._settle()
            self._waiting.clear()
            self._handed.clear()
        if self._stream is not None:
            self._converter.finish()  # the tail of it, in the resampler

    @property
    def played(self) -> float:
        """Milliseconds heard since the speaker was opened, silence not counted: the argument of
        :meth:`voxwire.audio.playback.Playback.interrupt`."""
        with self._lock:
            partly = self._settle()
            return (self._heard + partly) * 500 / self._rate

    @property
    def pending(self) -> float:
        """Milliseconds written and not heard yet, as far as they have been converted."""
        with self._lock:
            partly = self._settle()
            left = sum(map(len, self._waiting)) + sum(size for _, size in self._handed)
            return (left - partly) * 500 / self._rate

    def close(self) -> None:
        """Stop the device; what was not heard is forgotten. It can be opened again."""
        if self._stream is not None:
            self.clear()
        super().close()

    def _conversion(self, device: Format) -> Converter:
        self._rate = device.rate
        return Converter(self.format, device)

    def _settle(self) -> int:
        """Count what is over; returns the bytes heard of what is sounding now."""
        if self._stream is None:
            return 0
        now = self._stream.time
        while self._handed:
            begins, size = self._handed[0]
            if now < begins + size / 2 / self._rate:
                heard = max(0, int((now - begins) * self._rate)) * 2
                return min(heard, size)
            self._heard += size
            self._handed.popleft()
        return 0

    def _called(self, data: Any, frames: int, time: Any, status: Any) -> None:
        wanted = len(data)
        filled = 0
        with self._lock:
            while self._waiting and filled < wanted:
                first = self._waiting[0]
                part = first[: wanted - filled]
                data[filled : filled + len(part)] = part
                filled += len(part)
                if len(part) == len(first):
                    self._waiting.popleft()
                else:
                    self._waiting[0] = first[len(part) :]
            if filled:
                self._handed.append((time.outputBufferDacTime, filled))
        data[filled:] = bytes(wanted - filled)


class LocalAudio:
    """The microphone and the speaker of this machine, opened and closed together.

    Args:
        input_device: of the microphone: number or part of the name.
        output_device: of the speaker.
        backend: what to use in the place of the sounddevice module.
    """

    def __init__(
        self,
        *,
        input_device: Device = None,
        output_device: Device = None,
        backend: Any = None,
    ) -> None:
        self.microphone = Microphone(device=input_device, backend=backend)
        self.speaker = Speaker(device=output_device, backend=backend)

    def open(self, input: Format = PCM16, output: Format = PCM16) -> Self:
        """Start both, in the formats of a session."""
        self.microphone.format = input
        self.speaker.format = output
        self.speaker.open()
        try:
            self.microphone.open()
        except InvalidOption:  # no half of a device stays open
            self.speaker.close()
            raise
        return self

    def close(self) -> None:
        """Stop both."""
        self.microphone.close()
        self.speaker.close()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *exc: object) -> None:
        self.close()
