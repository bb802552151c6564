"""What a recording consists of, and reading one: frames, closes, and notes about a connection.

Knows the file format (see :mod:`voxwire.recording`, which writes it) and the dialect of other
recorders. Knows no event class: a frame is JSON, or what came in place of it.
"""

from __future__ import annotations

import ast
import json
import os
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeAlias, cast

import attrs

from ..errors import RecordingError

__all__ = [
    "FORMAT",
    "Close",
    "Entry",
    "Frame",
    "Meta",
    "begins",
    "dumps",
    "entry",
    "read",
    "sessions",
    "without_audio",
]

FORMAT = 1
"""The version of the format that Voxwire writes."""

Direction: TypeAlias = Literal["c2s", "s2c"]


@attrs.frozen(kw_only=True)
class Frame:
    """One WebSocket message. ``event`` is its JSON; where it was none, ``raw`` is what it was."""

    dir: Direction
    t: float | None = None
    event: Any = None
    raw: str | bytes | None = None
    left_out: Mapping[str, int] = attrs.Factory(dict[str, int])

    @classmethod
    def of(cls, direction: Direction, message: str | bytes, *, binary: bool = False) -> Frame:
        """A message as it came. Bytes are taken for text where they can be, unless ``binary``."""
        if isinstance(message, bytes) and not binary:
            try:
                message = message.decode()
            except UnicodeDecodeError:  # bytes that are no text are kept as bytes
                return cls(dir=direction, raw=message)
        if isinstance(message, str):
            # Deep nesting and integers of thousands of digits are JSON that nothing here can hold.
            with suppress(ValueError, RecursionError):
                return cls(dir=direction, event=json.loads(message, parse_constant=_refuse))
        return cls(dir=direction, raw=message)

    @property
    def type(self) -> str | None:
        """The wire name of the event; None for what has none."""
        event: Any = self.event
        if not isinstance(event, dict):
            return None
        name = cast("dict[str, Any]", event).get("type")
        return name if isinstance(name, str) else None

    @property
    def data(self) -> str | bytes:
        """The message to put on a wire."""
        return dumps(self.event) if self.raw is None else self.raw


@attrs.frozen(kw_only=True)
class Close:
    """The end of a connection. ``code`` is None where it broke without a close frame."""

    t: float | None = None
    code: int | None = None
    reason: str | None = None
    by: Literal["client", "server"] | None = None


@attrs.frozen(kw_only=True)
class Meta:
    """Something about the connection that is no frame."""

    t: float | None = None
    fields: Mapping[str, Any] = attrs.Factory(dict[str, Any])

    @property
    def begins(self) -> bool:
        """Whether a connection begins here."""
        return "format" in self.fields or "url" in self.fields


Entry: TypeAlias = Frame | Close | Meta
"""A line of a recording: a frame, the end of a connection, or what is said about one."""


def _refuse(constant: str) -> NoReturn:
    # Python's parser takes NaN and Infinity; JSON has neither.
    raise ValueError(constant)


def without_audio(event: Any, left_out: dict[str, int]) -> Any:
    """An event with its base64 audio emptied; where it stood and its length go to ``left_out``."""
    # The one field that carries audio under another name: the delta of ...audio.delta.
    name = cast("dict[str, Any]", event).get("type") if isinstance(event, dict) else None
    delta = isinstance(name, str) and name.endswith("audio.delta")

    def walk(value: Any, at: str) -> Any:
        if isinstance(value, dict):
            fields = cast("dict[str, Any]", value)
            return {key: walk(v, f"{at}/{key}") for key, v in fields.items()}
        if isinstance(value, list):
            entries = cast("Iterable[Any]", value)
            return [walk(v, f"{at}/{i}") for i, v in enumerate(entries)]
        if isinstance(value, str) and (at.endswith("/audio") or (delta and at == "/delta")):
            left_out[at] = len(value)
            return ""
        return value

    return walk(event, "")


def dumps(value: Any) -> str:
    """Compact JSON that can be encoded, whatever strings are in it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: only an escape can carry it
        return json.dumps(value, separators=(",", ":"))
    return text


def read(path: str | os.PathLike[str]) -> Iterator[Entry]:
    """The entries of a recording, in wire order.

    A line that a crash cut off, at the end of the file or before the ``meta`` of the next
    connection, is passed over. Anything else that is no entry raises RecordingError, which names
    the line and what was expected.
    """
    path = Path(path)
    cut: str | None = None
    ours = False
    try:
        with path.open(encoding="utf-8", errors="replace", newline="\n") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    fields = json.loads(line)
                except (ValueError, RecursionError):
                    # A line that a crash cut off, unless more of the connection follows.
                    if cut is not None:
                        raise RecordingError(cut) from None
                    cut = f"{path}:{number}: not JSON, and not the end of a connection"
                    continue
                if isinstance(fields, dict):
                    ours = ours or "format" in fields
                found = entry(fields, f"{path}:{number}", ours=ours)
                if cut is not None and not (isinstance(found, Meta) and found.begins):
                    raise RecordingError(cut)
                cut = None
                yield found
            if cut is not None and cut.startswith(f"{path}:1:"):
                raise RecordingError(f"{path}:1: not JSON, so this is no recording")
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror}") from error


def entry(value: Any, where: str = "entry", *, ours: bool = True) -> Entry:
    """One line of a recording, decoded. ``ours`` tells our format from the dialect of others."""
    fields = dict(cast("dict[str, Any]", value)) if isinstance(value, dict) else {}
    t = fields.pop("t", None)
    t = float(t) if isinstance(t, int | float) else None
    match fields.pop("dir", None):
        case "c2s" | "s2c" as direction if "event" in fields:
            left_out = _sizes(fields.get("left_out"))
            return Frame(dir=direction, t=t, event=fields["event"], left_out=left_out)
        case "c2s" | "s2c" as direction if isinstance(raw := fields.get("raw"), str):
            base64 = fields.get("encoding") == "base64"
            try:
                content = b64decode(raw) if base64 else _raw_of(raw, ours)
            except ValueError:
                raise RecordingError(f"{where}: raw is no base64") from None
            return Frame(dir=direction, t=t, raw=content)
        case "close":
            return Close(t=t, **{k: fields.get(k) for k in ("code", "reason", "by")})
        case "meta":
            return Meta(t=t, fields=fields)
        case found:
            raise RecordingError(
                f"{where}: no entry of a recording (dir is {found!r}; expected c2s or s2c with "
                "event or raw, close, or meta)"
            )


def _sizes(value: Any) -> dict[str, int]:
    """What was left out, where it is sizes; another recorder may mean something else by it."""
    known = cast("dict[str, Any]", value).items() if isinstance(value, dict) else ()
    return {name: size for name, size in known if type(size) is int and size >= 0}


def _raw_of(raw: str, ours: bool) -> str | bytes:
    if not ours and raw[:1] in "'\"b" and raw[-1:] in "'\"":
        try:
            value = ast.literal_eval(raw)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            # It only looked like a `repr`: what stands there is the text itself.
            return raw
        return value if isinstance(value, str | bytes) else raw
    return raw


def begins(one: Entry, *, closed: bool) -> bool:
    """Whether a connection begins with `one`: at its ``meta`` line, or, where a recorder writes
    none, at the first frame after the last connection was `closed`."""
    return one.begins if isinstance(one, Meta) else closed and isinstance(one, Frame)


def sessions(entries: Iterable[Entry]) -> list[list[Entry]]:
    """The entries of each connection; see :func:`begins`."""
    result: list[list[Entry]] = []
    closed = False
    for one in entries:
        if not result or begins(one, closed=closed):
            result.append([])
            closed = False
        result[-1].append(one)
        closed = closed or isinstance(one, Close)
    return result
