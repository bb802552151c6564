"""Sessions in the shapes that servers write them in: the current one, the beta's flat one, xAI's.

This module turns JSON objects of one shape into another. It knows no event class and no address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, cast

import attrs

__all__ = ["CURRENT", "FLAT", "XAI", "SessionFormat", "current"]

Json: TypeAlias = "dict[str, Any]"

_FORMATS: Final = {"audio/pcm": "pcm16", "audio/pcmu": "g711_ulaw", "audio/pcma": "g711_alaw"}
_TYPES: Final[Mapping[str, Json]] = {
    "pcm16": {"type": "audio/pcm", "rate": 24000},
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}
# The beta's name of a setting -> where it is now.
_PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "modalities": ("output_modalities",),
    "max_response_output_tokens": ("max_output_tokens",),
    "turn_detection": ("audio", "input", "turn_detection"),
    "input_audio_transcription": ("audio", "input", "transcription"),
    "input_audio_noise_reduction": ("audio", "input", "noise_reduction"),
    "input_audio_format": ("audio", "input", "format"),
    "output_audio_format": ("audio", "output", "format"),
    "voice": ("audio", "output", "voice"),
    "speed": ("audio", "output", "speed"),
}
_PARTS: Final = {"output_text": "text", "output_audio": "audio"}


@attrs.frozen(kw_only=True)
class SessionFormat:
    """How a server wants sessions, responses and items written.

    The places are its own names of settings, and where the current shape has them.
    """

    places: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict[str, tuple[str, ...]])
    typed: bool = True
    """Whether a session says its type."""
    both_modalities: bool = False
    """Whether sound is asked for as text and sound, as the beta did."""
    silent_detection: Any = None
    """How turn detection is switched off."""
    voice: Callable[[Any], Any] = lambda voice: voice
    """How a voice is written."""
    old_parts: bool = False
    """Whether what the model said is put back with the beta's names of parts."""

    def session(self, session: Json) -> Json:
        """A session in the current shape, in this one."""
        rest = _copied(session)
        if not self.typed:
            rest.pop("type", None)
        flat = self._moved(rest)
        if flat.get("turn_detection", 0) is None:
            flat["turn_detection"] = self.silent_detection
        return {**rest, **flat}

    def response(self, params: Json) -> Json:
        """The parameters of a response, in this shape."""
        rest = _copied(params)
        flat = self._moved(rest)
        if "max_response_output_tokens" in flat:  # the one name that is the same in both
            flat["max_output_tokens"] = flat.pop("max_response_output_tokens")
        return {**rest, **flat}

    def item(self, item: Json) -> Json:
        """An item, in this shape."""
        content: Any = item.get("content")
        if not self.old_parts or not isinstance(content, list):
            return item
        parts = cast("list[Json]", content)
        return {
            **item,
            "content": [{**part, "type": _PARTS.get(part["type"], part["type"])} for part in parts],
        }

    def _moved(self, rest: Json) -> Json:
        """Take out of `rest` what this shape has in places of its own."""
        flat: Json = {}
        for name, path in self.places.items():
            value, found = _taken(rest, path)
            if found:
                flat[name] = self._written(name, value)
        return flat

    def _written(self, name: str, value: Any) -> Any:
        if name.endswith("_format") and isinstance(value, Mapping):
            kind = cast("Mapping[str, Any]", value).get("type")
            return _FORMATS.get(str(kind), kind)
        if name == "voice":
            return self.voice(value)
        if name == "modalities" and self.both_modalities and value == ["audio"]:
            return ["text", "audio"]
        return value


CURRENT: Final = SessionFormat()
"""As the specs have it."""

FLAT: Final = SessionFormat(places=_PLACES, typed=False, both_modalities=True, old_parts=True)
"""As OpenAI's beta had it, and Azure Voice Live has it."""

XAI: Final = SessionFormat(
    places={
        name: _PLACES[name]
        for name in ("modalities", "max_response_output_tokens", "turn_detection", "voice")
    },
    typed=False,
    silent_detection={"type": None},
)
"""Some settings flat, and sound in an object of its own."""


def current(described: Json) -> Json:
    """A session that a server describes in whatever flat shape, in the current one.

    What the current shape has no place for stays under its own name.
    """
    session: Json = {"type": "realtime", **_copied(described)}
    for name, path in _PLACES.items():
        if name not in session:
            continue
        value = _read(name, session.pop(name))
        if value is not _NOTHING:
            _put(session, path, value)
    if isinstance(session.get("tools"), list):
        tools: list[Any] = session["tools"]
        session["tools"] = [_tool(tool) for tool in tools]
    return session


_NOTHING: Final = object()


def _read(name: str, value: Any) -> object:
    fields = cast("Json", value) if isinstance(value, dict) else None
    if name.endswith("_format"):
        return _TYPES.get(value, _NOTHING) if isinstance(value, str) else _NOTHING
    if name == "modalities" and isinstance(value, list):
        return ["audio"] if "audio" in value else ["text"]
    if name == "turn_detection" and fields is not None and fields.get("type", 0) is None:
        return None
    if name == "voice" and fields is not None and "name" in fields:
        return fields["name"]
    return cast("object", value)


def _tool(tool: Any) -> object:
    fields = cast("Json", tool) if isinstance(tool, dict) else {}
    inner = fields.get("function")
    # As in another API of the same vendors: the definition one level down.
    if fields.get("type") == "function" and isinstance(inner, dict):
        return {"type": "function", **cast("Json", inner)}
    return cast("object", tool)


def _put(session: Json, path: tuple[str, ...], value: Any) -> None:
    place = session
    for step in path[:-1]:
        inner = place.get(step)
        if not isinstance(inner, dict):
            inner = place[step] = {}
        place = cast("Json", inner)
    place.setdefault(path[-1], value)


def _taken(session: Json, path: tuple[str, ...]) -> tuple[Any, bool]:
    """Take the value at `path` out of nested objects, and objects that are empty then."""
    name, rest = path[0], path[1:]
    if name not in session:
        return None, False
    if not rest:
        return session.pop(name), True
    inner = session[name]
    if not isinstance(inner, dict):
        return None, False
    value, found = _taken(cast("Json", inner), rest)
    if found and not inner:
        del session[name]
    return value, found


def _copied(value: Json) -> Json:
    """A copy down to the objects; lists and all else is shared."""
    return {
        name: _copied(cast("Json", inner)) if isinstance(inner, dict) else inner
        for name, inner in value.items()
    }
