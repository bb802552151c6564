"""The lines of a session's log: how sound is counted, and what the notes say.

This module knows the format, and nothing of when it is written or read.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Literal

import attrs
import pybase64
from voxwire_protocol import Event, InputAudioBufferAppend, ResponseOutputAudioDelta

from .base import Entry, Kind

__all__ = ["SNAPSHOT_VERSION", "Heard", "audio_size", "entry", "note", "read_note", "silence"]

SNAPSHOT_VERSION = 1


def entry(kind: Kind, data: bytes) -> Entry:
    """A line of now."""
    return Entry(kind=kind, data=data, at=time.time())


def note(name: str, **fields: Any) -> Entry:
    """A note of now."""
    return entry("note", json.dumps({"note": name, **fields}, separators=(",", ":")).encode())


def read_note(data: bytes) -> tuple[str, Mapping[str, Any]]:
    """Name and fields of a note; an empty name for what is none."""
    try:
        fields: Any = json.loads(data)
    except ValueError:  # another program has written it
        return "", {}
    name: Any = fields.get("note")
    return (name, fields) if isinstance(name, str) else ("", {})


def audio_size(delta: object) -> int:
    """Bytes that a base64 text stands for."""
    if not isinstance(delta, str):
        return 0
    return len(delta) * 3 // 4 - delta.count("=", -2)


@attrs.define(kw_only=True)
class Heard:
    """Sound that passed, as a length: of the user's, or of one part of what the model says."""

    way: Literal["in", "out"]
    size: int = 0
    response_id: str = ""
    item_id: str = ""
    output_index: int = 0
    content_index: int = 0

    def goes_on(self, other: Heard) -> bool:
        """Whether `other` is more of the same."""
        return attrs.evolve(self, size=0) == attrs.evolve(other, size=0)

    def entry(self) -> Entry:
        """The note of it."""
        return note("audio", **attrs.asdict(self))


def silence(fields: Mapping[str, Any]) -> Event:
    """The event of as much silence as the note of a sound tells."""
    size = int(fields["size"])
    data = pybase64.b64encode(bytes(size)).decode()
    if fields["way"] == "in":
        return InputAudioBufferAppend(audio=data)
    return ResponseOutputAudioDelta(
        event_id="",
        delta=data,
        **{name: fields[name] for name in _PLACE},
    )


_PLACE = ("response_id", "item_id", "output_index", "content_index")
