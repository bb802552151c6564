"""The microphone of this machine, for loops that are asynchronous and for those that are not.

This module carries sound from a device's thread to a reader. It does not know where it goes.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Any

from .converting import Converter
from .devices import Device, SoundStream
from .formats import PCM16, Format

__all__ = ["Microphone"]


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
