"""Writes the reference pages: every model, every event, every operation, linked to each other.

Knows Markdown; what it says is all in the specs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from .files import page_header, write
from .schema import (
    MISSING,
    Alias,
    Anything,
    Body,
    Choice,
    Const,
    Event,
    Family,
    File,
    Listed,
    Mapped,
    Model,
    Named,
    Null,
    Object,
    OneOf,
    Operation,
    Property,
    Scalar,
    Schema,
    Type,
    Union,
    names_in,
)

_LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "pattern": "matches `{}`",
    "minItems": "at least {} entries",
    "maxItems": "at most {} entries",
    "uniqueItems": "no entry twice",
    "minProperties": "at least {} keys",
    "maxProperties": "at most {} keys",
}
# Longer lists of values go into the notes, so that the table keeps its shape.
_VALUES_IN_TYPE = 4


def write_reference(model: Model, folder: Path) -> None:
    """Write all pages into `folder`."""
    pages = _Pages(model)
    write(folder / "index.md", page_header("specs/") + pages.index())
    for family in model.families:
        write(
            folder / f"{family.name}-events.md",
            page_header(f"specs/{family.file}") + pages.family(family),
        )
    for file in model.files:
        write(folder / f"{_stem(file)}.md", page_header(f"specs/{file.name}") + pages.file(file))
    write(folder / "operations.md", page_header("specs/realtime.openapi.yaml") + pages.operations())


class _Pages:
    def __init__(self, model: Model) -> None:
        self._model = model
        self._page = {name: _stem(file) for file in model.files for name in file.schemas}
        self._used: dict[str, list[str]] = {}
        for schema in model.schemas.values():
            for name in dict.fromkeys(_mentioned(schema)):
                self._used.setdefault(name, []).append(schema.name)
        self._wires: dict[str, str] = {
            event.schema: f"{what} `{event.wire}`"
            for family in model.families
            for what, side in (("server event", family.server), ("client event", family.client))
            for event in side
        }

    def index(self) -> str:
        lines = [
            "# Reference",
            "",
            "Every type, event and operation of the protocol, as the specs describe them. In the "
            "tables, *required* means that a value has to be given, *may be null* that null is "
            "documented, and *set by the server* that a client has no business with the field. "
            "Servers send less, more and other things than is written here; reading is lenient "
            "about it.",
            "",
            "## Protocols",
            "",
            *(
                f"- [{family.title}]({family.name}-events.md): {len(family.server)} server events, "
                f"{len(family.client)} client events"
                for family in self._model.families
            ),
            f"- [HTTP operations](operations.md): {len(self._model.operations)}",
            "",
            "## Types",
            "",
            *(
                f"- [{file.title}]({_stem(file)}.md): "
                + ", ".join(self._link(name, bare=True) for name in file.schemas)
                for file in self._model.files
            ),
        ]
        return "\n".join(lines) + "\n"

    def family(self, family: Family) -> str:
        lines = [f"# {family.title}", "", family.description, ""]
        aliases: dict[str, list[str]] = {}
        for wire, name in family.server_aliases.items():
            aliases.setdefault(name, []).append(wire)
        for title, what, events in (
            ("Server events", "What the server sends.", family.server),
            ("Client events", "What a client sends.", family.client),
        ):
            lines += [
                f"## {title}",
                "",
                what,
                "",
                "| Wire name | Class | Summary |",
                "|---|---|---|",
            ]
            lines += [self._event_row(event, aliases.get(event.schema, [])) for event in events]
            lines.append("")
        return "\n".join(lines)

    def _event_row(self, event: Event, aliases: list[str]) -> str:
        also = f" Also read as {_join(f'`{alias}`' for alias in aliases)}." if aliases else ""
        return f"| `{event.wire}` | {self._link(event.schema)} | {_cell(event.summary)}{also} |"

    def file(self, file: File) -> str:
        lines = [f"# {file.title}", "", file.description, ""]
        for name in file.schemas:
            lines += self._schema(self._model.schemas[name])
        return "\n".join(lines)

    def _schema(self, schema: Schema) -> list[str]:
        lines = [f"## {schema.name}", ""]
        if schema.deprecated:
            lines += ["**Deprecated.**", ""]
        lines += [schema.description, ""]
        facts = self._facts(schema)
        if facts:
            lines += [facts, ""]
        match schema:
            case Object(properties=properties) if properties:
                lines += ["| Name | Type | Description | Notes |", "|---|---|---|---|"]
                lines += [self._row(prop) for prop in properties]
            case Object():
                lines += ["No fields."]
            case Union():
                lines += self._members(schema)
            case Alias(type=type_):
                lines += [f"Type: {self._type(type_)}"]
        return [*lines, ""]

    def _facts(self, schema: Schema) -> str:
        facts: list[str] = []
        if schema.name in self._wires:
            facts.append(f"A {self._wires[schema.name]}.")
        users = self._used.get(schema.name, [])
        if users:
            facts.append(f"Used in {_join(self._link(name) for name in users)}.")
        if schema.name in self._model.sent and not isinstance(schema, Alias):
            facts.append(f"As a dict: `{schema.name}Dict`.")
        return " ".join(facts)

    def _members(self, union: Union) -> list[str]:
        lines = []
        if union.by and len(union.objects) > 1:
            lines += [f"Told apart by {_join(f'`{key}`' for key in union.by)}.", ""]
        lines += ["| Member | Tag |", "|---|---|"]
        for member in union.members:
            lines.append(f"| {_cell(self._type(member))} | {self._tags(union, member)} |")
        if self._model.open(union.name):
            lines.append("| `Unknown` | anything else that a server sends |")
        return lines

    def _tags(self, union: Union, member: Type) -> str:
        if not isinstance(member, Named):
            return ""
        schema = self._model.schemas[member.name]
        tags: list[str] = []
        if isinstance(schema, Object):
            for key in union.by:
                prop = schema.get(key)
                if prop is not None and prop.tag is not None:
                    values = [prop.tag.value, *prop.tag.aliases]
                    tags.append(f"`{key}` " + " or ".join(f"`{value}`" for value in values))
        if member.name == union.default:
            tags.append("none: this is read where there is no tag")
        return ", ".join(tags)

    def _row(self, prop: Property) -> str:
        name = f"~~`{prop.name}`~~" if prop.deprecated else f"`{prop.name}`"
        cells = (self._type(prop.type), prop.description, self._notes(prop))
        return f"| {name} | {' | '.join(map(_cell, cells))} |"

    def _notes(self, prop: Property) -> str:
        notes: list[str] = []
        if prop.tag is not None:
            notes.append("tag, filled in by itself")
            if prop.tag.aliases:
                notes.append(f"also {_join(f'`{alias}`' for alias in prop.tag.aliases)} when read")
        elif prop.required:
            notes.append("required")
        if prop.read_only:
            notes.append("set by the server")
        if prop.nullable:
            notes.append("may be null")
        if prop.deprecated:
            notes.append("deprecated")
        if prop.secret:
            notes.append("secret, not shown in repr")
        if prop.default is not MISSING:
            notes.append(f"default `{_json(prop.default)}`")
        notes += _limits(prop.type)
        if prop.bytes_property:
            notes.append(f"base64; `.{prop.bytes_property}` gives the bytes")
        return "; ".join(notes)

    def _type(self, type_: Type) -> str:
        match type_:
            case Anything():
                return "any"
            case Null():
                return "null"
            case Scalar(kind, _, base64):
                return "string (base64)" if base64 else kind
            case Choice(_, values, open_):
                if len(values) > _VALUES_IN_TYPE:
                    return (
                        f"{type_.kind}: "
                        + " ".join(f"`{value}`" for value in values)
                        + (" or any other" if open_ else "")
                    )
                shown = [f"`{value}`" for value in values]
                return " or ".join([*shown, f"any {type_.kind}"] if open_ else shown)
            case Const(_, value):
                return f"`{value}`"
            case Listed(item):
                return f"list of {self._type(item)}"
            case Mapped(value_type):
                inner = self._type(value_type)
                return "object" if inner == "any" else f"map of string to {inner}"
            case Named(name):
                return self._link(name)
            case OneOf(members):
                return " or ".join(self._type(member) for member in members)

    def _link(self, name: str, *, bare: bool = False) -> str:
        shown = name if bare else f"`{name}`"
        return f"[{shown}]({self._page[name]}.md#{name.lower()})"

    # -- operations --------------------------------------------------------------------------------

    def operations(self) -> str:
        lines = ["# HTTP operations", ""]
        for webhook, title in ((False, "Requests"), (True, "Webhooks")):
            found = [item for item in self._model.operations if item.webhook is webhook]
            if not found:
                continue
            lines += [f"## {title}", ""]
            for operation in found:
                lines += self._operation(operation)
        return "\n".join(lines)

    def _operation(self, operation: Operation) -> list[str]:
        what = (
            f"`{operation.path}`"
            if operation.webhook
            else (f"`{operation.method.upper()} {operation.path}`")
        )
        lines = [f"### {operation.summary}", ""]
        if operation.deprecated:
            lines += ["**Deprecated.**", ""]
        lines += [f"{what} ({operation.id})", "", operation.description, ""]
        if operation.parameters:
            lines += ["| Parameter | In | Type | Description | Notes |", "|---|---|---|---|---|"]
            lines += [
                f"| `{item.name}` | {item.where} | {_cell(self._type(item.type))} | "
                f"{_cell(item.description)} | {'required' if item.required else ''} |"
                for item in operation.parameters
            ]
            lines.append("")
        if operation.bodies:
            need = "required" if operation.body_required else "may be left out"
            lines += [f"Body ({need}):", "", *(self._body(body) for body in operation.bodies), ""]
        lines += ["| Status | Body | Description |", "|---|---|---|"]
        for answer in operation.answers:
            types = " or ".join(self._type(body.type) for body in answer.bodies)
            lines.append(f"| {answer.status} | {_cell(types)} | {_cell(answer.description)} |")
        headers = [
            f"- `{name}`: {text}"
            for answer in operation.answers
            for name, text in answer.headers.items()
        ]
        return [*lines, "", *(["Headers of the answer:", "", *headers, ""] if headers else [])]

    def _body(self, body: Body) -> str:
        parts = [f"`{name}` as `{media}`" for name, media in body.encoding.items()]
        as_parts = f", with {_join(parts)}" if parts else ""
        return f"- `{body.media_type}`: {self._type(body.type)}{as_parts}. {body.description}"


def _limits(type_: Type) -> list[str]:
    match type_:
        case Scalar(_, limits) | Listed(_, limits) | Mapped(_, limits):
            notes = [_counted(text, limits[key]) for key, text in _LIMITS.items() if key in limits]
            if "propertyNames" in limits:
                notes += [
                    f"keys: {note}" for note in _limits(Scalar("string", limits["propertyNames"]))
                ]
        case OneOf(members):
            return [note for member in members for note in _limits(member)]
        case _:
            return []
    match type_:
        case Listed(item):
            notes += [f"each entry: {note}" for note in _limits(item)]
        case Mapped(value):
            notes += [f"each value: {note}" for note in _limits(value)]
    return notes


def _mentioned(schema: Schema) -> Iterable[str]:
    match schema:
        case Object(properties=properties):
            for prop in properties:
                yield from names_in(prop.type)
        case Union(members=members):
            for member in members:
                yield from names_in(member)
        case Alias(type=type_):
            yield from names_in(type_)


def _stem(file: File) -> str:
    return PurePosixPath(file.name).stem.replace("_", "-")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _join(parts: Iterable[str]) -> str:
    found = list(parts)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"


def _counted(text: str, value: Any) -> str:
    if value == 1:
        text = text.replace("entries", "entry").removesuffix("s")
    return text.format(_number(value))


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
