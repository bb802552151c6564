"""The JSON Schema of a Python type, written as a model reads it best: in line and described.

This module knows types. It does not know functions, and it builds no values: what it describes is
what msgspec reads.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import functools
import types
import typing
import uuid
from collections import abc
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import msgspec.inspect

from . import docstrings
from .constraints import described, unfolded

__all__ = [
    "LISTS",
    "MAPS",
    "SETS",
    "WRAPPERS",
    "Schema",
    "add_default",
    "hints_of",
    "plain_hint",
    "schema_of",
]

Schema = dict[str, Any]


def schema_of(hint: Any) -> Schema:
    """The schema of a type annotation. A class that contains itself goes to ``$defs``.

    Raises:
        TypeError: there is no JSON for such a type.
    """
    writer = _Writer()
    schema = writer.write(hint)
    return {**schema, "$defs": writer.defs} if writer.defs else schema


def plain_hint(hint: Any) -> Any:
    """The type that an alias (``type X = ...``) or a ``NewType`` stands for."""
    while True:
        inner = getattr(hint, "__value__", getattr(hint, "__supertype__", hint))
        if inner is hint:
            return hint
        hint = inner


@functools.lru_cache(maxsize=256)
def hints_of(cls: Any) -> dict[str, Any]:
    """The fields of a class that msgspec reads, with their annotations; else nothing."""
    own: Any = cls
    fields = _fields_of(own) if isinstance(cls, type) and not issubclass(cls, Enum) else None
    if not fields:
        return {}
    hints = get_type_hints(own, include_extras=True)
    return {field.name: hints[field.name] for field in fields}


def add_default(schema: Schema, value: Any) -> None:
    """Note the default of a field or a parameter, where it can be written in JSON."""
    default = _json_value(value)
    if default is not _NONE:
        schema["default"] = default


_PLAIN: Final[Mapping[Any, Schema]] = {
    Any: {},
    None: {"type": "null"},
    types.NoneType: {"type": "null"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    bytes: {"type": "string", "contentEncoding": "base64"},
    datetime.datetime: {"type": "string", "format": "date-time"},
    datetime.date: {"type": "string", "format": "date"},
    datetime.time: {"type": "string", "format": "time"},
    datetime.timedelta: {"type": "string", "format": "duration"},
    uuid.UUID: {"type": "string", "format": "uuid"},
    decimal.Decimal: {"type": "string", "format": "decimal"},
    list: {"type": "array"},
    tuple: {"type": "array"},
    dict: {"type": "object"},
    set: {"type": "array", "uniqueItems": True},
    frozenset: {"type": "array", "uniqueItems": True},
}

LISTS: Final = (list, abc.Sequence, abc.MutableSequence, abc.Collection)
SETS: Final = (set, frozenset, abc.Set, abc.MutableSet)
MAPS: Final = (dict, abc.Mapping, abc.MutableMapping)
WRAPPERS: Final = (typing.Required, typing.NotRequired, typing.Final)
_JSON_NAMES: Final[Mapping[type, str]] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    types.NoneType: "null",
}


class _Writer:
    def __init__(self) -> None:
        self.defs: dict[str, Schema] = {}
        self._inside: list[type] = []
        self._recursive: set[type] = set()

    def write(self, hint: Any) -> Schema:
        hint = plain_hint(hint)
        try:
            if hint in _PLAIN:
                return dict(_PLAIN[hint])
        except TypeError:  # an annotation with unhashable metadata
            pass
        origin, args = get_origin(hint), get_args(hint)
        if origin is Annotated:
            return self._annotated(args[0], hint.__metadata__)
        if origin in (Union, types.UnionType):
            return self._union(args)
        if origin is Literal:
            return _enumeration(args)
        if origin in LISTS:
            return {"type": "array", "items": self.write(args[0])}
        if origin in SETS:
            return {"type": "array", "items": self.write(args[0]), "uniqueItems": True}
        if origin in MAPS:
            return self._map(*args)
        if origin is tuple:
            return self._tuple(args)
        if origin in WRAPPERS:
            return self.write(args[0])
        cls: Any = origin or hint
        if isinstance(cls, type):
            if issubclass(cls, Enum):
                return _enumeration(tuple(member.value for member in cls))
            fields = _fields_of(cls)
            if fields is not None and issubclass(cls, tuple):
                return self._named_tuple(cls, fields)
            if fields is not None:
                return self._object(cls, fields)
        raise TypeError(f"{getattr(hint, '__name__', hint)} has no form in JSON")

    def _annotated(self, hint: Any, metadata: tuple[Any, ...]) -> Schema:
        schema = self.write(hint)
        for note in unfolded(metadata):
            said = getattr(note, "documentation", note)  # Doc("...") of typing_extensions
            if isinstance(said, str):
                schema["description"] = said
            elif isinstance(note, msgspec.Meta):
                schema |= _limits(note, schema)
            else:
                described(note, schema)
        return schema

    def _union(self, members: tuple[Any, ...]) -> Schema:
        ways = [self.write(member) for member in members]
        plain = [way["type"] for way in ways if way.keys() == {"type"}]
        if len(plain) == len(ways):
            return {"type": plain if len(plain) > 1 else plain[0]}
        return {"anyOf": ways}

    def _map(self, key: Any, value: Any) -> Schema:
        schema: Schema = {"type": "object", "additionalProperties": self.write(value)}
        names = self.write(key)
        if "enum" in names:
            schema["propertyNames"] = names
        return schema

    def _tuple(self, args: tuple[Any, ...]) -> Schema:
        if len(args) == 2 and args[1] is Ellipsis:
            return {"type": "array", "items": self.write(args[0])}
        items = [self.write(arg) for arg in args]
        size = len(items)
        return {"type": "array", "prefixItems": items, "minItems": size, "maxItems": size}

    def _named_tuple(self, cls: Any, fields: Sequence[msgspec.inspect.Field]) -> Schema:
        """A list, which is what msgspec reads it from; the titles say what belongs where."""
        hints = hints_of(cls)
        items = [{"title": field.name, **self.write(hints[field.name])} for field in fields]
        for item, field in zip(items, fields, strict=True):
            if field.default is not msgspec.NODEFAULT:
                add_default(item, field.default)
        least = sum(field.required for field in fields)
        return {
            "type": "array",
            "prefixItems": items,
            "minItems": least,
            "maxItems": len(items),
        }

    def _object(self, cls: Any, fields: Sequence[msgspec.inspect.Field]) -> Schema:
        if cls in self._inside:
            self._recursive.add(cls)
            return {"$ref": f"#/$defs/{cls.__name__}"}
        hints = get_type_hints(cls, include_extras=True)
        # Classes without a docstring inherit one, and dataclasses make one up.
        said = docstrings.read(None if _made_up(cls) else cls.__doc__)
        self._inside.append(cls)
        properties: dict[str, Schema] = {}
        for field in fields:
            schema = self.write(hints[field.name])
            if field.name in said.parameters:
                schema.setdefault("description", said.parameters[field.name])
            if field.default is not msgspec.NODEFAULT:
                add_default(schema, field.default)
            properties[field.encode_name] = schema
        self._inside.pop()
        whole: Schema = {"type": "object", "properties": properties}
        if said.text:
            whole["description"] = said.text
        required = [field.encode_name for field in fields if field.required]
        if required:
            whole["required"] = required
        if cls not in self._recursive:
            return whole
        self.defs[cls.__name__] = whole
        return {"$ref": f"#/$defs/{cls.__name__}"}


def _fields_of(cls: Any) -> Sequence[msgspec.inspect.Field] | None:
    """The fields of a dataclass, an attrs class, a TypedDict, a NamedTuple or a Struct; else
    ``None``."""
    info = msgspec.inspect.type_info(cls)
    if isinstance(info, _WITH_FIELDS):
        return info.fields
    return None


_WITH_FIELDS: Final = (
    msgspec.inspect.DataclassType,
    msgspec.inspect.TypedDictType,
    msgspec.inspect.StructType,
    msgspec.inspect.NamedTupleType,
)


def _made_up(cls: type) -> bool:
    """Whether a docstring is the signature that ``@dataclass`` writes where there is none."""
    return dataclasses.is_dataclass(cls) and (cls.__doc__ or "").startswith(f"{cls.__name__}(")


def _enumeration(values: tuple[Any, ...]) -> Schema:
    kinds = list(dict.fromkeys(_json_name(value) for value in values))
    if None in kinds:
        raise TypeError(f"{values!r}: only texts, numbers and None can be listed")
    return {"type": kinds if len(kinds) > 1 else kinds[0], "enum": list(values)}


def _json_name(value: object) -> str | None:
    return _JSON_NAMES.get(type(value))


def _limits(meta: msgspec.Meta, schema: Schema) -> Schema:
    kind = schema.get("type")
    size = {"array": "Items", "object": "Properties"}.get(str(kind), "Length")
    said: Schema = {
        "description": meta.description,
        "title": meta.title,
        "examples": meta.examples,
        "minimum": meta.ge,
        "exclusiveMinimum": meta.gt,
        "maximum": meta.le,
        "exclusiveMaximum": meta.lt,
        "multipleOf": meta.multiple_of,
        "pattern": meta.pattern,
        f"min{size}": meta.min_length,
        f"max{size}": meta.max_length,
    }
    return {key: value for key, value in said.items() if value is not None} | (
        meta.extra_json_schema or {}
    )


def _json_value(value: Any) -> Any:
    """A default as it would be written in JSON; `_NONE` where it cannot be."""
    try:
        return msgspec.to_builtins(value)
    except (TypeError, ValueError):
        # Any default is allowed in Python; one that is no JSON is left out.
        return _NONE


_NONE: Final = object()
