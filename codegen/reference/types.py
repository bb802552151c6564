"""The pages of the types: fields, members, who sends an event, who refers to a type."""

from __future__ import annotations

from ..schema import Alias, File, Model, Named, Object, Property, Schema, Type, Union
from .deviations import Deviations
from .links import Links, sides
from .wording import cell, join, notes, type_text


class TypePages:
    """One page for each schema file."""

    def __init__(self, model: Model, links: Links, deviations: Deviations) -> None:
        self._model = model
        self._links = links
        self._deviations = deviations

    def page(self, file: File) -> str:
        """All types of a file, in its order."""
        lines = [f"# {file.title}", "", self._links.prose(file.description), ""]
        for name in file.schemas:
            lines += self._schema(self._model.schemas[name])
        return "\n".join(lines)

    def _schema(self, schema: Schema) -> list[str]:
        lines = [f"## {schema.name}", ""]
        if schema.deprecated:
            lines += ["**Deprecated.**", ""]
        lines += [self._links.prose(schema.description, within=schema.name), ""]
        facts = self._facts(schema)
        if facts:
            lines += [facts, ""]
        match schema:
            case Object(properties=properties) if properties:
                lines += ["| Name | Type | Description | Notes |", "|---|---|---|---|"]
                lines += [self._row(schema, prop) for prop in properties]
            case Object():
                lines += ["No fields."]
            case Union():
                lines += self._members(schema)
            case Alias(type=type_):
                lines += [f"Type: {type_text(type_, self._links)}"]
        if isinstance(schema, Object):
            lines += self._deviations.of_type(schema)
        return [*lines, ""]

    def _facts(self, schema: Schema) -> str:
        facts = self._sent(schema.name)
        users = self._links.users(schema.name)
        if users:
            facts.append(f"Used in {join(users)}.")
        if schema.name in self._model.sent and not isinstance(schema, Alias):
            facts.append(f"As a dict: `{schema.name}Dict`.")
        return " ".join(facts)

    def _sent(self, name: str) -> list[str]:
        """Who sends an event, under which names, in which protocol; nothing for other types."""
        facts: list[str] = []
        for who in ("server", "client"):
            found = [
                (event, family)
                for family in self._model.families
                for side, events in sides(family)
                for event in events
                if side == who and event.schema == name
            ]
            if not found:
                continue
            wire = found[0][0].wire
            article = "the" if who == "server" else "a"
            protocols = join(self._links.family(family) for _, family in found)
            facts.append(f"Sent by {article} {who} as `{wire}`: {protocols}.")
            aliases = dict.fromkeys(
                alias
                for _, family in found
                for alias, target in family.server_aliases.items()
                if who == "server" and target == name
            )
            if aliases:
                facts.append(f"Also read as {join(f'`{alias}`' for alias in aliases)}.")
        return facts

    def _members(self, union: Union) -> list[str]:
        lines = []
        if union.by and len(union.objects) > 1:
            lines += [f"Told apart by {join(f'`{key}`' for key in union.by)}.", ""]
        lines += ["| Member | Tag |", "|---|---|"]
        for member in union.members:
            shown = cell(type_text(member, self._links))
            lines.append(f"| {shown} | {self._tags(union, member)} |")
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

    def _row(self, schema: Object, prop: Property) -> str:
        name = f"~~`{prop.name}`~~" if prop.deprecated else f"`{prop.name}`"
        said = [*notes(prop), *self._deviations.of_field(schema.name, prop.name)]
        cells = (
            type_text(prop.type, self._links),
            self._links.prose(prop.description, within=schema.name),
            "; ".join(said),
        )
        return f"| {name} | {' | '.join(map(cell, cells))} |"
