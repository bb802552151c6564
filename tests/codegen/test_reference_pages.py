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
        "| `serial` | integer | Number that the server gives it. | set by the server; at least 1 |"
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


@pytest.mark.parametrize("which", ["small", "real"])
def test_every_link_leads_somewhere(mini: Path, which: str) -> None:
    folder = (mini if which == "small" else ROOT / "generated") / "reference"
    pages = {path.name: path.read_text("utf-8") for path in folder.glob("*.md")}
    anchors = {
        name: {
            line.lstrip("# ").lower().replace(" ", "-")
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
