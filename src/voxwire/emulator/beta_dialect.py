"""The beta shape for old clients: flat sessions, other names, one event for a new item.

It translates JSON both ways at the door; behind it, everything is in the current shape.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, cast

__all__ = ["BetaDialect"]

_NAMES: Final = {
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    "conversation.item.added": "conversation.item.created",
}
_FORMATS: Final = {"audio/pcm": "pcm16", "audio/pcmu": "g711_ulaw", "audio/pcma": "g711_alaw"}
_TYPES: Final = {
    "pcm16": {"type": "audio/pcm", "rate": 24000},
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}
_PARTS: Final = {"output_text": "text", "output_audio": "audio"}
_TEMPERATURE: Final = 0.8
# Where a setting of the beta is now: a path into the session.
_PLACES: Final = {
    "instructions": ("instructions",),
    "model": ("model",),
    "tools": ("tools",),
    "tool_choice": ("tool_choice",),
    "tracing": ("tracing",),
    "truncation": ("truncation",),
    "prompt": ("prompt",),
    "include": ("include",),
    "max_response_output_tokens": ("max_output_tokens",),
    "turn_detection": ("audio", "input", "turn_detection"),
    "input_audio_transcription": ("audio", "input", "transcription"),
    "input_audio_noise_reduction": ("audio", "input", "noise_reduction"),
    "input_audio_format": ("audio", "input", "format"),
    "output_audio_format": ("audio", "output", "format"),
    "voice": ("audio", "output", "voice"),
    "speed": ("audio", "output", "speed"),
}


class BetaDialect:
    """The dialect of one connection."""

    def outgoing(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """An event in the beta's words; None for one that the beta does not have."""
        name = event["type"]
        if name == "conversation.item.done":
            return None
        event = {**event, "type": _NAMES.get(name, name)}
        if "session" in event:
            if event["session"]["type"] == "transcription":
                event["type"] = f"transcription_{name}"
            event["session"] = _flat(event["session"])
        if "response" in event:
            event["response"] = _flat_response(event["response"])
        if "item" in event:
            event["item"] = _old_item(event["item"])
        return event

    def incoming(self, frame: str | bytes) -> str | bytes:
        """A client's frame in the current words. What cannot be read is passed on as it is."""
        try:
            event = json.loads(frame) if isinstance(frame, str) else None
        except (ValueError, RecursionError):  # no JSON: whoever reads it next says so to the client
            return frame
        if not isinstance(event, dict):
            return frame
        fields = cast("dict[str, Any]", event)
        session: Any = fields.get("session")
        response: Any = fields.get("response")
        item: Any = fields.get("item")
        if fields.get("type") in ("session.update", "transcription_session.update"):
            kind = "realtime" if fields["type"] == "session.update" else "transcription"
            fields["type"] = "session.update"
            if isinstance(session, dict):
                fields["session"] = _nested(cast("dict[str, Any]", session), kind)
        elif isinstance(response, dict):
            fields["response"] = _new_response(cast("dict[str, Any]", response))
        elif isinstance(item, dict):
            cast("dict[str, Any]", item).pop("object", None)
        return json.dumps(fields)


def _flat(session: Mapping[str, Any]) -> dict[str, Any]:
    flat = {k: session[k] for k in ("id", "object", "model", "expires_at") if k in session}
    for old, path in _PLACES.items():
        place: Any = session
        for step in path[:-1]:
            place = place.get(step) or {}
        if path[-1] in place:
            value: Any = place[path[-1]]
            flat[old] = _FORMATS.get(value["type"]) if old.endswith("_format") else value
    if "output_modalities" in session:
        flat["modalities"] = _modalities(session["output_modalities"])
        flat |= {"temperature": _TEMPERATURE, "client_secret": None}
    return flat


def _flat_response(response: Mapping[str, Any]) -> dict[str, Any]:
    flat = {k: v for k, v in response.items() if k not in ("audio", "output_modalities")}
    output: Any = response["audio"]["output"]
    flat["modalities"] = _modalities(response["output_modalities"])
    flat["output"] = [_old_item(item) for item in response["output"]]
    flat["voice"] = output["voice"]
    flat["output_audio_format"] = _FORMATS.get(output["format"]["type"], "pcm16")
    flat["temperature"] = _TEMPERATURE
    return flat


def _modalities(current: list[str]) -> list[str]:
    return ["text"] if current == ["text"] else ["audio", "text"]


def _old_item(item: Mapping[str, Any]) -> dict[str, Any]:
    old = {"id": item.get("id"), "object": "realtime.item", **item}
    old.pop("phase", None)
    if "content" in old:
        parts = cast("list[dict[str, Any]]", old["content"])
        old["content"] = [
            {**part, "type": _PARTS.get(part["type"], part["type"])} for part in parts
        ]
    return old


def _nested(flat: Mapping[str, Any], kind: str) -> dict[str, Any]:
    session: dict[str, Any] = {"type": kind}
    for name, value in flat.items():
        if name == "modalities":
            session["output_modalities"] = _current(value)
        elif name in _PLACES:
            *path, last = _PLACES[name]
            place = session
            for step in path:
                place = place.setdefault(step, {})
            place[last] = _typed(value) if name.endswith("_format") else value
        elif name != "temperature":
            session[name] = value  # as wrong as it was
    return session


def _current(modalities: Any) -> Any:
    if not isinstance(modalities, list):
        return modalities  # as wrong as it was
    return ["audio"] if "audio" in modalities else ["text"]


def _typed(format: Any) -> Any:
    return _TYPES.get(format, format) if isinstance(format, str) else format


def _new_response(old: Mapping[str, Any]) -> dict[str, Any]:
    output: dict[str, Any] = {}
    response: dict[str, Any] = {}
    for name, value in old.items():
        if name == "modalities":
            response["output_modalities"] = _current(value)
        elif name == "voice":
            output["voice"] = value
        elif name == "output_audio_format":
            output["format"] = _typed(value)
        elif name in ("max_response_output_tokens", "max_output_tokens"):
            response["max_output_tokens"] = value
        elif name != "temperature":
            response[name] = value
    return response | ({"audio": {"output": output}} if output else {})
