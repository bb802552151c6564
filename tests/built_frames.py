"""Frames made from the generated rules: every event, every member of every union, full and bare.

For the tests that must work where there are no recordings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from voxwire_protocol import Event
from voxwire_protocol.names import (
    REALTIME_CLIENT,
    REALTIME_SERVER,
    TRANSLATION_CLIENT,
    TRANSLATION_SERVER,
)
from voxwire_protocol.rules import RULES, UNIONS

TABLES: dict[str, Mapping[str, type[Event]]] = {
    "realtime server": REALTIME_SERVER,
    "realtime client": REALTIME_CLIENT,
    "translation server": TRANSLATION_SERVER,
    "translation client": TRANSLATION_CLIENT,
}

# As many turns as the largest union has members.
TURNS = 12


def canonical(table: Mapping[str, type[Event]]) -> Iterator[tuple[str, type[Event]]]:
    """The wire names of a table without the other spellings of them."""
    for wire, cls in table.items():
        if RULES[cls.__name__]["type"]["const"] == wire:
            yield wire, cls


def example(
    name: str, turn: int = 0, *, full: bool = True, sending: bool = False
) -> dict[str, Any]:
    """A valid JSON object of a class; ``turn`` picks enum values and members of unions."""
    data: dict[str, Any] = {}
    for field, rule in RULES[name].items():
        if sending and rule.get("read_only"):
            continue
        # A tag is not always required of a server, but an example without it is no example.
        if full or rule.get("required") or ("const" in rule and field in ("type", "role")):
            data[field] = value(rule, turn, full=full, sending=sending)
    return data


def value(rule: Mapping[str, Any], turn: int, *, full: bool, sending: bool) -> Any:
    if "const" in rule:
        return rule["const"]
    if "enum" in rule:
        return rule["enum"][turn % len(rule["enum"])]
    if rule.get("null") and turn % 5 == 4:
        return None
    if "ref" in rule:
        return _reference(rule["ref"], turn, full=full, sending=sending)
    if "any_of" in rule:
        ways = rule["any_of"]
        return value(ways[turn % len(ways)], turn, full=full, sending=sending)
    match rule.get("type"):
        case "string":
            if "pattern" in rule:
                return "tunnel_" + "a1" * 16  # the one pattern there is
            return "AAAA" if rule.get("base64") else ("some text", "", "été \u2028 😀")[turn % 3]
        case "integer":
            return max(rule.get("minimum", 0), min(3 + turn, rule.get("maximum", 1000)))
        case "number":
            return (rule.get("minimum", 0), rule.get("maximum", 0.75))[turn % 2]
        case "boolean":
            return turn % 2 == 0
        case "array":
            count = max(rule.get("min_items", 0), min(2, rule.get("max_items", 2)))
            return [
                value(rule["items"], turn + index, full=full, sending=sending)
                for index in range(count)
            ]
        case "object":
            inner = rule.get("values", {"type": "string"})
            return {"key": value(inner, turn, full=full, sending=sending)}
        case _:
            return ("anything", 7, {"a": [None, True, 1.5]})[turn % 3]


def _reference(name: str, turn: int, *, full: bool, sending: bool) -> Any:
    if name in RULES:
        return example(name, turn, full=full, sending=sending)
    union = UNIONS[name]
    ways: list[Any] = [*members(name), *union["scalars"]]
    way = ways[turn % len(ways)]
    if isinstance(way, str):
        return example(way, turn, full=full, sending=sending)
    return value(way, turn, full=full, sending=sending)


def members(union: str) -> list[str]:
    """The classes of a union."""
    names: dict[str, None] = {}
    for entry in UNIONS[union]["members"].values():
        names.update(dict.fromkeys([entry] if isinstance(entry, str) else entry.values()))
    if UNIONS[union]["default"]:
        names[UNIONS[union]["default"]] = None
    return list(names)
