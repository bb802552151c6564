"""What has to change in a recorded frame before it suits the client that is here now.

Pure functions on JSON: ids that this client chose itself, and audio that the recorder left out.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any, cast

from ..recording.frames import Frame

__all__ = ["chosen_ids", "renamed", "with_silence"]


_TOKENS = frozenset({"voxwire_request", "client_event_id"})
"""Metadata in which clients (ours, LiveKit's) tell which request a response answers."""


def chosen_ids(recorded: Any, live: Any, *, metadata: bool = True) -> dict[str, str]:
    """The ids that a client chooses, as they were recorded -> as this client chose them.

    The metadata of a response is the client's too and comes back in the answer. ``metadata`` False
    takes of it only what client libraries number their requests with.
    """
    found: dict[str, str] = {}
    if isinstance(recorded, dict) and isinstance(live, dict):
        ours, theirs = cast("Mapping[str, Any]", recorded), cast("Mapping[str, Any]", live)
        for name in ("event_id", "id"):
            match ours.get(name), theirs.get(name):
                case str(old), str(new) if old != new:
                    found[old] = new
                case _:
                    pass
        found |= chosen_ids(ours.get("item"), theirs.get("item"))
        said, says = _metadata(ours.get("response")), _metadata(theirs.get("response"))
        both = said.keys() & says.keys()
        for name in both if metadata else both & _TOKENS:
            if said[name] != says[name]:
                found[_entry(name, said[name])] = says[name]
    return found


def _metadata(response: Any) -> dict[str, str]:
    given: Any = cast("Any", response).get("metadata") if isinstance(response, dict) else None
    if not isinstance(given, dict):
        return {}
    entries = cast("Mapping[str, Any]", given)
    return {name: value for name, value in entries.items() if isinstance(value, str)}


def _entry(name: str, value: str) -> str:
    return f"metadata:{name}={value}"  # no id looks like that


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """``value`` with the recorded client's ids replaced by those of this one."""
    if isinstance(value, dict):
        fields = cast("Mapping[str, Any]", value)
        return {name: _renamed(name, entry, names) for name, entry in fields.items()}
    if isinstance(value, list):
        return [renamed(entry, names) for entry in cast("Iterable[Any]", value)]
    return value


def _renamed(name: str, value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str) and (name == "id" or name.endswith("_id")):
        return names.get(value, value)
    if isinstance(value, dict) and name == "metadata":
        entries = cast("Mapping[str, Any]", value)
        return {
            key: names.get(_entry(key, entry), entry) if isinstance(entry, str) else entry
            for key, entry in entries.items()
        }
    return renamed(value, names)


def with_silence(frame: Frame) -> Any:
    """The event with silence where the recorder left its audio out."""

    def walk(value: Any, at: str) -> Any:
        if isinstance(value, dict):
            fields = cast("Mapping[str, Any]", value)
            return {name: walk(entry, f"{at}/{name}") for name, entry in fields.items()}
        if isinstance(value, list):
            entries = cast("Iterable[Any]", value)
            return [walk(entry, f"{at}/{i}") for i, entry in enumerate(entries)]
        if at in frame.left_out:
            return b64encode(bytes(frame.left_out[at] // 4 * 3 // 2 * 2)).decode()
        return value

    return walk(frame.event, "")
