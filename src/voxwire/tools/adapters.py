"""How one parameter is described and read: by msgspec, or by the library that owns its type.

A type of pydantic is described and checked by pydantic, which is not imported here: who uses its
types has imported it already. Constraints of ``annotated_types`` are checked behind msgspec.
"""

# Annotations of every kind pass through here: what a strict checker calls unknown is the subject.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownParameterType=false
# pyright: reportInvalidTypeArguments=false

from __future__ import annotations

import functools
import operator
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

import attrs
import msgspec

from .constraints import broken, constrains, unfolded
from .schema import LISTS, MAPS, SETS, WRAPPERS, Schema, hints_of, plain_hint, schema_of

__all__ = ["Adapter", "BadArguments", "adapter_of", "decode_other"]


class BadArguments(Exception):
    """What a model gave does not fit. The message is for the model, and names the place."""


@attrs.frozen
class Adapter:
    """How a parameter is described and read."""

    schema: Schema
    """What the model is told."""

    hint: Any
    """The type that msgspec reads it as; ``Any`` where :attr:`read` does all."""

    read: Callable[[Any, str], Any] | None = None
    """Makes the value of what msgspec has read, given its place; raises :class:`BadArguments`."""

    default: Callable[[], Any] | None = None
    """Makes the value where the model gives none; ``None`` where its type has no default."""


def adapter_of(hint: Any) -> Adapter:
    """How to describe and read a type; raises TypeError or NameError where it has none in JSON."""
    parts = list(_parts(hint, set()))
    if "pydantic" in sys.modules and any(map(_is_pydantic, parts)):
        return _of_pydantic(hint)
    schema = schema_of(hint)
    limited = any(map(constrains, parts))
    return Adapter(schema, _readable(hint), functools.partial(_checked, hint) if limited else None)


def _parts(hint: Any, seen: set[Any]) -> Iterator[Any]:
    """The classes and annotations that a type is made of, those of its fields among them."""
    hint = plain_hint(hint)
    yield hint
    if get_origin(hint) is Annotated:
        yield from hint.__metadata__
        yield from _parts(get_args(hint)[0], seen)
        return
    if get_origin(hint) is not Literal:
        for part in get_args(hint):
            yield from _parts(part, seen)
    cls = get_origin(hint) or hint
    if isinstance(cls, type) and cls not in seen and not _is_pydantic(cls):
        seen.add(cls)
        for inner in hints_of(cls).values():
            yield from _parts(inner, seen)


# -- pydantic --------------------------------------------------------------------------------------

_MOST_TOLD = 8
"""How many of pydantic's errors a model is told."""


def _is_pydantic(part: Any) -> bool:
    """Whether a class or an annotation is pydantic's, or says by itself how pydantic reads it."""
    cls = part if isinstance(part, type) else type(part)
    if any(hasattr(part, f"__{name}__") for name in _OWN):
        return True
    roots = {base.__module__.partition(".")[0] for base in cls.__mro__}
    return not roots.isdisjoint(("pydantic", "pydantic_core"))


_OWN = ("get_pydantic_core_schema", "pydantic_core_schema", "pydantic_validator")


def _of_pydantic(hint: Any) -> Adapter:
    pydantic: Any = sys.modules["pydantic"]
    if not hasattr(pydantic, "TypeAdapter"):
        raise TypeError("types of pydantic need pydantic 2 or newer")
    try:
        adapter = pydantic.TypeAdapter(hint)
        schema: Schema = _untitled(adapter.json_schema(), getattr(hint, "__name__", None))
        default = adapter.get_default_value()
    except Exception as error:  # pydantic has many; each says what it cannot describe
        raise TypeError(f"pydantic: {error}") from error
    return Adapter(
        schema,
        Any,
        functools.partial(_by_pydantic, adapter, pydantic.ValidationError),
        None if default is None else lambda: adapter.get_default_value().value,
    )


def _by_pydantic(adapter: Any, failure: type[Exception], value: Any, place: str) -> Any:
    try:
        # As JSON, which is what it was: a strict model takes a date from a text only there.
        return adapter.validate_json(msgspec.json.encode(value))
    except failure as error:  # the mistake of the model, which is told of it
        found = cast("Any", error).errors(
            include_url=False, include_context=False, include_input=False
        )
        told = [_told(each, place) for each in found[:_MOST_TOLD]]
        if len(found) > _MOST_TOLD:
            told.append(f"and {len(found) - _MOST_TOLD} more")
        raise BadArguments("; ".join(told)) from None


def _told(error: Mapping[str, Any], place: str) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in error["loc"])
    return f"{error['msg']} - at {place}{''.join(steps)}"


def _untitled(schema: Any, name: str | None = None, *, names: bool = False) -> Any:
    """A schema without the titles that pydantic makes of names: they tell a model nothing.

    Args:
        name: of the class or the field that it describes.
        names: whether it is a mapping from names to schemas.
    """
    if isinstance(schema, list):
        return [_untitled(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made_up = () if name is None or names else (name, name.replace("_", " ").title())
    cleaned: dict[str, Any] = {}
    for key, value in cast("dict[str, Any]", schema).items():
        if names:
            cleaned[key] = _untitled(value, key)
        elif key in ("properties", "$defs", "patternProperties"):
            cleaned[key] = _untitled(value, names=True)
        elif key in ("default", "const", "enum", "examples"):
            cleaned[key] = value  # values, not schemas
        elif key != "title" or value not in made_up:
            cleaned[key] = _untitled(value)
    return cleaned


# -- enumerations that msgspec does not read -------------------------------------------------------


class _Values(type):
    """The class of stand-ins for enumerations; a member of the one is an instance of the other."""

    own: type[Enum]

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.own)


def _readable(hint: Any) -> Any:
    """The type in a form that msgspec reads: it takes enumerations of one kind of value only."""
    hint = plain_hint(hint)
    origin, args = get_origin(hint), get_args(hint)
    if isinstance(hint, type) and issubclass(hint, Enum) and _mixed(hint):
        return _Values(hint.__name__, (), {"own": hint})
    if origin is Annotated:
        inner = _readable(args[0])
        return hint if inner is args[0] else Annotated[(inner, *hint.__metadata__)]
    union = origin in (Union, types.UnionType)
    if not union and origin not in (*LISTS, *SETS, *MAPS, tuple):
        return hint
    new = tuple(arg if arg is Ellipsis else _readable(arg) for arg in args)
    if all(map(operator.is_, new, args)):
        return hint
    return functools.reduce(operator.or_, new) if union else cast("Any", origin)[new]


def _mixed(cls: type[Enum]) -> bool:
    kinds = {type(member.value) for member in cls}
    return not (kinds <= {str} or kinds <= {int})


def decode_other(cls: type, value: Any) -> Any:
    """Read what msgspec does not: the ``dec_hook`` for types of :class:`Adapter`."""
    if not isinstance(cls, _Values):
        raise TypeError(f"{cls.__name__} has no form in JSON")
    members = list(cast("Any", cls.own))
    for member in members:
        if type(member.value) is type(value) and member.value == value:
            return member
    known = ", ".join(repr(member.value) for member in members)
    raise ValueError(f"Expected one of {known}, got {value!r:.60}")


# -- annotated_types -------------------------------------------------------------------------------


def _checked(hint: Any, value: Any, place: str) -> Any:
    """The value, once every constraint in it holds."""
    _check(hint, value, place)
    return value


def _check(hint: Any, value: Any, place: str) -> None:
    hint = plain_hint(hint)
    origin, args = get_origin(hint), get_args(hint)
    if value is None:
        return  # "or None", which no constraint is about
    if origin is Annotated:
        _check(args[0], value, place)
        for note in unfolded(hint.__metadata__):
            if constrains(note) and (wanted := broken(note, value)):
                raise BadArguments(f"Expected {wanted} - at {place}")
    elif origin in (Union, types.UnionType):
        _check_union(args, value, place)
    elif origin in MAPS:
        for key, entry in value.items():
            _check(args[0], key, f"{place}.{key}")
            _check(args[1], entry, f"{place}.{key}")
    elif origin in (*LISTS, *SETS) or (origin is tuple and args[1:] == (Ellipsis,)):
        for index, entry in enumerate(value):
            _check(args[0], entry, f"{place}[{index}]")
    elif origin is tuple:
        for index, (inner, entry) in enumerate(zip(args, value, strict=False)):
            _check(inner, entry, f"{place}[{index}]")
    elif origin in WRAPPERS:
        _check(args[0], value, place)
    else:
        for name, inner in hints_of(origin or hint).items():
            entry = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
            _check(inner, entry, f"{place}.{name}")


def _check_union(members: tuple[Any, ...], value: Any, place: str) -> None:
    """It is enough to hold the constraints of one of the members that the value may be of."""
    found: list[BadArguments] = []
    for member in members:
        if _may_be(member, value):
            try:
                _check(member, value, place)
            except BadArguments as error:  # another may take it
                found.append(error)
            else:
                return
    if found:
        raise found[0]


def _may_be(hint: Any, value: Any) -> bool:
    hint = plain_hint(hint)
    if get_origin(hint) is Annotated:
        return _may_be(get_args(hint)[0], value)
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    cls = get_origin(hint) or hint
    if cls is float:
        return isinstance(value, (int, float))
    try:
        return isinstance(value, cls)
    except TypeError:  # such as Any, or a TypedDict
        return not isinstance(cls, type) or isinstance(value, dict)
