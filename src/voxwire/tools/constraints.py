"""Constraints of ``annotated_types``: what a model is told of them, and whether a value holds them.

This module knows single annotations by their attributes. ``annotated_types`` is not imported: who
uses it has imported it already. Which annotations a type has, it does not know.
"""

# Annotations and values of every kind pass through here: what a strict checker calls unknown is the
# subject.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownParameterType=false

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Final

__all__ = ["broken", "constrains", "described", "unfolded"]

_COMPARED: Final[dict[str, tuple[str, str, Callable[[Any, Any], Any]]]] = {
    "ge": ("minimum", ">=", operator.ge),
    "gt": ("exclusiveMinimum", ">", operator.gt),
    "le": ("maximum", "<=", operator.le),
    "lt": ("exclusiveMaximum", "<", operator.lt),
}
_SIZES: Final = {"array": "Items", "object": "Properties", "string": "Length"}


def unfolded(notes: Iterable[Any]) -> Iterator[Any]:
    """Annotations, with those that stand for several (``Interval``, ``Len``) taken apart."""
    for note in notes:
        if constrains(note) and isinstance(note, Iterable):
            yield from unfolded(note)
        else:
            yield note


def constrains(note: object) -> bool:
    """Whether an annotation is one of ``annotated_types``."""
    cls = note if isinstance(note, type) else type(note)
    return any(base.__module__.partition(".")[0] == "annotated_types" for base in cls.__mro__)


def described(note: Any, schema: dict[str, Any]) -> None:
    """Put a constraint into the schema of its type: by a keyword, or else in words."""
    if not constrains(note):
        return
    kind = schema.get("type")
    kinds = set(kind if isinstance(kind, list) else [kind])
    numeric = bool(kinds & {"integer", "number"})
    words: list[str] = []
    for name, (keyword, sign, _) in _COMPARED.items():
        bound = getattr(note, name, None)
        if bound is None:
            continue
        if numeric and isinstance(bound, (int, float)):
            schema[keyword] = bound
        else:
            words.append(f"{sign} {bound}")
    factor = getattr(note, "multiple_of", None)
    if factor is not None:
        if numeric and isinstance(factor, (int, float)):
            schema["multipleOf"] = factor
        else:
            words.append(f"a multiple of {factor}")
    size = next((_SIZES[each] for each in kinds if each in _SIZES), None)
    for name, short in (("min_length", "min"), ("max_length", "max")):
        length = getattr(note, name, None)
        if not length and not (length == 0 and short == "max"):
            continue
        if size is None or "contentEncoding" in schema:
            words.append(f"{'at least' if short == 'min' else 'at most'} {length} long")
        else:
            schema[f"{short}{size}"] = length
    words += _in_words(note)
    if words:
        said = schema.get("description")
        schema["description"] = "; ".join([said, *words] if isinstance(said, str) else words)


def _in_words(note: Any) -> Iterator[str]:
    if hasattr(note, "tz"):
        named = {None: "without a time zone", ...: "with a time zone"}
        yield named.get(note.tz, f"in the time zone {note.tz}")
    if isinstance(unit := getattr(note, "unit", None), str):
        yield f"in {unit}"
    func = getattr(note, "func", None)
    if func is not None and (name := _name(func)):
        yield f"that {'does not satisfy' if _negates(note) else 'satisfies'} {name}"


def _negates(note: Any) -> bool:
    return type(note).__name__ == "Not"


def _name(function: Any) -> str:
    name = getattr(function, "__name__", "")
    return "" if name == "<lambda>" else name


def broken(note: Any, value: Any) -> str:
    """What a value that breaks a constraint should be; empty where it holds."""
    kind = type(value).__name__
    for name, (_, sign, compare) in _COMPARED.items():
        bound = getattr(note, name, None)
        if bound is not None and not _holds(partial(compare, value, bound)):
            return f"{kind} {sign} {bound}"
    factor = getattr(note, "multiple_of", None)
    if factor is not None and not _holds(lambda: _multiple(value, factor)):
        return f"a multiple of {factor}"
    low, high = getattr(note, "min_length", None), getattr(note, "max_length", None)
    if low is not None and not _holds(lambda: len(value) >= low):
        return f"{kind} of length >= {low}"
    if high is not None and not _holds(lambda: len(value) <= high):
        return f"{kind} of length <= {high}"
    if hasattr(note, "tz") and not _in_zone(value, note.tz):
        return f"{kind} {next(_in_words(note))}"
    func = getattr(note, "func", None)
    if func is not None and bool(func(value)) == _negates(note):
        return f"{kind} {next(_in_words(note), 'that is valid')}"
    return ""


def _holds(test: Callable[[], Any]) -> bool:
    try:
        return bool(test())
    except TypeError:  # it cannot be compared at all, such as times with and without a zone
        return False


def _multiple(value: Any, factor: Any) -> bool:
    if isinstance(value, float) or isinstance(factor, float):
        times = value / factor
        return math.isclose(times, round(times), rel_tol=1e-9)
    return not value % factor


def _in_zone(value: Any, zone: Any) -> bool:
    own = getattr(value, "tzinfo", None)
    if zone is None or zone is ...:
        return (own is None) == (zone is None)
    return own is not None and (own == zone or str(own) == str(zone))
