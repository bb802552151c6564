"""Where two JSON values differ, if ids and times may be others.

Knows which fields are made anew for each session, and which id stands for which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, cast

import attrs

__all__ = ["Found", "Values"]

# Made anew for each session, or by the clock. `obfuscation` is random padding.
_PASSING: Final = frozenset({"event_id", "obfuscation", "reset_seconds"})
# Ids that somebody chose: another one is another thing.
_CHOSEN: Final = frozenset({"connector_id", "file_id", "tunnel_id"})
_NAMED: Final = frozenset({"prompt", "voice"})
_TOKENS: Final = frozenset({"voxwire_request", "client_event_id"})


@attrs.frozen
class Found:
    """One place where values differ."""

    kind: Literal["value", "only_a", "only_b", "id"]
    path: str
    values: tuple[Any, Any]
    before: tuple[str, str] | None = None
    """Of an id: which ones stood for each other until here."""


class Values:
    """Compares the events of one connection, one after the other."""

    def __init__(self) -> None:
        self._ids: tuple[dict[str, str], dict[str, str]] = ({}, {})
        self._told: set[tuple[str, str]] = set()

    def differences(self, a: Any, b: Any) -> Iterator[Found]:
        """Where two events differ."""
        return self._walk(a, b, "$", "")

    def _walk(self, a: Any, b: Any, path: str, name: str) -> Iterator[Found]:
        if isinstance(a, dict) and isinstance(b, dict):
            ours, theirs = cast("Mapping[str, Any]", a), cast("Mapping[str, Any]", b)
            for key in [*ours, *(key for key in theirs if key not in ours)]:
                at = f"{path}.{key}"
                if _passing(key, ours.get(key), theirs.get(key)):
                    continue
                if key not in theirs:
                    yield Found("only_a", at, (ours[key], None))
                elif key not in ours:
                    yield Found("only_b", at, (None, theirs[key]))
                elif _is_id(key, name) and isinstance(ours[key], str):
                    yield from self._id(ours[key], theirs[key], at)
                else:
                    yield from self._walk(ours[key], theirs[key], at, key)
        elif isinstance(a, list) and isinstance(b, list):
            left, right = cast("Sequence[Any]", a), cast("Sequence[Any]", b)
            for index in range(max(len(left), len(right))):
                at = f"{path}[{index}]"
                if index >= len(right):
                    yield Found("only_a", at, (left[index], None))
                elif index >= len(left):
                    yield Found("only_b", at, (None, right[index]))
                else:
                    yield from self._walk(left[index], right[index], at, name)
        # JSON knows one kind of number, and true is none of them.
        elif isinstance(a, bool) is not isinstance(b, bool) or a != b:
            yield Found("value", path, (cast("Any", a), b))

    def _id(self, a: str, b: Any, path: str) -> Iterator[Found]:
        """An id has to stand for the same one everywhere."""
        to, back = self._ids
        if not isinstance(b, str) or "root" in (a, b):  # which is no item's id
            if a != b:
                yield Found("value", path, (a, b))
        elif a not in to and b not in back:
            to[a], back[b] = b, a
        elif to.get(a) != b and (a, b) not in self._told:
            self._told.add((a, b))  # once: what hangs on it is the same difference
            was = (a, to[a]) if a in to else (back[b], b)
            yield Found("id", path, (a, b), was)


def _passing(name: str, a: Any, b: Any) -> bool:
    if name in _PASSING:
        return True
    times = [isinstance(value, int | float | None) for value in (a, b)]
    return name.endswith("_at") and all(times)


def _is_id(name: str, inside: str) -> bool:
    if inside == "metadata":
        return name in _TOKENS
    if name == "id":
        return inside not in _NAMED
    return name.endswith("_id") and name not in _CHOSEN
