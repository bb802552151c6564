"""WAV files that a user names: looked at before anything is opened for them.

Knows files; knows no session.
"""

from __future__ import annotations

import io
import os
import sys
import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import IO, Any

from ..audio.files import stream_wav
from ..errors import InvalidOption
from ..protocol.audio_format import PCM16, format_of
from ..session.media_session import sound_of

__all__ = ["Measured", "seconds_of", "sound_file", "writable"]


def sound_file(name: str) -> Path | IO[bytes]:
    """The file to read, or stdin for ``-``.

    Raises:
        InvalidOption: there is none, or it is no WAV file.
    """
    if name == "-":
        # Read whole: the header may be looked at twice, and a pipe cannot go back.
        sound: Path | IO[bytes] = io.BytesIO(sys.stdin.buffer.read())
    else:
        sound = Path(name)
    try:
        next(stream_wav(sound), None)
    except OSError as error:  # it is not there, or not to be read
        raise InvalidOption(f"{name}: {error.strerror}") from None
    except InvalidOption as error:  # it is no WAV file
        raise InvalidOption(str(error).replace("the file", "stdin", 1)) from None
    if isinstance(sound, io.BytesIO):
        sound.seek(0)
    return sound


class Measured:
    """The sound of a file, piece by piece, in the input format of a session.

    Args:
        sound: the file.
        session: the session's settings.
        progress: told how many seconds were read, and of how many.
    """

    def __init__(
        self,
        sound: Path | IO[bytes],
        session: Any,
        progress: Callable[[float, float | None], None],
    ) -> None:
        self._sound = sound
        self._format = format_of(session, "input", default=PCM16)
        self._progress = progress
        self._whole = seconds_of(sound)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for piece in sound_of(self._sound, self._format):
            yield piece
            read += len(piece)
            self._progress(read / self._format.bytes_per_second, self._whole)


def seconds_of(sound: Path | IO[bytes]) -> float | None:
    """How long it is; None where its header does not say, as that of a pipe does not."""
    try:
        with wave.open(str(sound) if isinstance(sound, Path) else sound) as file:
            seconds = file.getnframes() / file.getframerate()
        size = sound.stat().st_size if isinstance(sound, Path) else len(_whole(sound))
    except (wave.Error, EOFError, OSError):  # told by who reads it
        return None
    finally:
        if not isinstance(sound, Path):
            sound.seek(0)
    return seconds if seconds <= size else None  # there is no sound of less than a byte a second


def _whole(sound: IO[bytes]) -> bytes:
    sound.seek(0)
    return sound.read()


def writable(path: Path) -> None:
    """Raises `InvalidOption` where a file cannot be written: now, and not after the work."""
    folder = path.parent
    if not folder.is_dir():
        raise InvalidOption(f"{path}: there is no folder {folder}")
    if path.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        raise InvalidOption(f"{path}: it cannot be written")
