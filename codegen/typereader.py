"""Reads one JSON Schema node as a type, checking the conventions for it on the way.

Knows the keywords that the specs may use; does not know objects with properties or named unions.
"""

from __future__ import annotations

from typing import Any

from .loading import Specs
from .problems import Place, Problems
from .schema import (
    Anything,
    Choice,
    Const,
    Kind,
    Listed,
    Mapped,
    Named,
    Null,
    OneOf,
    Scalar,
    Type,
)

ANNOTATIONS = {
    "description", "default", "deprecated", "readOnly", "title", "examples", "format",
    "x-secret", "x-bytes-property",
}  # fmt: skip
_LIMITS: dict[str, set[str]] = {
    "string": {"minLength", "maxLength", "pattern", "contentEncoding"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "array": {"items", "minItems", "maxItems", "uniqueItems"},
    "object": {"additionalProperties", "propertyNames", "minProperties", "maxProperties"},
    "boolean": set(),
}
_LIMITS["integer"] = _LIMITS["number"]
_KINDS: dict[type, Kind] = {str: "string", bool: "boolean", int: "integer", float: "number"}


class TypeReader:
    """Turns schema nodes into types; faults go to `problems`."""

    def __init__(self, specs: Specs, problems: Problems, aliases: dict[str, Any]) -> None:
        self._specs = specs
        self._problems = problems
        self._places = aliases

    def read(self, node: Any, at: Place) -> tuple[Type, bool]:
        """The type and whether null is allowed beside it."""
        if not isinstance(node, dict):
            self._problems.add(at, "not a schema", "write a mapping with `type` or `$ref`")
            return Anything(), False
        if "$ref" in node:
            return self._reference(node, at), False
        for keyword in ("oneOf", "anyOf"):
            if keyword in node:
                self._only(node, at, {keyword})
                return self._members(node[keyword], at / keyword)
        if "const" in node or "enum" in node:
            return self._values(node, at)
        return self._typed(node, at)

    def item(self, node: Any, at: Place) -> Type:
        """The type of a list element or map value, null within it."""
        type_, nullable = self.read(node, at)
        if not nullable:
            return type_
        members = type_.members if isinstance(type_, OneOf) else (type_,)
        return OneOf((*members, Null()))

    def _reference(self, node: dict[str, Any], at: Place) -> Type:
        self._only(node, at, {"$ref"})
        target = self._specs.target(node["$ref"], at)
        self._specs.get(target, at / "$ref")
        name = self._places.get(str(target))
        if name is None:
            self._problems.add(
                at / "$ref",
                f"{node['$ref']} is no named schema",
                "point it at `file.yaml#/$defs/Name`",
            )
            return Anything()
        return Named(name)

    def _members(self, nodes: list[Any], at: Place) -> tuple[Type, bool]:
        members: list[Type] = []
        nullable = False
        for index, node in enumerate(nodes):
            if isinstance(node, dict) and node.get("type") == "null":
                nullable = True
                continue
            member, also_null = self.read(node, at / index)
            nullable = nullable or also_null
            members.append(member)
        if len(members) == 1:
            return members[0], nullable
        match members:
            case [Choice(kind, values, False), Scalar(other, limits)] if (
                kind == other and not limits
            ):
                return Choice(kind, values, open=True), nullable
            case [Const(kind, value), Scalar(other, limits)] if kind == other and not limits:
                return Choice(kind, (value,), open=True), nullable
        if any(isinstance(member, Named) for member in members):
            self._problems.add(
                at,
                "a union with an object in it has no name",
                "move it to $defs as `Name: {oneOf: [...], x-discriminator: [type]}`, use a $ref",
            )
        return OneOf(tuple(members)), nullable

    def _values(self, node: dict[str, Any], at: Place) -> tuple[Type, bool]:
        values = [node["const"]] if "const" in node else list(node["enum"])
        nullable = None in values
        values = [value for value in values if value is not None]
        declared = node.get("type")
        if isinstance(declared, list):
            nullable = nullable or "null" in declared
        kinds = {_KINDS.get(type(value)) for value in values}
        self._only(node, at, {"const", "enum", "type"})
        if len(kinds) != 1 or None in kinds:
            self._problems.add(
                at,
                f"values of different or unfit kinds: {values}",
                "list values of one kind; put text like on, off, 1 into quotes",
            )
            return Anything(), nullable
        if len(set(values)) != len(values):
            self._problems.add(at, "a value occurs twice", "remove one of the two")
        (kind,) = kinds
        assert kind is not None
        if len(values) == 1:  # An enum of one value is a constant.
            return Const(kind, values[0]), nullable
        return Choice(kind, tuple(values)), nullable

    def _typed(self, node: dict[str, Any], at: Place) -> tuple[Type, bool]:
        declared = node.get("type")
        kinds = [declared] if isinstance(declared, str) else list(declared or [])
        nullable = "null" in kinds
        kinds = [kind for kind in kinds if kind != "null"]
        if not kinds:
            self._only(node, at, set())
            return Anything(), nullable
        unknown = [kind for kind in kinds if kind not in _LIMITS]
        if unknown:
            self._problems.add(
                at / "type", f"no such type: {unknown[0]!r}", f"use one of {', '.join(_LIMITS)}"
            )
            return Anything(), nullable
        self._only(node, at, {"type"}.union(*(_LIMITS[kind] for kind in kinds), {"properties"}))
        members = tuple(self._of_kind(kind, node, at) for kind in kinds)
        return (members[0] if len(members) == 1 else OneOf(members)), nullable

    def _of_kind(self, kind: str, node: dict[str, Any], at: Place) -> Type:
        limits = {
            key: node[key]
            for key in sorted(_LIMITS[kind] - {"items", "additionalProperties", "contentEncoding"})
            if key in node
        }
        if kind == "array":
            if "items" not in node:
                self._problems.add(at, "a list without `items`", "say what it is a list of")
                return Listed(Anything(), limits)
            return Listed(self.item(node["items"], at / "items"), limits)
        if kind == "object":
            if "properties" in node:
                self._problems.add(
                    at,
                    "an object with properties has no name",
                    "move it to $defs under a name of its own and put a $ref here",
                )
            values = node.get("additionalProperties", True)
            if isinstance(values, bool):
                return Mapped(Anything(), limits)
            return Mapped(self.item(values, at / "additionalProperties"), limits)
        encoding = node.get("contentEncoding")
        if encoding not in (None, "base64"):
            self._problems.add(
                at / "contentEncoding", f"unknown encoding {encoding!r}", "only base64 is known"
            )
        return Scalar(kind, limits, base64=encoding == "base64")  # type: ignore[arg-type]

    def _only(self, node: dict[str, Any], at: Place, keywords: set[str]) -> None:
        for key in node:
            if key not in keywords and key not in ANNOTATIONS:
                self._problems.add(
                    at / key,
                    f"keyword {key!r} is not for use here",
                    "express it by type, enum, const, oneOf, $ref or limits; see specs/README.md",
                )
