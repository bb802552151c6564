"""Writes an upstream schema in the manner of specs/, for a person to describe.

Takes over facts only: names, types, enums, limits. Every description is left open, for upstream's
sentences are not ours to copy.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from typing import Any

from .documents import Node
from .shapes import LIMITS, MISSING, Field, ObjectType, Shape

OPEN = "DESCRIBE"
"""Stands where a person is to describe something."""


def pascal(words: str) -> str:
    """`response.mcp_call.failed` -> `ResponseMcpCallFailed`."""
    for mark in "._-/ ":
        words = words.replace(mark, "\n")
    return "".join(word[:1].upper() + word[1:] for word in words.split("\n"))


class Translator:
    """Translates schemas for one file of specs/; what has to have a name becomes a definition."""

    def __init__(self, root: Node, names: dict[Node, Node], taken: Callable[[str], bool]) -> None:
        self.file = root.file
        self.definitions: dict[str, dict[str, Any]] = {}
        self._root = root
        self._names = names
        self._taken = taken

    def definition(self, name: str, upstream: Node) -> None:
        """Add a definition of an upstream object under a name."""
        end = _bare(upstream)
        schema = self._begin(end, name)
        schema |= self._object(name, Shape.of(end).objects[0])

    def schema(self, upstream: Node, hint: str) -> dict[str, Any]:
        """A property, item or body; objects inside it are named after `hint`."""
        shape = Shape.of(upstream)
        known = self._known(upstream)
        if known is not None:
            return self._nullable({"$ref": known}, shape)
        if shape.objects:
            out: dict[str, Any] = {"$ref": self._named(upstream, shape, hint)}
        else:
            parts = self._scalars(shape, hint)
            out = parts[0] if len(parts) == 1 else {"oneOf": parts}
        out = self._nullable(out, shape)
        if shape.default is not MISSING:
            out["default"] = shape.default
        return out

    def _scalars(self, shape: Shape, hint: str) -> list[dict[str, Any]]:
        parts: list[dict[str, Any]] = []
        for kind in sorted(shape.kinds - {"object", "any"}):
            part: dict[str, Any] = {"type": "object" if kind == "map" else kind}
            listed = [v for v in shape.values if _is(v, kind)]
            if listed and kind == "string" and shape.open:
                part = {"anyOf": [{"type": kind, "enum": listed}, {"type": kind}]}
            elif len(listed) == 1:
                part["const"] = listed[0]
            elif listed:
                part["enum"] = listed
            if kind == "array" and shape.items:
                part["items"] = self.schema(shape.items[0], f"{hint}Item")
            if kind == "map":
                inner = shape.map_values
                part["additionalProperties"] = (
                    self.schema(inner[0], f"{hint}Value") if inner else True
                )
            part |= {k: v for k, v in shape.limits.items() if kind in _APPLIES[k]}
            parts.append(part)
        return parts or [{}]

    def _object(self, name: str, one: ObjectType) -> dict[str, Any]:
        out: dict[str, Any] = {"type": "object", "description": OPEN}
        required = [prop for prop, found in one.fields.items() if found.required]
        if required:
            out["required"] = required
        out["properties"] = {
            prop: self.prop(found, f"{name}{pascal(prop)}") for prop, found in one.fields.items()
        }
        return out

    def prop(self, found: Field, hint: str) -> dict[str, Any]:
        out = self.schema(found.node, hint)
        if found.read_only:
            out["readOnly"] = True
        return out | {"description": OPEN}

    def _known(self, upstream: Node) -> str | None:
        """A reference to what specs/ have already."""
        node = _bare(upstream)
        if node not in self._names:
            return None
        target = self._names[node]
        return self._reference(target.file, target.keys[-1])

    def _begin(self, upstream: Node, name: str) -> dict[str, Any]:
        """An empty definition, known by its name from now on, for it may refer to itself."""
        self._names[upstream] = self._root.child("$defs", name)
        return self.definitions.setdefault(name, {})

    def _reference(self, file: str, name: str) -> str:
        if file == self.file:
            return f"#/$defs/{name}"
        relative = posixpath.relpath(file, posixpath.dirname(self.file) or ".")
        return f"{relative if relative.startswith('.') else './' + relative}#/$defs/{name}"

    def _named(self, upstream: Node, shape: Shape, hint: str) -> str:
        members, mixed = shape.objects, shape.kinds - {"object"}
        if len(members) == 1 and not mixed:
            return self._member(members[0], hint)
        name = self._free(_our_name(shape.name) or hint)
        union = self._begin(_bare(upstream), name)
        parts: list[dict[str, Any]] = [
            {"$ref": self._member(one, f"{name}{_tag_word(one) or i}")}
            for i, one in enumerate(members, 1)
        ]
        if mixed:
            parts += self._scalars(shape, name)
        union |= {"description": OPEN, "oneOf": parts}
        union["x-discriminator"] = list(shape.tags or ("type",))
        return f"#/$defs/{name}"

    def _member(self, one: ObjectType, hint: str) -> str:
        known = self._known(one.node)
        if known is not None:
            return known
        name = self._free(_our_name(one.name) or hint)
        schema = self._begin(one.node, name)
        schema |= self._object(name, one)
        return f"#/$defs/{name}"

    def _free(self, name: str) -> str:
        while self._taken(name) or name in self.definitions:
            name += "Body"
        return name

    def _nullable(self, schema: dict[str, Any], shape: Shape) -> dict[str, Any]:
        if not shape.nullable:
            return schema
        kind = schema.get("type")
        if isinstance(kind, str) and "const" not in schema and "enum" not in schema:
            return schema | {"type": [kind, "null"]}
        return {"anyOf": [schema, {"type": "null"}]}


def _bare(node: Node) -> Node:
    """The schema itself, without the wrappings of `allOf` with one part and of `anyOf` null."""
    node = node.resolved()
    schema = node.value
    if isinstance(schema, Mapping):
        for key in ("allOf", "anyOf", "oneOf"):
            parts = [p for p in node.children(key) if p.value != {"type": "null"}]
            if len(parts) == 1:
                return _bare(parts[0])
    return node


def _our_name(name: str | None) -> str | None:
    return name.removeprefix("Realtime") if name else None


def _tag_word(one: ObjectType) -> str:
    tag = one.tag("type")
    return pascal(str(min(tag, key=str))) if tag else ""


def _is(value: Any, kind: str) -> bool:
    kinds: dict[str, type | tuple[type, ...]] = {
        "string": str,
        "boolean": bool,
        "integer": int,
        "number": (int, float),
    }
    return isinstance(value, kinds.get(kind, ())) and (kind == "boolean") == isinstance(value, bool)


_NUMBERS, _TEXT = {"integer", "number"}, {"string"}
_APPLIES: dict[str, set[str]] = {
    key: {"array"} if "Items" in key else {"map"} if "Properties" in key
    else _TEXT if "Length" in key or key == "pattern" else _NUMBERS
    for key in LIMITS
}  # fmt: skip
