"""A recording as a page to look at and listen to, and as data: ``voxwire report``.

``write(path, out)`` makes the page, one file that needs no network. ``read(path)`` gives what is in
it to programs: turns, latencies, findings, usage. Nothing is sent anywhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ..conversation.pricing import Price
from ..errors import RecordingError
from ..recording.frames import Entry
from .audio_clips import AudioMode
from .model import (
    AudioInfo,
    Bar,
    Clip,
    Exchange,
    Finding,
    Report,
    Row,
    Session,
    Tile,
    Timing,
    Turn,
    Wave,
)
from .page import mode_for, pieces
from .reader import read_all

__all__ = [
    "AudioInfo",
    "AudioMode",
    "Bar",
    "Clip",
    "Exchange",
    "Finding",
    "Report",
    "Row",
    "Session",
    "Tile",
    "Timing",
    "Turn",
    "Wave",
    "html",
    "read",
    "write",
]

Source = str | os.PathLike[str] | Iterable[Entry]


def read(
    source: Source,
    *,
    name: str | None = None,
    prices: Mapping[str, Price] | None = None,
) -> Report:
    """What is in a recording.

    Args:
        source: its path, or its entries.
        name: what it is called in the report; the name of the file if it is one.
        prices: your own prices by model; see :meth:`voxwire.SessionUsage.cost`.

    Raises:
        RecordingError: it is no recording, or there is nothing in it.
    """
    return read_all(source, name=name, sound=False, prices=prices).report()


def html(
    source: Source,
    *,
    name: str | None = None,
    audio: AudioMode | None = None,
    prices: Mapping[str, Price] | None = None,
) -> str:
    """The page of a recording as one text; see :func:`write`, which is the better way for a long
    one."""
    found = read_all(source, name=name, sound=audio != "none", prices=prices)
    return "".join(pieces(found, mode_for(found, audio)))


def write(
    source: Source,
    out: str | os.PathLike[str],
    *,
    name: str | None = None,
    audio: AudioMode | None = None,
    prices: Mapping[str, Price] | None = None,
    progress: Callable[[int], None] | None = None,
) -> AudioMode | None:
    """Write the page of a recording: one HTML file, all in it.

    Args:
        source: its path, or its entries.
        out: the file; one that exists is replaced, once the new one is whole.
        name: what it is called in the report; the name of the file if it is one.
        audio: ``"full"`` puts the sound in as recorded, ``"compact"`` as on a phone (8 bits at
            8 kHz), ``"none"`` leaves it out. ``None`` is full, and compact beyond 48 MiB of sound.
        prices: your own prices by model; see :meth:`voxwire.SessionUsage.cost`.
        progress: is told how many entries were read, now and then.

    Returns:
        How the sound was put in; ``None`` where there is none in the recording.

    Raises:
        RecordingError: it is no recording, there is nothing in it, or the page cannot be written.
    """
    found = read_all(source, name=name, sound=audio != "none", prices=prices, progress=progress)
    mode = mode_for(found, audio)
    path = Path(out)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(pieces(found, mode))
        part.replace(path)
    except OSError as error:  # no half of a report stays behind
        part.unlink(missing_ok=True)
        raise RecordingError(f"{path}: cannot be written: {error.strerror}") from error
    return mode if any(one.length for one in found.readings) else None
