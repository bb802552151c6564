"""What a single value may be: its values, its size, its form; and how that reads in a message.

It knows the keys of a generated rule that concern scalars, and not how models are put together.
"""

# JSON values of every kind pass through here: what a strict checker calls unknown is the subject.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher, get_close_matches
from types import NoneType
from typing import Any, Final, TypeAlias

import pybase64
from voxwire_protocol._runtime import Problem, child_path

from ..errors import InvalidEvent

__all__ = [
    "LONGEST_ID",
    "Rule",
    "choice",
    "expected",
    "half_a_character",
    "kinds",
    "meant",
    "misspelt",
    "nearest",
    "not_json",
    "number",
    "require_writable",
    "shown",
    "size",
    "text",
    "writable",
]

Rule: TypeAlias = Mapping[str, Any]

LONGEST_ID: Final = 32
"""Characters of an item's id, or a call's, that a client may choose."""

_SHOWN: Final = 40
_LETTERS: Final = 2


def kinds(value: object) -> tuple[str, ...]:
    """The JSON types that a value is of; none for what is no JSON value."""
    match value:
        case str():
            return ("string",)
        case bool():
            return ("boolean",)
        case int():
            return ("integer", "number")
        case float():
            return ("number",)
        case list() | tuple():
            return ("array",)
        case Mapping():
            return ("object",)
        case _:
            return ()


def expected(rule: Rule) -> str:
    """What belongs there, in words."""
    if "ref" in rule:
        words = f"{rule['ref']} object"
    elif "any_of" in rule:
        words = " or ".join(dict.fromkeys(expected(way) for way in rule["any_of"]))
    elif "const" in rule:
        words = repr(rule["const"])
    elif "enum" in rule:
        words = choice(rule["enum"])
    elif rule.get("type") == "array":
        words = f"list of {expected(rule.get('items', {}))}"
    else:
        low, high = rule.get("minimum"), rule.get("maximum")
        words = rule.get("type", "a JSON value")
        if low is not None and high is not None:
            words += f" from {low} to {high}"
        elif low is not None or high is not None:
            words += f" of at least {low}" if high is None else f" of at most {high}"
    return f"{words} or null" if rule.get("null") else words


def choice(values: Iterable[Any]) -> str:
    """One of some values, in words."""
    known = [repr(value) for value in values]
    return known[0] if len(known) == 1 else f"one of {', '.join(known)}"


def nearest(word: object, known: Iterable[Any], *, alike: float = 0.6) -> str:
    """The known word that a misspelt one is for; empty where none is `alike`, from 0 to 1."""
    names = [name for name in known if isinstance(name, str)]
    close = get_close_matches(word, names, n=1, cutoff=alike) if isinstance(word, str) else []
    return close[0] if close else ""


def meant(word: object, known: Iterable[Any]) -> str:
    """The cure for a misspelt word; empty where none is near."""
    close = nearest(word, known)
    return f"did you mean {close!r}?" if close else ""


def misspelt(word: str, known: Iterable[str]) -> str:
    """The known word that differs from `word` in at most two letters; empty where none does.

    Narrower than :func:`nearest`, for where an unknown word may well be meant as it is.
    """
    for name in get_close_matches(word, known, n=3, cutoff=0.7):
        steps = SequenceMatcher(None, word, name, autojunk=False).get_opcodes()
        if sum(max(b - a, d - c) for kind, a, b, c, d in steps if kind != "equal") <= _LETTERS:
            return name
    return ""


def shown(value: object) -> str:
    """A value in a message: only what is short enough to be no content."""
    words = repr(value)
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"


def text(rule: Rule, value: str, path: str) -> Iterator[Problem]:
    """What is wrong with a text."""
    if not writable(value):
        yield half_a_character(value, path)
    if "const" in rule and value != rule["const"]:
        yield Problem(path, repr(rule["const"]), value, got=_said(rule, value))
    elif "enum" in rule and value not in rule["enum"]:
        cure = meant(value, rule["enum"])
        yield Problem(path, choice(rule["enum"]), value, cure, got=_said(rule, value))
    yield from size(rule, len(value), path, value, "length", "characters")
    if "pattern" in rule and not re.search(rule["pattern"], value):
        yield Problem(path, f"text that matches {rule['pattern']}", value, got=_said(rule, value))
    if rule.get("base64"):
        try:
            pybase64.b64decode(value, validate=True)
        except ValueError:  # no base64: that is the finding
            yield Problem(path, "base64", value, "session.append_audio() takes bytes")


def _said(rule: Rule, value: str) -> str:
    return "another value" if rule.get("secret") else shown(value)


def writable(value: str) -> bool:
    """Whether a text can be written: half a surrogate pair cannot."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:  # that is the finding
        return False
    return True


def half_a_character(value: str, path: str) -> Problem:
    """The problem of a text that cannot be written."""
    return Problem(path, "text", value, "replace the lone surrogate", got="half a character")


def require_writable(value: str, path: str) -> None:
    """Raise :class:`InvalidEvent` for a text that cannot be written."""
    if not writable(value):
        problem = half_a_character(value, path)
        raise InvalidEvent(path, f"expected {problem.expected}, got {problem.got}", problem.cure)


def number(rule: Rule, value: float, path: str) -> Iterator[Problem]:
    """What is wrong with a number; the first thing."""
    if not math.isfinite(value):
        wanted = "a finite number"
    elif "const" in rule and value != rule["const"]:
        wanted = repr(rule["const"])
    elif "enum" in rule and value not in rule["enum"]:
        wanted = choice(rule["enum"])
    elif value < rule.get("minimum", -math.inf) or value > rule.get("maximum", math.inf):
        wanted = expected(rule)
    elif "exclusive_minimum" in rule and value <= rule["exclusive_minimum"]:
        wanted = f"more than {rule['exclusive_minimum']}"
    elif "exclusive_maximum" in rule and value >= rule["exclusive_maximum"]:
        wanted = f"less than {rule['exclusive_maximum']}"
    elif "multiple_of" in rule and value % rule["multiple_of"]:
        wanted = f"a multiple of {rule['multiple_of']}"
    else:
        return
    yield Problem(path, wanted, value, got=shown(value))


def size(rule: Rule, size: int, path: str, value: Any, suffix: str, what: str) -> Iterator[Problem]:
    if size > rule.get(f"max_{suffix}", size):
        yield Problem(path, f"at most {rule[f'max_{suffix}']} {what}", value, got=f"{size}")
    if size < rule.get(f"min_{suffix}", size):
        yield Problem(path, f"at least {rule[f'min_{suffix}']} {what}", value, got=f"{size}")


def not_json(value: Any, path: str) -> Iterator[Problem]:
    """What cannot be written as JSON, and where; for when writing has failed."""
    if isinstance(value, str):
        if not writable(value):
            yield half_a_character(value, path)
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from not_json(key, child_path(path, repr(key)))
            yield from not_json(entry, child_path(path, str(key)))
    elif isinstance(value, (list, tuple)):
        for index, entry in enumerate(value):
            yield from not_json(entry, f"{path}[{index}]")
    elif isinstance(value, float) and not math.isfinite(value):
        yield Problem(path, "a finite number", value, got=shown(value))
    elif not isinstance(value, (int, float, NoneType)):
        yield Problem(path, "a JSON value", value)
