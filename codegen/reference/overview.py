"""The first page, and one for each protocol: lists that lead to the pages of the types."""

from __future__ import annotations

from ..schema import Event, Family, Model
from .links import Links
from .wording import cell, join, sentence


def index_page(model: Model, links: Links) -> str:
    """Everything there is, by file."""
    lines = [
        "# Reference",
        "",
        "Every type, event and operation of the protocol, as the specs describe them. In the "
        "tables, *required* means that a value has to be given, *may be null* that null is "
        "documented, and *set by the server* that a client has no business with the field. "
        "Servers send less, more and other things than is written here; reading is lenient "
        "about it.",
        "",
        "| page | what is there |",
        "|---|---|",
        *(
            f"| {links.family(family)} | {len(family.server)} server events, "
            f"{len(family.client)} client events |"
            for family in model.families
        ),
        f"| [HTTP operations](operations.md) | {len(model.operations)} requests and webhooks |",
    ]
    if model.vendors:
        lines.append(
            f"| [How servers differ](vendors.md) | what {len(model.vendors)} servers and clients "
            "do otherwise than is written here |"
        )
    for file in model.files:
        page = f"{links.page_of(file)}.md"
        lines += ["", f"## {file.title}", "", f"[The page]({page})", "", "| Type | What it is |"]
        lines.append("|---|---|")
        lines += [
            f"| {links.type(name)} | {cell(sentence(model.schemas[name].description))} |"
            for name in file.schemas
        ]
    return "\n".join(lines) + "\n"


def family_page(family: Family, links: Links) -> str:
    """The events of a protocol, by who sends them."""
    lines = [f"# {family.title}", "", links.prose(family.description), ""]
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
        lines += [_event_row(event, aliases.get(event.schema, []), links) for event in events]
        lines.append("")
    return "\n".join(lines)


def _event_row(event: Event, aliases: list[str], links: Links) -> str:
    also = f" Also read as {join(f'`{alias}`' for alias in aliases)}." if aliases else ""
    return f"| `{event.wire}` | {links.type(event.schema)} | {cell(event.summary)}{also} |"
