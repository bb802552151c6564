"""How one parameter is described and read: by msgspec, or by the library that owns its type.

A type of pydantic is described and checked by pydantic, constraints of ``annotated_types`` become
msgspec's. Neither library is imported here: who uses its types has imported it already.
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
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Annotated, Any, Union, cast, get_args, get_origin

import attrs
import msgspec

from .schema import Schema, schema_of

__all__ = ["Adapter", "BadArguments", "adapter_of"]


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
    """Makes the value of what the model wrote, given the parameter's name; raises
    :class:`BadArguments`."""


def adapter_of(hint: Any) -> Adapter:
    """How to describe and read a type; raises TypeError or NameError where it has none in JSON."""
    if "pydantic" in sys.modules and any(map(_is_pydantic, _parts(hint))):
        return _of_pydantic(hint)
    cls = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if isinstance(cls, type) and issubclass(cls, Enum) and _mixed(cls):
        return Adapter(schema_of(hint), Any, functools.partial(_member, cls))
    own = _translated(hint)
    return Adapter(schema_of(own), own)


def _parts(hint: Any) -> Iterable[Any]:
    """The classes and notes that an annotation is made of."""
    yield hint
    if get_origin(hint) is Annotated:
        yield from hint.__metadata__
    for part in get_args(hint):
        if part is not hint and not isinstance(part, str):
            yield from _parts(part)


# -- pydantic --------------------------------------------------------------------------------------


def _is_pydantic(part: Any) -> bool:
    cls = part if isinstance(part, type) else type(part)
    return any(
        base.__module__.partition(".")[0] == "pydantic" for base in getattr(cls, "__mro__", ())
    )


def _of_pydantic(hint: Any) -> Adapter:
    pydantic: Any = sys.modules["pydantic"]
    try:
        adapter = pydantic.TypeAdapter(hint)
        schema: Schema = _untitled(adapter.json_schema())
    except Exception as error:  # pydantic has many; each says what it cannot describe
        raise TypeError(f"pydantic: {error}") from error
    return Adapter(schema, Any, functools.partial(_by_pydantic, adapter, pydantic.ValidationError))


def _by_pydantic(adapter: Any, failure: type[Exception], value: Any, name: str) -> Any:
    try:
        return adapter.validate_python(value)
    except failure as error:  # the mistake of the model, which is told of it
        found = cast("Any", error).errors(include_url=False, include_input=False)
        raise BadArguments("; ".join(_told(each, name) for each in found)) from None


def _told(error: Mapping[str, Any], name: str) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in error["loc"])
    return f"{error['msg']} - at $.{name}{''.join(steps)}"


def _untitled(schema: Any, *, names: bool = False) -> Any:
    """A schema without the titles that pydantic makes of names: they tell a model nothing."""
    if isinstance(schema, list):
        return [_untitled(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _untitled(value, names=not names and key in ("properties", "$defs"))
        for key, value in cast("dict[str, Any]", schema).items()
        if names or key != "title" or not isinstance(value, str)
    }


# -- enumerations of texts and numbers -------------------------------------------------------------


def _mixed(cls: type[Enum]) -> bool:
    """Whether msgspec, which reads enumerations of one kind of value only, cannot read it."""
    return len({type(member.value) for member in cls}) > 1


def _member(cls: type[Enum], value: Any, name: str) -> Enum:
    for member in cls:
        if type(member.value) is type(value) and member.value == value:
            return member
    known = ", ".join(repr(member.value) for member in cls)
    raise BadArguments(f"Expected one of {known}, got {value!r:.60} - at $.{name}")


# -- annotated_types -------------------------------------------------------------------------------

_LIMITS = ("ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length")


def _translated(hint: Any) -> Any:
    """The annotation with constraints of ``annotated_types`` as those of msgspec, at any depth."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        notes = [new for note in hint.__metadata__ for new in _note(note)]
        return Annotated[(_translated(args[0]), *notes)]
    if origin in (Union, types.UnionType):
        return functools.reduce(operator.or_, map(_translated, args))
    if origin in (list, set, frozenset, tuple, dict):
        return origin[tuple(arg if arg is Ellipsis else _translated(arg) for arg in args)]
    return hint


def _note(note: Any) -> list[Any]:
    if type(note).__module__.partition(".")[0] != "annotated_types":
        return [note]
    if isinstance(note, Iterable):  # Interval and Len are several in one
        return [new for each in note for new in _note(each)]
    said = getattr(note, "documentation", None)
    if isinstance(said, str):
        return [said]
    found = {name: getattr(note, name) for name in _LIMITS if getattr(note, name, None) is not None}
    if not found:
        raise TypeError(
            f"{note!r} cannot be told to a model: check it in the function, or describe it in words"
        )
    return [msgspec.Meta(**found)]
