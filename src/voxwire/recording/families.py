"""Which of the two protocol families a recorded connection speaks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias, cast

from ..codec.codec import REALTIME, TRANSLATION, Codec
from .frames import Entry, Frame

__all__ = ["CODECS", "Family", "family_of", "told_by"]

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
