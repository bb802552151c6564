"""The specs in the one form that everything is generated from: types, objects, unions.

Plain data; how it was read and what is made of it is told elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from .problems import Place

Kind: TypeAlias = Literal["string", "integer", "number", "boolean"]
MISSING: Any = type("Missing", (), {"__repr__": lambda self: "MISSING"})()


@dataclass(frozen=True)
class Anything:
    """Any JSON value."""


@dataclass(frozen=True)
class Scalar:
    """Text, a number or a truth value, within limits (JSON Schema keywords)."""

    kind: Kind
    limits: Mapping[str, Any] = field(default_factory=dict)
    base64: bool = False


@dataclass(frozen=True)
class Choice:
    """One of some values; an open choice takes any other value of the kind too."""

    kind: Kind
    values: tuple[Any, ...]
    open: bool = False


@dataclass(frozen=True)
class Const:
    """One value. As a tag it tells types apart, and other spellings of it may be known."""

    kind: Kind
    value: Any
    tag: bool = False
    aliases: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Listed:
    """A list."""

    item: Type
    limits: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Mapped:
    """A free map from text to values."""

    value: Type
    limits: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Named:
    """A reference to a named schema."""

    name: str


@dataclass(frozen=True)
class OneOf:
    """An inline union; at most one member is an object."""

    members: tuple[Type, ...]


@dataclass(frozen=True)
class Null:
    """The member of an inline union that makes a list element or a map value nullable."""


Type: TypeAlias = Anything | Scalar | Choice | Const | Listed | Mapped | Named | OneOf | Null


@dataclass(frozen=True)
class Property:
    """A property of an object."""

    name: str
    type: Type
    description: str
    place: Place
    required: bool = False
    nullable: bool = False
    read_only: bool = False
    deprecated: bool = False
    secret: bool = False
    bytes_property: str | None = None
    default: Any = MISSING

    @property
    def tag(self) -> Const | None:
        return self.type if isinstance(self.type, Const) and self.type.tag else None


@dataclass(frozen=True)
class Object:
    """A named object: it becomes a class."""

    name: str
    description: str
    place: Place
    properties: tuple[Property, ...]
    deprecated: bool = False

    def get(self, name: str) -> Property | None:
        return next((item for item in self.properties if item.name == name), None)


@dataclass(frozen=True)
class Union:
    """A named union. `table` has the objects by tag, as the runtime wants it."""

    name: str
    description: str
    place: Place
    members: tuple[Type, ...]
    by: tuple[str, ...] = ()
    default: str | None = None
    deprecated: bool = False

    @property
    def objects(self) -> tuple[str, ...]:
        return tuple(member.name for member in self.members if isinstance(member, Named))

    @property
    def scalars(self) -> tuple[Type, ...]:
        return tuple(member for member in self.members if not isinstance(member, Named))


@dataclass(frozen=True)
class Alias:
    """A named type that is neither object nor union; it is written out where it is used."""

    name: str
    description: str
    place: Place
    type: Type
    deprecated: bool = False


Schema: TypeAlias = Object | Union | Alias


@dataclass(frozen=True)
class Event:
    """A message of a protocol family."""

    wire: str
    schema: str
    title: str
    summary: str


@dataclass(frozen=True)
class Family:
    """One protocol over a socket, from the client's point of view."""

    name: str
    file: str
    title: str
    description: str
    server: tuple[Event, ...]
    client: tuple[Event, ...]
    server_aliases: Mapping[str, str] = field(default_factory=dict)
    """Other wire name -> class."""


@dataclass(frozen=True)
class Body:
    """A body of a request or an answer in one media type."""

    media_type: str
    type: Type
    description: str
    encoding: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """An answer to an operation."""

    status: str
    description: str
    bodies: tuple[Body, ...]
    headers: Mapping[str, str]

    @property
    def success(self) -> bool:
        return self.status.startswith("2")


@dataclass(frozen=True)
class Parameter:
    """A parameter of an operation."""

    name: str
    where: str
    type: Type
    required: bool
    description: str


@dataclass(frozen=True)
class Operation:
    """An HTTP operation, or a webhook (then `path` is its name)."""

    id: str
    method: str
    path: str
    tag: str
    summary: str
    description: str
    parameters: tuple[Parameter, ...]
    bodies: tuple[Body, ...]
    body_required: bool
    answers: tuple[Answer, ...]
    place: Place
    deprecated: bool = False
    webhook: bool = False


@dataclass(frozen=True)
class File:
    """A schema file, as the reference groups the types."""

    name: str
    title: str
    description: str
    schemas: tuple[str, ...]


Manner: TypeAlias = Literal[
    "undeclared", "nulls", "missing", "values", "extra_events", "other_names", "order", "errors",
    "connection", "http", "wants",
]  # fmt: skip


@dataclass(frozen=True)
class Deviation:
    """One thing that a server does otherwise."""

    manner: Manner
    said: Mapping[str, Any]
    """The entry, as it is written."""
    place: Place

    @property
    def events(self) -> tuple[str, ...]:
        """Wire names, in which `*` stands for any text."""
        return tuple(self.said.get("events", ()))

    @property
    def paths(self) -> tuple[str, ...]:
        """Where in the event."""
        return tuple(path.strip() for path in str(self.said.get("path", "")).split(",") if path)


@dataclass(frozen=True)
class Vendor:
    """A server or a client, and all that it does otherwise."""

    name: str
    title: str
    family: str
    """The protocol that it is about."""
    evidence: str
    deviations: tuple[Deviation, ...]


@dataclass(frozen=True)
class Model:
    """Everything that the specs say."""

    schemas: Mapping[str, Schema]
    files: tuple[File, ...]
    families: tuple[Family, ...]
    operations: tuple[Operation, ...]
    received: frozenset[str]
    """Schemas that a server may send; these are read leniently."""
    sent: frozenset[str]
    """Schemas that a client may send; these have TypedDict twins."""
    vendors: tuple[Vendor, ...] = ()
    """What servers do otherwise; only the reference pages tell it."""

    def objects(self) -> Iterator[Object]:
        return (schema for schema in self.schemas.values() if isinstance(schema, Object))

    def unions(self) -> Iterator[Union]:
        return (schema for schema in self.schemas.values() if isinstance(schema, Union))

    def open(self, name: str) -> bool:
        return name in self.received

    def table(self, union: Union) -> dict[Any, Any]:
        """The objects of a union by the values of its tags, nested where there are two."""
        table: dict[Any, Any] = {}
        for name in union.objects:
            schema = self.schemas[name]
            if not union.by or not isinstance(schema, Object):
                continue
            tags = [tag for key in union.by if (found := schema.get(key)) and (tag := found.tag)]
            if tags:
                for value in (tags[0].value, *tags[0].aliases):
                    if len(tags) == 1:
                        table[value] = name
                    else:
                        inner = table.setdefault(value, {})
                        inner.update(dict.fromkeys((tags[1].value, *tags[1].aliases), name))
        return table


def names_in(type_: Type) -> Iterator[str]:
    """The named schemas that a type mentions."""
    match type_:
        case Named(name):
            yield name
        case Listed(item) | Mapped(item):
            yield from names_in(item)
        case OneOf(members):
            for member in members:
                yield from names_in(member)
        case _:
            pass
