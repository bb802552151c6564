"""One file for sessions that run at the same time: each is a section of its own, in order of start.

The session that began first is written straight into the file; what runs beside it goes to a file
of its own next to it (``NAME.2.part``, a recording like any other) and is moved in when it is its
turn. After a crash those are still there. Knows recordings; knows no socket.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs

from ..errors import RecordingError
from ..recording.recorder import Recorder

__all__ = ["MultiRecording", "Section"]

_log = logging.getLogger("voxwire.recording")


@attrs.define(eq=False)
class Section:
    """The recording of one session. ``recorder`` takes its frames."""

    recorder: Recorder
    part: Path | None
    ended: bool = False


class MultiRecording:
    """A recording that several sessions write to at once.

    Args:
        path: the file; what is in it stays, new sections follow.
        audio: False leaves the base64 of audio out and notes its length.

    Raises:
        RecordingError: the file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], *, audio: bool = True) -> None:
        self.path = Path(path)
        self._audio = audio
        self._sections: list[Section] = []  # in order of start; the first one that runs is direct
        self._number = 0
        self._new = not self.path.exists()
        Recorder(self.path).close()

    def begin(self, url: str, *, secrets: Iterable[str] = (), **about: Any) -> Section:
        """Begin a section: its frames go to its recorder, until :meth:`end`."""
        self._number += 1
        part = self._free_part() if self._sections else None
        recorder = Recorder(part or self.path, audio=self._audio, secrets=secrets)
        recorder.begin(url, **about)
        section = Section(recorder, part)
        self._sections.append(section)
        return section

    def end(self, section: Section) -> None:
        """The session of this section is over."""
        section.recorder.close()
        section.ended = True
        while self._sections and self._sections[0].ended:
            self._move_in(self._sections.pop(0))

    def close(self) -> None:
        """End all sections."""
        for section in list(self._sections):
            self.end(section)
        if self._new and self.path.exists() and self.path.stat().st_size == 0:
            self.path.unlink()  # nobody came

    def _free_part(self) -> Path:
        while True:
            part = self.path.with_name(f"{self.path.name}.{self._number}.part")
            if not part.exists():
                return part
            self._number += 1  # left over from a crash: not ours to touch

    def _move_in(self, section: Section) -> None:
        if section.part is None:
            return
        try:
            with section.part.open("rb") as part, self.path.open("ab+") as whole:
                if whole.seek(0, os.SEEK_END):
                    whole.seek(-1, os.SEEK_END)
                    if whole.read(1) != b"\n":  # a crash cut the last line off
                        whole.write(b"\n")
                shutil.copyfileobj(part, whole)
            section.part.unlink()
        except OSError as error:
            # The disk fails: the part stays beside the recording, and the log says so.
            _log.error("%s: stays as it is: %s", section.part, error.strerror)


def begin_or_log(tape: MultiRecording, url: str, **about: Any) -> Section | None:
    """Begin a section; where the disk fails, say so and let the session go on without one."""
    try:
        return tape.begin(url, **about)
    except RecordingError as error:  # the disk fails: a session is worth more than its recording
        _log.error("a session is not recorded: %s", error)
        return None
