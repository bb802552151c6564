"""A whole recording, read into a report: its connections one by one.

This module reads a file; what a connection amounts to, ``session`` knows.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import attrs

from ..costs import Price
from ..errors import RecordingError
from ..recording.families import family_of
from ..recording.frames import Entry, Meta, sessions
from ..recording.frames import read as entries_of
from .model import Report
from .session import Reading

__all__ = ["Read", "read_all"]


@attrs.frozen(kw_only=True)
class Read:
    """A recording that was read, connection by connection."""

    source: str
    readings: list[Reading]

    def report(self) -> Report:
        """What is in it."""
        return Report(source=self.source, sessions=[one.session() for one in self.readings])


def read_all(
    source: str | os.PathLike[str] | Iterable[Entry],
    *,
    name: str | None = None,
    sound: bool = True,
    prices: Mapping[str, Price] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Read:
    """Read a recording: its path, or its entries.

    Args:
        name: what it is called; the file's name if it is a file.
        sound: whether to keep the sound, for a page to play.
        prices: prices of one's own by model.
        progress: is told how many entries were read, now and then.

    Raises:
        RecordingError: it is no recording, or it holds nothing.
    """
    if isinstance(source, str | os.PathLike):
        name = name or Path(source).name
        source = entries_of(source)
    name = name or "recording"
    readings: list[Reading] = []
    done = 0
    for connection in sessions(source):
        if len(connection) == 1 and isinstance(connection[0], Meta):
            done += 1
            continue  # it was begun, and nothing was ever said
        reading = Reading(family_of(connection), number=done + 1, sound=sound, prices=prices)
        for entry in connection:
            reading.take(entry)
            done += 1
            if progress is not None and done % 500 == 0:
                progress(done)
        readings.append(reading)
    if not readings:
        raise RecordingError(f"{name}: there is nothing in it")
    return Read(source=name, readings=readings)
