"""Reads the AsyncAPI and OpenAPI documents: which schemas go over which wire, in which direction.

Knows the two document formats as far as the specs use them; the schemas themselves are read before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from .loading import Specs
from .problems import Place, Problems
from .quirks import Quirks
from .schema import (
    Answer,
    Body,
    Event,
    Family,
    Named,
    Object,
    Operation,
    Parameter,
    Property,
    Schema,
    Type,
)
from .typereader import TypeReader

_METHODS = ("get", "put", "post", "delete", "patch")


def pascal(wire: str) -> str:
    """The class name of a wire name: `a.b_c` -> `ABC` in capitals of each word."""
    return "".join(word.capitalize() for word in re.split(r"[._]", wire))


class DocumentReader:
    """Reads what the schemas are for; turns tags of events into literals with their aliases."""

    def __init__(
        self, specs: Specs, quirks: Quirks, schemas: Mapping[str, Schema], problems: Problems
    ) -> None:
        self._specs = specs
        self._quirks = quirks
        self._schemas = schemas
        self._problems = problems
        self._names = {str(schema.place): name for name, schema in schemas.items()}
        self._types = TypeReader(specs, problems, self._names)

    def families(self) -> tuple[Family, ...]:
        return tuple(
            self._family(file, document)
            for file, document in self._specs.matching(".asyncapi.yaml").items()
        )

    def operations(self) -> tuple[Operation, ...]:
        return tuple(
            operation
            for file, document in self._specs.matching(".openapi.yaml").items()
            for webhook, section in ((False, "paths"), (True, "webhooks"))
            for operation in self._section(file, section, document.get(section) or {}, webhook)
        )

    # -- sockets ---------------------------------------------------------------------------------

    def _family(self, file: str, document: dict[str, Any]) -> Family:
        name = file.removesuffix(".asyncapi.yaml")
        root = Place(file)
        sides: dict[str, tuple[Event, ...]] = {"send": (), "receive": ()}
        for key, operation in document.get("operations", {}).items():
            at = root / "operations" / key
            action = operation.get("action")
            if action not in sides:
                self._problems.add(at / "action", f"unknown action {action!r}", "send or receive")
                continue
            sides[action] += tuple(
                event
                for index, message in enumerate(operation.get("messages", []))
                if (event := self._event(message, at / "messages" / index)) is not None
            )
        for side, events in sides.items():
            self._check_once(events, root / "operations", side)
        described = {event.schema for events in sides.values() for event in events}
        for key, message in document.get("components", {}).get("messages", {}).items():
            at = root / "components" / "messages" / key
            found = self._event(message, at)
            if found is not None and found.schema not in described:
                self._problems.add(
                    at, "a message that no operation sends or receives", "list it in an operation"
                )
        info = document.get("info", {})
        return Family(
            name,
            file,
            info.get("title", name),
            (info.get("description") or "").strip(),
            sides["receive"],
            sides["send"],
            self._server_aliases(name, sides["receive"]),
        )

    def _check_once(self, events: Iterable[Event], at: Place, side: str) -> None:
        seen: set[str] = set()
        for event in events:
            if event.wire in seen:
                self._problems.add(
                    at, f"{side}: {event.wire} occurs twice", "remove one of the two"
                )
            seen.add(event.wire)

    def _event(self, node: Any, at: Place) -> Event | None:
        message, place = self._specs.follow(node, at)
        name = self._schema_of(message.get("payload"), place / "payload")
        if name is None:
            return None
        schema = self._schemas[name]
        wire = message.get("name")
        tag = schema.get("type") if isinstance(schema, Object) else None
        if tag is None or tag.tag is None or tag.tag.value != wire:
            self._problems.add(
                place / "name",
                f"the message is called {wire!r} and the `type` of {name} says otherwise",
                f"let `name:` and the constant `type` in {schema.place} be the same wire name",
            )
            return None
        key = place.pointer.rpartition("/")[2]
        if key != name:
            self._problems.add(
                place, f"the key {key!r} is not the name of the payload's schema", f"call it {name}"
            )
        expected = pascal(wire)
        if not (name.endswith(expected) or name == f"{expected}Event"):
            self._problems.add(
                schema.place, f"{name} is not named after {wire!r}", f"call it {expected}"
            )
        return Event(wire, name, message.get("title", name), (message.get("summary") or "").strip())

    def _server_aliases(self, family: str, events: tuple[Event, ...]) -> dict[str, str]:
        by_wire = {event.wire: event.schema for event in events}
        return {
            entry.alias: by_wire[entry.name]
            for entry in self._quirks.event_aliases
            if entry.name in by_wire and entry.family in (None, family)
        }

    # -- HTTP ------------------------------------------------------------------------------------

    def _section(
        self, file: str, section: str, paths: dict[str, Any], webhook: bool
    ) -> Iterator[Operation]:
        for path, item in paths.items():
            at = Place(file) / section / path
            for method in _METHODS:
                if method in item:
                    yield self._operation(
                        path, method, item[method], item.get("parameters", []), at, webhook
                    )

    def _operation(
        self,
        path: str,
        method: str,
        node: dict[str, Any],
        shared: list[Any],
        path_at: Place,
        webhook: bool,
    ) -> Operation:
        at = path_at / method
        for key in ("operationId", "summary", "description", "tags"):
            if not node.get(key):
                self._problems.add(at, f"the operation has no {key}", f"add `{key}:`")
        request, request_at = self._specs.follow(node.get("requestBody") or {}, at / "requestBody")
        parameters = [
            *((item, path_at / "parameters" / index) for index, item in enumerate(shared)),
            *(
                (item, at / "parameters" / index)
                for index, item in enumerate(node.get("parameters", []))
            ),
        ]
        return Operation(
            id=node.get("operationId", f"{method} {path}"),
            method=method,
            path=path,
            tag=(node.get("tags") or ["default"])[0],
            summary=(node.get("summary") or "").strip(),
            description=(node.get("description") or "").strip(),
            parameters=tuple(self._parameter(item, place) for item, place in parameters),
            bodies=self._bodies(request, request_at),
            body_required=request.get("required") is True,
            answers=tuple(
                self._answer(status, item, at / "responses" / status)
                for status, item in node.get("responses", {}).items()
            ),
            place=at,
            deprecated=node.get("deprecated") is True,
            webhook=webhook,
        )

    def _parameter(self, node: Any, at: Place) -> Parameter:
        found, place = self._specs.follow(node, at)
        type_, _ = self._types.read(found.get("schema", {}), place / "schema")
        return Parameter(
            found["name"],
            found["in"],
            type_,
            found.get("required") is True,
            (found.get("description") or "").strip(),
        )

    def _bodies(self, node: dict[str, Any], at: Place) -> tuple[Body, ...]:
        bodies = []
        for media_type, media in node.get("content", {}).items():
            place = at / "content" / media_type / "schema"
            schema = media.get("schema", {})
            bodies.append(
                Body(
                    media_type,
                    self._types.read(schema, place)[0],
                    (schema.get("description") or node.get("description") or "").strip(),
                    {name: part["contentType"] for name, part in media.get("encoding", {}).items()},
                )
            )
        return tuple(bodies)

    def _answer(self, status: str, node: Any, at: Place) -> Answer:
        found, place = self._specs.follow(node, at)
        return Answer(
            status,
            (found.get("description") or "").strip(),
            self._bodies(found, place),
            {
                name: (header.get("description") or "").strip()
                for name, header in found.get("headers", {}).items()
            },
        )

    def _schema_of(self, node: Any, at: Place) -> str | None:
        if not isinstance(node, dict) or "$ref" not in node:
            self._problems.add(
                at, "no reference to a schema", "write `$ref: ./schemas/file.yaml#/$defs/Name`"
            )
            return None
        target = self._specs.target(node["$ref"], at)
        self._specs.get(target, at / "$ref")
        name = self._names.get(str(target))
        if name is None:
            self._problems.add(
                at, f"{node['$ref']} is no named schema", "point it at `file.yaml#/$defs/Name`"
            )
        return name


def with_event_aliases(
    schemas: Mapping[str, Schema], families: Iterable[Family]
) -> dict[str, Schema]:
    """The schemas, with the other wire names of events added to their tags."""
    changed = dict(schemas)
    for family in families:
        for alias, name in family.server_aliases.items():
            schema = changed[name]
            assert isinstance(schema, Object)
            changed[name] = replace(
                schema,
                properties=tuple(_aliased(prop, alias) for prop in schema.properties),
            )
    return changed


def _aliased(prop: Property, alias: str) -> Property:
    if prop.name != "type" or prop.tag is None or alias in prop.tag.aliases:
        return prop
    return replace(prop, type=replace(prop.tag, aliases=(*prop.tag.aliases, alias)))


def check_aliases(quirks: Quirks, families: Iterable[Family], problems: Problems) -> None:
    """Every event alias must lead somewhere."""
    families = list(families)
    for entry in quirks.event_aliases:
        if not any(entry.alias in family.server_aliases for family in families):
            problems.add(
                entry.place,
                f"no server event is called {entry.name!r}",
                "correct the name or delete the entry",
            )
        for family in families:
            if entry.alias in {event.wire for event in family.server} and entry.family in (
                None,
                family.name,
            ):
                problems.add(
                    entry.place,
                    f"{entry.alias!r} is an event of its own in {family.file}",
                    "delete the alias or the event",
                )


def roots(families: Iterable[Family], operations: Iterable[Operation]) -> tuple[set[str], set[str]]:
    """The schemas that a server and a client send as they are."""
    received: set[str] = set()
    sent: set[str] = set()
    for family in families:
        received.update(event.schema for event in family.server)
        sent.update(event.schema for event in family.client)
    for operation in operations:
        (received if operation.webhook else sent).update(_names(operation.bodies))
        for answer in operation.answers:
            (sent if operation.webhook else received).update(_names(answer.bodies))
    return received, sent


def _names(bodies: Iterable[Body]) -> Iterator[str]:
    types: Iterable[Type] = (body.type for body in bodies)
    return (type_.name for type_ in types if isinstance(type_, Named))
