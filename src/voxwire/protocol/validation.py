"""What the protocol allows, checked on demand: of what a caller sends, strictly; of the rest, too.

It knows how to read the generated rules and not what they say. It works alike on instances and on
plain dicts, and on any mixture of them.
"""

# JSON values of every kind pass through here: what a strict checker calls unknown is the subject.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

import attrs
from voxwire_protocol import UNSET, Model, Unknown
from voxwire_protocol._runtime import Problem, child_path
from voxwire_protocol.rules import RULES, UNIONS

from .constraints import (
    LONGEST_ID,
    Rule,
    choice,
    expected,
    half_a_character,
    kinds,
    meant,
    nearest,
    not_json,
    number,
    shown,
    size,
    text,
    writable,
)

__all__ = ["check", "is_valid", "validate"]

# How far inside a misplaced field is looked for: `audio.input.turn_detection`.
_DEPTH: Final = 2


def validate(model: Model) -> list[Problem]:
    """Every place where a model is not what the specification says, however small.

    Stricter than ``problems``: unknown enum values, undocumented nulls and limits count too.
    """
    name = type(model).__name__
    return list(_model(name, model, "$", _Mode())) if name in RULES else []


def is_valid(model: Model) -> bool:
    """Whether ``validate`` finds nothing."""
    return not validate(model)


def check(
    name: str, value: Model | Mapping[str, Any], *, extra: Mapping[str, Any] | None = None
) -> Iterator[Problem]:
    """What is wrong with an event that a caller wants to send; ``name`` is its class."""
    yield from _model(name, value, "$", _Mode(sending=True, extra=extra))
    if name == "ConversationItemCreate":
        yield from _chosen_id(_entry(_entry(value, "item"), "id"))


def _chosen_id(id: object) -> Iterator[Problem]:
    # Not a rule of the specs, which hold for both directions: some servers' own ids are longer.
    if isinstance(id, str) and len(id) > LONGEST_ID:
        cure = "choose a shorter one, or leave it out: then the server chooses"
        yield Problem("$.item.id", f"at most {LONGEST_ID} characters", id, cure, got=f"{len(id)}")


def _entry(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


class _Mode:
    """How strict to be: when sending, ``read_only`` counts, and ``Unknown`` is there on purpose."""

    def __init__(self, *, sending: bool = False, extra: Mapping[str, Any] | None = None) -> None:
        self.sending = sending
        self.allowed = set(_extra_paths(extra or {}, "$"))


def _extra_paths(extra: Mapping[str, Any], path: str) -> Iterator[str]:
    for key, value in extra.items():
        inner = path
        for step in key[1:].split("/") if key.startswith("/") else [key]:
            inner = child_path(inner, step.replace("~1", "/").replace("~0", "~"))
        yield inner
        if isinstance(value, Mapping):
            yield from _extra_paths(value, inner)


def _model(
    name: str, value: Model | Mapping[str, Any], path: str, mode: _Mode
) -> Iterator[Problem]:
    rules: Mapping[str, Rule] = RULES[name]
    mapping = value if isinstance(value, Mapping) else None
    for field, rule in rules.items():
        entry = getattr(value, field, UNSET) if mapping is None else mapping.get(field, UNSET)
        place = f"{path}.{field}"
        if entry is UNSET:
            if rule.get("required"):
                cure = f'add "{field}": "{rule["const"]}"' if "const" in rule else ""
                yield Problem(place, expected(rule), entry, cure)
        elif mode.sending and rule.get("read_only"):
            yield Problem(place, "nothing", entry, "set by the server; leave it out")
        else:
            yield from _rule(rule, entry, place, mode)
    for key in mapping or ():
        if isinstance(key, str) and not writable(key):
            yield half_a_character(key, path)
            continue
        place = child_path(path, str(key))
        if key not in rules and place not in mode.allowed:
            cure = _cure(name, key) or f"fields: {', '.join(rules)}."
            if mode.sending:
                cure += " To send it on purpose: extra="
            yield Problem(place, f"a field of {name}", cast("Any", mapping)[key], cure)


def _cure(name: str, key: object) -> str:
    """What a field that is not declared may be meant for: a misspelt one, or one further inside, as
    in the flat sessions of the beta.
    """
    todo, places = [(name, "")], dict[str, str]()
    for inner, path in todo:
        for field, rule in RULES.get(inner, {}).items():
            places.setdefault(field, f"{path}{field}")
            if "ref" in rule and path.count(".") < _DEPTH:
                todo.append((rule["ref"], f"{path}{field}."))
    close = (key if key in places else "") or nearest(key, RULES[name]) or nearest(key, places)
    return f"did you mean {places[str(close)]!r}?" if close else ""


def _rule(rule: Rule, value: Any, path: str, mode: _Mode) -> Iterator[Problem]:
    if value is None:
        if not rule.get("null"):
            cure = "leave it out instead" if mode.sending and not rule.get("required") else ""
            yield Problem(path, expected(rule), value, cure)
    elif isinstance(value, Unknown):
        if mode.sending:
            yield from not_json(value.payload, path)
        else:
            yield Problem(path, expected(rule), value)
    elif "ref" in rule:
        yield from _reference(rule, value, path, mode)
    elif "any_of" in rule:
        yield from _any_of(rule, value, path, mode)
    elif "type" in rule and rule["type"] not in kinds(value):
        cure = "base64 text; session.append_audio() takes bytes" if rule.get("base64") else ""
        if rule["type"] == "array" and isinstance(value, str):
            listed = not list(_rule(rule.get("items", {}), value, path, mode))
            cure = f"did you mean [{shown(value)}]?" if listed else ""
        yield Problem(path, expected(rule), value, cure)
    elif isinstance(value, str):
        yield from text(rule, value, path)
    elif isinstance(value, (int, float)):
        yield from number(rule, value, path)
    elif isinstance(value, (list, tuple)):
        entries = value
        yield from size(rule, len(entries), path, value, "items", "entries")
        for index, entry in enumerate(entries):
            yield from _rule(rule.get("items", {"null": True}), entry, f"{path}[{index}]", mode)
    elif isinstance(value, Mapping):
        fields = value
        yield from size(rule, len(fields), path, value, "properties", "keys")
        for key, entry in fields.items():
            place = child_path(path, str(key))
            if not isinstance(key, str):
                yield Problem(place, "a string as key", key)
            elif not writable(key):
                yield half_a_character(key, path)
                continue
            elif "names" in rule:
                yield from text(rule["names"], key, place)
            yield from _rule(rule.get("values", {"null": True}), entry, place, mode)
    elif not isinstance(value, Model):
        yield Problem(path, expected(rule), value)


def _reference(rule: Rule, value: Any, path: str, mode: _Mode) -> Iterator[Problem]:
    """The rule names a class or a union."""
    name = rule["ref"]
    if name in RULES:
        if (isinstance(value, Model) and type(value).__name__ == name) or isinstance(
            value, Mapping
        ):
            yield from _model(name, value, path, mode)
        else:
            yield Problem(path, expected(rule), value, _as_object(RULES[name], value))
        return
    union = UNIONS[name]
    if isinstance(value, Model):
        member = type(value).__name__
        if member in _members(union):
            yield from _model(member, value, path, mode)
        else:
            yield Problem(path, f"{name}: one of {', '.join(_members(union))}", value)
    elif isinstance(value, Mapping):
        yield from _tagged(name, union, value, path, mode)
    elif union.get("scalars"):
        ways = {"any_of": (*union["scalars"], {"ref": name}), "null": rule.get("null")}
        yield from _any_of(ways, value, path, mode)
    else:
        yield Problem(path, expected(rule), value, _as_tag(union, value))


def _as_object(rules: Mapping[str, Rule], value: object) -> str:
    """The object that a mere word is short for: `"near_field"` for its type."""
    for field, rule in rules.items():
        close = nearest(value, rule.get("enum", ()))
        if close:
            return f'did you mean {{"{field}": "{close}"}}?'
    return ""


def _as_tag(union: Rule, value: object) -> str:
    """The same for one of several objects: `"server_vad"` for the tag that tells them apart."""
    close = nearest(value, union["members"])
    return f'did you mean {{"{union["by"][0]}": "{close}"}}?' if close and union["by"] else ""


def _tagged(
    name: str, union: Rule, value: Mapping[str, Any], path: str, mode: _Mode
) -> Iterator[Problem]:
    """The member of a union that an object's tag, or its tag and one more key, names."""
    entry: Any = union["members"] if union["by"] else union["default"]
    for key in union["by"]:
        tag = value.get(key, UNSET)
        if tag is UNSET and union.get("default"):
            entry = union["default"]
            break
        found = entry.get(tag) if isinstance(tag, str) else None
        if found is None:
            got = "nothing" if tag is UNSET else shown(tag)
            yield Problem(f"{path}.{key}", choice(entry), tag, meant(tag, entry), got=got)
            return
        entry = found
        if isinstance(entry, str):
            break
    yield from _model(entry, value, path, mode)


def _members(union: Rule) -> list[str]:
    names: dict[str, None] = {}
    for entry in union["members"].values():
        names.update(dict.fromkeys([entry] if isinstance(entry, str) else entry.values()))
    if union.get("default"):
        names[union["default"]] = None
    return list(names)


def _any_of(rule: Rule, value: Any, path: str, mode: _Mode) -> Iterator[Problem]:
    closest: list[Problem] | None = None
    for way in cast("Iterable[Rule]", rule["any_of"]):
        if "ref" in way and not isinstance(value, (Model, Mapping)):
            continue
        found = list(_rule(way, value, path, mode))
        if not found:
            return
        # The way of the right kind fails further inside, or by its values and not by its type.
        inside = way.get("type") in kinds(value) or "ref" in way
        if closest is None and inside:
            first, own = found[0], expected(way)
            if first.path == path and first.expected == own:  # there are the other ways, too
                found[0] = attrs.evolve(first, expected=expected(rule))
            closest = found
    yield from closest or [Problem(path, expected(rule), value)]
