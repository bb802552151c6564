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
from ..recording.families import told_by
from ..recording.frames import Entry, Frame, Meta
from ..recording.frames import read as entries_of
from .model import Report
from .session import Reading

__all__ = ["Connections", "Read", "read_all"]

_DECIDING = 20
"""Frames after which the family of a connection is taken for told."""


class Connections:
    """The connections of a recording, while its entries are taken in one by one.

    Which family a connection is of, its first frames tell: until then its entries wait. One in
    which nothing was ever said is left out.

    Args:
        sound: whether to keep the sound, for a page to play.
        prices: prices of one's own by model.
    """

    def __init__(self, *, sound: bool = True, prices: Mapping[str, Price] | None = None) -> None:
        self.readings: list[Reading] = []
        self.count = 0
        """Entries so far."""
        self._sound = sound
        self._prices = prices
        self._waiting: list[Entry] | None = []

    def take(self, entry: Entry) -> None:
        """Take the next entry."""
        if isinstance(entry, Meta) and entry.begins:
            self.settle()
            self._waiting = []
        self.count += 1
        if self._waiting is None:
            self.readings[-1].take(entry)
            return
        self._waiting.append(entry)
        frames = sum(isinstance(one, Frame) for one in self._waiting)
        if frames and (frames >= _DECIDING or told_by(self._waiting) is not None):
            self.settle()

    def settle(self) -> None:
        """No more will come of what waits."""
        waiting = self._waiting
        if waiting is None or all(isinstance(one, Meta) for one in waiting):
            return
        reading = Reading(
            told_by(waiting) or "realtime",
            number=self.count - len(waiting) + 1,
            sound=self._sound,
            prices=self._prices,
        )
        self._waiting = None
        self.readings.append(reading)
        for one in waiting:
            reading.take(one)


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
    connections = Connections(sound=sound, prices=prices)
    for one in source:
        connections.take(one)
        if progress is not None and connections.count % 500 == 0:
            progress(connections.count)
    connections.settle()
    if not connections.readings:
        raise RecordingError(f"{name}: there is nothing in it")
    return Read(source=name, readings=connections.readings)
