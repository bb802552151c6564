"""The settings of a session: what they are at first, and what becomes of an update.

It knows session objects as JSON, and which of their fields may change when.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final, cast

from .api_errors import ApiError

__all__ = ["DEFAULT_MODEL", "SessionSettings", "realtime", "transcription"]

DEFAULT_MODEL: Final = "gpt-realtime-2.1"
VOICES: Final = (
    "alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar",
)  # fmt: skip
WITHOUT_TURNS: Final = frozenset({"gpt-live-transcribe", "gpt-realtime-whisper"})

_INSTRUCTIONS: Final = (
    "You are a friendly voice assistant. Answer briefly, in the language of the user, and call a "
    "tool whenever one of them fits."
)
_PCM: Final = {"type": "audio/pcm", "rate": 24000}
_MERGED: Final = frozenset({"audio", "input", "output", "transcription", "reasoning"})
_FIRST_GENERATION: Final = re.compile(r"gpt-realtime(-mini)?(-20\d\d.*)?$|gpt-realtime-1|gpt-4o")


def _server_vad(silence_ms: int) -> dict[str, Any]:
    return {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": silence_ms,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    }


_SEMANTIC_VAD: Final = {
    "type": "semantic_vad",
    "eagerness": "auto",
    "create_response": True,
    "interrupt_response": True,
}


def realtime(model: str, session_id: str, expires_at: int) -> dict[str, Any]:
    """A conversation session with every default."""
    old = _FIRST_GENERATION.match(model) is not None
    session: dict[str, Any] = {
        "type": "realtime",
        "object": "realtime.session",
        "id": session_id,
        "model": model,
        "output_modalities": ["audio"],
        "instructions": _INSTRUCTIONS,
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": expires_at,
        "audio": {
            "input": {
                "format": dict(_PCM),
                "transcription": None,
                "noise_reduction": None,
                # The first models were recorded with 200; 500 is what is documented.
                "turn_detection": _server_vad(200 if old else 500),
            },
            "output": {"format": dict(_PCM), "voice": "alloy", "speed": 1.0},
        },
    }
    if not old:
        session |= {"reasoning": {"effort": "low"}, "parallel_tool_calls": True}
    return session


def transcription(session_id: str, expires_at: int) -> dict[str, Any]:
    """A transcription session with every default."""
    vad = _server_vad(200)  # as the live service has it here, in October 2026
    for name in ("create_response", "interrupt_response", "idle_timeout_ms"):
        del vad[name]
    return {
        "type": "transcription",
        "object": "realtime.transcription_session",
        "id": session_id,
        "expires_at": expires_at,
        "audio": {
            "input": {
                "format": dict(_PCM),
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": vad,
            }
        },
    }


class SessionSettings:
    """The settings of one session. An update that is refused changes nothing."""

    def __init__(self, session: dict[str, Any]) -> None:
        self.session = session
        self.spoken = False
        """Whether the model has spoken: from then on the voice stays."""

    def __getitem__(self, name: str) -> Any:
        return self.session.get(name)

    @property
    def input(self) -> dict[str, Any]:
        """The settings of the sound that comes in."""
        return cast("dict[str, Any]", self.session["audio"]["input"])

    @property
    def output(self) -> dict[str, Any]:
        """The settings of the sound that goes out; empty in a transcription session."""
        return cast("dict[str, Any]", self.session["audio"].get("output", {}))

    def update(self, changes: Mapping[str, Any]) -> None:
        """Merge an update, well formed as it is, or raise the Mistake in it."""
        kind = changes.get("type")
        if kind != self.session["type"]:
            raise ApiError.other_type(kind, self.session["type"])
        updated = _merged(self.session, changes)
        self._check(updated, changes)
        self.session = updated

    def _check(self, updated: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
        model = self.session.get("model")
        if updated.get("model") != model:
            raise ApiError.fixed("model", "session.model")
        modalities = updated.get("output_modalities")
        if modalities not in (None, ["audio"], ["text"]):
            raise ApiError(
                "invalid_value",
                f"Invalid modalities: {modalities}. Supported are ['text'] and ['audio'].",
                "session.output_modalities",
            )
        audio = cast("Mapping[str, Any]", changes.get("audio") or {})
        voice = cast("Mapping[str, Any]", audio.get("output") or {}).get("voice")
        if self.spoken and voice is not None and voice != self.output.get("voice"):
            raise ApiError.voice_fixed()
        if isinstance(voice, str) and voice not in VOICES:
            raise ApiError(
                "invalid_value",
                f"Invalid value: '{voice}'. Supported values are: "
                f"{', '.join(repr(name) for name in VOICES)}.",
                "session.audio.output.voice",
            )
        tracing = self.session.get("tracing")
        if tracing is not None and updated.get("tracing") not in (None, tracing):
            raise ApiError.fixed("tracing", "session.tracing")
        if model and "reasoning" not in self.session:
            for name in ("reasoning", "parallel_tool_calls"):
                if changes.get(name) is not None:
                    raise ApiError.unsupported(f"session.{name}", model)
        check_tools(changes.get("tools"), "session.tools")
        if updated.get("type") == "transcription":
            _check_turns(updated, changes)


def _check_turns(updated: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """Refuse turn detection for a model without; left out, it is off for such a model."""
    hearing: dict[str, Any] = updated["audio"]["input"]
    model = cast("dict[str, Any]", hearing.get("transcription") or {}).get("model")
    if model not in WITHOUT_TURNS:
        return
    audio = cast("Mapping[str, Any]", changes.get("audio") or {})
    asked = cast("Mapping[str, Any]", audio.get("input") or {}).get("turn_detection")
    if asked is not None:
        raise ApiError.no_turns()
    hearing["turn_detection"] = None


def check_tools(tools: Any, path: str) -> None:
    """What the schemas leave open about tools: a function needs a name."""
    for index, tool in enumerate(cast("list[dict[str, Any]]", tools or [])):
        if tool.get("type", "function") == "function" and not tool.get("name"):
            at = f"{path}[{index}].name"
            raise ApiError("missing_required_parameter", f"Missing required parameter: '{at}'.", at)


def _merged(session: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(session)
    name: str
    value: Any
    for name, value in changes.items():
        old: Any = session.get(name)
        if name == "turn_detection" and isinstance(value, dict):
            new = cast("dict[str, Any]", value)
            result[name] = _turn_detection(old, new)
        elif name == "format":
            result[name] = dict(_PCM) | value if value.get("type") == "audio/pcm" else dict(value)
        elif name in _MERGED and isinstance(value, dict) and isinstance(old, dict):
            result[name] = _merged(cast("dict[str, Any]", old), cast("dict[str, Any]", value))
        else:
            result[name] = deepcopy(cast("Any", value))
    return result


def _turn_detection(old: Any, new: dict[str, Any]) -> dict[str, Any]:
    if isinstance(old, dict) and cast("dict[str, Any]", old).get("type") == new["type"]:
        return {**cast("dict[str, Any]", old), **new}
    return {**(_server_vad(500) if new["type"] == "server_vad" else _SEMANTIC_VAD), **new}
