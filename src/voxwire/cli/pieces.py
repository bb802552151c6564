"""Audio and pieces of streams, put so that two recordings can be compared.

Knows which fields hold audio and which events are pieces of one thing.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Literal, TypeAlias, cast

import attrs

from ..emulator.matching import APPENDS
from ..recording.frames import Close, Frame, without_audio

__all__ = ["AudioMode", "Heard", "heard", "joined"]

AudioMode: TypeAlias = Literal["length", "content", "ignore"]


@attrs.frozen
class Heard:
    """A piece of audio: its length, and what tells it from others where that matters."""

    bytes: int
    digest: str | None = None

    def like(self, other: Heard) -> bool:
        """Whether they are the same as far as is known: audio that was left out has a length."""
        unknown = self.digest is None or other.digest is None
        return self.bytes == other.bytes and (unknown or self.digest == other.digest)

    def __str__(self) -> str:
        mark = "" if self.digest is None else f" ({self.digest[:8]})"
        return f"{self.bytes:,} bytes of audio{mark}"


def heard(frame: Frame, mode: AudioMode) -> tuple[Any, dict[str, Heard]]:
    """An event without its audio, and the audio by its path."""
    lengths: dict[str, int] = {}
    event = without_audio(frame.event, lengths)
    if mode == "ignore":
        return event, {}
    sounds: dict[str, Heard] = {}
    for at in {**lengths, **frame.left_out}:
        path = "$" + "".join(
            f"[{part}]" if part.isdecimal() else f".{part}" for part in at.split("/")[1:]
        )
        if at in frame.left_out:
            sounds[path] = Heard(frame.left_out[at] * 3 // 4)
        else:
            audio = _bytes(_at(frame.event, at))
            digest = sha256(audio).hexdigest() if mode == "content" else None
            sounds[path] = Heard(len(audio), digest)
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
