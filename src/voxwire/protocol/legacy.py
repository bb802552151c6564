"""The flat sessions of the beta and what they are now: converted both ways.

It knows where each setting of the beta has gone. It sends nothing, and nothing here fails on what a
server reports: a value that has no form of its own today comes through as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias, cast

from voxwire_protocol import (
    LegacySession,
    LegacySessionCreateRequest,
    LegacySessionCreateResponse,
    LegacyTranscriptionSessionCreateRequest,
    LegacyTranscriptionSessionCreateResponse,
    RealtimeSession,
    TranscriptionSession,
)
from voxwire_protocol._runtime import plain

from ..errors import InvalidOption

__all__ = ["from_legacy", "left_out", "to_legacy"]

AnyLegacy: TypeAlias = (
    LegacySession
    | LegacySessionCreateRequest
    | LegacySessionCreateResponse
    | LegacyTranscriptionSessionCreateRequest
    | LegacyTranscriptionSessionCreateResponse
)

_IN, _OUT = "audio/input", "audio/output"
# The beta's name -> the place of today, for both kinds of session.
_SHARED: Final = {
    "id": "id",
    "object": "object",
    "expires_at": "expires_at",
    "include": "include",
    "input_audio_format": f"{_IN}/format",
    "input_audio_noise_reduction": f"{_IN}/noise_reduction",
    "input_audio_transcription": f"{_IN}/transcription",
    "turn_detection": f"{_IN}/turn_detection",
}
_REALTIME: Final = {
    **_SHARED,
    "instructions": "instructions",
    "max_response_output_tokens": "max_output_tokens",
    "modalities": "output_modalities",
    "model": "model",
    "output_audio_format": f"{_OUT}/format",
    "prompt": "prompt",
    "speed": f"{_OUT}/speed",
    "tool_choice": "tool_choice",
    "tools": "tools",
    "tracing": "tracing",
    "truncation": "truncation",
    "voice": f"{_OUT}/voice",
}
_FORMATS: Final[dict[str, dict[str, Any]]] = {
    "pcm16": {"type": "audio/pcm", "rate": 24000},
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}
_FLAT_FORMATS: Final = {form["type"]: name for name, form in _FORMATS.items()}
_LISTENING: Final = (
    LegacyTranscriptionSessionCreateRequest,
    LegacyTranscriptionSessionCreateResponse,
)
_TRANSCRIPTION = "realtime.transcription_session"


def from_legacy(session: AnyLegacy | Mapping[str, Any]) -> RealtimeSession | TranscriptionSession:
    """The session of today that a flat one stands for. Never fails, and keeps what is declared.

    ``temperature`` has no counterpart and is left out, as is the key in ``client_secret``; see
    :func:`left_out`. What the server reported of itself (``id``, ``object``, ``expires_at``) stays,
    and must be taken off before the session is sent.

    Args:
        session: a legacy model, or the JSON object of a ``LegacySession``.
    """
    flat = plain(session)
    listening = _listens(session)
    nested: dict[str, Any] = {"type": "transcription" if listening else "realtime"}
    # The answer of the old endpoint may be in either shape, or in both.
    for name in ("output_modalities", "max_output_tokens", "audio"):
        if name in flat and not listening:
            nested[name] = flat[name]
    for name, place in (_SHARED if listening else _REALTIME).items():
        if name in flat:
            _put(nested, place, _inward(name, flat[name]))
    return (TranscriptionSession if listening else RealtimeSession).from_dict(nested)


def to_legacy(
    session: RealtimeSession | TranscriptionSession, *, drop: bool = False
) -> LegacySession:
    """The flat session that one of today would have been.

    Args:
        session: the session.
        drop: leave out what the beta did not have, in place of refusing it.

    Raises:
        InvalidOption: a setting that the beta did not have, such as ``reasoning``.
    """
    lost = left_out(session)
    if lost and not drop:
        raise InvalidOption(
            f"the beta's sessions have no {', no '.join(lost)}: unset these, or pass drop=True"
        )
    nested = plain(session)
    flat: dict[str, Any] = {}
    for name, place in _places(session).items():
        value = _get(nested, place)
        if value is not _MISSING and place not in lost:
            flat[name] = _outward(name, value)
    if isinstance(flat.get("tools"), list):
        flat["tools"] = [tool for tool in flat["tools"] if _is_function(tool)]
    return LegacySession.from_dict(flat)


def left_out(session: AnyLegacy | RealtimeSession | TranscriptionSession) -> list[str]:
    """The settings of a session that a conversion would leave out, either way; sorted.

    Flat ones by name, those of today by their place, such as ``tools[0]`` or ``audio/output/x``.
    """
    values = plain(session)
    if not isinstance(session, (RealtimeSession, TranscriptionSession)):
        known = {*_REALTIME, "output_modalities", "max_output_tokens", "audio"}
        if _listens(session):
            known = set(_SHARED)
        return sorted(set(values) - known)
    places = set(_places(session).values())
    lost = [place for place in _leaves(values) if place not in places]
    if isinstance(values.get("tools"), list):
        tools = enumerate(cast("list[Any]", values["tools"]))
        lost += [f"tools[{index}]" for index, tool in tools if not _is_function(tool)]
    for way in (_IN, _OUT):
        form = _get(values, f"{way}/format")
        if isinstance(form, dict) and _flat_format(cast("dict[str, Any]", form)) is None:
            lost.append(f"{way}/format")
    return sorted(lost)


_MISSING: Final = object()


def _listens(session: object) -> bool:
    if isinstance(session, _LISTENING):
        return True
    if isinstance(session, Mapping):
        return cast("Mapping[str, Any]", session).get("object") == _TRANSCRIPTION
    return getattr(session, "object", None) == _TRANSCRIPTION


def _places(session: RealtimeSession | TranscriptionSession) -> Mapping[str, str]:
    return _REALTIME if isinstance(session, RealtimeSession) else _SHARED


def _inward(name: str, value: object) -> object:
    if name.endswith("_format") and isinstance(value, str):
        return _FORMATS.get(value, {"type": value})
    if name == "modalities" and isinstance(value, list):
        # The beta sent text along with speech; now ["audio"] means both.
        return ["audio"] if "audio" in value else cast("object", value)
    if name == "turn_detection" and isinstance(value, dict):
        return {"type": "server_vad", **cast("dict[str, Any]", value)}
    return value


def _outward(name: str, value: object) -> object:
    if name.endswith("_format") and isinstance(value, dict):
        return _flat_format(cast("dict[str, Any]", value))
    if name == "modalities" and value == ["audio"]:
        return ["text", "audio"]
    return value


def _is_function(tool: Any) -> bool:
    return isinstance(tool, dict) and cast("dict[str, Any]", tool).get("type") == "function"


def _flat_format(form: Mapping[str, Any]) -> str | None:
    name = _FLAT_FORMATS.get(form.get("type"))
    # The beta knew one rate of PCM.
    return name if form.get("rate") in (None, 24000) else None


def _put(into: dict[str, Any], place: str, value: object) -> None:
    *way, last = place.split("/")
    for step in way:
        inner = into.get(step)
        deeper = dict(cast("dict[str, Any]", inner)) if isinstance(inner, dict) else {}
        into[step] = deeper
        into = deeper
    into[last] = value


def _get(values: Any, place: str) -> Any:
    for step in place.split("/"):
        if not isinstance(values, dict) or step not in values:
            return _MISSING
        values = cast("dict[str, Any]", values)[step]
    return values


def _leaves(values: Mapping[str, Any]) -> list[str]:
    """Every place that is filled in, as deep as the table of places goes."""
    found: list[str] = []
    for name, value in values.items():
        if name == "audio" and isinstance(value, dict):
            for way, inner in cast("dict[str, Any]", value).items():
                if isinstance(inner, dict):
                    found += [f"audio/{way}/{key}" for key in cast("dict[str, Any]", inner)]
        elif name != "type":
            found.append(name)
    return found
