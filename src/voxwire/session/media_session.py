"""Sound to be sent, from wherever it comes: a file, bytes, or pieces as they are heard.

This module gives pieces, one after the other. It does not know where they go.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import IO, Any, Generic, Literal, TypeAlias, TypeVar, cast

from voxwire_protocol import Event

from ..audio.convert import Bytes
from ..audio.files import stream_wav
from ..errors import InvalidOption
from ..protocol.audio_format import Format
from ..protocol.local_event import Overflow
from .input_audio import pieces
from .streams import EventStream

__all__ = ["SoundSource", "WhileSending", "sound_of"]


SoundSource: TypeAlias = (
    "str | os.PathLike[str] | IO[bytes] | Bytes | AsyncIterable[bytes] | Iterable[bytes]"
)
"""The path of a WAV file, or the open file; sound in the session's format, whole or in pieces. What
gives pieces may be asynchronous, such as :class:`Microphone`, or plain and blocking."""


async def sound_of(source: SoundSource, format: Format) -> AsyncIterator[bytes]:
    """The pieces of `source`, in `format`.

    Raises:
        InvalidOption: it is no sound, or a file that is no WAV file.
    """
    given: Any = source
    if isinstance(given, (bytes, bytearray, memoryview)):
        for part in pieces(cast("Bytes", given)):
            yield bytes(part)
        return
    if isinstance(given, AsyncIterable):
        async for piece in cast("AsyncIterable[bytes]", given):
            yield piece
        return
    if isinstance(given, (str, os.PathLike)) or hasattr(given, "read"):
        given = stream_wav(cast("str", given), format)
    if not isinstance(given, Iterable):
        raise InvalidOption(
            f"{type(given).__name__} is no sound: give the path of a WAV file, bytes, or something "
            "that gives pieces of bytes"
        )
    plain: Iterator[bytes] = iter(cast("Iterable[bytes]", given))
    try:
        # In a thread: what gives pieces may read a disk, or wait for a microphone.
        while (part := await asyncio.to_thread(_next, plain)) is not None:
            yield part
    finally:
        close = getattr(plain, "close", None)
        if close is not None:
            await asyncio.to_thread(_closed, close)


def _next(plain: Iterator[bytes]) -> Any:
    return next(plain, None)


def _closed(close: Any) -> None:
    try:
        close()
    except ValueError:  # it is still being asked for a piece, and ends with that
        return


E = TypeVar("E", bound=Event)


class WhileSending(Generic[E]):
    """The events of a stream, beside a task."""

    def __init__(self, stream: EventStream[E], task: asyncio.Task[None]) -> None:
        self.sent = False
        """Whether the task is done."""
        self._stream = stream
        self._task = task
        self._coming: asyncio.Future[Any] | None = None

    async def next(self, timeout: float | None) -> E | Literal["sent", "quiet", "over"]:
        """The next event; or that the task is done, that nothing has come for so many seconds, or
        that the stream has ended. Raises what the task raises, and what the stream does."""
        while True:
            coming = self._coming
            if coming is None:
                coming = self._coming = asyncio.ensure_future(anext(self._stream))
            waiting: set[asyncio.Future[Any]] = {coming}
            if not self.sent:
                waiting.add(self._task)
            done, _ = await asyncio.wait(
                waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
            if coming in done:
                self._coming = None
                try:
                    event: E | Overflow = coming.result()
                except StopAsyncIteration:
                    # The stream has ended, and the task holds that as its exception.
                    return "over"
                if not isinstance(event, Overflow):
                    return event
            elif done:
                self.sent = True
                self._task.result()
                return "sent"
            else:
                return "quiet"

    async def close(self) -> None:
        """Stop the task and the reading."""
        left = [self._task] if self._coming is None else [self._task, self._coming]
        for one in left:
            one.cancel()
        await asyncio.wait(left)
        for one in left:
            if not one.cancelled():
                one.exception()  # seen: the caller has ended this for another reason
        self._stream.close()
