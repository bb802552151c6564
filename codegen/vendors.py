"""What each server does otherwise than the specs say, as `quirks.yaml` has it under `vendor`.

Knows the shape of that section; nothing but the reference pages is made of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, get_args

from .problems import Place, Problems
from .schema import (
    Deviation,
    Family,
    Listed,
    Manner,
    Named,
    Object,
    OneOf,
    Operation,
    Schema,
    Type,
    Union,
    Vendor,
)

MANNERS: tuple[Manner, ...] = get_args(Manner)
# What is said about events that the specs have.
_OF_EVENTS = ("undeclared", "nulls", "missing", "values", "wants")
# The protocol that an entry is about where it does not say.
_FAMILY = "realtime"
_KEYS = (
    "cause", "close", "code", "evidence", "events", "frames", "keys", "note", "of", "operation",
    "param", "path", "published", "seen", "sequence", "values",
)  # fmt: skip


def read_vendors(
    section: Mapping[str, Any], families: Collection[Family], problems: Problems, at: Place
) -> tuple[Vendor, ...]:
    """All vendors, in the order of the file."""
    wires = {
        wire
        for family in families
        for wire in (*(e.wire for e in (*family.server, *family.client)), *family.server_aliases)
    }
    known = [family.name for family in families]
    for name, entry in section.items():
        if entry.get("family", _FAMILY) not in known:
            problems.add(
                at / name / "family",
                f"there is no protocol {entry.get('family', _FAMILY)!r}",
                f"use one of {', '.join(known)}",
            )
    return tuple(
        Vendor(
            name,
            entry.get("title", name),
            entry.get("family", _FAMILY),
            entry.get("evidence", ""),
            tuple(_deviations(entry, wires, problems, at / name)),
        )
        for name, entry in section.items()
    )


def _deviations(
    entry: Mapping[str, Any], wires: set[str], problems: Problems, at: Place
) -> Iterable[Deviation]:
    if not entry.get("evidence"):
        problems.add(at, "no evidence", "add `evidence:` with where this was seen")
    for manner in entry.keys() - {"title", "family", "evidence", *MANNERS}:
        problems.add(at / manner, f"unknown section {manner!r}", f"use one of {', '.join(MANNERS)}")
    for manner in MANNERS:
        for index, said in enumerate(entry.get(manner, ())):
            place = at / manner / index
            if not said.get("evidence"):
                problems.add(place, "no evidence", "add `evidence:` with where this was seen")
            for key in sorted(said.keys() - set(_KEYS)):
                problems.add(place / key, f"unknown key {key!r}", f"use one of {', '.join(_KEYS)}")
            found = Deviation(manner, said, place)
            if manner in _OF_EVENTS:
                for pattern in found.events:
                    if not any(fnmatchcase(wire, pattern) for wire in wires):
                        problems.add(
                            place / "events",
                            f"no event is called {pattern!r}",
                            "correct the name or move the entry to extra_events",
                        )
            yield found


def of_event(deviation: Deviation, wire: str, schema: Object) -> bool:
    """Whether it is worth telling beside this event: what all events have in common is not."""
    if deviation.manner not in _OF_EVENTS or "*" in deviation.events:
        return False
    if wire in deviation.events:
        return True
    tops = {re.split(r"[.\[]", path)[0] for path in deviation.paths}
    return any(fnmatchcase(wire, pattern) for pattern in deviation.events) and any(
        schema.get(top) is not None for top in tops
    )


def of_operation(deviation: Deviation, operation: Operation) -> bool:
    """Whether it is about this operation."""
    return deviation.manner == "http" and deviation.said.get("operation") == operation.id


def fields(schemas: Mapping[str, Schema], start: str, path: str) -> Iterable[tuple[str, str]]:
    """The type and the field that a path from an event leads to; nothing where it may be several,
    but for deprecated ones."""
    at = {start}
    steps = path.replace("[]", "").split(".")
    for step in steps[:-1]:
        at = {
            name
            for owner in at
            for prop in _having(schemas, owner, step)
            for name in _objects(schemas, prop)
        }
    last = steps[-1]
    found = [(owner, last) for owner in at if list(_having(schemas, owner, last))]
    return found if len(found) == 1 else ()


def _having(schemas: Mapping[str, Schema], owner: str, name: str) -> Iterable[Type]:
    schema = schemas[owner]
    prop = schema.get(name) if isinstance(schema, Object) else None
    if prop is not None:
        yield prop.type


def _objects(schemas: Mapping[str, Schema], type_: Type) -> Iterable[str]:
    match type_:
        case Named(name):
            schema = schemas[name]
            if isinstance(schema, Union):
                for member in schema.members:
                    yield from _objects(schemas, member)
            elif not schema.deprecated:
                yield name
        case Listed(item):
            yield from _objects(schemas, item)
        case OneOf(members):
            for member in members:
                yield from _objects(schemas, member)
        case _:
            pass
