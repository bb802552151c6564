"""Pieces handed from whoever has them, in any thread, to one reader, asynchronous or not.

This module carries, in order. It does not know what the pieces are.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sized
from typing import Generic, TypeVar

__all__ = ["Handed"]

T = TypeVar("T", bound=Sized)


class Handed(Generic[T]):
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
