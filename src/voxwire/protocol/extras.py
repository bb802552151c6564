"""What a frame holds beside the declared fields, and what did not fit into them.

It compares an event with the frame that it came from. It does not know the protocol: which fields
are declared, the models say themselves.
"""

# JSON values of every kind pass through here: what a strict checker calls unknown is the subject.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

import msgspec
from voxwire_protocol import Model, Unknown, UnknownEvent
from voxwire_protocol._runtime import Event, Problem, fields_of, plain
from voxwire_protocol._runtime import problems as _problems

__all__ = ["extras", "is_object", "loads", "merged", "problems", "rebuild"]

# Python refuses to read integers beyond 4300 digits; a server may send them.
_LONG = 4000


def loads(frame: bytes) -> Any:
    """The JSON value of a frame, as the standard library reads it: NaN, lone surrogates and all."""
    try:
        return msgspec.json.decode(frame)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        # The fast parser is stricter: the standard library has the last word on what is JSON.
        return json.loads(frame.decode("utf-8", "surrogatepass"), parse_int=_integer)


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether a JSON value is an object; its keys are then text."""
    return isinstance(value, dict)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < _LONG else float(digits)


def problems(event: Model) -> list[Problem]:
    """Where what a server sent does not fit the declared types; empty for nearly every event.

    Those values are in the event as they came. A required field that is missing is ``UNSET``.
    """
    return list(_problems(event))


def extras(event: Event) -> dict[str, Any]:
    """The keys of the received frame that no model declares: JSON pointer -> value.

    Empty for an event that was built by hand. What an ``Unknown`` holds is in its payload.
    """
    data = _frame_of(event)
    return {} if data is None else dict(_extras(event, data, ""))


def rebuild(event: Event) -> Any:
    """The JSON value of the frame, put together from the typed fields and the extras."""
    if isinstance(event, UnknownEvent):
        return event.payload
    data = _frame_of(event)
    return event.to_dict() if data is None else _rebuild(event, data)


def merged(data: Any, extra: Mapping[str, Any]) -> Any:
    """``data`` with ``extra`` merged in; its keys are top-level keys or JSON pointers."""
    for key, value in extra.items():
        steps = key[1:].split("/") if key.startswith("/") else [_escape(key)]
        place: Any = data
        for step in steps[:-1]:
            if isinstance(place, list):
                place = place[int(step)]
            else:
                place = place.setdefault(_unescape(step), {})
        _put(place, _unescape(steps[-1]), plain(value))
    return data


def _put(place: Any, key: str, value: Any) -> None:
    if isinstance(place, list):
        place[int(key)] = value
    elif isinstance(value, dict) and isinstance(place.get(key), dict):
        for inner, entry in value.items():
            _put(place[key], inner, entry)
    else:
        place[key] = value


def _frame_of(event: Event) -> dict[str, Any] | None:
    if isinstance(event, UnknownEvent) or event.raw is None:
        return None
    try:
        data = loads(event.raw)
    except (ValueError, RecursionError):
        # The decoders skip over undeclared values without looking closely into them.
        return None
    return data if isinstance(data, dict) else None


def _extras(value: Any, data: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    if isinstance(data, dict):
        entries = data
        if isinstance(value, Model) and not isinstance(value, UnknownEvent):
            declared = fields_of(type(value))
            for key, entry in entries.items():
                if key in declared:
                    yield from _extras(getattr(value, key), entry, f"{pointer}/{key}")
                else:
                    yield f"{pointer}/{_escape(key)}", entry
        elif isinstance(value, dict):
            for key, entry in entries.items():
                inner = value.get(key)
                yield from _extras(inner, entry, f"{pointer}/{_escape(key)}")
    elif isinstance(data, list) and isinstance(value, list):
        pairs = zip(value, data, strict=False)
        for index, (inner, entry) in enumerate(pairs):
            yield from _extras(inner, entry, f"{pointer}/{index}")


def _rebuild(value: Any, data: Any) -> Any:
    if isinstance(value, Unknown):
        return value.payload
    if isinstance(value, Model) and isinstance(data, dict):
        declared = fields_of(type(value))
        # What the model holds and the frame does not is a tag that was filled in.
        return {
            key: _rebuild(getattr(value, key), entry) if key in declared else entry
            for key, entry in data.items()
        }
    if isinstance(value, list) and isinstance(data, list):
        pairs = zip(value, data, strict=True)
        return [_rebuild(inner, entry) for inner, entry in pairs]
    if isinstance(value, dict) and isinstance(data, dict):
        values = value
        return {key: _rebuild(values[key], entry) for key, entry in data.items()}
    return value


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _unescape(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")
