"""The speaker of this machine: plays, and knows how much was heard.

This module counts samples on a device's thread. It does not know whose sound it plays.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from .converting import Converter
from .devices import Device, SoundStream
from .formats import PCM16, Format

__all__ = ["Speaker"]


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
        :meth:`voxwire.playback.Playback.interrupt`."""
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
