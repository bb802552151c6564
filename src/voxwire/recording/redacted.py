"""Recordings as people are shown them: without keys, also where another recorder left them in.

Knows where keys stand in a frame by ``redaction``; what is in the file stays as it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import attrs

from ..redaction import redact, redact_text
from .frames import Close, Entry, Frame, read

__all__ = ["read_redacted", "redacted"]


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
