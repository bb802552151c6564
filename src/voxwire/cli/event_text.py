"""The words for what events hold, however badly they are filled in.

Knows the shapes of settings, errors and arguments; a server may send anything in their place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias, cast

import attrs

__all__ = [
    "Kind",
    "Piece",
    "compact",
    "entries",
    "error_text",
    "facts_of",
    "text_of",
    "values",
    "whole",
]

Kind: TypeAlias = Literal[
    "session",
    "text",
    "spoken",
    "heard",
    "call",
    "output",
    "audio",
    "status",
    "error",
    "note",
    "usage",
    "speech",
]


@attrs.frozen(kw_only=True)
class Piece:
    """Something to read. Pieces with the same ``key`` continue each other."""

    who: str
    kind: Kind
    text: str
    key: str = ""
    data: Mapping[str, Any] = attrs.field(factory=dict[str, Any])
    """What programs want to know beside the text."""


def whole(who: str, kind: Kind, text: Any) -> Iterator[Piece]:
    """A text that came in one; nothing where there is none."""
    if isinstance(text, str) and text.strip():
        yield Piece(who=who, kind=kind, text=text.strip())


def text_of(value: Any) -> str:
    """A string, or what a model in its place is called."""
    if isinstance(value, str):
        return value
    name = getattr(value, "name", None) or getattr(value, "id", None)
    return name if isinstance(name, str) else ""


def entries(value: Any) -> Sequence[Any]:
    """What should be a list; a server may send anything."""
    return cast("Sequence[Any]", value) if isinstance(value, list) else []


def values(arguments: Any) -> Any:
    """The arguments of a call as JSON values, or as they are where they are no JSON."""
    try:
        return json.loads(arguments)
    except (TypeError, ValueError, RecursionError):  # the model may write anything
        return arguments if isinstance(arguments, str) else None


def compact(arguments: Any) -> str:
    """The arguments of a call on one line, as they are where they are no JSON."""
    if not isinstance(arguments, str):
        return ""
    try:
        return json.dumps(json.loads(arguments), ensure_ascii=False)
    except (ValueError, RecursionError):  # the model may write anything for arguments
        return arguments


def error_text(error: Any) -> str:
    """Code and message of an error; some servers send a bare string."""
    if isinstance(error, str):
        return error
    code = getattr(error, "code", None) or getattr(error, "type", None)
    message = getattr(error, "message", None)
    return ": ".join(part for part in (code, message) if isinstance(part, str) and part) or "error"


def facts_of(session: Any) -> list[str]:
    """What is worth knowing of a session's settings; an empty string for what it does not say."""
    modalities = getattr(session, "output_modalities", None)
    modalities = modalities or getattr(session, "modalities", None)
    audio = getattr(session, "audio", None)
    output = getattr(audio, "output", None)
    voice = getattr(output, "voice", None) or getattr(session, "voice", None)
    tools = entries(getattr(session, "tools", None))
    names = [
        text_of(getattr(tool, "name", None) or getattr(tool, "server_label", None))
        for tool in tools
    ]
    language = getattr(output, "language", None)
    return [
        text_of(getattr(session, "model", None)) or text_of(getattr(session, "type", None)),
        " and ".join(map(str, entries(modalities))),
        f"voice {text_of(voice)}" if text_of(voice) and modalities != ["text"] else "",
        f"into {language}" if text_of(language) else "",
        f"tools {', '.join(names)}" if names and all(names) else "",
        "tools without names" if not all(names) else "",
    ]
