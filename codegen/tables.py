"""Writes the modules of literal tables: unions, wire names, rules and the package's lazy index.

Knows what the runtime wants to find in them; does not know how classes are written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from .bundle import event_unions, is_marker
from .files import docstring, header
from .pytypes import runtime_types, union_annotation
from .schema import (
    Alias,
    Anything,
    Choice,
    Const,
    Family,
    Listed,
    Mapped,
    Model,
    Named,
    Null,
    OneOf,
    Property,
    Scalar,
    Type,
    Union,
)

_LIMITS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusiveMinimum": "exclusive_minimum",
    "exclusiveMaximum": "exclusive_maximum",
    "multipleOf": "multiple_of",
    "minLength": "min_length",
    "maxLength": "max_length",
    "pattern": "pattern",
    "minItems": "min_items",
    "maxItems": "max_items",
    "uniqueItems": "unique_items",
    "minProperties": "min_properties",
    "maxProperties": "max_properties",
}
_FUTURE = "from __future__ import annotations"
RUNTIME_NAMES = (
    "UNSET", "ClientEvent", "Event", "Model", "ServerEvent", "Unknown", "UnknownEvent", "UnsetType",
)  # fmt: skip


def _module(source: str, doc: str, *parts: str) -> str:
    return "\n\n".join([header(source) + docstring(doc), _FUTURE, *parts]) + "\n"


# -- unions.py -----------------------------------------------------------------------------------


def unions(model: Model) -> str:
    """The source of unions.py."""
    typed: list[str] = []
    markers: list[str] = []
    lazy: list[str] = []
    used: set[str] = set()
    for union in model.unions():
        used.update(union.objects)
        typed.append(f"    {union.name}: TypeAlias = {union_annotation(model, union)}")
        typed.append(docstring(union.description, 4))
        if is_marker(union):
            markers.append(_marker(model, union))
        else:
            kinds = [name for member in union.members for name in runtime_types(model, member)]
            lazy.append(_lazy(model, union.name, kinds))
    for name, (classes, server) in event_unions(model).items():
        used.update(classes)
        members = [*classes, "UnknownEvent"] if server else list(classes)
        typed.append(f"    {name}: TypeAlias = {' | '.join(members)}")
        lazy.append(_lazy(model, name, members))
    return _module(
        "specs/",
        "The named unions. A type checker sees `A | B`; at run time there is a marker for the "
        "decoder, because unions of classes are more than msgspec takes, or else a union made when "
        "it is asked for: `models` imports this module, so no class is there yet.",
        "from typing import TYPE_CHECKING, Any, Literal, TypeAlias",
        "from ._runtime import Unknown, UnknownEvent, union",
        "if TYPE_CHECKING:\n"
        f"    from .models import {', '.join(sorted(used))}\n\n" + "\n".join(typed),
        "else:\n" + "\n".join(markers),
        _LAZY_UNIONS.format(table="\n".join(lazy)),
    )


_LAZY_UNIONS = """\
    _LAZY: dict[str, Any] = {{
{table}
    }}

    def __getattr__(name: str) -> Any:
        if name not in _LAZY:
            raise AttributeError(f"module {{__name__!r}} has no attribute {{name!r}}")
        from . import models

        made = globals()[name] = _LAZY[name](models)
        return made
"""


def _lazy(model: Model, name: str, kinds: Iterable[str]) -> str:
    """A union that is made when it is asked for: `m` is the module of the classes."""
    parts = (f"m.{kind}" if kind in model.schemas else kind for kind in dict.fromkeys(kinds))
    return f"        {name!r}: lambda m: {' | '.join(parts)},"


def _marker(model: Model, union: Union) -> str:
    scalars = list(
        dict.fromkeys(name for member in union.scalars for name in runtime_types(model, member))
    )
    return (
        f"    {union.name} = union(\n"
        f"        {union.name!r},\n"
        f"        __name__,\n"
        f"        by={union.by!r},\n"
        f"        members={_python(model.table(union))},\n"
        f"        default={union.default!r},\n"
        f"        scalars=({''.join(f'{name}, ' for name in scalars)}),\n"
        f"    )"
    )


# -- names.py ------------------------------------------------------------------------------------


def table_names(family: Family) -> tuple[str, str]:
    stem = family.name.upper()
    return f"{stem}_SERVER", f"{stem}_CLIENT"


def names(model: Model) -> str:
    """The source of names.py."""
    parts: list[str] = []
    wire: dict[str, str] = {}
    for family in model.families:
        server, client = table_names(family)
        rows = [(event.wire, event.schema) for event in family.server]
        parts.append(_name_table(server, "ServerEvent", rows, family.server_aliases))
        rows = [(event.wire, event.schema) for event in family.client]
        parts.append(_name_table(client, "ClientEvent", rows, {}))
        for event in (*family.server, *family.client):
            wire[event.schema] = event.wire
    parts.append(
        "WIRE_NAMES: Final[dict[type[Event], str]] = {\n"
        + "\n".join(f"    {name}: {json.dumps(value)}," for name, value in wire.items())
        + "\n}\n"
        + '"""The wire name of each event, not counting other spellings."""'
    )
    return _module(
        "the AsyncAPI documents and specs/quirks.yaml",
        "Which class stands for which wire name, protocol by protocol. Tables, nothing else.",
        "from typing import Final",
        "from ._runtime import ClientEvent, Event, ServerEvent",
        f"from .models import {', '.join(sorted(wire))}",
        *parts,
    )


def _name_table(
    name: str, base: str, rows: Iterable[tuple[str, str]], aliases: Mapping[str, str]
) -> str:
    lines = [f"    {json.dumps(wire)}: {schema}," for wire, schema in rows]
    if aliases:
        lines.append("    # Other spellings of some of them, from specs/quirks.yaml.")
        lines += [f"    {json.dumps(wire)}: {schema}," for wire, schema in aliases.items()]
    return f"{name}: Final[dict[str, type[{base}]]] = {{\n" + "\n".join(lines) + "\n}"


# -- rules.py ------------------------------------------------------------------------------------


def rules(model: Model) -> str:
    """The source of rules.py."""
    objects = {
        schema.name: {prop.name: _property_rule(model, prop) for prop in schema.properties}
        for schema in model.objects()
    }
    named = {union.name: _union_rule(model, union) for union in model.unions()}
    return _module(
        "specs/",
        "What the specs allow, strictly: for checking what a caller says before it is sent. "
        "Literal data; `_runtime` tells what the keys mean.",
        "from collections.abc import Mapping",
        "from typing import Any, Final, TypeAlias",
        "Rule: TypeAlias = Mapping[str, Any]",
        f"RULES: Final[dict[str, dict[str, Rule]]] = {_python(objects)}",
        f"UNIONS: Final[dict[str, Rule]] = {_python(named)}",
    )


def _union_rule(model: Model, union: Union) -> dict[str, Any]:
    table = model.table(union)
    # The only object of a union is meant by every object, tagged or not.
    only = union.objects[0] if len(union.objects) == 1 else None
    return {
        "by": union.by if table else (),
        "members": table,
        "default": union.default or only,
        "scalars": tuple(rule(model, member) for member in union.scalars),
    }


def _property_rule(model: Model, prop: Property) -> dict[str, Any]:
    flags = {
        "required": prop.required,
        "null": prop.nullable,
        "read_only": prop.read_only,
        "deprecated": prop.deprecated,
        "secret": prop.secret,
    }
    return {**{key: True for key, value in flags.items() if value}, **rule(model, prop.type)}


def rule(model: Model, type_: Type) -> dict[str, Any]:
    """What a value of this type must be like."""
    match type_:
        case Anything():
            return {}
        case Null():
            return {"null": True}
        case Scalar(kind, limits, base64):
            return {"type": kind, **_limits(limits), **({"base64": True} if base64 else {})}
        case Choice(kind, values, open_):
            return {"type": kind} if open_ else {"type": kind, "enum": tuple(values)}
        case Const(kind, value):
            return {"type": kind, "const": value}
        case Listed(item, limits):
            inner = rule(model, item)
            return {"type": "array", **_limits(limits), **({"items": inner} if inner else {})}
        case Mapped(value_type, limits):
            inner = rule(model, value_type)
            keys = limits.get("propertyNames")
            return {
                "type": "object",
                **_limits(limits),
                **({"names": _limits(keys)} if keys else {}),
                **({"values": inner} if inner else {}),
            }
        case Named(name):
            schema = model.schemas[name]
            return rule(model, schema.type) if isinstance(schema, Alias) else {"ref": name}
        case OneOf(members):
            parts = [rule(model, member) for member in members if not isinstance(member, Null)]
            null = {"null": True} if len(parts) < len(members) else {}
            return {**null, **(parts[0] if len(parts) == 1 else {"any_of": tuple(parts)})}


def _limits(limits: Mapping[str, Any]) -> dict[str, Any]:
    return {_LIMITS[key]: value for key, value in limits.items() if key in _LIMITS}


# -- __init__.py ---------------------------------------------------------------------------------


def index(model: Model) -> str:
    """The source of __init__.py."""
    where: dict[str, list[str]] = {
        "_runtime": list(RUNTIME_NAMES),
        "models": [schema.name for schema in model.objects()],
        "unions": [*(union.name for union in model.unions()), *event_unions(model)],
        "dicts": [
            f"{name}Dict"
            for name, schema in model.schemas.items()
            if name in model.sent and not isinstance(schema, Alias)
        ]
        + [f"{name}Dict" for name, (_, server) in event_unions(model).items() if not server],
    }
    home = {name: module for module, names in where.items() for name in names}
    typed = "\n".join(
        f"    from .{module} import {', '.join(sorted(names))}" for module, names in where.items()
    )
    return _module(
        "specs/",
        "The types of the Realtime protocol. Every name is imported when it is first used.",
        "from importlib import import_module\nfrom typing import TYPE_CHECKING, Any",
        f"if TYPE_CHECKING:\n{typed}",
        f"__all__ = {_python(sorted(home))}",
        f"_HOME = {_python(dict(sorted(home.items())))}",
        _LAZY_INDEX,
    )


_LAZY_INDEX = """\
def __getattr__(name: str) -> Any:
    module = _HOME.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{module}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
"""


def _python(value: Any) -> str:
    """A literal; ruff breaks the lines."""
    match value:
        case dict():
            inner = ", ".join(f"{_python(key)}: {_python(item)}" for key, item in value.items())
            return f"{{{inner}}}"
        case list():
            return f"[{', '.join(map(_python, value))}]"
        case (only,):
            return f"({_python(only)},)"
        case tuple():
            return f"({', '.join(map(_python, value))})"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return repr(value)
