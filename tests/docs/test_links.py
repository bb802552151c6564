"""Links between the pages of the repository lead somewhere, and every page is in the menu."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import markdown_blocks
import pytest
import yaml
from markdown_blocks import ROOT

DOCS = ROOT / "docs"
PAGES = [
    *markdown_blocks.pages(),
    ROOT / "CHANGELOG.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "examples").rglob("README.md")),
    ROOT / "specs" / "README.md",
    *sorted((ROOT / "generated" / "reference").glob("*.md")),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken: list[str] = []
    for line, link in markdown_blocks.links(page):
        parts = urlsplit(link)
        if parts.scheme in ("http", "https"):
            # Nobody is asked here; an address has to be whole, and readers come safely there.
            if parts.scheme == "http" or "." not in (parts.hostname or ""):
                broken.append(f"line {line}: {link}: no address of another host")
            continue
        target = Path(os.path.normpath(page.parent / unquote(parts.path))) if parts.path else page
        if not target.exists():
            broken.append(f"line {line}: {link}: there is no such file")
        elif (
            parts.fragment
            and target.suffix == ".md"
            and parts.fragment not in markdown_blocks.anchors(target)
        ):
            broken.append(f"line {line}: {link}: there is no such heading")
    assert not broken, "\n".join(broken)


def test_the_menu_has_every_page_once() -> None:
    config = yaml.safe_load((DOCS / "mkdocs" / "mkdocs.yml").read_text(encoding="utf-8"))
    named = [name for name in _leaves(config["nav"]) if (DOCS / name).suffix == ".md"]
    elsewhere = {"specs.md", "changelog.md", "promises.md"}
    there = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert sorted(named) == sorted(there | elsewhere)


def _leaves(entry: Any) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    children = entry.values() if isinstance(entry, dict) else entry
    return [leaf for child in children for leaf in _leaves(child)]
