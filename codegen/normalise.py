"""Reads the schema files into one set of named schemas, and reports every broken convention.

Knows objects, named unions and their tags; what documents use them is read elsewhere.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import replace
from typing import Any

from .loading import Specs
from .problems import Place, Problems
from .quirks import Quirks
from .schema import (
    MISSING,
    Alias,
    Choice,
    Const,
    File,
    Named,
    Object,
    Property,
    Scalar,
    Schema,
    Type,
    Union,
)
from .typereader import ANNOTATIONS, TypeReader

_NAME = re.compile(r"[A-Z][A-Za-z0-9]*\Z")
# `not` and `additionalProperties` say what is valid, and change nothing in a class.
_OBJECT = {"type", "properties", "required", "additionalProperties", "not"}
_UNION = {"oneOf", "x-discriminator", "x-default-member"}
# Names that a model has for its own purposes, and those that Python keeps.
_TAKEN = {"to_dict", "from_dict", "raw"}


def read_schemas(
    specs: Specs, quirks: Quirks, problems: Problems
) -> tuple[dict[str, Schema], tuple[File, ...]]:
    """All named schemas, and the files that they come from."""
    reader = _Reader(specs, quirks, problems)
    schemas = reader.schemas()
    return schemas, reader.files


class _Reader:
    def __init__(self, specs: Specs, quirks: Quirks, problems: Problems) -> None:
        self._quirks = quirks
        self._problems = problems
        self._nodes: dict[str, tuple[dict[str, Any], Place]] = {}
        names: dict[str, str] = {}
        files: list[File] = []
        for file, document in specs.schema_files.items():
            root = Place(file)
            if not isinstance(document, dict) or not isinstance(document.get("$defs"), dict):
                problems.add(root, "no schemas here", "add `$defs:` with at least one schema")
                continue
            for key in ("title", "description"):
                if not document.get(key):
                    problems.add(root, f"the file has no {key}", f"add `{key}:` for the reference")
            for name, node in document["$defs"].items():
                at = root / "$defs" / name
                if not _NAME.match(name) or keyword.iskeyword(name):
                    problems.add(at, f"{name!r} cannot be a class name", "write it in PascalCase")
                if name in self._nodes:
                    problems.add(
                        at,
                        f"duplicate name: {name} is also at {self._nodes[name][1]}",
                        "names are shared by all files: rename one of the two",
                    )
                    continue
                if not isinstance(node, dict):
                    problems.add(at, "not a schema", "write a mapping with `type` or `oneOf`")
                    continue
                self._nodes[name] = (node, at)
                names[str(at)] = name
            files.append(
                File(
                    file,
                    document.get("title") or file,
                    (document.get("description") or "").strip(),
                    tuple(document["$defs"]),
                )
            )
        self.files = tuple(files)
        self._types = TypeReader(specs, problems, names)

    def schemas(self) -> dict[str, Schema]:
        schemas = {name: self._schema(name) for name in self._nodes}
        unions = [schema for schema in schemas.values() if isinstance(schema, Union)]
        keys: dict[str, set[str]] = {}
        for union in unions:
            for name in union.objects:
                keys.setdefault(name, set()).update(union.by)
        for name, schema in schemas.items():
            if isinstance(schema, Object):
                schemas[name] = self._tagged(schema, keys.get(name, set()))
        for union in unions:
            self._check_union(union, schemas)
        return schemas

    def _schema(self, name: str) -> Schema:
        node, at = self._nodes[name]
        description = self._description(node, at, "schema")
        deprecated = node.get("deprecated") is True
        if "oneOf" in node:
            return self._union(name, node, at, description)
        if node.get("type") == "object" and (
            "properties" in node or "additionalProperties" not in node
        ):
            return Object(name, description, at, self._properties(node, at), deprecated)
        type_, nullable = self._types.read(node, at)
        if nullable:
            self._problems.add(
                at,
                "a named type that may be null",
                "leave null out here and allow it where the type is used",
            )
        return Alias(name, description, at, type_, deprecated)

    def _description(self, node: dict[str, Any], at: Place, what: str) -> str:
        text = node.get("description")
        if not isinstance(text, str) or not text.strip():
            self._problems.add(
                at, f"the {what} has no description", "add `description:`, in a sentence or two"
            )
            return ""
        return text.strip()

    def _properties(self, node: dict[str, Any], at: Place) -> tuple[Property, ...]:
        self._unknown(node, at, _OBJECT)
        properties = node.get("properties", {})
        required = node.get("required", [])
        for name in required:
            if name not in properties:
                self._problems.add(
                    at / "required",
                    f"{name!r} is required and not among the properties",
                    "describe it under `properties:` or take it out of `required:`",
                )
        return tuple(
            self._property(name, item, at / "properties" / name, name in required)
            for name, item in properties.items()
        )

    def _property(self, name: str, node: Any, at: Place, required: bool) -> Property:
        if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
            self._problems.add(
                at, f"{name!r} cannot be an attribute", "such names need a rule in codegen first"
            )
        if name in _TAKEN:
            self._problems.add(
                at,
                f"{name!r} is a method of every model",
                "such names need a rule in codegen first",
            )
        type_, nullable = self._types.read(node, at)
        node = node if isinstance(node, dict) else {}
        description = node.get("description")
        if not description and isinstance(type_, Named) and type_.name in self._nodes:
            description = self._nodes[type_.name][0].get("description")
        if not description:
            self._description(node, at, "property")
        prop = Property(
            name,
            type_,
            (description or "").strip(),
            at,
            required=required and node.get("readOnly") is not True,
            nullable=nullable,
            read_only=node.get("readOnly") is True,
            deprecated=node.get("deprecated") is True,
            secret=node.get("x-secret") is True,
            bytes_property=node.get("x-bytes-property"),
            default=node.get("default", MISSING),
        )
        self._check_default(prop)
        if prop.bytes_property and not (isinstance(type_, Scalar) and type_.base64):
            self._problems.add(
                at,
                "x-bytes-property on something that is no base64 text",
                "add `type: string` and `contentEncoding: base64`, or remove x-bytes-property",
            )
        return prop

    def _check_default(self, prop: Property) -> None:
        if prop.default is MISSING:
            return
        match prop.type:
            case Choice(_, values, False) if prop.default not in values:
                fits = prop.default is None and prop.nullable
            case Const(_, value) if prop.default != value:
                fits = prop.default is None and prop.nullable
            case _:
                fits = True
        if not fits:
            self._problems.add(
                prop.place / "default",
                f"the default {prop.default!r} is not one of the values",
                "correct the default or add the value",
            )

    def _union(self, name: str, node: dict[str, Any], at: Place, description: str) -> Union:
        self._unknown(node, at, _UNION)
        members: list[Type] = []
        for index, item in enumerate(node["oneOf"]):
            member, nullable = self._types.read(item, at / "oneOf" / index)
            if nullable:
                self._problems.add(
                    at / "oneOf" / index,
                    "a named union that may be null",
                    "leave null out here and allow it where the union is used",
                )
            members.append(member)
        by = node.get("x-discriminator", [])
        if isinstance(by, str) or not 0 <= len(by) <= 2:
            self._problems.add(
                at / "x-discriminator",
                "not a list of one or two property names",
                "write `x-discriminator: [type]` or `[type, role]`",
            )
            by = []
        return Union(
            name,
            description,
            at,
            tuple(members),
            tuple(by),
            node.get("x-default-member"),
            node.get("deprecated") is True,
        )

    def _tagged(self, schema: Object, keys: set[str]) -> Object:
        """Constants that tell the object apart become tags; they get a default and aliases."""
        properties = tuple(
            replace(
                prop,
                type=replace(
                    prop.type,
                    tag=True,
                    aliases=self._quirks.tag_aliases.get((schema.name, prop.name), ()),
                ),
            )
            if isinstance(prop.type, Const)
            and not prop.read_only
            and (prop.required or prop.name in keys or prop.name == "type")
            else prop
            for prop in schema.properties
        )
        names = {prop.name for prop in properties}
        for prop in properties:
            if prop.bytes_property in names:
                self._problems.add(
                    prop.place / "x-bytes-property",
                    f"{prop.bytes_property!r} is a property already",
                    "choose another name, such as audio_bytes",
                )
        return replace(schema, properties=properties)

    def _check_union(self, union: Union, schemas: dict[str, Schema]) -> None:
        objects = union.objects
        if union.default is not None and union.default not in objects:
            self._problems.add(
                union.place / "x-default-member",
                f"{union.default} is not among the members",
                "add it to `oneOf:` or name another",
            )
        for index, member in enumerate(union.members):
            if isinstance(member, Named) and not isinstance(schemas[member.name], Object):
                self._problems.add(
                    union.place / "oneOf" / index,
                    f"{member.name} is no object",
                    "list its members here instead, each on its own",
                )
                return
        if len(objects) < 2:
            return
        if not union.by:
            self._problems.add(
                union.place,
                "a union of objects without a discriminator",
                "add `x-discriminator: [type]` with the property that tells them apart",
            )
            return
        taken: dict[tuple[Any, ...], str] = {}
        for name in objects:
            schema = schemas[name]
            assert isinstance(schema, Object)
            tags = [prop.tag for key in union.by if (prop := schema.get(key)) is not None]
            first = schema.get(union.by[0])
            if first is None or first.tag is None:
                if name != union.default:
                    self._problems.add(
                        schema.place,
                        f"{name} has no constant {union.by[0]!r}, by which {union.name} "
                        "tells its members apart",
                        f"add `{union.by[0]}: {{const: ...}}` to its properties, or make it "
                        "`x-default-member` of the union",
                    )
                continue
            key = tuple(tag.value for tag in tags if tag is not None)
            if len(key) == 1 and any(other[:1] == key and len(other) > 1 for other in taken):
                self._problems.add(
                    schema.place,
                    f"{name} has no constant {union.by[1]!r}, unlike others tagged {key[0]}",
                    f"add `{union.by[1]}: {{const: ...}}` to its properties",
                )
            elif key in taken:
                self._problems.add(
                    schema.place,
                    f"{name} and {taken[key]} have the same tag {', '.join(map(str, key))} "
                    f"in {union.name}",
                    "give one of them another value, or name a second property in x-discriminator",
                )
            taken[key] = name

    def _unknown(self, node: dict[str, Any], at: Place, known: set[str]) -> None:
        for key in node:
            if key not in known and key not in ANNOTATIONS:
                self._problems.add(
                    at / key,
                    f"keyword {key!r} is not for use here",
                    "express it by properties, required, oneOf or $ref; see specs/README.md",
                )
