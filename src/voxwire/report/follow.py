"""A recording that grows: its lines as they are written, and what each of them changes.

What a page is sent is what it does not have yet: new entries and new pieces of the waveform, and
the rest of a connection anew. This module reads a file and opens no socket.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import attrs

from ..conversation.pricing import Price
from ..errors import RecordingError
from ..recording.frames import Entry, entry
from .model import Wave
from .reader import Connections, Reading

__all__ = ["Growing", "Tail"]


class Tail:
    """The entries of a file that somebody writes to, as far as it is written.

    A file that is not there yet is waited for. One that gets shorter, or is another file of the
    same name, is read from its beginning.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file: BinaryIO | None = None
        self._rest = b""
        self._ours = False

    def entries(self) -> tuple[bool, list[Entry]]:
        """Whether the file was begun anew, and the entries that are new.

        A line that is none is passed over: a writer that broke off in the middle of one goes on in
        the next.
        """
        anew = self._changed()
        if self._file is None:
            try:
                self._file = self.path.open("rb")
            except FileNotFoundError:  # it is still to be written
                return anew, []
            except OSError as error:
                raise RecordingError(f"{self.path}: cannot be read: {error.strerror}") from error
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        found: list[Entry] = []
        for line in lines:
            if not line.strip():
                continue
            try:
                fields = json.loads(line.decode(errors="replace"))
                self._ours = self._ours or (isinstance(fields, dict) and "format" in fields)
                found.append(entry(fields, str(self.path), ours=self._ours))
            except (ValueError, RecursionError, RecordingError):
                continue  # cut off, or not of a recording
        return anew, found

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _changed(self) -> bool:
        if self._file is None:
            return False
        try:
            now, then = self.path.stat(), os.fstat(self._file.fileno())
        except FileNotFoundError:
            return False  # it was moved away; what is written to it is still to be had
        same = (now.st_dev, now.st_ino) == (then.st_dev, then.st_ino)
        if same and now.st_size >= self._file.tell():
            return False
        self.close()
        self._rest, self._ours = b"", False
        return True


@attrs.define(eq=False)
class _Shown:
    """One connection, and how much of it was told."""

    reading: Reading
    rows: int = 0
    head: str = ""
    finished: bool = False
    waves: dict[str, list[Wave]] = attrs.Factory(dict[str, list[Wave]])


class Growing:
    """What a growing recording amounts to, and what is new since it was last asked."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        sound: bool = True,
        prices: Mapping[str, Price] | None = None,
    ) -> None:
        self.source = Path(path).name
        self.tail = Tail(path)
        self._connections = Connections(sound=sound, prices=prices)
        self._shown: list[_Shown] = []
        self._sound = sound
        self._prices = prices

    @property
    def readings(self) -> list[Reading]:
        """The connections so far."""
        return self._connections.readings

    def read(self) -> bool:
        """Take in what was written. Tells whether the file was begun anew."""
        anew, entries = self.tail.entries()
        if anew:
            self._shown = []
            self._connections = Connections(sound=self._sound, prices=self._prices)
        for one in entries:
            self._connections.take(one)
        for reading in self.readings[len(self._shown) :]:
            self._shown.append(_Shown(reading))
        return anew

    def changes(self) -> list[dict[str, Any]]:
        """What is new since the last call, connection by connection."""
        found: list[dict[str, Any]] = []
        for index, shown in enumerate(self._shown):
            last = index == len(self._shown) - 1
            change = _change(shown, finished=not last)
            if change is not None:
                found.append({"session": index, **change})
        return found

    def report(self) -> dict[str, Any]:
        """All of what was told so far, for a page that has nothing yet."""
        sessions: list[dict[str, Any]] = []
        for shown in self._shown:
            head = json.loads(shown.head)
            waves = {lane: [attrs.asdict(w) for w in waves] for lane, waves in shown.waves.items()}
            rows = [row.to_dict() for row in shown.reading.rows[: shown.rows]]
            sessions.append({**head, "waves": waves, "rows": rows})
        return {"source": self.source, "sessions": sessions}


def _change(shown: _Shown, *, finished: bool) -> dict[str, Any] | None:
    told = shown.rows == len(shown.reading.rows) and shown.head != ""
    if told and (shown.finished or not finished):
        return None
    session = shown.reading.session(finished=finished)
    sounds = {id: {**info.to_dict(), "n": n} for n, (id, info) in enumerate(session.sounds.items())}
    head = {**session.head(), "sounds": sounds}
    text = json.dumps(head, ensure_ascii=False, separators=(",", ":"))
    rows = [row.to_dict() for row in session.rows[shown.rows :]]
    waves: dict[str, Any] = {}
    for lane, now in session.waves.items():
        before = shown.waves.get(lane, [])
        pairs = enumerate(zip(before, now, strict=False))
        start = next((i for i, (old, new) in pairs if old != new), min(len(before), len(now)))
        waves[lane] = {"from": start, "new": [attrs.asdict(wave) for wave in now[start:]]}
        shown.waves[lane] = list(now)
    shown.rows, shown.head, shown.finished = len(session.rows), text, finished
    return {"head": head, "rows": rows, "waves": waves}
