"""Where two JSON values differ, if ids and times may be others.

Knows which fields are made anew for each session, and which id stands for which.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from fnmatch import fnmatchcase
from hashlib import sha256
from itertools import groupby, zip_longest
from typing import Any, Final, Literal, TypeAlias, cast

import attrs

from .frames import Close, Entry, Frame, sessions, without_audio
from .match import APPENDS

__all__ = [
    "AudioMode",
    "Comparison",
    "Difference",
    "Found",
    "JoinedAudio",
    "Values",
    "compare",
    "heard",
    "joined",
]


# Made anew for each session, or by the clock. `obfuscation` is random padding.
_PASSING: Final = frozenset({"event_id", "obfuscation", "reset_seconds"})
# Ids that somebody chose: another one is another thing.
_CHOSEN: Final = frozenset({"connector_id", "file_id", "tunnel_id"})
_NAMED: Final = frozenset({"prompt", "voice"})
_TOKENS: Final = frozenset({"voxwire_request", "client_event_id"})


@attrs.frozen
class Found:
    """One place where values differ."""

    kind: Literal["value", "only_a", "only_b", "id"]
    path: str
    values: tuple[Any, Any]
    before: tuple[str, str] | None = None
    """Of an id: which ones stood for each other until here."""


class Values:
    """Compares the events of one connection, one after the other."""

    def __init__(self) -> None:
        self._ids: tuple[dict[str, str], dict[str, str]] = ({}, {})
        self._told: set[tuple[str, str]] = set()

    def differences(self, a: Any, b: Any) -> Iterator[Found]:
        """Where two events differ."""
        return self._walk(a, b, "$", "")

    def _walk(self, a: Any, b: Any, path: str, name: str) -> Iterator[Found]:
        if isinstance(a, dict) and isinstance(b, dict):
            ours, theirs = cast("Mapping[str, Any]", a), cast("Mapping[str, Any]", b)
            for key in [*ours, *(key for key in theirs if key not in ours)]:
                at = f"{path}.{key}"
                if _passing(key, ours.get(key), theirs.get(key)):
                    continue
                if key not in theirs:
                    yield Found("only_a", at, (ours[key], None))
                elif key not in ours:
                    yield Found("only_b", at, (None, theirs[key]))
                elif _is_id(key, name) and isinstance(ours[key], str):
                    yield from self._id(ours[key], theirs[key], at)
                else:
                    yield from self._walk(ours[key], theirs[key], at, key)
        elif isinstance(a, list) and isinstance(b, list):
            left, right = cast("Sequence[Any]", a), cast("Sequence[Any]", b)
            for index in range(max(len(left), len(right))):
                at = f"{path}[{index}]"
                if index >= len(right):
                    yield Found("only_a", at, (left[index], None))
                elif index >= len(left):
                    yield Found("only_b", at, (None, right[index]))
                else:
                    yield from self._walk(left[index], right[index], at, name)
        # JSON knows one kind of number, and true is none of them.
        elif isinstance(a, bool) is not isinstance(b, bool) or a != b:
            yield Found("value", path, (cast("Any", a), b))

    def _id(self, a: str, b: Any, path: str) -> Iterator[Found]:
        """An id has to stand for the same one everywhere."""
        to, back = self._ids
        if not isinstance(b, str) or "root" in (a, b):  # which is no item's id
            if a != b:
                yield Found("value", path, (a, b))
        elif a not in to and b not in back:
            to[a], back[b] = b, a
        elif to.get(a) != b and (a, b) not in self._told:
            self._told.add((a, b))  # once: what hangs on it is the same difference
            was = (a, to[a]) if a in to else (back[b], b)
            yield Found("id", path, (a, b), was)


def _passing(name: str, a: Any, b: Any) -> bool:
    if name in _PASSING:
        return True
    times = [isinstance(value, int | float | None) for value in (a, b)]
    return name.endswith("_at") and all(times)


def _is_id(name: str, inside: str) -> bool:
    if inside == "metadata":
        return name in _TOKENS
    if name == "id":
        return inside not in _NAMED
    return name.endswith("_id") and name not in _CHOSEN


AudioMode: TypeAlias = Literal["length", "content", "ignore"]


@attrs.frozen
class JoinedAudio:
    """A piece of audio: its length, and what tells it from others where that matters."""

    bytes: int
    digest: str | None = None

    def like(self, other: JoinedAudio) -> bool:
        """Whether they are the same as far as is known: audio that was left out has a length."""
        unknown = self.digest is None or other.digest is None
        return self.bytes == other.bytes and (unknown or self.digest == other.digest)

    def __str__(self) -> str:
        mark = "" if self.digest is None else f" ({self.digest[:8]})"
        return f"{self.bytes:,} bytes of audio{mark}"


def heard(frame: Frame, mode: AudioMode) -> tuple[Any, dict[str, JoinedAudio]]:
    """An event without its audio, and the audio by its path."""
    lengths: dict[str, int] = {}
    event = without_audio(frame.event, lengths)
    if mode == "ignore":
        return event, {}
    sounds: dict[str, JoinedAudio] = {}
    for at in {**lengths, **frame.left_out}:
        path = "$" + "".join(
            f"[{part}]" if part.isdecimal() else f".{part}" for part in at.split("/")[1:]
        )
        if at in frame.left_out:
            sounds[path] = JoinedAudio(frame.left_out[at] * 3 // 4)
        else:
            audio = _bytes(_at(frame.event, at))
            digest = sha256(audio).hexdigest() if mode == "content" else None
            sounds[path] = JoinedAudio(len(audio), digest)
    return event, sounds


def joined(entries: Iterable[tuple[int, Frame | Close]]) -> list[tuple[int, Frame | Close]]:
    """The entries with the pieces of a stream joined, at the place of the first of them."""
    result: list[tuple[int, Frame | Close]] = []
    streams: dict[Any, list[Frame]] = {}
    places: dict[Any, int] = {}
    for number, entry in entries:
        key = _stream(entry) if isinstance(entry, Frame) else None
        if isinstance(entry, Frame) and entry.dir == "c2s" and key is None:
            # What is appended after another event is appended to something else.
            streams = {k: v for k, v in streams.items() if k[0] != "c2s"}
        if key is None or not isinstance(entry, Frame):
            result.append((number, entry))
        elif key in streams:
            streams[key].append(entry)
            place = places[key]
            result[place] = (result[place][0], _join(streams[key]))
        else:
            streams[key] = [entry]
            places[key] = len(result)
            result.append((number, entry))
    return result


def _stream(frame: Frame) -> tuple[Any, ...] | None:
    """What a piece belongs to; None for what is no piece."""
    name = frame.type
    if name in APPENDS:
        return frame.dir, name
    if name is None or not name.endswith(".delta"):
        return None
    event = cast("Mapping[str, Any]", frame.event)
    return (
        frame.dir,
        name,
        *(str(event.get(key)) for key in ("response_id", "item_id", "call_id", "content_index")),
    )


def _join(pieces: list[Frame]) -> Frame:
    first = pieces[0]
    field = "audio" if first.type in APPENDS else "delta"
    events = [cast("Mapping[str, Any]", piece.event) for piece in pieces]
    values = [event.get(field) for event in events]
    texts = [value for value in values if isinstance(value, str)]
    at = f"/{field}"
    sound: dict[str, int] = {}
    without_audio(first.event, sound)
    if at not in sound:
        return attrs.evolve(first, event={**events[0], field: "".join(texts)})
    if any(at in piece.left_out for piece in pieces):
        length = sum(
            piece.left_out.get(at, len(text)) for piece, text in zip(pieces, texts, strict=False)
        )
        return attrs.evolve(first, left_out={**first.left_out, at: length})
    whole = b64encode(b"".join(map(_bytes, texts))).decode()
    return attrs.evolve(first, event={**events[0], field: whole})


def _bytes(text: Any) -> bytes:
    """What base64 says; where it is none, its letters."""
    try:
        return b64decode(text, validate=True)
    except (TypeError, ValueError):  # a recording may hold anything where base64 belongs
        return str(text).encode("utf-8", "replace")


def _at(value: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        entries = cast("Sequence[Any]", value)
        value = entries[int(part)] if isinstance(value, list) else value[part]
    return value


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
class _DiffLine:
    """An entry as it is compared: what it is, its fields, and its audio by path."""

    number: int
    dir: str
    type: str
    label: str
    """What it is aligned by."""
    fields: Any
    audio: Mapping[str, JoinedAudio] = attrs.Factory(dict[str, JoinedAudio])


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


def _line(number: int, entry: Frame | Close, audio: AudioMode) -> _DiffLine:
    if isinstance(entry, Close):
        fields: Any = {"code": entry.code, "reason": entry.reason or ""}
        return _DiffLine(number=number, dir="close", type="close", label="close", fields=fields)
    if entry.raw is not None:
        kind = "a text that is not JSON" if isinstance(entry.raw, str) else "a binary frame"
        raw = entry.raw if isinstance(entry.raw, str) else entry.raw.hex()
        return _DiffLine(
            number=number, dir=entry.dir, type=kind, label=entry.dir + kind, fields=raw
        )
    name = entry.type or "JSON without a type"
    fields, sounds = heard(entry, audio)
    label = f"{entry.dir} {name}"
    item: Any = cast("Any", fields).get("item") if isinstance(fields, dict) else None
    if isinstance(item, dict):  # items of the same kind belong together
        known = cast("Mapping[str, Any]", item)
        label += f" {known.get('type')} {known.get('role')}"
    return _DiffLine(
        number=number, dir=entry.dir, type=name, label=label, fields=fields, audio=sounds
    )


def _differences(
    connection: int, a: Sequence[_DiffLine], b: Sequence[_DiffLine]
) -> Iterator[Difference]:
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


_Pair: TypeAlias = tuple[_DiffLine | None, _DiffLine | None]


def _line_of(pair: _Pair) -> _DiffLine:
    line = pair[0] or pair[1]
    assert line is not None
    return line


def _aligned(a: Sequence[_DiffLine], b: Sequence[_DiffLine]) -> Iterator[_Pair]:
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


def _runs(lines: Sequence[_DiffLine]) -> list[list[_DiffLine]]:
    return [list(run) for _, run in groupby(lines, key=lambda line: line.label)]


def _sounds(a: Mapping[str, JoinedAudio], b: Mapping[str, JoinedAudio]) -> Iterator[Found]:
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
