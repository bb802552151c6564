"""Writes what was added upstream as a patch of specs/, with the descriptions left open.

Knows where in specs/ each kind of addition belongs. What it cannot place it says.
"""

from __future__ import annotations

import contextlib
import difflib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from posixpath import commonpath
from typing import Any

from . import yaml_edit
from .difference import Difference
from .documents import DriftError, Node
from .roots import FAMILIES
from .shapes import Field, Shape
from .translate import OPEN, Translator, pascal
from .walk import Walk


@dataclass(frozen=True)
class Patch:
    """A unified diff, and what is not in it."""

    text: str
    done: int
    left: list[Difference]

    def summary(self, file: Path) -> str:
        lines = [f"{file}: {self.done} additions; write a description wherever it says {OPEN}."]
        lines += [f"  by hand: {d.kind} {d.path}" for d in self.left]
        return "\n".join(lines)


class ByHand(Exception):
    """This addition has no place that could be found for it."""


def make_patch(specs: Path, drift: Sequence[Difference], walk: Walk) -> Patch:
    """The patch of everything added; it applies in the folder that holds specs/."""
    writer = _Writer(specs, walk)
    left: list[Difference] = []
    added = [d for d in drift if d.kind == "added"]
    for difference in added:
        before = dict(writer.texts), dict(writer.names)
        try:
            writer.add(difference)
        except (ByHand, DriftError, KeyError):
            # What cannot be written by rule is left for a person, and undone here.
            writer.texts, writer.names = before
            left.append(difference)
    return Patch(writer.diff(), len(added) - len(left), left)


class _Writer:
    def __init__(self, specs: Path, walk: Walk) -> None:
        self.specs = specs
        self.walk = walk
        self.texts: dict[str, str] = {}
        self.names = dict(walk.names)
        self._before: dict[str, str] = {}
        self._kinds: dict[str, Callable[[Difference], None]] = {
            "event": self._event,
            "field": self._field,
            "member": self._member,
            "value": self._value,
            "default": self._stated,
            "limit": self._stated,
            "operation": self._operation,
        }

    def add(self, difference: Difference) -> None:
        if difference.what not in self._kinds or difference.source is None:
            raise ByHand
        self._kinds[difference.what](difference)

    def diff(self) -> str:
        out: list[str] = []
        for file, text in sorted(self.texts.items()):
            name = f"{self.specs.name}/{file}"
            out += difflib.unified_diff(
                self._before[file].splitlines(keepends=True),
                text.splitlines(keepends=True),
                f"a/{name}",
                f"b/{name}",
            )
        return "".join(out)

    def text(self, file: str) -> str:
        if file not in self.texts:
            self.texts[file] = self._before[file] = (self.specs / file).read_text(encoding="utf-8")
        return self.texts[file]

    def entry(self, place: Node, name: str, value: Any, *, gap: bool = False) -> None:
        text = self.text(place.file)
        self.texts[place.file] = yaml_edit.add_entry(text, place.keys, name, value, gap=gap)

    def item(self, place: Node, value: Any) -> None:
        self.texts[place.file] = yaml_edit.add_item(self.text(place.file), place.keys, value)

    def _taken(self, name: str) -> bool:
        files = self._root("").document.files
        made = any(node.name == name for node in self.names.values())
        return made or any(name in file.get("$defs", {}) for file in files.values())

    def _translator(self, file: str) -> Translator:
        return Translator(self._root(file), self.names, self._taken)

    def _root(self, file: str) -> Node:
        return Node(next(iter(self.walk.slots.values())).node.document, file)

    def _define(self, translator: Translator) -> None:
        """Write the definitions that a translation has made at the end of its file."""
        place = self._root(translator.file).child("$defs")
        for name, schema in translator.definitions.items():
            self.entry(place, name, schema, gap=True)

    def _field(self, difference: Difference) -> None:
        place, source = difference.place, difference.source
        if place is None or source is None or place.name is None:
            raise ByHand
        prop = difference.path.rpartition(".")[2]
        if not difference.path.startswith(f"{place.name}."):
            raise ByHand  # a union of ours: a person has to say which of its members has the field
        translator = self._translator(place.file)
        read_only = source.value.get("readOnly") is True
        schema = translator.prop(Field(source, False, read_only), f"{place.name}{pascal(prop)}")
        if place.get("properties") is None:
            self.entry(place, "properties", {prop: schema})
        else:
            self.entry(place.child("properties"), prop, schema)
        if difference.required:
            if yaml_edit.has(self.text(place.file), (*place.keys, "required")):
                self.item(place.child("required"), prop)
            else:
                self.entry(place, "required", [prop])
        self._define(translator)

    def _member(self, difference: Difference) -> None:
        union = _union(difference.place)
        if union is None or difference.source is None:
            raise ByHand
        word = difference.path.partition("|")[2].rpartition("/")[2]
        translator = self._translator(union.file)
        ref = translator.schema(difference.source, f"{union.name or ''}{pascal(word)}")
        self.item(union.child("oneOf"), ref)
        self._define(translator)

    def _value(self, difference: Difference) -> None:
        if difference.place is None:
            raise ByHand
        value = difference.upstream
        holder = _enum(difference.place, value)
        text, keys = self.text(holder.file), holder.keys
        if yaml_edit.has(text, (*keys, "enum")):
            self.item(holder.child("enum"), value)
        elif yaml_edit.has(text, (*keys, "const")):
            old = holder.value["const"]
            self.texts[holder.file] = yaml_edit.replace_entry(
                text, (*keys, "const"), "enum", [old, value]
            )
        else:
            raise ByHand

    def _stated(self, difference: Difference) -> None:
        place = difference.place
        if place is None:
            raise ByHand
        self.entry(place, difference.path.rpartition("#")[2], difference.upstream)

    def _event(self, difference: Difference) -> None:
        label = next(la for la, *_ in FAMILIES if difference.path.startswith(f"{la} "))
        wire = difference.path.removeprefix(f"{label} ")
        family, side = label.split(" ")
        payloads = [
            slot.node.resolved() for p, slot in self.walk.slots.items() if p.startswith(f"{label} ")
        ]
        if not payloads or difference.source is None:
            raise ByHand
        file = Counter(payload.file for payload in payloads).most_common(1)[0][0]
        name = pascal(wire)
        if self._taken(name):
            name = f"{pascal(family)}{name}"
        translator = self._translator(file)
        translator.definition(name, difference.source)
        self._define(translator)
        self._message(self._root(f"{family}.asyncapi.yaml"), side, name, wire, file)

    def _message(self, api: Node, side: str, name: str, wire: str, file: str) -> None:
        """Name the event in the AsyncAPI document: message, channel, operation."""
        message = {
            "name": wire,
            "title": OPEN,
            "summary": OPEN,
            "payload": {"$ref": f"./{file}#/$defs/{name}"},
        }
        self.entry(api.child("components", "messages"), name, message)
        action = "send" if side == "client" else "receive"
        operation = next(o for o in api.children("operations") if o.value.get("action") == action)
        channel = operation.child("channel").resolved()
        self.entry(channel.child("messages"), name, {"$ref": f"#/components/messages/{name}"})
        if operation.get("messages") is not None:
            target = "/".join(channel.keys)
            self.item(operation.child("messages"), {"$ref": f"#/{target}/messages/{name}"})

    def _operation(self, difference: Difference) -> None:
        source = difference.source
        method, _, path = difference.path.partition(" ")
        if source is None or " " in path:
            raise ByHand  # a part of an operation: bodies and answers are worded by hand
        http = "realtime.openapi.yaml"
        root = self._root(http)
        translator = self._translator("schemas/http.yaml")
        words = path.replace("{", "").replace("}", "").removeprefix("/realtime")
        name = pascal(words.replace("_", "/"))

        def media(holder: Node, suffix: str) -> dict[str, Any]:
            out: dict[str, Any] = {"description": OPEN}
            content: dict[str, Any] = {}
            for one in holder.children("content"):
                inner = one.get("schema")
                schema = translator.schema(inner, name + suffix) if inner else {}
                if str(schema.get("$ref", "")).startswith("#"):
                    schema["$ref"] = f"./{translator.file}{schema['$ref']}"
                elif "$ref" in schema:
                    schema["$ref"] = schema["$ref"].replace("./", "./schemas/", 1)
                content[one.keys[-1]] = {"schema": schema}
            return out | ({"content": content} if content else {})

        item: dict[str, Any] = {
            "operationId": f"{method.lower()}{words.replace('/', '_')}",
            "tags": self._tags(root, path),
            "summary": OPEN,
            "description": OPEN,
        }
        parameters = [
            {
                k: p.resolved().value[k]
                for k in ("name", "in", "required")
                if k in p.resolved().value
            }
            | {"description": OPEN, "schema": translator.schema(p.resolved().child("schema"), name)}
            for p in source.children("parameters")
        ]
        if parameters:
            item["parameters"] = parameters
        body = source.get("requestBody")
        if body is not None:
            required = {"required": bool(body.resolved().value.get("required"))}
            item["requestBody"] = required | media(body.resolved(), "Request")
        item["responses"] = {
            r.keys[-1]: media(r.resolved(), "Response") for r in source.children("responses")
        }
        if yaml_edit.has(self.text(http), ("paths", path)):
            self.entry(root.child("paths", path), method.lower(), item)
        else:
            self.entry(root.child("paths"), path, {method.lower(): item}, gap=True)
        self._define(translator)

    def _tags(self, root: Node, path: str) -> list[Any]:
        """Those of the operation of ours whose path has most in common."""
        paths = root.child("paths").value
        nearest = max(paths, key=lambda other: len(commonpath([other, path])))
        item = paths[nearest]
        return next((o["tags"] for o in item.values() if "tags" in o), [OPEN])


def _union(place: Node | None) -> Node | None:
    """The definition with `oneOf` of objects that a place refers to."""
    if place is None:
        return None
    node = place.resolved()
    if any("$ref" in m.value for m in node.children("oneOf")):
        return node
    for member in node.children("anyOf"):
        if (found := _union(member)) is not None:
            return found
    return None


def _enum(place: Node, value: Any) -> Node:
    """The schema with the enum or constant that a new value belongs to."""
    node = place.resolved()
    listed = Shape.of(node).values if "enum" in node.value or "const" in node.value else []
    if listed and type(listed[0]) is type(value):
        return node
    for member in (*node.children("oneOf"), *node.children("anyOf")):
        if "properties" not in member.resolved().value:
            with contextlib.suppress(ByHand):  # not in this member; perhaps in the next
                return _enum(member, value)
    raise ByHand
