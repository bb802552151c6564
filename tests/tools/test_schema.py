"""Types as JSON Schema, and that msgspec reads what the schema allows."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import attrs
import jsonschema
import msgspec
import pytest

from voxwire.tools.schema import schema_of


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclass
class Point:
    """A place on the map.

    Attributes:
        y: To the north.
    """

    x: Annotated[int, "To the east."]
    y: int = 0
    labels: list[str] = field(default_factory=list)


@attrs.frozen
class Visit:
    at: Point
    who: str | None = None


class Options(TypedDict):
    color: Color
    loud: NotRequired[bool]


class Person(msgspec.Struct):
    name: str


@dataclass
class Tree:
    value: int
    children: list[Tree] = field(default_factory=list)


POINT = {
    "type": "object",
    "description": "A place on the map.",
    "properties": {
        "x": {"type": "integer", "description": "To the east."},
        "y": {"type": "integer", "description": "To the north.", "default": 0},
        "labels": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["x"],
}

CASES: list[tuple[Any, dict[str, Any], list[Any], list[Any]]] = [
    # annotation, schema, values that fit, values that do not
    (str, {"type": "string"}, ["", "a"], [1, None]),
    (int, {"type": "integer"}, [1], ["a", 1.5]),
    (float, {"type": "number"}, [1, 1.5], ["a"]),
    (bool, {"type": "boolean"}, [True], [1]),
    (None, {"type": "null"}, [None], [0]),
    (Any, {}, [1, None, "a", []], []),
    (bytes, {"type": "string", "contentEncoding": "base64"}, ["AAAA"], [1]),
    (
        datetime.datetime,
        {"type": "string", "format": "date-time"},
        ["2026-11-21T10:00:00Z", "2026-11-21T10:00:00"],
        [1.5j],
    ),
    (datetime.date, {"type": "string", "format": "date"}, ["2026-11-21"], [[]]),
    (datetime.time, {"type": "string", "format": "time"}, ["10:00:00"], [[]]),
    (datetime.timedelta, {"type": "string", "format": "duration"}, ["PT5S"], [[]]),
    (
        uuid.UUID,
        {"type": "string", "format": "uuid"},
        ["c0648c00-e106-4dbe-9cb4-3f2c1918026d"],
        [1],
    ),
    (decimal.Decimal, {"type": "string", "format": "decimal"}, ["1.10"], [[]]),
    (str | None, {"type": ["string", "null"]}, ["a", None], [1]),
    (int | str, {"type": ["integer", "string"]}, ["a", 1], [None]),
    (
        list[int] | None,
        {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]},
        [[1], None],
        [["a"]],
    ),
    (list, {"type": "array"}, [[1, "a"]], [{}]),
    (list[str], {"type": "array", "items": {"type": "string"}}, [["a"], []], [[1], "a"]),
    (Sequence[str], {"type": "array", "items": {"type": "string"}}, [["a"]], [[1]]),
    (
        set[int],
        {"type": "array", "items": {"type": "integer"}, "uniqueItems": True},
        [[1, 2]],
        [["a"]],
    ),
    (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}, [[], [1]], [["a"]]),
    (
        tuple[int, str],
        {
            "type": "array",
            "prefixItems": [{"type": "integer"}, {"type": "string"}],
            "minItems": 2,
            "maxItems": 2,
        },
        [[1, "a"]],
        [[1], [1, "a", 2], ["a", 1]],
    ),
    (dict, {"type": "object"}, [{"a": 1}], [[]]),
    (
        dict[str, int],
        {"type": "object", "additionalProperties": {"type": "integer"}},
        [{"a": 1}],
        [{"a": "b"}],
    ),
    (
        Mapping[Literal["a", "b"], int],
        {
            "type": "object",
            "additionalProperties": {"type": "integer"},
            "propertyNames": {"type": "string", "enum": ["a", "b"]},
        },
        [{"a": 1}],
        [{"c": 1}],
    ),
    (Literal["b", "a"], {"type": "string", "enum": ["b", "a"]}, ["a"], ["c", 1]),
    (Literal["a", None], {"type": ["string", "null"], "enum": ["a", None]}, ["a", None], ["b"]),
    (Literal[1, "a"], {"type": ["integer", "string"], "enum": [1, "a"]}, ["a", 1], [2]),
    (Color, {"type": "string", "enum": ["red", "blue"]}, ["red"], ["green"]),
    (Level, {"type": "integer", "enum": [1, 2]}, [2], [3]),
    (Annotated[str, "Who."], {"type": "string", "description": "Who."}, ["a"], [1]),
    (
        Annotated[int, msgspec.Meta(ge=1, le=5, description="How many.")],
        {"type": "integer", "minimum": 1, "maximum": 5, "description": "How many."},
        [1, 5],
        [0, 6],
    ),
    (
        list[Annotated[str, msgspec.Meta(min_length=1, pattern="^a")]],
        {"type": "array", "items": {"type": "string", "minLength": 1, "pattern": "^a"}},
        [["a"]],
        [[""], ["b"]],
    ),
    (
        Annotated[list[int], msgspec.Meta(max_length=1)],
        {"type": "array", "items": {"type": "integer"}, "maxItems": 1},
        [[1]],
        [[1, 2]],
    ),
    (Point, POINT, [{"x": 1}, {"x": 1, "y": 2, "labels": ["a"]}], [{}, {"x": "a"}]),
    (
        Visit,
        {
            "type": "object",
            "properties": {"at": POINT, "who": {"type": ["string", "null"], "default": None}},
            "required": ["at"],
        },
        [{"at": {"x": 1}}],
        [{"at": {}}],
    ),
    (
        Options,
        {
            "type": "object",
            "properties": {
                "color": {"type": "string", "enum": ["red", "blue"]},
                "loud": {"type": "boolean"},
            },
            "required": ["color"],
        },
        [{"color": "red"}, {"color": "red", "loud": True}],
        [{"loud": True}, {"color": "green"}],
    ),
    (
        Person,
        {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
        [{"name": "Ada"}],
        [{}],
    ),
    (
        Tree,
        {
            "$ref": "#/$defs/Tree",
            "$defs": {
                "Tree": {
                    "type": "object",
                    "properties": {
                        "value": {"type": "integer"},
                        "children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}},
                    },
                    "required": ["value"],
                }
            },
        },
        [{"value": 1, "children": [{"value": 2}]}],
        [{"value": 1, "children": [{}]}],
    ),
]


@pytest.mark.parametrize(("hint", "schema", "fits", "misfits"), CASES)
def test_a_type_as_a_schema(
    hint: Any, schema: dict[str, Any], fits: list[Any], misfits: list[Any]
) -> None:
    assert schema_of(hint) == schema
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for value in fits:
        assert validator.is_valid(value)
        msgspec.convert(value, hint)
    for value in misfits:
        assert not validator.is_valid(value)
        with pytest.raises((msgspec.ValidationError, TypeError)):
            msgspec.convert(value, hint)


@pytest.mark.parametrize("hint", [complex, object, Callable[[], int], list[complex], Literal[b"a"]])
def test_a_type_that_json_cannot_hold(hint: Any) -> None:
    with pytest.raises(TypeError):
        schema_of(hint)


def test_a_schema_is_the_callers_own() -> None:
    schema_of(str)["type"] = "integer"
    assert schema_of(str) == {"type": "string"}
