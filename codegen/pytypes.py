"""Writes types as Python, for the unions that our own tables define.

Knows annotations and run-time types; the classes' fields are datamodel-code-generator's work.
"""

from __future__ import annotations

import json

from .bundle import is_marker
from .schema import (
    Alias,
    Anything,
    Choice,
    Const,
    Listed,
    Mapped,
    Model,
    Named,
    Null,
    OneOf,
    Scalar,
    Type,
    Union,
)

_NAMES = {"string": "str", "integer": "int", "number": "int | float", "boolean": "bool"}


def annotation(model: Model, type_: Type, *, open_: bool) -> str:
    """For a type checker."""
    match type_:
        case Anything():
            return "Any"
        case Null():
            return "None"
        case Scalar(kind):
            return _NAMES[kind]
        case Choice(kind, values, also_others):
            literal = f"Literal[{', '.join(map(_literal, values))}]"
            return f"{literal} | {_NAMES[kind]}" if open_ or also_others else literal
        case Const(kind, value):
            return annotation(model, Choice(kind, (value,)), open_=open_)
        case Listed(item):
            return f"list[{annotation(model, item, open_=open_)}]"
        case Mapped(value):
            return f"dict[str, {annotation(model, value, open_=open_)}]"
        case Named(name):
            schema = model.schemas[name]
            return (
                annotation(model, schema.type, open_=open_) if isinstance(schema, Alias) else name
            )
        case OneOf(members):
            return " | ".join(annotation(model, member, open_=open_) for member in members)


def runtime_types(model: Model, type_: Type) -> list[str]:
    """The types of the values at run time, without what a server may or may not say."""
    match type_:
        case Anything():
            return ["object"]
        case Null():
            return ["None"]
        case Scalar("number"):
            return ["int", "float"]
        case Scalar(kind) | Choice(kind, _, _) | Const(kind, _):
            return ["int", "float"] if kind == "number" else [_NAMES[kind]]
        case Listed(item):
            return [f"list[{' | '.join(runtime_types(model, item))}]"]
        case Mapped(value):
            return [f"dict[str, {' | '.join(runtime_types(model, value))}]"]
        case Named(name):
            schema = model.schemas[name]
            return runtime_types(model, schema.type) if isinstance(schema, Alias) else [name]
        case OneOf(members):
            return [name for member in members for name in runtime_types(model, member)]


def union_annotation(model: Model, union: Union) -> str:
    """All members, and `Unknown` where a server may send what is not among them."""
    open_ = model.open(union.name)
    parts = [annotation(model, member, open_=open_) for member in union.members]
    if open_ and is_marker(union):
        parts.append("Unknown")
    return " | ".join(dict.fromkeys(" | ".join(parts).split(" | ")))


def _literal(value: object) -> str:
    return str(value) if isinstance(value, bool) else json.dumps(value, ensure_ascii=False)
