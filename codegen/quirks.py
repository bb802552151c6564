"""What `quirks.yaml` changes before anything is generated: corrections and other spellings.

Knows the shape of that file; does not know what the corrected schemas mean.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from .loading import Specs
from .problems import Place, Problems, fail

FILE = "quirks.yaml"
SECTIONS = ("event_aliases", "tag_aliases", "corrections", "vendor", "drift")


@dataclass(frozen=True)
class EventAlias:
    """Another wire name of an event, in one protocol family or in all that have the event."""

    alias: str
    name: str
    family: str | None
    place: Place


@dataclass(frozen=True)
class Quirks:
    """The aliases; corrections are already in the specs they came with."""

    event_aliases: tuple[EventAlias, ...] = ()
    tag_aliases: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    """(schema, property) -> further values of that tag."""
    vendor: dict[str, Any] = field(default_factory=dict)
    """What servers do otherwise, as it is written."""


def apply(specs: Specs) -> tuple[Specs, Quirks]:
    """The corrected specs, and the aliases."""
    document = specs.documents.get(FILE)
    if document is None:
        return specs, Quirks()
    place = Place(FILE)
    problems = Problems()
    for section in document:
        if section not in SECTIONS:
            problems.add(
                place / section,
                f"unknown section {section!r}",
                f"use one of {', '.join(SECTIONS)}",
            )
    for section in ("event_aliases", "tag_aliases", "corrections"):
        for index, entry in enumerate(document.get(section) or []):
            if not entry.get("evidence"):
                problems.add(
                    place / section / index,
                    "no evidence",
                    "add `evidence:` with where this was seen",
                )
    problems.raise_if_any()
    return _corrected(specs, document.get("corrections") or []), Quirks(
        _event_aliases(document.get("event_aliases") or []),
        _tag_aliases(specs, document.get("tag_aliases") or []),
        document.get("vendor") or {},
    )


def _corrected(specs: Specs, corrections: list[dict[str, Any]]) -> Specs:
    if not corrections:
        return specs
    documents = copy.deepcopy(specs.documents)
    for index, entry in enumerate(corrections):
        at = Place(FILE) / "corrections" / index
        file, _, pointer = entry.get("pointer", "").partition("#")
        parent, _, key = pointer.rpartition("/")
        node = Specs(documents).get(Place(file, parent), at)
        key = key.replace("~1", "/").replace("~0", "~")
        if "set" in entry:
            _put(node, key, entry["set"])
        elif entry.get("remove") is True:
            if key not in node:
                fail(
                    at,
                    f"{entry['pointer']} is not there to be removed",
                    "the spec has caught up: delete this correction",
                )
            del node[key]
        else:
            fail(at, "a correction without a change", "add `set:` or `remove: true`")
    return Specs(documents)


def _put(node: Any, key: str, value: Any) -> None:
    if isinstance(node, list):
        if key == "-":
            node.append(value)
        else:
            node[int(key)] = value
    else:
        node[key] = value


def _event_aliases(entries: list[dict[str, Any]]) -> tuple[EventAlias, ...]:
    return tuple(
        EventAlias(
            entry["alias"],
            entry["name"],
            entry.get("family"),
            Place(FILE) / "event_aliases" / index,
        )
        for index, entry in enumerate(entries)
    )


def _tag_aliases(
    specs: Specs, entries: list[dict[str, Any]]
) -> dict[tuple[str, str], tuple[str, ...]]:
    known = {name for doc in specs.schema_files.values() for name in doc.get("$defs", {})}
    aliases: dict[tuple[str, str], tuple[str, ...]] = {}
    for index, entry in enumerate(entries):
        key = (entry["schema"], entry.get("property", "type"))
        if key[0] not in known:
            fail(
                Place(FILE) / "tag_aliases" / index,
                f"no schema is called {key[0]!r}",
                "correct the name or delete the entry",
            )
        aliases[key] = (*aliases.get(key, ()), entry["value"])
    return aliases
