"""What a browser may send: an allow list of events, and what may be in them.

This module looks at JSON. It knows no socket and no session.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, cast
from urllib.parse import SplitResult, urlsplit

from ..transport.url import is_local

__all__ = ["SAFE", "Rules", "parsed", "turned_away", "without"]

SAFE: Final = frozenset({
    "conversation.item.create",
    "conversation.item.truncate",
    "input_audio_buffer.append",
    "input_audio_buffer.clear",
    "input_audio_buffer.commit",
    "output_audio_buffer.clear",
    "response.cancel",
    "response.create",
})  # fmt: skip
"""What a page needs to hold a conversation, and cannot change it by: an item has to be a message of
the user, and a response takes no settings. Settings and tools are the server's."""

_CONTENT: Final = ("input_audio", "input_image", "input_text")


class Rules:
    """The allow list of one relay.

    Args:
        allow: wire names of client events.
        unchecked: those of them that may hold anything.
    """

    def __init__(self, allow: Iterable[str], unchecked: Collection[str]) -> None:
        self._allow = frozenset(allow) | frozenset(unchecked)
        self._unchecked = frozenset(unchecked)

    def refusal(self, event: Any) -> str | None:
        """Why an event may not be sent; ``None`` where it may."""
        fields = cast("Mapping[str, Any]", event if isinstance(event, Mapping) else {})
        name = fields.get("type")
        if not isinstance(name, str):
            return "an event is an object with a type"
        if name not in self._allow:
            return f"{name[:60]} is not allowed here"
        if name in self._unchecked:
            return None
        if name == "response.create" and fields.get("response"):
            return "response.create takes no settings here"
        if name == "conversation.item.create":
            return _item(fields.get("item"))
        return None


def _item(item: Any) -> str | None:
    if not isinstance(item, Mapping):
        return "an item is an object"
    fields = cast("Mapping[str, Any]", item)
    if fields.get("type") != "message" or fields.get("role") != "user":
        return "only messages of the user may be added here"
    if not _all_known(fields.get("content")):
        return f"a message of the user is made of {', '.join(_CONTENT)}"
    return None


def _all_known(content: Any) -> bool:
    """Whether a content is made of parts that a user's message has."""
    try:
        return all(part["type"] in _CONTENT for part in content)
    except (TypeError, KeyError):  # no list, or of something else
        return False


def without(event: dict[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    """An event about the session without some of its settings."""
    session: Any = event.get("session")
    if not isinstance(session, dict):
        return event
    fields = cast("dict[str, Any]", session)
    return {**event, "session": {k: v for k, v in fields.items() if k not in hidden}}


def turned_away(
    origin: str | None,
    host: str | None,
    origins: Collection[str] | None,
    hosts: Collection[str] | None,
) -> str | None:
    """Why whoever sent these headers may not connect; ``None`` if they may. What is no browser
    sends no origin.

    Args:
        origins: the pages that may connect; ``None``: only pages that were loaded from `host`.
        hosts: the names of the relay besides those of this machine. With neither `hosts` nor
            `origins` it has no other: a page of any site can give its own name this machine's
            address (DNS rebinding), and then looks as if the relay had served it.
    """
    if origin is not None:
        if origins is None:
            if host is None or _split(origin).netloc.lower() != host.lower():
                return f"pages of {origin[:100]!r} may not connect: name their origin in origins="
        elif "*" not in origins and origin not in origins:
            return f"pages of {origin[:100]!r} may not connect: they are not in origins="
    if hosts is None and origins is not None:
        return None
    known = {name.lower() for name in hosts or ()}
    name = _split(f"//{host or ''}").hostname or ""
    if "*" in known or is_local(name) or known & {name, (host or "").lower()}:
        return None
    return f"this relay is not known as {(host or '')[:100]!r}: name the host in hosts="


def _split(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:  # no address, so none that may connect
        return urlsplit("")


DEEPEST: Final = 32
"""How deeply a frame of a browser may be nested; events of the protocol take a third of that."""


def parsed(frame: str) -> Any:
    """The JSON of a frame; raises :class:`ValueError` with what to say where it is none, or nested
    so deeply that nothing may be made of it."""
    try:
        value: Any = json.loads(frame)
    except RecursionError:
        raise ValueError("that is nested too deeply") from None
    except ValueError:
        raise ValueError("that is not JSON") from None
    # Most frames have too few brackets to be deep, and need no walk.
    if frame.count("[") + frame.count("{") > DEEPEST and _deeper(value):
        raise ValueError("that is nested too deeply")
    return value


def _deeper(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True
