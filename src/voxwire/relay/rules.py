"""What a browser may send: an allow list of events, and what may be in them.

This module looks at JSON. It knows no socket and no session.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, cast
from urllib.parse import urlsplit

__all__ = ["SAFE", "Rules", "same_site", "without"]

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


def same_site(origin: str | None, host: str | None, allowed: Collection[str] | None) -> bool:
    """Whether a page of `origin` may connect: one of `allowed`, or, where there is no such list,
    one that was loaded from the same host. What is no browser sends no origin."""
    if origin is None:
        return True
    if allowed is not None:
        return "*" in allowed or origin in allowed
    return host is not None and urlsplit(origin).netloc.lower() == host.lower()
