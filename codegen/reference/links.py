"""Where everything is on the pages: types, events by their wire names, operations.

Knows places; does not know what is written there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from ..schema import Alias, Event, Family, File, Model, Object, Operation, Schema, Union, names_in

_CODE = re.compile(r"(?<![\[`])`([A-Za-z_.]+)`(?![`\]])")


class Links:
    """Links to types and events, and who refers to a type."""

    def __init__(self, model: Model) -> None:
        self._page = {name: self.page_of(file) for file in model.files for name in file.schemas}
        self._users: dict[str, list[str]] = {}
        for schema in model.schemas.values():
            for name in dict.fromkeys(_mentioned(schema)):
                self._users.setdefault(name, []).append(self.type(schema.name))
        for operation in model.operations:
            for name in dict.fromkeys(_in_operation(operation)):
                self._users.setdefault(name, []).append(self.operation(operation))
        self._wires: dict[str, dict[str, str]] = {}
        for family in model.families:
            for event in (*family.server, *family.client):
                self._wires.setdefault(event.wire, {})[family.name] = event.schema
            for alias, name in family.server_aliases.items():
                self._wires.setdefault(alias, {})[family.name] = name

    @staticmethod
    def page_of(file: File) -> str:
        """The name of the page of a schema file, without its ending."""
        return PurePosixPath(file.name).stem.replace("_", "-")

    def type(self, name: str, *, bare: bool = False) -> str:
        """A link to a type."""
        shown = name if bare else f"`{name}`"
        return f"[{shown}]({self._page[name]}.md#{name.lower()})"

    def event(self, wire: str, *, family: str = "", on: str = "") -> str:
        """A link from its wire name to an event; where two protocols have the name, to that of the
        `family`, or the one that is on the page `on`."""
        found = self._wires.get(wire)
        if not found:
            return f"`{wire}`"
        here = (name for name in found.values() if self._page[name] == on)
        name = found.get(family) or next(here, None) or next(iter(found.values()))
        return f"[`{wire}`]({self._page[name]}.md#{name.lower()})"

    @staticmethod
    def family(family: Family) -> str:
        """A link to a protocol."""
        return f"[{family.title}]({family.name}-events.md)"

    @staticmethod
    def operation(operation: Operation) -> str:
        """A link to an operation."""
        return f"[{operation.summary}](operations.md#{slug(operation.summary)})"

    def users(self, name: str) -> list[str]:
        """Links to the types and operations that a type is used in."""
        return self._users.get(name, [])

    def prose(self, text: str, *, within: str = "") -> str:
        """A text, with links from the wire names and the types that it mentions.

        A word without a dot is no wire name here: `error` is more often the field.
        """
        page = self._page.get(within, "")

        def linked(code: re.Match[str]) -> str:
            name = code[1]
            if name in self._page and name != within:
                return self.type(name)
            found = self._wires.get(name, {})
            if "." in name and found and within not in found.values():
                return self.event(name, on=page)
            return code[0]

        return _CODE.sub(linked, text)


def slug(heading: str) -> str:
    """The anchor of a heading, as git hosts and the site make it."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())


def sides(family: Family) -> Iterable[tuple[str, tuple[Event, ...]]]:
    """Who sends, and what."""
    return (("server", family.server), ("client", family.client))


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


def _in_operation(operation: Operation) -> Iterable[str]:
    bodies = [*operation.bodies, *(body for item in operation.answers for body in item.bodies)]
    for body in bodies:
        yield from names_in(body.type)
