"""The generated reference pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\(([^)#]+)(?:#([^)]+))?\)")


def page(mini: Path, name: str) -> str:
    return (mini / "reference" / name).read_text("utf-8")


def test_a_model_has_a_table(mini: Path) -> None:
    text = page(mini, "things.md")
    assert "## SoundPart\n\nA part to listen to." in text
    assert "| Name | Type | Description | Notes |" in text
    assert (
        "| `serial` | integer | Number that the server gives it. | set by the server; at least 1; "
        in text
    )
    assert "secret, not shown in repr" in text
    assert "may be null" in text
    assert "at least 1 entry" in text


def test_a_union_lists_its_members(mini: Path) -> None:
    text = page(mini, "things.md")
    assert "| [`TextPart`](things.md#textpart) | `kind` `text` or `prose` |" in text
    assert "| `Unknown` |" in text


def test_events_and_operations_have_pages(mini: Path) -> None:
    assert "| `thing.made` | [`ThingMade`](things.md#thingmade) |" in page(mini, "mini-events.md")
    assert "Also read as `thing.created`" in page(mini, "mini-events.md")
    text = page(mini, "operations.md")
    assert "`POST /things/{thing_id}/label` (print_label)" in text
    assert "with `text` as `text/x-label`" in text


def test_an_event_says_who_sends_it_where(mini: Path) -> None:
    text = page(mini, "things.md")
    assert (
        "Sent by the server as `thing.made`: [A protocol to test with](mini-events.md). "
        "Also read as `thing.created`." in text
    )
    assert "Sent by a client as `thing.make`" in text


def test_what_is_mentioned_is_linked(mini: Path) -> None:
    text = page(mini, "things.md")
    assert "Answered by [`thing.made`](things.md#thingmade)." in text
    operations = page(mini, "operations.md")
    assert "| [Print a label](operations.md#print-a-label) | `POST /things" in operations
    assert "Used in [Print a label](operations.md#print-a-label)." in text


def test_what_servers_do_otherwise_stands_where_it_is_looked_for(mini: Path) -> None:
    here = "[The workshop](vendors.md#the-workshop)"
    event = page(mini, "things.md").split("## ThingMade")[1].split("\n## ")[0]
    assert f"| {here} | `part.serial` | Null, published as `integer`. | recorded, 3 |" in event
    assert "event_id" not in event, "what all events have in common is told once"
    part = page(mini, "things.md").split("## SoundPart")[1].split("\n## ")[0]
    assert f"at least 1; null from {here} |" in part
    assert f"- {here}: `Content-Type` `text/plain`. (recorded)" in page(mini, "operations.md")
    vendors = page(mini, "vendors.md")
    assert "| a thing without parts | `no_parts` |  | probed |" in vendors
    assert "| all | `event_id` | Left out. | recorded |" in vendors


@pytest.mark.parametrize("which", ["small", "real"])
def test_every_link_leads_somewhere(mini: Path, which: str) -> None:
    folder = (mini if which == "small" else ROOT / "generated") / "reference"
    pages = {path.name: path.read_text("utf-8") for path in folder.glob("*.md")}
    anchors = {
        name: {
            re.sub(r"[^\w -]", "", line.lstrip("# ")).lower().replace(" ", "-")
            for line in text.splitlines()
            if line.startswith("#")
        }
        for name, text in pages.items()
    }
    links = [(name, *link) for name, text in pages.items() for link in LINK.findall(text)]
    assert links
    broken = [
        f"{name}: {target}#{anchor}"
        for name, target, anchor in links
        if target not in pages or (anchor and anchor not in anchors[target])
    ]
    assert not broken
