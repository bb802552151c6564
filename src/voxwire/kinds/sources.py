"""Sound to be sent, from wherever it comes: a file, bytes, or pieces as they are heard.

This module gives pieces, one after the other. It does not know where they go.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import IO, Any, TypeAlias, cast

from ..audio.converting import Bytes
from ..audio.formats import Format
from ..audio.wav import stream_wav
from ..errors import InvalidOption
from ..uplink import pieces

__all__ = ["SoundSource", "sound_of"]

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
