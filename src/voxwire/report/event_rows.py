"""Entries as they are listed: what they are, in short, and their JSON without sound and keys.

Recordings are written without keys; they are cut out here once more, for a recording may have come
from anywhere. This module knows one entry at a time.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

from ..protocol.redaction import redact, redact_headers, redact_text, redact_url
from ..recording.frames import Close, Frame, Meta, without_audio

__all__ = ["DEEP", "raw_of_close", "raw_of_frame", "raw_of_meta", "safe_text"]

_LONGEST = 20_000
DEEP = "(nested too deeply to be shown)"


def safe_text(text: str) -> str:
    """A text of a recording for the page: without keys, and not endless."""
    text = redact_text(text)
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}… ({len(text):,} characters)"


def raw_of_frame(frame: Frame) -> str:
    """What a frame was, to be read."""
    if isinstance(frame.raw, bytes):
        shown = frame.raw[:64].hex(" ")
        return f"({len(frame.raw):,} bytes) {shown}{' …' if len(frame.raw) > 64 else ''}"
    if frame.raw is not None:
        return safe_text(frame.raw)
    left_out: dict[str, int] = {}
    try:
        event = redact(_shortened(without_audio(frame.event, left_out)))
        text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    except (RecursionError, ValueError):  # JSON that can be read and not be walked
        return DEEP
    sizes = {**left_out, **{k: v for k, v in frame.left_out.items() if isinstance(v, int)}}
    return text if not any(sizes.values()) else f"{text}\n{_note(sizes)}"


def raw_of_meta(meta: Meta) -> str:
    """What was noted about the connection."""
    fields = dict(meta.fields)
    if isinstance(fields.get("url"), str):
        fields["url"] = redact_url(fields["url"])
    if isinstance(fields.get("headers"), dict):
        headers = cast("dict[str, Any]", fields["headers"])
        fields["headers"] = redact_headers({k: str(v) for k, v in headers.items()})
    try:
        return json.dumps(redact(_shortened(fields)), ensure_ascii=False, separators=(",", ":"))
    except (RecursionError, ValueError):  # as above
        return DEEP


def raw_of_close(close: Close) -> str:
    """How the connection ended."""
    fields = {"code": close.code, "reason": redact(close.reason), "by": close.by}
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), default=str)


def _note(sizes: dict[str, int]) -> str:
    # The sound is in the report by itself, or was left out of the recording.
    places = ", ".join(f"{where} ({size:,} characters)" for where, size in sizes.items() if size)
    return f"sound left out: {places}"


def _shortened(value: Any) -> Any:
    """A JSON value without strings of a length that nobody reads, such as images."""
    if isinstance(value, str):
        return value if len(value) <= _LONGEST else safe_text(value)
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {key: _shortened(inner) for key, inner in fields.items()}
    if isinstance(value, list):
        return [_shortened(inner) for inner in cast("Sequence[Any]", value)]
    return value
