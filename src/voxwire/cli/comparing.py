"""Whether two recordings say the same, whatever ids and times they have, and where they do not.

Knows frames as JSON and what in them is made up anew for each session; prints nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from fnmatch import fnmatchcase
from itertools import groupby, zip_longest
from typing import Any, Literal, TypeAlias, cast

import attrs

from ..recording.frames import Close, Entry, Frame, sessions
from .pieces import AudioMode, Heard, heard, joined
from .values import Found, Values

__all__ = ["Comparison", "Difference", "compare"]


@attrs.frozen(kw_only=True)
class Difference:
    """One place where two recordings differ.

    ``kind``: ``value`` where both have something at ``path``; ``only_a`` and ``only_b`` where one
    has it alone, a whole entry if ``path`` is empty; ``id`` where an id is not the one that it was
    before; ``connection`` where a whole connection is missing.
    """

    connection: int
    """Counted from 1."""
    kind: Literal["value", "only_a", "only_b", "id", "connection"]
    dir: str = ""
    type: str = ""
    a: int | None = None
    """The number of the entry in the first recording, counted from 1: its line."""
    b: int | None = None
    path: str = ""
    values: tuple[Any, Any] = (None, None)
    before: tuple[str, str] | None = None
    """Of an id: which ones stood for each other until here."""


@attrs.define
class Comparison:
    """What was found. ``frames`` are the numbers of frames on both sides."""

    differences: list[Difference]
    frames: tuple[int, int]

    def to_dict(self) -> dict[str, Any]:
        """The findings as JSON values."""
        return {
            "equal": not self.differences,
            "frames": {"a": self.frames[0], "b": self.frames[1]},
            "differences": [attrs.asdict(found) for found in self.differences],
        }


@attrs.frozen(kw_only=True)
class _Line:
    """An entry as it is compared: what it is, its fields, and its audio by path."""

    number: int
    dir: str
    type: str
    label: str
    """What it is aligned by."""
    fields: Any
    audio: Mapping[str, Heard] = attrs.Factory(dict[str, Heard])


def compare(
    a: Sequence[Entry],
    b: Sequence[Entry],
    *,
    audio: AudioMode = "length",
    join: bool = False,
    ignore: Sequence[str] = (),
) -> Comparison:
    """Compare two recordings, connection by connection.

    Args:
        audio: compare it by ``length``, by ``content``, or ``ignore`` it.
        join: compare the pieces of a text or of speech joined, however they were cut.
        ignore: patterns of event types, or of paths (which begin with ``$``), to pass over.
    """
    found: list[Difference] = []
    left, right = _numbered(a), _numbered(b)
    for index in range(max(len(left), len(right))):
        if index >= len(left) or index >= len(right):
            sides = (index < len(left), index < len(right))
            found.append(Difference(connection=index + 1, kind="connection", values=sides))
            continue
        lines = [
            [_line(number, entry, audio) for number, entry in (joined(side) if join else side)]
            for side in (left[index], right[index])
        ]
        found += _differences(index + 1, *lines)
    kept = [one for one in found if not _ignored(one, ignore)]
    counts = (sum(isinstance(e, Frame) for e in a), sum(isinstance(e, Frame) for e in b))
    return Comparison(kept, counts)


def _numbered(entries: Sequence[Entry]) -> list[list[tuple[int, Frame | Close]]]:
    result: list[list[tuple[int, Frame | Close]]] = []
    number = 0
    for session in sessions(entries):
        numbered = list(enumerate(session, number + 1))
        number += len(session)
        result.append([(n, e) for n, e in numbered if isinstance(e, Frame | Close)])
    return result


def _line(number: int, entry: Frame | Close, audio: AudioMode) -> _Line:
    if isinstance(entry, Close):
        fields: Any = {"code": entry.code, "reason": entry.reason or ""}
        return _Line(number=number, dir="close", type="close", label="close", fields=fields)
    if entry.raw is not None:
        kind = "a text that is not JSON" if isinstance(entry.raw, str) else "a binary frame"
        raw = entry.raw if isinstance(entry.raw, str) else entry.raw.hex()
        return _Line(number=number, dir=entry.dir, type=kind, label=entry.dir + kind, fields=raw)
    name = entry.type or "JSON without a type"
    fields, sounds = heard(entry, audio)
    label = f"{entry.dir} {name}"
    item: Any = cast("Any", fields).get("item") if isinstance(fields, dict) else None
    if isinstance(item, dict):  # items of the same kind belong together
        known = cast("Mapping[str, Any]", item)
        label += f" {known.get('type')} {known.get('role')}"
    return _Line(number=number, dir=entry.dir, type=name, label=label, fields=fields, audio=sounds)


def _differences(connection: int, a: Sequence[_Line], b: Sequence[_Line]) -> Iterator[Difference]:
    """Entries of the same kind are compared with each other, the others stand alone."""
    pairs: list[_Pair] = []
    # Each side on its own: what the one says while the other speaks is a matter of time.
    for way in ("c2s", "s2c", "close"):
        pairs += _aligned([x for x in a if x.dir == way], [y for y in b if y.dir == way])
    # In wire order, so that an id is first met where it was made.
    pairs.sort(key=lambda pair: _line_of(pair).number)
    values = Values()
    for x, y in pairs:
        line = _line_of((x, y))
        shape = Difference(
            connection=connection,
            kind="value",
            dir=line.dir,
            type=line.type,
            a=x.number if x else None,
            b=y.number if y else None,
        )
        if x is None or y is None:
            yield attrs.evolve(shape, kind="only_b" if x is None else "only_a")
            continue
        for found in (*values.differences(x.fields, y.fields), *_sounds(x.audio, y.audio)):
            yield attrs.evolve(
                shape, kind=found.kind, path=found.path, values=found.values, before=found.before
            )


_Pair: TypeAlias = tuple[_Line | None, _Line | None]


def _line_of(pair: _Pair) -> _Line:
    line = pair[0] or pair[1]
    assert line is not None
    return line


def _aligned(a: Sequence[_Line], b: Sequence[_Line]) -> Iterator[_Pair]:
    # Runs of the same, such as deltas, count as one: they differ in length more than in place.
    left, right = _runs(a), _runs(b)
    matcher = SequenceMatcher(
        None, [run[0].label for run in left], [run[0].label for run in right], autojunk=False
    )
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind == "equal":
            for ours, theirs in zip(left[i1:i2], right[j1:j2], strict=True):
                yield from zip_longest(ours, theirs)
        else:
            yield from ((x, None) for run in left[i1:i2] for x in run)
            yield from ((None, y) for run in right[j1:j2] for y in run)


def _runs(lines: Sequence[_Line]) -> list[list[_Line]]:
    return [list(run) for _, run in groupby(lines, key=lambda line: line.label)]


def _sounds(a: Mapping[str, Heard], b: Mapping[str, Heard]) -> Iterator[Found]:
    for path in [*a, *(path for path in b if path not in a)]:
        x, y = a.get(path), b.get(path)
        if x is None or y is None or not x.like(y):
            shown = tuple(None if one is None else str(one) for one in (x, y))
            yield Found("value", path, (shown[0], shown[1]))


def _ignored(found: Difference, patterns: Sequence[str]) -> bool:
    return any(
        fnmatchcase(found.path if pattern.startswith("$") else found.type, pattern)
        for pattern in patterns
    )
