"""Whether recordings decode, and where what they hold is not what the specs say.

Knows frames and the codec; prints nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from re import sub
from typing import Any, Literal, TypeAlias

import attrs
from voxwire_protocol import UnknownEvent

from ..errors import RecordingError
from ..protocol.codec import Codec, Problem, problems, rebuild
from .frames import Frame, read, sessions
from .match import difference
from .reader import CODECS, Family, family_of

__all__ = ["Counts", "Failure", "FileReport", "Misfit", "Report", "lint"]

Verdict: TypeAlias = Literal["typed", "unknown", "tolerated", "failed"]


@attrs.define
class Counts:
    """Every frame is one of the four.

    ``typed``: its class, and every field as declared. ``tolerated``: its class, with fields that do
    not fit left as they came. ``unknown``: no event of the specs. ``failed``: it could not be
    decoded, or what was decoded does not give the same JSON again.
    """

    frames: int = 0
    typed: int = 0
    unknown: int = 0
    tolerated: int = 0
    failed: int = 0

    def count(self, verdict: Verdict) -> None:
        self.frames += 1
        setattr(self, verdict, getattr(self, verdict) + 1)


@attrs.define
class Misfit:
    """A JSON path of an event at which values did not fit, over all files."""

    path: str
    """With ``*`` for the indices of arrays, after the wire name of the event."""
    example: str
    count: int = 0
    files: list[str] = attrs.Factory(list[str])


@attrs.frozen
class Failure:
    """A frame that did not survive decoding."""

    file: str
    entry: int
    """Which entry of the recording, counted from 1."""
    type: str | None
    reason: str


@attrs.define
class FileReport:
    """One recording."""

    families: list[Family]
    counts: Counts = attrs.Factory(Counts)


@attrs.define
class Report:
    """All that was found."""

    total: Counts = attrs.Factory(Counts)
    files: dict[str, FileReport] = attrs.Factory(dict[str, FileReport])
    problems: dict[str, Misfit] = attrs.Factory(dict[str, Misfit])
    unknown_types: Counter[str] = attrs.Factory(Counter[str])
    failures: list[Failure] = attrs.Factory(list[Failure])
    skipped: dict[str, str] = attrs.Factory(dict[str, str])

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values; the total counts are its top level."""
        ranked = sorted(self.problems.values(), key=lambda found: (-found.count, found.path))
        return {
            **attrs.asdict(self.total),
            "files": {
                name: {**attrs.asdict(file.counts), "families": file.families}
                for name, file in self.files.items()
            },
            "problems": [attrs.asdict(found) for found in ranked],
            "unknown_types": dict(self.unknown_types.most_common()),
            "failures": [attrs.asdict(failure) for failure in self.failures],
            "skipped": self.skipped,
        }


def lint(
    paths: Sequence[Path], progress: Callable[[float, float | None], None] | None = None
) -> Report:
    """Check recordings; of a folder, every ``*.jsonl`` in it that is a recording.

    Args:
        paths: files and folders.
        progress: told after each file how many are done, and of how many.

    Raises:
        RecordingError: a file that was named is no recording, or there is nothing to check.
    """
    report = Report()
    found = [(path, False) for path in paths if not path.is_dir()]
    for folder in (path for path in paths if path.is_dir()):
        found += [(path, True) for path in sorted(folder.rglob("*.jsonl"))]
    for number, (path, by_chance) in enumerate(found, 1):
        try:
            _lint_file(path, report)
        except RecordingError as error:
            if not by_chance:
                raise
            # A folder may hold other files; they are counted as skipped, with the reason.
            report.skipped[str(path)] = str(error).removeprefix(f"{path}:")
        if progress is not None:
            progress(number, len(found))
    if not report.files:
        names = ", ".join(map(str, paths))
        raise RecordingError(f"{names}: no recordings (*.jsonl) here")
    return report


def _lint_file(path: Path, report: Report) -> None:
    name = str(path)
    connections = sessions(list(read(path)))
    file = report.files[name] = FileReport([])
    number = 0
    for entries in connections:
        family = family_of(entries)
        if family not in file.families:
            file.families.append(family)
        for entry in entries:
            number += 1
            if isinstance(entry, Frame):
                verdict = _lint_frame(entry, number, CODECS[family], name, report)
                file.counts.count(verdict)
                report.total.count(verdict)


def _lint_frame(frame: Frame, number: int, codec: Codec, name: str, report: Report) -> Verdict:
    data = frame.data
    try:
        event = (codec.decode if frame.dir == "s2c" else codec.decode_client)(data)
        found = list(problems(event))
        if frame.raw is None:
            lost = difference(frame.event, rebuild(event))
        else:
            sent = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
            lost = None if event.raw == sent else "the frame was not kept as it came"
    except Exception as error:  # the promise under test is that there is none
        report.failures.append(
            Failure(name, number, frame.type, f"{type(error).__name__}: {error}")
        )
        return "failed"
    if lost is not None:
        report.failures.append(Failure(name, number, frame.type, f"not rebuilt: {lost}"))
        return "failed"
    if isinstance(event, UnknownEvent):
        report.unknown_types[event.type or f"({event.reason or 'no type'})"] += 1
        return "unknown"
    _note(found, frame.type or "", name, report)
    return "tolerated" if found else "typed"


def _note(found: Iterable[Problem], event: str, name: str, report: Report) -> None:
    for problem in found:
        # One entry for all places in an array, and one for each event that has the path.
        path = f"{event} " + sub(r"\[[0-9]+\]", "[*]", problem.path)
        example = f"expected {problem.expected}, got {problem.got}"
        misfit = report.problems.setdefault(path, Misfit(path, example))
        misfit.count += 1
        if name not in misfit.files:
            misfit.files.append(name)
