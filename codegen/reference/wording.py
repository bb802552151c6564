"""Types, limits and values in words, as cells of a Markdown table. Knows no page."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ..schema import (
    MISSING,
    Anything,
    Choice,
    Const,
    Listed,
    Mapped,
    Named,
    Null,
    OneOf,
    Parameter,
    Property,
    Scalar,
    Type,
)
from .links import Links

_LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "pattern": "matches `{}`",
    "minItems": "at least {} entries",
    "maxItems": "at most {} entries",
    "uniqueItems": "no entry twice",
    "minProperties": "at least {} keys",
    "maxProperties": "at most {} keys",
}
# Longer lists of values are named with their kind, so that the column keeps its shape.
_VALUES_IN_TYPE = 4


def type_text(type_: Type, links: Links) -> str:
    """A type, with links to the named ones in it."""
    match type_:
        case Anything():
            return "any"
        case Null():
            return "null"
        case Scalar(kind, _, base64):
            return "string (base64)" if base64 else kind
        case Choice(_, values, open_):
            if len(values) > _VALUES_IN_TYPE:
                return (
                    f"{type_.kind}: "
                    + " ".join(f"`{value}`" for value in values)
                    + (" or any other" if open_ else "")
                )
            shown = [f"`{value}`" for value in values]
            return " or ".join([*shown, f"any {type_.kind}"] if open_ else shown)
        case Const(_, value):
            return f"`{value}`"
        case Listed(item):
            return f"list of {type_text(item, links)}"
        case Mapped(value_type):
            inner = type_text(value_type, links)
            return "object" if inner == "any" else f"map of string to {inner}"
        case Named(name):
            return links.type(name)
        case OneOf(members):
            return " or ".join(type_text(member, links) for member in members)


def notes(prop: Property) -> list[str]:
    """What is to be known of a field beside its type and its meaning."""
    found: list[str] = []
    if prop.tag is not None:
        found.append("tag, filled in by itself")
        if prop.tag.aliases:
            found.append(f"also {join(f'`{alias}`' for alias in prop.tag.aliases)} when read")
    elif prop.required:
        found.append("required")
    if prop.read_only:
        found.append("set by the server")
    if prop.nullable:
        found.append("may be null")
    if prop.deprecated:
        found.append("deprecated")
    if prop.secret:
        found.append("secret, not shown in repr")
    if prop.default is not MISSING:
        found.append(f"default `{as_json(prop.default)}`")
    found += limits(prop.type)
    if prop.bytes_property:
        found.append(f"base64; `.{prop.bytes_property}` gives the bytes")
    return found


def notes_of_parameter(parameter: Parameter) -> str:
    """The same of a parameter."""
    return "; ".join([*(["required"] if parameter.required else []), *limits(parameter.type)])


def limits(type_: Type) -> list[str]:
    """The limits of a type, those of its members and entries among them."""
    match type_:
        case Scalar(_, given) | Listed(_, given) | Mapped(_, given):
            found = [_counted(text, given[key]) for key, text in _LIMITS.items() if key in given]
            if "propertyNames" in given:
                found += [
                    f"keys: {note}" for note in limits(Scalar("string", given["propertyNames"]))
                ]
        case OneOf(members):
            return [note for member in members for note in limits(member)]
        case _:
            return []
    match type_:
        case Listed(item):
            found += [f"each entry: {note}" for note in limits(item)]
        case Mapped(value):
            found += [f"each value: {note}" for note in limits(value)]
    return found


def cell(text: str) -> str:
    """A text in a table."""
    return " ".join(text.replace("|", "\\|").split())


def sentence(text: str) -> str:
    """The first sentence of a text."""
    return text.split(". ")[0].rstrip(".") + "."


def join(parts: Iterable[str]) -> str:
    """`a, b and c`."""
    found = list(parts)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"


def as_json(value: Any) -> str:
    """A value as JSON has it."""
    return json.dumps(value, ensure_ascii=False)


def _counted(text: str, value: Any) -> str:
    if value == 1:
        text = text.replace("entries", "entry").removesuffix("s")
    return text.format(_number(value))


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
