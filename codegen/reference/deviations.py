"""How servers differ from the specs: a page, and a word where an event, a field is described."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..schema import Deviation, Manner, Model, Object, Operation, Vendor
from ..vendors import MANNERS, fields, of_event, of_operation
from .links import Links, slug
from .wording import as_json, cell, join

_TITLES: dict[Manner, str] = {
    "other_names": "Names and shapes",
    "extra_events": "Further events",
    "missing": "What it leaves out",
    "nulls": "Nulls",
    "undeclared": "Undeclared fields",
    "values": "Values",
    "order": "Order",
    "errors": "Errors",
    "connection": "Connection",
    "http": "HTTP",
    "wants": "What it wants",
}
# What a field that a deviation leads to is said to be, in its own table.
_AT_FIELDS: dict[Manner, str] = {
    "nulls": "null from {}",
    "missing": "not sent by {}",
    "values": "otherwise from {}",
}
_EVIDENCE = (
    "| Evidence | |",
    "|---|---|",
    "| recorded | in traffic that was kept; the number is that of the frames |",
    "| probed | tried by hand with the live service |",
    "| read | in the server's source |",
    "| reported | by users or maintainers |",
    "| documented | by the vendor |",
)


class Deviations:
    """What the vendors of a model do otherwise, by what it is about."""

    def __init__(self, model: Model, links: Links) -> None:
        self._model = model
        self._links = links
        self._by_type: dict[str, list[tuple[Vendor, Deviation]]] = {}
        self._by_field: dict[tuple[str, str], dict[Manner, dict[str, None]]] = {}
        for vendor in model.vendors:
            for deviation in vendor.deviations:
                self._place(vendor, deviation)

    def _place(self, vendor: Vendor, deviation: Deviation) -> None:
        for wire, name in self._events(vendor.family):
            schema = self._model.schemas[name]
            assert isinstance(schema, Object)
            if not of_event(deviation, wire, schema):
                continue
            found = self._by_type.setdefault(name, [])
            if (vendor, deviation) not in found:
                found.append((vendor, deviation))
            if deviation.manner not in _AT_FIELDS or "values" in deviation.said:
                continue
            for path in deviation.paths:
                for field in fields(self._model.schemas, name, path):
                    if field[0] != name:  # its own table has the deviation below
                        manners = self._by_field.setdefault(field, {})
                        manners.setdefault(deviation.manner, {})[_link(vendor)] = None

    def _events(self, of: str) -> Iterator[tuple[str, str]]:
        for family in self._model.families:
            if family.name == of:
                yield from ((event.wire, event.schema) for event in family.server)
                yield from family.server_aliases.items()

    def of_type(self, schema: Object) -> list[str]:
        """A table for below the fields of an event."""
        found = self._by_type.get(schema.name)
        if not found:
            return []
        rows = [
            f"| {' | '.join((_link(vendor), *_told(deviation)))} |" for vendor, deviation in found
        ]
        head = ["| Server | Where | What it does otherwise | Evidence |", "|---|---|---|---|"]
        return ["", "Seen otherwise:", "", *head, *rows]

    def of_field(self, owner: str, name: str) -> list[str]:
        """Notes for the row of a field."""
        manners = self._by_field.get((owner, name), {})
        return [_AT_FIELDS[manner].format(join(who)) for manner, who in manners.items()]

    def of_operation(self, operation: Operation) -> list[str]:
        """Lines for below an operation."""
        found = [
            f"- {_link(vendor)}: {_where(deviation)} {_what(deviation)} ({_seen(deviation)})"
            for vendor in self._model.vendors
            for deviation in vendor.deviations
            if of_operation(deviation, operation)
        ]
        return ["Seen otherwise:", "", *found, ""] if found else []

    def page(self) -> str:
        """Everything, by vendor."""
        lines = [
            "# How servers differ",
            "",
            "What servers, and a few clients, do otherwise than the specs say. None of it stops a "
            "session: what a server sends is read leniently, whoever sent it. It is kept so that "
            "nobody has to find it out again.",
            "",
            *_EVIDENCE,
            "",
        ]
        for vendor in self._model.vendors:
            lines += [f"## {vendor.title}", "", f"Evidence: {vendor.evidence}.", ""]
            for manner in MANNERS:
                found = [item for item in vendor.deviations if item.manner == manner]
                if found:
                    lines += [f"**{_TITLES[manner]}**", "", *self._table(vendor, manner, found), ""]
        return "\n".join(lines).replace("..\n", ".\n")

    def _table(self, vendor: Vendor, manner: Manner, found: list[Deviation]) -> list[str]:
        rows: list[tuple[str, ...]]
        head: tuple[str, ...]
        match manner:
            case "errors":
                head = ("Cause", "Code", "What else", "Evidence")
                rows = [_error(item) for item in found]
            case "order" | "connection" | "other_names":
                head = ("What", "Evidence")
                rows = [(self._sequence(vendor, item) + _what(item), _seen(item)) for item in found]
            case "http":
                head = ("Operation", "Where", "What", "Evidence")
                rows = [(self._operation(item), *_told(item)) for item in found]
            case _:
                head = ("Events", "Where", "What", "Evidence")
                rows = [(self._wires(vendor, item.events), *_told(item)) for item in found]
        return [
            f"| {' | '.join(head)} |",
            "|" + "---|" * len(head),
            *(f"| {' | '.join(row)} |" for row in rows),
        ]

    def _wires(self, vendor: Vendor, wires: Sequence[str]) -> str:
        if tuple(wires) == ("*",):
            return "all"
        return ", ".join(self._links.event(wire, family=vendor.family) for wire in wires)

    def _sequence(self, vendor: Vendor, deviation: Deviation) -> str:
        wires = deviation.said.get("sequence", ())
        return f"{self._wires(vendor, wires)}. " if wires else ""

    def _operation(self, deviation: Deviation) -> str:
        name = deviation.said.get("operation")
        found = [item for item in self._model.operations if item.id == name]
        return self._links.operation(found[0]) if found else f"`{name}`"


def _link(vendor: Vendor) -> str:
    return f"[{vendor.title}](vendors.md#{slug(vendor.title)})"


def _told(deviation: Deviation) -> tuple[str, str, str]:
    return _where(deviation), _what(deviation), _seen(deviation)


def _where(deviation: Deviation) -> str:
    paths = ", ".join(f"`{path}`" for path in deviation.paths if path != "*")
    keys = ", ".join(f"`{key}`" for key in deviation.said.get("keys", ()))
    return ": ".join(part for part in (paths, keys) if part)


def _what(deviation: Deviation) -> str:
    said = deviation.said
    parts: list[str] = []
    match deviation.manner:
        case "undeclared":
            parts.append("Not in the published schema.")
        case "nulls" if said.get("published", "nullable") != "nullable":
            parts.append(f"Null, published as `{said['published']}`.")
        case "nulls":
            parts.append("Null.")
        case "missing" if deviation.paths:
            parts.append("Left out.")
        case "missing":
            parts.append("Not always sent." if said.get("frames") else "Not sent.")
        case _:
            pass
    if values := said.get("values"):
        parts.append(f"{join(f'`{value}`' for value in values)}.")
    if "seen" in said:
        parts.append(f"{_value(said['seen'])}.")
    if "published" in said and deviation.manner == "values":
        parts.append(f"Published as `{said['published']}`.")
    if "note" in said:
        parts.append(str(said["note"]))
    return cell(" ".join(parts))


def _error(deviation: Deviation) -> tuple[str, str, str, str]:
    said = deviation.said
    code = f"`{said['code']}`" if "code" in said else ""
    what = [str(said["note"])] if "note" in said else []
    if "param" in said:
        what.append(
            f"`param`: {_value(said['param']) if said['param'] is None else said['param']}."
        )
    if "close" in said:
        what.append(f"Then a close with {said['close']}.")
    return cell(str(said["cause"])), code, cell(" ".join(what)), _seen(deviation)


def _value(value: Any) -> str:
    return f"`{value if isinstance(value, str) else as_json(value)}`"


def _seen(deviation: Deviation) -> str:
    said = deviation.said
    evidence = str(said["evidence"])
    if "frames" in said:
        of = f" of {said['of']}" if "of" in said else ""
        evidence += f", {said['frames']:,}{of}"
    return cell(evidence)
