"""Which of the two protocol families a recorded connection speaks."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any, Literal, TypeAlias, cast

import attrs

from ..protocol.codec import REALTIME, TRANSLATION, Codec
from ..protocol.redaction import redact, redact_text
from .frames import Close, Entry, Frame, read

__all__ = ["CODECS", "Family", "family_of", "read_redacted", "redacted", "told_by"]


Family: TypeAlias = Literal["realtime", "translation"]

CODECS: dict[Family, Codec] = {"realtime": REALTIME, "translation": TRANSLATION}


def family_of(entries: Iterable[Entry]) -> Family:
    """The family of one connection, told by its frames; realtime where none of them tells."""
    return told_by(entries) or "realtime"


def told_by(entries: Iterable[Entry]) -> Family | None:
    """The family that the frames of one connection tell, so far.

    The first frame decides that either names the type of its session (``translation``, or
    another), or has a wire name that only one family knows.
    """
    for entry in entries:
        if not isinstance(entry, Frame) or entry.type is None:
            continue
        session = cast("dict[str, Any]", entry.event).get("session")
        if isinstance(session, dict):
            kind = cast("dict[str, Any]", session).get("type")
            if isinstance(kind, str):
                return "translation" if kind == "translation" else "realtime"
        realtime, translation = (_knows(codec, entry) for codec in (REALTIME, TRANSLATION))
        if realtime != translation:
            return "translation" if translation else "realtime"
    return None


def _knows(codec: Codec, frame: Frame) -> bool:
    return frame.type in (codec.server if frame.dir == "s2c" else codec.client)


def read_redacted(path: str | os.PathLike[str]) -> Iterator[Entry]:
    """As :func:`voxwire.recording.read`, with what looks like a key, or stands where keys do, left
    out. Raises :class:`RecordingError`."""
    return map(redacted, read(path))


def redacted(entry: Entry) -> Entry:
    """An entry without keys."""
    if isinstance(entry, Close):
        return attrs.evolve(entry, reason=redact(entry.reason))
    if isinstance(entry, Frame):
        raw = redact_text(entry.raw) if isinstance(entry.raw, str) else entry.raw
        return attrs.evolve(entry, event=redact(entry.event), raw=raw)
    return attrs.evolve(entry, fields=redact(dict(entry.fields)))
