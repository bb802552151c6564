"""Whether what a client sent is allowed by the specs, and what the service says where it is not.

It knows how to read the generated rules, and the service's code for each way to break one. What
depends on the state of a session is checked where that state is.

Null for an optional field passes outside of sessions: clients in wide use write it into
``response.create``, and the live service takes it as left out.
"""

# JSON values of every kind pass through here: what a strict checker calls unknown is the subject.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import Any, Final

from voxwire_protocol.rules import RULES, UNIONS

from ..protocol.constraints import Rule
from .api_errors import ApiError

__all__ = ["examine", "inspect"]

_KINDS: Final[dict[type, tuple[str, ...]]] = {
    str: ("string",),
    bool: ("boolean",),
    int: ("integer", "number"),
    float: ("number",),
    list: ("array",),
    dict: ("object",),
}
_NAMES: Final[dict[type, str]] = {
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    list: "an array",
    dict: "an object",
}
# Items come back from clients with what the server had put into them.
_HARMLESS: Final = frozenset({"phase", "object", "status"})


def inspect(table: Mapping[str, type[Any]], event: Mapping[str, Any]) -> None:
    """Raise the first mistake in a client event. ``table`` has the events of the protocol."""
    name = event.get("type")
    if not isinstance(name, str):
        raise ApiError.no_type()
    cls = table.get(name)
    if cls is None:
        raise ApiError("invalid_value", _choice(name, sorted(table), "type"), "type")
    for mistake in examine(cls.__name__, event):
        raise mistake


def examine(name: str, value: Any, path: str = "") -> Iterator[ApiError]:
    """The mistakes in a value that should be of the class or union ``name``."""
    if name in RULES:
        if not isinstance(value, dict):
            yield _wrong_type("an object", value, path)
            return
        yield from _object(RULES[name], value, path)
        return
    union = UNIONS[name]
    if isinstance(value, dict):
        member = yield from _member(union, value, path)
        if member is not None:
            yield from _object(RULES[member], value, path)
    elif union.get("scalars"):
        yield from _any_of(union["scalars"], value, path)
    else:
        yield _wrong_type("an object", value, path)


def _member(
    union: Rule, value: Mapping[str, Any], path: str
) -> Generator[ApiError, None, str | None]:
    """The class that an object's tags name; this is a generator that returns it."""
    entry: Any = union["members"]
    if not union["by"]:
        return str(union["default"])
    for key in union["by"]:
        if isinstance(entry, str):
            break
        at = _at(path, key)
        tag = value.get(key)
        if tag is None:
            yield _missing(at)
            return None
        if not isinstance(tag, str):
            yield _wrong_type("a string", tag, at)
            return None
        if tag not in entry:
            yield ApiError("invalid_value", _choice(tag, list(entry), at), at)
            return None
        entry = entry[tag]
    return str(entry)


def _object(rules: Mapping[str, Rule], value: Mapping[str, Any], path: str) -> Iterator[ApiError]:
    for key in value:
        rule = rules.get(key)
        if rule is None or (rule.get("read_only") and key not in _HARMLESS):
            at = _at(path, key)
            yield ApiError("unknown_parameter", f"Unknown parameter: '{at}'.", at)
    for key, rule in rules.items():
        at = _at(path, key)
        if key in value:
            yield from _value(rule, value[key], at)
        elif rule.get("required"):
            yield _missing(at)


def _value(rule: Rule, value: Any, at: str) -> Iterator[ApiError]:
    if value is None:
        if not rule.get("null") and (rule.get("required") or at.startswith("session.")):
            yield _wrong_type(_wanted(rule), value, at)
    elif "ref" in rule:
        yield from examine(rule["ref"], value, at)
    elif "any_of" in rule:
        yield from _any_of(rule["any_of"], value, at)
    elif "type" in rule and rule["type"] not in _KINDS.get(type(value), ()):
        yield _wrong_type(_wanted(rule), value, at)
    elif isinstance(value, list):
        yield from _size(rule, len(value), at, "items", "array", "length")
        inner = rule.get("items", {"null": True})
        for index, entry in enumerate(value):
            yield from _entry(inner, entry, f"{at}[{index}]")
    elif isinstance(value, dict):
        yield from _size(rule, len(value), at, "properties", "object", "properties")
        for key, entry in value.items():
            yield from _entry(rule.get("values", {"null": True}), entry, _at(at, key))
    elif isinstance(value, str):
        yield from _text(rule, value, at)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from _number(rule, value, at)


def _entry(rule: Rule, value: Any, at: str) -> Iterator[ApiError]:
    """What is in a list or a map is there: null does not stand for something left out."""
    if value is None and not rule.get("null"):
        yield _wrong_type(_wanted(rule), value, at)
    else:
        yield from _value(rule, value, at)


def _any_of(ways: Iterable[Rule], value: Any, at: str) -> Iterator[ApiError]:
    """The mistakes in the alternative that the value's kind points to."""
    found: list[ApiError] | None = None
    for way in ways:
        if way.get("type") == "null":
            continue
        mistakes = list(_value(way, value, at))
        if not mistakes:
            return
        if mistakes[0].code != "invalid_type" or mistakes[0].param != at:
            found = found or mistakes
    if found is None:
        wanted = " or ".join(dict.fromkeys(_wanted(way) for way in ways))
        found = [_wrong_type(f"one of {wanted}", value, at)]
    yield from found


def _text(rule: Rule, value: str, at: str) -> Iterator[ApiError]:
    known = rule.get("enum") or ((rule["const"],) if "const" in rule else None)
    if known is not None and value not in known:
        yield ApiError("invalid_value", _choice(value, known, at), at)
    yield from _size(rule, len(value), at, "length", "string", "length")
    if "pattern" in rule and not re.search(rule["pattern"], value):
        yield ApiError("invalid_value", f"Invalid '{at}': it has the wrong form.", at)


def _number(rule: Rule, value: float, at: str) -> Iterator[ApiError]:
    low = rule.get("const", rule.get("minimum"))
    high = rule.get("const", rule.get("maximum"))
    kind = "integer" if rule.get("type") == "integer" else "decimal"
    for bound, beyond, word in (
        (low, low is not None and value < low, "below_min"),
        (high, high is not None and value > high, "above_max"),
    ):
        if beyond:
            side = "at least" if word == "below_min" else "at most"
            message = f"Invalid '{at}': {word.replace('_', ' ')} value. Expected {side} {bound}."
            yield ApiError(f"{kind}_{word}_value", message, at)
            return
    if "enum" in rule and value not in rule["enum"]:
        yield ApiError("invalid_value", _choice(value, rule["enum"], at), at)


def _size(rule: Rule, size: int, at: str, suffix: str, kind: str, what: str) -> Iterator[ApiError]:
    most, least = rule.get(f"max_{suffix}"), rule.get(f"min_{suffix}")
    if most is not None and size > most:
        message = f"Invalid '{at}': {size} is too much. Expected at most {most}."
        yield ApiError(f"{kind}_above_max_{what}", message, at)
    if least is not None and size < least:
        message = f"Invalid '{at}': {size} is too little. Expected at least {least}."
        yield ApiError(f"{kind}_below_min_{what}", message, at)


def _missing(at: str) -> ApiError:
    return ApiError("missing_required_parameter", f"Missing required parameter: '{at}'.", at)


def _wrong_type(wanted: str, value: Any, at: str) -> ApiError:
    got = "null" if value is None else _NAMES.get(type(value), "something else")
    return ApiError("invalid_type", f"Invalid type for '{at}': expected {wanted}, got {got}.", at)


def _wanted(rule: Rule) -> str:
    if "ref" in rule:
        return "an object"
    kind = rule.get("type")
    if kind is None and "any_of" in rule:
        return " or ".join(dict.fromkeys(_wanted(way) for way in rule["any_of"]))
    return f"an {kind}" if kind in ("array", "object", "integer") else f"a {kind or 'value'}"


def _choice(value: object, known: Iterable[object], at: str) -> str:
    names = ", ".join(f"'{name}'" for name in known)
    return f"Invalid value: {str(value)[:100]!r} for '{at}'. Supported values are: {names}."


def _at(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
