"""Walks specs/ and the upstream document side by side and notes what stands opposite to what.

Knows how to pair objects that the two sides cut differently; judges nothing. Several upstream
schemas may stand opposite to one of ours (ours serves requests and responses alike, upstream has
one schema for each), so the notes are kept by our definition and field, and judged together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from .documents import Node
from .roots import Direction
from .shapes import Field, ObjectType, Shape

Tag = tuple[frozenset[Any] | None, ...]


@dataclass
class Slot:
    """A place of ours that holds a value, and all that upstream has there."""

    node: Node
    ours: Shape
    upstream: list[tuple[Shape, Node]] = field(default_factory=list)

    @property
    def kinds(self) -> set[str]:
        return set[str]().union(*(shape.kinds for shape, _ in self.upstream))


@dataclass
class Sighting:
    """One upstream object in which a field of ours was looked for."""

    direction: Direction
    found: Sequence[Field]
    required: bool
    split: bool
    """Ours are several objects where upstream has this one."""


@dataclass
class Pairing:
    """A field of one of our definitions, and the upstream objects opposite."""

    node: Node
    ours: Field
    sightings: list[Sighting] = field(default_factory=list)


@dataclass(frozen=True)
class Extra:
    """A field or a union member that only upstream has."""

    what: Literal["field", "member"]
    path: str
    place: Node
    source: Node
    required: bool = False


class Walk:
    """The notes of one comparison."""

    def __init__(self) -> None:
        self.slots: dict[str, Slot] = {}
        """Path -> what stands there, for what is said at the place: default, nullability."""
        self.values: dict[str, Slot] = {}
        """The same for types, enums and limits; by name where a definition of ours says them."""
        self.fields: dict[str, Pairing] = {}
        self.extras: dict[str, Extra] = {}
        self.members: dict[str, tuple[Node, bool]] = {}
        """Member of a union of ours -> its definition, and whether upstream has it anywhere."""
        self.names: dict[Node, Node] = {}
        """Upstream definition -> our definition, where exactly one stands opposite."""
        self._seen: set[tuple[str, Node, Node, Direction]] = set()
        self._shapes: dict[Node, Shape] = {}

    def shape(self, node: Node) -> Shape:
        if node not in self._shapes:
            self._shapes[node] = Shape.of(node)
        return self._shapes[node]

    def visit(self, path: str, ours: Node, upstream: Node, direction: Direction) -> None:
        """Compare the values at one place, and what is inside of them."""
        key = (path, ours, upstream, direction)
        if key in self._seen:
            return
        self._seen.add(key)
        mine, theirs = self.shape(ours), self.shape(upstream)
        name = values_path(path, mine)
        for table, place in ((self.slots, path), (self.values, name)):
            table.setdefault(place, Slot(ours, mine)).upstream.append((theirs, upstream))
        for item, other in zip(mine.items[:1], theirs.items[:1], strict=False):
            self.visit(f"{path}[]", item, other, direction)
        for value, other in zip(mine.map_values[:1], theirs.map_values[:1], strict=False):
            self.visit(f"{path}{{}}", value, other, direction)
        if mine.objects and theirs.objects:
            self._match(mine.name or path, ours, mine, theirs, direction)
        self._name(ours, upstream)

    def _name(self, ours: Node, upstream: Node) -> None:
        """Remember which definition of ours says what a named one of upstream says."""
        mine, theirs = ours.resolved(), upstream.resolved()
        if mine.name and theirs.name:
            self.names.setdefault(theirs, mine)

    def _match(
        self, union: str, slot: Node, mine: Shape, theirs: Shape, direction: Direction
    ) -> None:
        """Pair the object alternatives of both sides by their tags."""
        tags = mine.tags or theirs.tags or ("type",)
        several = len(mine.objects) > 1
        if not several and len(theirs.objects) == 1:
            self._objects(union, mine.objects, theirs.objects, tags, direction)
            return
        for ours, upstream in _components(mine.objects, theirs.objects, tags):
            if several:
                for one in ours:
                    self._member(f"{union}|{one.name or one.node}", one.node, bool(upstream))
            if not ours:
                for other in upstream:
                    words = [_words(tag) for t in tags if (tag := other.tag(t)) is not None]
                    name = "/".join(words) or other.name or "object"
                    extra = Extra("member", f"{union}|{name}", slot, other.node)
                    self.extras.setdefault(extra.path, extra)
            elif upstream:
                self._objects(union, ours, upstream, tags, direction)
            elif not several:
                self._member(union, ours[0].node, False)

    def _member(self, path: str, node: Node, found: bool) -> None:
        before = self.members.get(path, (node, False))[1]
        self.members[path] = (node, before or found)

    def _objects(
        self,
        union: str,
        ours: Sequence[ObjectType],
        upstream: Sequence[ObjectType],
        tags: Sequence[str],
        direction: Direction,
    ) -> None:
        """Compare a group of our objects with the group of upstream objects opposite."""
        merged = len(ours) > 1 or len(upstream) > 1
        label = union if len(ours) > 1 else ours[0].name or union
        if len(ours) == 1:
            for other in upstream:
                self.names.setdefault(other.node, ours[0].node)
        theirs = _merge(upstream, direction)
        for one in ours:
            name = one.name or union
            for field_name, mine in one.fields.items():
                path = f"{name}.{field_name}"
                found = theirs.get(field_name, [])
                required = len(found) == len(upstream) and all(f.required for f in found)
                pairing = self.fields.setdefault(path, Pairing(one.node, mine))
                pairing.sightings.append(Sighting(direction, found, required, len(ours) > 1))
                if not (merged and field_name in tags):
                    for other_field in found:
                        self.visit(path, mine.node, other_field.node, direction)
        known = {field_name for one in ours for field_name in one.fields}
        for field_name, found in theirs.items():
            if field_name not in known:
                required = len(found) == len(upstream) and all(f.required for f in found)
                path = f"{label}.{field_name}"
                extra = Extra("field", path, ours[0].node, found[0].node, required)
                self.extras.setdefault(path, extra)
            elif merged and field_name in tags:
                self._tag_values(f"{label}.{field_name}", field_name, ours, found)

    def _tag_values(
        self, path: str, name: str, ours: Sequence[ObjectType], found: Sequence[Field]
    ) -> None:
        """The tags of several objects stand opposite to one enum: compare them as a whole."""
        holders = [one.fields[name].node for one in ours if name in one.fields]
        if path not in self.values:
            whole = Shape(kinds={"string"})
            for holder in holders:
                inner = self.shape(holder)
                whole.open = whole.open or inner.open
                whole.values += [v for v in inner.values if v not in whole.values]
            self.values[path] = Slot(holders[0], whole)
        for other in found:
            pair = (self.shape(other.node), other.node)
            # A tag without an enum is vague: each of our objects has looked at it already.
            if pair[0].values and pair not in self.values[path].upstream:
                self.values[path].upstream.append(pair)


def values_path(path: str, ours: Shape) -> str:
    """Where the values of a place are said: at the place, or in a definition that others share."""
    single = ours.kinds == {"object"} and len(ours.objects) == 1
    return path if single or not ours.name else ours.name


def _merge(objects: Iterable[ObjectType], direction: Direction) -> dict[str, list[Field]]:
    fields: dict[str, list[Field]] = {}
    for one in objects:
        for name, found in one.fields.items():
            # What upstream marks as read-only is not part of what a client sends.
            if not (direction == "sent" and found.read_only):
                fields.setdefault(name, []).append(found)
    return fields


def _components(
    ours: Sequence[ObjectType], upstream: Sequence[ObjectType], tags: Sequence[str]
) -> list[tuple[list[ObjectType], list[ObjectType]]]:
    """Group what shares a tag: one to one as a rule, several where one side does not split."""
    groups: list[tuple[list[ObjectType], list[ObjectType]]] = [([one], []) for one in ours]
    for other in upstream:
        tag = _tag(other, tags)
        fits = [g for g in groups if any(_overlap(_tag(one, tags), tag) for one in g[0])]
        fits += [g for g in groups if not g[0] and any(_overlap(_tag(o, tags), tag) for o in g[1])]
        if not fits:
            groups.append(([], [other]))
            continue
        first, *rest = fits
        first[1].append(other)
        for group in rest:
            first[0].extend(group[0])
            first[1].extend(group[1])
            groups.remove(group)
    return groups


def _tag(one: ObjectType, tags: Sequence[str]) -> Tag:
    return tuple(one.tag(name) for name in tags)


def _overlap(a: Tag, b: Tag) -> bool:
    return all(_same(x, y) for x, y in zip(a, b, strict=True))


def _same(a: frozenset[Any] | None, b: frozenset[Any] | None) -> bool:
    if a is None or b is None:
        return a is b
    return not a or not b or bool(a & b)  # an empty set: any value


def _words(values: frozenset[Any] | None) -> str:
    return ",".join(sorted(str(v) for v in values or ())) or "*"
