"""What a schema allows, with references, unions and nullability flattened into one form.

Knows JSON Schema and the OpenAPI dialects of it; does not know which side it reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .documents import Node

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "none"})()

LIMITS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
)
_STRUCTURAL = {
    "$ref", "allOf", "oneOf", "anyOf", "const", "enum", "type", "properties", "items",
    "additionalProperties",
}  # fmt: skip


@dataclass(frozen=True)
class Field:
    """A property of an object."""

    node: Node
    required: bool
    read_only: bool


@dataclass(frozen=True)
class ObjectType:
    """One object alternative: a definition with its properties."""

    node: Node
    name: str | None
    fields: Mapping[str, Field]

    def tag(self, prop: str) -> frozenset[Any] | None:
        """The values that a tag property may take; None if absent, empty if it may be anything."""
        if prop not in self.fields:
            return None
        return frozenset(Shape.of(self.fields[prop].node).values)


@dataclass
class Shape:
    """Everything that a value at one place may be."""

    kinds: set[str] = field(default_factory=set)
    values: list[Any] = field(default_factory=list)
    open: bool = False
    """Beside the listed values, any other string is allowed."""
    nullable: bool = False
    default: Any = MISSING
    deprecated: bool = False
    limits: dict[str, Any] = field(default_factory=dict)
    items: list[Node] = field(default_factory=list)
    map_values: list[Node] = field(default_factory=list)
    objects: list[ObjectType] = field(default_factory=list)
    tags: tuple[str, ...] = ()
    name: str | None = None
    """The definition that all of this comes from; empty if it is put together in place."""

    @classmethod
    def of(cls, node: Node) -> Shape:
        shape = cls()
        plain = _collect(node, shape, frozenset())
        # A string without an enum beside one with an enum is an open enum; alone it is a string.
        shape.name = shape.name or node.name
        shape.open = plain and bool(shape.values)
        only = shape.values[0] if len(shape.values) == 1 and not shape.open else MISSING
        if shape.default is None or shape.default == only:
            # "off unless given" and the default of a constant say no more than their absence.
            shape.default = MISSING
        return shape


def _collect(node: Node, shape: Shape, inside: frozenset[Node]) -> bool:
    """Add what a schema allows; tell whether it allows any string."""
    if node in inside:
        return False
    inside |= {node}
    schema = node.value
    if not isinstance(schema, Mapping):
        shape.kinds.add("any")
        return False
    if "default" in schema and shape.default is MISSING:
        shape.default = schema["default"]
    for key in LIMITS:
        if key in schema:
            shape.limits.setdefault(key, schema[key])
    shape.deprecated = shape.deprecated or schema.get("deprecated") is True
    shape.nullable = shape.nullable or schema.get("nullable") is True
    if not shape.tags:
        shape.tags = _tags(schema)
    if "$ref" in schema:
        target = node.target()
        if shape.name is None:
            shape.name = target.name
        return _collect(target, shape, inside)
    whole = schema.get("allOf")
    if isinstance(whole, list):
        if len(whole) == 1:
            return _collect(node.child("allOf", 0), shape, inside)
        shape.kinds.add("object")
        shape.objects.append(ObjectType(node, node.name or shape.name or None, _all_fields(node)))
        return False
    plain = False
    for union in ("oneOf", "anyOf"):
        members = schema.get(union)
        if isinstance(members, list):
            if shape.name is None and sum(m != {"type": "null"} for m in members) > 1:
                shape.name = ""
            for i in range(len(members)):
                plain |= _collect(node.child(union, i), shape, inside)
    if "oneOf" in schema or "anyOf" in schema:
        return plain
    return _leaf(node, schema, shape)


def _leaf(node: Node, schema: Mapping[str, Any], shape: Shape) -> bool:
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(values, list):
        for value in values:
            if value is None:
                shape.nullable = True
            else:
                shape.kinds.add(_kind(value))
                if value not in shape.values:
                    shape.values.append(value)
        return False
    if not _STRUCTURAL & schema.keys():
        shape.kinds.add("any")
        return False
    plain = False
    for kind in _types(schema):
        if kind == "null":
            shape.nullable = True
        elif kind == "object":
            _object(node, schema, shape)
        else:
            shape.kinds.add(kind)
            plain |= kind == "string"
            if kind == "array" and "items" in schema:
                shape.items.append(node.child("items"))
    return plain


def _object(node: Node, schema: Mapping[str, Any], shape: Shape) -> None:
    if "properties" in schema or "required" in schema:
        shape.kinds.add("object")
        shape.objects.append(ObjectType(node, node.name, _fields(node)))
        return
    shape.kinds.add("map")
    inner = schema.get("additionalProperties")
    if isinstance(inner, Mapping) and inner:
        shape.map_values.append(node.child("additionalProperties"))


def _fields(node: Node) -> dict[str, Field]:
    schema = node.value
    required = schema.get("required") or []
    found: dict[str, Field] = {}
    for name, inner in (schema.get("properties") or {}).items():
        read_only = isinstance(inner, Mapping) and inner.get("readOnly") is True
        found[name] = Field(node.child("properties", name), name in required, read_only)
    return found


def _all_fields(node: Node) -> dict[str, Field]:
    """The properties of an `allOf`: those of every part."""
    found: dict[str, Field] = {}
    for part in node.children("allOf"):
        end = part.resolved()
        found |= _all_fields(end) if "allOf" in end.value else _fields(end)
    required = node.value.get("required") or []
    found |= _fields(node)
    return {
        name: Field(f.node, f.required or name in required, f.read_only)
        for name, f in found.items()
    }


def _types(schema: Mapping[str, Any]) -> list[str]:
    kind = schema.get("type")
    if isinstance(kind, str):
        return [kind]
    if isinstance(kind, list):
        return [str(k) for k in kind]
    if "items" in schema:
        return ["array"]
    return ["object"]


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "map"


def _tags(schema: Mapping[str, Any]) -> tuple[str, ...]:
    ours = schema.get("x-discriminator")
    if isinstance(ours, list):
        return tuple(str(name) for name in ours)
    theirs = schema.get("discriminator")
    if isinstance(theirs, Mapping) and "propertyName" in theirs:
        return (str(theirs["propertyName"]),)
    return ()
