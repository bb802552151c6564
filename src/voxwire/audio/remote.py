"""Pieces handed from whoever has them, in any thread, to one reader, asynchronous or not.

This module carries, in order. It does not know what the pieces are.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sized
from typing import Generic, TypeVar

import attrs

from ..protocol.audio_format import PCM16, Format
from .convert import Bytes, chunks

__all__ = ["AsyncHandoff", "Piece", "RemoteAudio", "RemoteListener"]


T = TypeVar("T", bound=Sized)


class AsyncHandoff(Generic[T]):
    """Pieces for one reader, with ``async for`` or ``for``; put in from any thread."""

    def __init__(self) -> None:
        self._pieces: deque[T] = deque()
        self._size = 0  # of all of them
        self._ended = False
        self._news = threading.Condition()
        self._waiter: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def put(self, piece: T) -> None:
        """The next piece; after the end, there is none."""
        with self._news:
            if not self._ended:
                self._pieces.append(piece)
                self._size += len(piece)
                self._tell()

    def shorten(self, size: int) -> list[T]:
        """Take out the oldest pieces until their lengths add up to no more than `size`."""
        taken: list[T] = []
        with self._news:
            while self._size > size:
                taken.append(self._pieces.popleft())
                self._size -= len(taken[-1])
        return taken

    def clear(self) -> None:
        """Take all pieces out."""
        with self._news:
            self._pieces.clear()
            self._size = 0

    def end(self) -> None:
        """The reader gets what is there, and then the end."""
        with self._news:
            self._ended = True
            self._tell()

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._news:
                while not self._pieces and not self._ended:
                    self._news.wait()
                if not self._pieces:
                    return
                piece = self._taken()
            yield piece

    async def __aiter__(self) -> AsyncIterator[T]:
        news = asyncio.Event()
        with self._news:
            self._waiter = (asyncio.get_running_loop(), news)
        while True:
            with self._news:
                news.clear()
                piece = self._taken() if self._pieces else None
                over = self._ended
            if piece is not None:
                yield piece
            elif over:
                return
            else:
                await news.wait()

    def _taken(self) -> T:
        piece = self._pieces.popleft()
        self._size -= len(piece)
        return piece

    def _tell(self) -> None:
        self._news.notify_all()
        if self._waiter is not None:
            loop, news = self._waiter
            if not loop.is_closed():
                loop.call_soon_threadsafe(news.set)


@attrs.frozen
class Piece:
    """What to send to the far end: sound and the mark behind it; or, without sound, that what has
    not been played is to be forgotten."""

    audio: bytes = attrs.field(default=b"", repr=lambda audio: f"<{len(audio)} bytes>")
    """In the session's output format."""
    mark: str = ""
    """Hand it to :meth:`RemoteAudio.reached` when the far end has played this piece."""

    @property
    def clear(self) -> bool:
        """Whether this says to forget."""
        return not self.audio

    def __len__(self) -> int:
        return len(self.audio)


class RemoteAudio:
    """What a conversation is held through when the listener is elsewhere: give it to
    :meth:`Session.talk`, and carry sound between it and the far end.

    ``hear`` takes what the far end's microphone heard; ``outgoing`` gives what to play there;
    ``reached`` is told how far that has come, so that an interruption is exact to a piece, and
    never claims more than was heard. They may be called from any thread.

    Args:
        piece_ms: how long a piece to play is at most, in milliseconds.
        keep_ms: how much of what was heard is kept while the session is busy; older sound is
            dropped, and counted in ``dropped``.
    """

    def __init__(self, *, piece_ms: float = 100, keep_ms: float = 10_000) -> None:
        self.microphone: AsyncHandoff[bytes] = AsyncHandoff()
        self.speaker = RemoteListener(piece_ms)
        self.dropped = 0
        """Bytes of what was heard that nobody took in time."""
        self._input: Format = PCM16
        self._keep_ms = keep_ms

    def hear(self, audio: Bytes) -> None:
        """The far end heard this, in the session's input format, any length."""
        if audio:
            self.microphone.put(bytes(audio))
            keep = self._input.size(ms=self._keep_ms)
            self.dropped += sum(map(len, self.microphone.shorten(keep)))

    def end(self) -> None:
        """The far end says nothing more. The conversation ends when the last answer was played;
        where nobody is left to play it, close the session instead."""
        self.microphone.end()

    def reached(self, mark: str) -> None:
        """The far end has played everything up to this mark. A mark from before an interruption,
        or of somebody else, changes nothing."""
        self.speaker.reached(mark)

    def outgoing(self) -> AsyncHandoff[Piece]:
        """What to send to the far end, as it comes, until the conversation has ended: iterate it,
        with ``async for`` or ``for``."""
        return self.speaker.pieces

    def open(self, input: Format = PCM16, output: Format = PCM16) -> None:
        """Begin, in the formats of a session. :meth:`Session.talk` does it."""
        self._input = input
        self.speaker.format = output

    def close(self) -> None:
        """End. :meth:`Session.talk` does it."""
        self.microphone.end()
        self.speaker.close()


class RemoteListener:
    """The speaker at the far end: what is on its way there, and what was played."""

    def __init__(self, piece_ms: float) -> None:
        self.format = PCM16
        self.pieces: AsyncHandoff[Piece] = AsyncHandoff()
        """What to send there."""
        self._piece_ms = piece_ms
        self._lock = threading.Lock()
        self._marks: dict[str, int] = {}  # mark -> bytes written up to it
        self._named = 0
        self._written = 0
        self._played = 0

    def write(self, data: bytes) -> None:
        """Play this after what is being played. Returns at once."""
        for part in chunks(data, ms=self._piece_ms, format=self.format):
            with self._lock:
                self._named += 1
                self._written += len(part)
                mark = f"voxwire-{self._named}"
                self._marks[mark] = self._written
            self.pieces.put(Piece(part, mark))

    def flush(self) -> None:
        """The end of an utterance: nothing is held back here."""

    def clear(self) -> None:
        """Throw away what has not been played, here and at the far end."""
        with self._lock:
            waiting = bool(self._marks)
            self._marks.clear()
            self._written = self._played
        self.pieces.clear()
        if waiting:  # else all of it was played, and there is nothing to forget
            self.pieces.put(Piece())

    def reached(self, mark: str) -> None:
        """The far end has played everything up to this mark."""
        with self._lock:
            if mark not in self._marks:
                return
            for earlier in list(self._marks):
                self._played = self._marks.pop(earlier)
                if earlier == mark:
                    break

    @property
    def played(self) -> float:
        """Milliseconds heard since it was opened, without what was thrown away."""
        with self._lock:
            return self._played * 1000 / self.format.bytes_per_second

    @property
    def pending(self) -> float:
        """Milliseconds written and not heard yet."""
        with self._lock:
            return (self._written - self._played) * 1000 / self.format.bytes_per_second

    def close(self) -> None:
        """What has not been sent is not sent any more."""
        self.pieces.clear()
        self.pieces.end()
