"""Where a comparison begins: events by wire name, HTTP operations and webhooks of a document.

Knows how specs/ and OpenAI's OpenAPI document name their roots; does not compare anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..loading import load
from .documents import Document, DriftError, Node, parse
from .shapes import Shape

Direction = Literal["sent", "received"]
"""From the point of view of a client: what it sends, what it receives."""

FAMILIES: tuple[tuple[str, str, Direction], ...] = (
    ("realtime server", "RealtimeServerEvent", "received"),
    ("realtime client", "RealtimeClientEvent", "sent"),
    ("translation server", "RealtimeTranslationServerEvent", "received"),
    ("translation client", "RealtimeTranslationClientEvent", "sent"),
)
"""Label, name of the union in the upstream document, direction."""

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@dataclass
class Roots:
    """The tables of one document."""

    events: dict[str, dict[str, Node]] = field(default_factory=dict)
    """Family label -> wire name -> payload schema."""
    operations: dict[str, Node] = field(default_factory=dict)
    """`POST /path` -> operation."""
    webhooks: dict[str, Node] = field(default_factory=dict)
    """Wire name -> payload schema."""


def upstream_roots(path: Path) -> Roots:
    """The realtime part of an OpenAPI document; what else is in it is left out."""
    content = parse(path)
    if not isinstance(content, Mapping) or not str(content.get("openapi", "")).startswith("3."):
        raise DriftError(
            f"{path}: is not an OpenAPI 3 document (no `openapi: 3.x` at its top); "
            "give the OpenAPI document of the service."
        )
    root = Document({path.name: content}).node(path.name)
    schemas = (content.get("components") or {}).get("schemas") or {}
    roots = Roots()
    for label, union, _ in FAMILIES:
        if union not in schemas:
            raise DriftError(
                f"{path}: has no schema {union}, so its events cannot be found; give the full "
                "document, or correct the name in codegen/drift/roots.py if it was renamed."
            )
        members = root.child("components", "schemas", union)
        key = "anyOf" if "anyOf" in schemas[union] else "oneOf"
        roots.events[label] = {_wire_name(m): m.resolved() for m in members.children(key)}
    _add_http(root, roots, only="realtime")
    return roots


def read_specs(specs: Path) -> Document:
    """The documents of a folder like specs/."""
    if not (specs / "realtime.openapi.yaml").is_file():
        raise DriftError(
            f"{specs}: has no realtime.openapi.yaml; run from the root of the repository, or name "
            "the folder with --specs."
        )
    return Document(load(specs).documents)


def our_roots(document: Document) -> Roots:
    """The same tables of specs/."""
    roots = Roots()
    for family in ("realtime", "translation"):
        api = document.node(f"{family}.asyncapi.yaml")
        for operation in api.children("operations"):
            side = "client" if operation.value.get("action") == "send" else "server"
            table = roots.events.setdefault(f"{family} {side}", {})
            for payload in _payloads(operation):
                table[_wire_name(payload)] = payload.resolved()
    _add_http(document.node("realtime.openapi.yaml"), roots, only="")
    return roots


def _payloads(operation: Node) -> Iterator[Node]:
    """The payloads of an AsyncAPI operation: its messages, or all of its channel."""
    holder = operation
    if operation.get("messages") is None:
        channel = operation.get("channel")
        if channel is None:
            raise DriftError(f"{operation}: names no channel; give it one.")
        holder = channel.resolved()
    for message in holder.children("messages"):
        payload = message.resolved().get("payload")
        if payload is None:
            raise DriftError(f"{message}: has no payload; refer to the schema of the event.")
        yield payload


def _wire_name(payload: Node) -> str:
    """The tag of an event; without one the name of its schema, so that it shows up as another."""
    end = payload.resolved()
    fields = end.get("properties")
    tag = fields.get("type") if fields else None
    values = Shape.of(tag).values if tag else []
    # A tag that has got a second value is reported when the events are compared.
    return str(values[0] if values else end.name or end)


def _add_http(root: Node, roots: Roots, only: str) -> None:
    paths = root.get("paths")
    for path, item in (paths.value if paths else {}).items():
        for method in _METHODS:
            if only in path and method in item:
                name = f"{method.upper()} {path}"
                roots.operations[name] = root.child("paths", path, method)
    for hook in root.children("webhooks"):
        if only not in hook.keys[-1]:
            continue
        body = hook.resolved().child("post", "requestBody").resolved()
        for media in body.children("content"):
            schema = media.get("schema")
            if schema is not None:
                roots.webhooks[_wire_name(schema)] = schema
