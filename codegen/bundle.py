"""Writes the documents that the two generators read, from the model.

Knows what each generator can take. Everything that it would guess (names, nullability, defaults)
is decided here beforehand, so the documents are plainer than the specs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

from .schema import (
    Alias,
    Anything,
    Body,
    Choice,
    Const,
    Listed,
    Mapped,
    Model,
    Named,
    Null,
    Object,
    OneOf,
    Operation,
    Property,
    Scalar,
    Type,
    Union,
)

Use: TypeAlias = Literal["models", "dicts"]
PACKAGE = "voxwire_protocol"
_NULL = {"type": "null"}
_REF = "#/components/schemas/"


def is_marker(union: Union) -> bool:
    """Whether a union needs a stand-in at run time: msgspec takes one class in a union."""
    return len(union.objects) > 1


def event_unions(model: Model) -> dict[str, tuple[tuple[str, ...], bool]]:
    """Name of the union of one side's events -> its classes, and whether it is the server's."""
    unions: dict[str, tuple[tuple[str, ...], bool]] = {}
    for family in model.families:
        stem = family.name.capitalize()
        unions[f"{stem}ServerEvent"] = (tuple(event.schema for event in family.server), True)
        unions[f"{stem}ClientEvent"] = (tuple(event.schema for event in family.client), False)
    return unions


def models_document(model: Model) -> dict[str, Any]:
    """For the attrs classes: all objects, opened where a server sends them."""
    schemas: dict[str, Any] = {
        union.name: {
            "type": "object",
            "x-python-import": {"module": f"{PACKAGE}.unions", "name": union.name},
        }
        for union in model.unions()
        if is_marker(union)
    }
    for schema in model.objects():
        writer = _Writer(model, "models", model.open(schema.name))
        schemas[schema.name] = writer.object(schema, schema.properties)
    return _asyncapi(schemas)


def dicts_document(model: Model) -> dict[str, Any]:
    """For the TypedDicts: what a client sends, closed and without what only the server sets."""
    writer = _Writer(model, "dicts", open_=False)
    schemas: dict[str, Any] = {}
    for name in model.schemas:
        schema = model.schemas[name]
        if name not in model.sent:
            continue
        if isinstance(schema, Object):
            fields = [prop for prop in schema.properties if not prop.read_only]
            schemas[name] = writer.object(schema, fields)
        elif isinstance(schema, Union):
            schemas[name] = {"anyOf": [writer.type(member) for member in schema.members]}
    for name, (classes, server) in event_unions(model).items():
        if not server:
            schemas[name] = {"anyOf": [writer.type(Named(event)) for event in classes]}
    return _asyncapi(schemas)


def _asyncapi(schemas: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Bundle", "version": "1"},
        "components": {"schemas": dict(schemas)},
    }


class _Writer:
    """Writes types as JSON Schema for datamodel-code-generator."""

    def __init__(self, model: Model, use: Use, open_: bool) -> None:
        self._model = model
        self._use = use
        self._open = open_

    def object(self, schema: Object, properties: Iterable[Property]) -> dict[str, Any]:
        fields = {prop.name: self._property(prop) for prop in properties}
        # For the classes the template adds UNSET and defaults, so that the type stays exact.
        required = [
            prop.name
            for prop in properties
            if self._use == "models" or (prop.required and prop.name in fields)
        ]
        return {
            "type": "object",
            "description": schema.description,
            "properties": fields,
            "required": required,
        }

    def _property(self, prop: Property) -> dict[str, Any]:
        node = self.type(prop.type)
        if prop.nullable or (self._use == "models" and self._open and _may_be_left_out(prop)):
            node = _any_of([node, _NULL])
        return node

    def type(self, type_: Type) -> dict[str, Any]:
        match type_:
            case Anything():
                return {}
            case Null():
                return dict(_NULL)
            case Scalar("number"):
                # Whole numbers stay whole: 1 is not to come back as 1.0.
                return _any_of([{"type": "integer"}, {"type": "number"}])
            case Scalar(kind):
                return {"type": kind}
            case Choice(kind, values, open_):
                if not (open_ or self._open):
                    return {"type": kind, "enum": list(values)}
                if kind == "string":
                    return _any_of([{"type": kind, "enum": list(values)}, {"type": kind}])
                return {"type": kind}
            case Const(kind, value, tag, aliases):
                if tag:
                    known = aliases if self._use == "models" else ()
                    return {"type": kind, "enum": [value, *known]}
                return self.type(Choice(kind, (value,)))
            case Listed(item):
                return {"type": "array", "items": self.type(item)}
            case Mapped(value_type):
                value_node = self.type(value_type)
                return {"type": "object", "additionalProperties": value_node or True}
            case Named(name):
                return self._named(name)
            case OneOf(members):
                return _any_of([self.type(member) for member in members])

    def _named(self, name: str) -> dict[str, Any]:
        schema = self._model.schemas[name]
        if isinstance(schema, Alias):
            return self.type(schema.type)
        if isinstance(schema, Union) and self._use == "models" and not is_marker(schema):
            return _any_of([self.type(member) for member in schema.members])
        return {"$ref": f"{_REF}{name}"}


def _may_be_left_out(prop: Property) -> bool:
    return not prop.required and prop.tag is None


def _any_of(nodes: list[dict[str, Any]]) -> dict[str, Any]:
    flat: list[dict[str, Any]] = []
    for node in nodes:
        for part in node["anyOf"] if set(node) == {"anyOf"} else [node]:
            if part not in flat:
                flat.append(part)
    if any(not part for part in flat):
        return {}
    return {"anyOf": flat} if len(flat) > 1 else flat[0]


# -- HTTP ----------------------------------------------------------------------------------------

TEXT_BODY = "application/octet-stream"
TEXT_ANSWER = "text/plain"


def http_document(model: Model) -> dict[str, Any]:
    """For the HTTP client: the operations on empty stand-ins of the models.

    Only answers of success are there: what an error status means is told by one place, not by the
    return type of every call.
    """
    paths: dict[str, dict[str, Any]] = {}
    used: set[str] = set()
    for operation in model.operations:
        if operation.webhook:
            continue
        node = _operation(operation)
        used.update(_refs(node))
        paths.setdefault(operation.path, {})[operation.method] = node
    return {
        "openapi": "3.1.0",
        "info": {"title": "the Realtime API over HTTP", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": {name: {"type": "object", "title": name} for name in sorted(used)},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"bearer": []}],
    }


def is_text(body: Body) -> bool:
    """Text in a format of its own, such as SDP: neither JSON nor a form."""
    return isinstance(body.type, Scalar) and body.type.kind == "string"


def text_media_types(model: Model) -> set[str]:
    """The media types of request bodies that go over the wire as they are."""
    return {
        body.media_type
        for operation in model.operations
        for body in operation.bodies
        if is_text(body)
    }


def form_encodings(model: Model) -> dict[str, dict[str, str]]:
    """Schema of a form -> field -> media type."""
    return {
        body.type.name: dict(body.encoding)
        for operation in model.operations
        for body in operation.bodies
        if body.media_type == "multipart/form-data" and isinstance(body.type, Named)
    }


def _operation(operation: Operation) -> dict[str, Any]:
    node: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "parameters": [
            {
                "name": parameter.name,
                "in": parameter.where,
                "required": parameter.required,
                "description": parameter.description,
                "schema": _plain(parameter.type),
            }
            for parameter in operation.parameters
        ],
        "responses": {
            answer.status: {
                "description": answer.description,
                "content": {
                    TEXT_ANSWER if is_text(body) else body.media_type: {"schema": _plain(body.type)}
                    for body in answer.bodies
                },
            }
            for answer in operation.answers
            if answer.success
        },
    }
    if operation.bodies:
        node["requestBody"] = {
            "required": operation.body_required,
            "content": {
                body.media_type: {"schema": _plain(body.type)} for body in operation.bodies
            },
        }
    return node


def _plain(type_: Type) -> dict[str, Any]:
    match type_:
        case Named(name):
            return {"$ref": f"{_REF}{name}"}
        case Scalar(kind):
            return {"type": kind}
        case _:
            raise NotImplementedError(f"bodies and parameters are named types or scalars: {type_}")


def _refs(node: Any) -> Iterable[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value.removeprefix(_REF)
            else:
                yield from _refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from _refs(value)
