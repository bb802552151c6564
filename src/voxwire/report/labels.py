"""What an event says, in a few words, and what is known of a session, as label and value.

A server may send anything in the place of anything: every look goes through ``peek``. This module
decides nothing; it words.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from voxwire_protocol import Event, SessionCreated, SessionUpdated, UnknownEvent

from ..conversation.item_state import entries, number, peek, string
from ..protocol.dialect import described

__all__ = ["compact", "error_text", "facts_of", "in_short", "seconds", "summary", "where_of"]

_SHORT = 160


def in_short(text: str) -> str:
    """A text on one line that is not too long."""
    line = " ".join(text[: 2 * _SHORT].split())
    return line if len(line) <= _SHORT and len(text) <= 2 * _SHORT else f"{line[:_SHORT]}…"


def compact(arguments: str) -> str:
    """The arguments of a call on one line; as they are where they are no JSON."""
    try:
        return json.dumps(json.loads(arguments), ensure_ascii=False)
    except (ValueError, RecursionError):  # the model may write anything for arguments
        return arguments


def seconds(length: float) -> str:
    """A length of time."""
    if length < 0.9995:
        return f"{length * 1000:.0f} ms"
    if length < 60:
        return f"{length:.2f} s"
    minutes, rest = divmod(round(length), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"


def error_text(error: object) -> str:
    """Code and message of an error; some servers send a bare string."""
    if isinstance(error, str):
        return error
    code = string(peek(error, "code")) or string(peek(error, "type"))
    parts = (code, string(peek(error, "message")))
    return ": ".join(part for part in parts if part) or "an error without a message"


def summary(event: Event, sound: float = 0.0) -> str:
    """What an event says beside its name."""
    if isinstance(event, UnknownEvent):
        return event.reason or "not in the specs"
    if sound:
        return f"{seconds(sound)} of sound"
    for field in ("delta", "transcript", "text", "arguments"):
        value = string(peek(event, field))
        if value:
            return in_short(value)
    if (error := peek(event, "error")) is not None:
        return in_short(error_text(error))
    if (response := peek(event, "response")) is not None:
        return _response(response)
    if (item := peek(event, "item")) is not None:
        return _item(item)
    if isinstance(event, SessionCreated | SessionUpdated):
        return in_short(", ".join(value for _, value in facts_of(described(event))))
    if (session := peek(event, "session")) is not None:
        return in_short(", ".join(value for _, value in facts_of(session)))
    for field, wording in _PLACES.items():
        place = peek(event, field)
        if isinstance(place, int):
            return wording.format(seconds(place / 1000))
    limits = [
        f"{string(peek(limit, 'name'))}: {peek(limit, 'remaining')} left"
        for limit in entries(peek(event, "rate_limits"))
    ]
    return in_short(", ".join(limits))


_PLACES = {
    "audio_start_ms": "from {} on, in the sound that was sent",
    "audio_end_ms": "up to {}",
}


def _response(response: object) -> str:
    status = string(peek(response, "status")) or ""
    usage = peek(response, "usage")
    tokens = number(peek(usage, "total_tokens"))
    details = peek(response, "status_details")
    why = string(peek(details, "reason"))
    error = peek(details, "error")
    told = error_text(error) if error is not None else why
    parts = (status, told, f"{tokens:,} tokens" if tokens else "")
    said = string(peek(response, "instructions"))
    return in_short(", ".join(part for part in (*parts, said) if part))


def _item(item: object) -> str:
    kind, role = string(peek(item, "type")), string(peek(item, "role"))
    who = role if kind == "message" and role else (kind or "item").replace("_", " ")
    texts = [
        string(peek(part, "text")) or string(peek(part, "transcript")) or ""
        for part in entries(peek(item, "content"))
    ]
    for field in ("name", "arguments", "output"):
        texts.append(string(peek(item, field)) or "")
    said = " ".join(text for text in texts if text)
    return in_short(f"{who}: {said}" if said else who)


def facts_of(session: object) -> list[tuple[str, str]]:
    """What is worth knowing of a session's settings, as far as it tells."""
    audio = peek(session, "audio")
    heard, spoken = peek(audio, "input"), peek(audio, "output")
    modalities = peek(session, "output_modalities") or peek(session, "modalities")
    detection = peek(heard if heard is not None else session, "turn_detection")
    transcription = peek(heard, "transcription") or peek(session, "input_audio_transcription")
    tools = [
        _word(peek(tool, "name")) or _word(peek(tool, "server_label"))
        for tool in entries(peek(session, "tools"))
    ]
    facts = [
        ("Model", _word(peek(session, "model"))),
        ("Kind", _word(peek(session, "type"))),
        ("Answers with", " and ".join(_word(m) for m in entries(modalities))),
        ("Voice", _word(peek(spoken, "voice")) or _word(peek(session, "voice"))),
        ("Into", _word(peek(spoken, "language"))),
        ("Turns", _detection(detection)),
        ("Transcribed by", _word(peek(transcription, "model"))),
        ("Tools", ", ".join(tool for tool in tools if tool)),
    ]
    return [(label, in_short(value)) for label, value in facts if value]


def _detection(detection: object) -> str:
    kind = string(peek(detection, "type"))
    if kind is None:
        return ""
    silence = number(peek(detection, "silence_duration_ms"))
    return f"{kind.replace('_', ' ')}{f', after {silence} ms of silence' if silence else ''}"


def _word(value: Any) -> str:
    """A string, or the name of what came in its place."""
    return string(value) or string(peek(value, "name")) or string(peek(value, "id")) or ""


def where_of(url: str) -> tuple[str, str]:
    """Of an address, where it leads to, and the model that it names."""
    try:
        parts = urlsplit(url)
        query = parse_qs(parts.query)
    except ValueError:  # what somebody typed in place of an address
        return in_short(url), ""
    model = (query.get("model") or query.get("deployment") or [""])[0]
    return in_short(f"{parts.hostname or ''}{parts.path}"), in_short(model)
