"""Writes the reference pages: every model, event, operation and deviation, linked to each other.

What the pages say is all in the specs.
"""

from __future__ import annotations

from pathlib import Path

from ..files import page_header, write
from ..schema import Model
from .deviations import Deviations
from .links import Links
from .operations import operations_page
from .overview import family_page, index_page
from .types import TypePages

__all__ = ["write_reference"]


def write_reference(model: Model, folder: Path) -> None:
    """Write all pages into `folder`."""
    links = Links(model)
    deviations = Deviations(model, links)
    types = TypePages(model, links, deviations)
    write(folder / "index.md", page_header("specs/") + index_page(model, links))
    for family in model.families:
        write(
            folder / f"{family.name}-events.md",
            page_header(f"specs/{family.file}") + family_page(family, links),
        )
    for file in model.files:
        write(
            folder / f"{links.page_of(file)}.md",
            page_header(f"specs/{file.name}") + types.page(file),
        )
    write(
        folder / "operations.md",
        page_header("specs/realtime.openapi.yaml") + operations_page(model, links, deviations),
    )
    if model.vendors:
        write(folder / "vendors.md", page_header("specs/quirks.yaml") + deviations.page())
