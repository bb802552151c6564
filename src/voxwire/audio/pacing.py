"""Sound sent as time goes by: frames of equal length, one after the other, silence where there is
nothing to say.

What is in the next frame is worked out without a clock; the clock says when it is due, and can be
one that a test winds by hand. This module knows no session.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from ..protocol.audio_format import PCM16, Format
from .convert import Bytes, silence

__all__ = ["Clock", "Frames", "Pacer", "RealTime"]


class Clock(Protocol):
    """What tells the time and lets it pass."""

    def now(self) -> float:
        """Seconds since whenever."""
        ...

    async def sleep(self, seconds: float, /) -> None:
        """Wait."""


class RealTime:
    """The clock of the machine."""

    def now(self) -> float:
        """Seconds since whenever."""
        return time.monotonic()

    async def sleep(self, seconds: float, /) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class Frames:
    """Sound that comes in pieces of any length, in frames of one length.

    A gap between two pieces that belong together is not to become a hole in the speech. So what
    comes after silence waits until there is a frame and a `cushion` of it.
    """

    def __init__(self, format: Format = PCM16, *, ms: int = 200, cushion_ms: int = 100) -> None:
        self.size = format.size(ms=ms)
        self.seconds = ms / 1000
        self.ended = False
        """Whether nothing more comes, so that there is nothing to wait for."""
        self._silence = silence(ms, format)
        self._enough = self.size + format.size(ms=cushion_ms)
        self._held = bytearray()
        self._flowing = False

    @property
    def held(self) -> int:
        """Bytes that have come and are in no frame yet."""
        return len(self._held)

    def add(self, piece: Bytes) -> None:
        """The next piece."""
        self._held += piece

    @property
    def ready(self) -> bool:
        """Whether there is a frame of sound; at the end, any rest is one."""
        return self.held >= self.size or (self.ended and self.held > 0)

    def take(self) -> bytes:
        """The next frame: sound, the rest of it filled up, or silence."""
        if not self._flowing and not self.ended and self.held < self._enough:
            return self._silence
        frame = bytes(self._held[: self.size])
        del self._held[: self.size]
        self._flowing = len(frame) == self.size
        return frame + self._silence[len(frame) :]


class Pacer:
    """Sends frames at the pace of a clock, from :meth:`start` to :meth:`stop`.

    Args:
        write: sends a frame.
        frames: what makes them.
        speed: 1 is the pace of speech; ``None`` sends what there is as fast as it goes, and no
            silence in between.
        clock: what tells the time.
        keep_ms: how much may wait here before :meth:`feed` does.
    """

    def __init__(
        self,
        write: Callable[[bytes], Awaitable[object]],
        frames: Frames | None = None,
        *,
        speed: float | None = 1.0,
        clock: Clock | None = None,
        keep_ms: int = 2000,
    ) -> None:
        # Without time there are no gaps in it.
        self.frames = frames or Frames(cushion_ms=0 if speed is None else 100)
        self._write = write
        self._speed = speed
        self._clock = clock or RealTime()
        self._keep = max(2, int(keep_ms / 1000 / self.frames.seconds)) * self.frames.size
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def start(self) -> None:
        """Begin to send. Once."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="voxwire pacer")
            self._task.add_done_callback(_seen)

    async def feed(self, piece: Bytes) -> None:
        """Take sound; waits while there is too much of it."""
        self.start()
        self.frames.add(piece)
        self._news.set()
        self._note_room()
        await self._wait(self._room)

    async def end(self) -> None:
        """Nothing more comes: wait until all there was has been sent."""
        self.frames.ended = True
        self._news.set()
        while self.frames.held and self._task is not None and not self._task.done():
            self._room.clear()
            await self._wait(self._room)
        await self.stop()

    async def stop(self, *, rest: bool = False) -> None:
        """Stop at once; with `rest`, send what waits without regard to time."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self.frames.ended = True
        while rest and self.frames.ready:
            await self._write(self.frames.take())

    async def _wait(self, event: asyncio.Event) -> None:
        """Wait for `event`, or for the end of the sending; raises what ended it."""
        if event.is_set() or self._task is None:
            return
        waiting = asyncio.create_task(event.wait())
        try:
            await asyncio.wait([waiting, self._task], return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if self._task.done() and not self._task.cancelled():
            self._task.result()

    def _note_room(self) -> None:
        if self.frames.held <= self._keep and not (self.frames.ended and self.frames.held):
            self._room.set()
        else:
            self._room.clear()

    async def _run(self) -> None:
        due = self._clock.now()
        while True:
            if self._speed is None and not self.frames.ready:
                self._news.clear()
                await self._news.wait()
                continue
            await self._write(self.frames.take())
            self._note_room()
            if self._speed is None:
                continue
            due += self.frames.seconds / self._speed
            now = self._clock.now()
            if now - due > LATEST:
                due = now  # the machine slept: what was not said then is not made up for
            elif due > now:
                await self._clock.sleep(due - now)


def _seen(task: asyncio.Task[None]) -> None:
    # Those who feed are told; where nobody does, the session has said how it ended.
    if not task.cancelled():
        task.exception()


LATEST = 2.0
"""Seconds of delay that are made up for by sending faster."""
