"""Which public names the pages of the Python API have, and which they take by themselves.

A page names objects as ``::: voxwire.session.session.Session``. The line
``<!-- the rest of voxwire.protocol.codec -->`` stands for all names of that module's ``__all__``
that no page names. So a new name is on the site without a change here; a new public package needs
such a line, and a test says so.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

PAGES = Path(__file__).resolve().parents[1] / "api"
_NAMED = re.compile(r"^::: ([\w.]+)", re.MULTILINE)
_REST = re.compile(r"^<!-- the rest of ([\w.]+) -->$", re.MULTILINE)
_HEADING = re.compile(r"^(##+) ", re.MULTILINE)


class Public(NamedTuple):
    """A public name: where it is imported from, and where it is told about."""

    module: str
    name: str
    page: str
    """The page's name, without its ending."""
    path: str
    """The anchor on the page."""


def names(module: str) -> list[str]:
    """What a module offers. Of ``voxwire`` itself, what is not the protocol's."""
    found = import_module(module)
    return sorted(found._MODULES) if module == "voxwire" else list(getattr(found, "__all__", ()))


def packages() -> list[str]:
    """The modules whose names the pages take by themselves, in the order of the pages."""
    return [module for page in _pages() for module in _REST.findall(_text(page))]


def public() -> list[Public]:
    """Every public name of ``voxwire`` and of its public packages, once, by its shortest path."""
    found: list[Public] = []
    for module in dict.fromkeys(["voxwire", *packages()]):
        for name in names(module):
            place = place_of(module, name)
            if place is not None and all(place != (each.page, each.path) for each in found):
                found.append(Public(module, name, *place))
    return found


def place_of(module: str, name: str) -> tuple[str, str] | None:
    """Page and anchor of a name; nothing where no page has it."""
    value = getattr(import_module(module), name)
    for page in _pages():
        for path in _NAMED.findall(_text(page)):
            home, _, last = path.rpartition(".")
            if last == name and _same(home, name, value):
                return page.stem, path
    rests = [(page, package) for page in _pages() for package in _REST.findall(_text(page))]
    # What only the page with the rest of `voxwire` itself has comes last.
    for page, package in sorted(rests, key=lambda rest: rest[1] == "voxwire"):
        if name in names(package) and _same(package, name, value):
            return page.stem, f"{package}.{name}"
    return None


def expanded(text: str, page: str) -> str:
    """The text of a page with its lines for the rest written out."""

    def entries(line: re.Match[str]) -> str:
        named = _NAMED.findall(text)
        before = _HEADING.findall(text, 0, line.start())
        level = len(before[-1]) + 1 if before else 2
        return "\n\n".join(
            f"::: {line[1]}.{name}\n    options: {{heading_level: {level}}}"
            for name in names(line[1])
            if (path := f"{line[1]}.{name}") not in named
            and place_of(line[1], name) == (page, path)
        )

    return _REST.sub(entries, text)


def table() -> str:
    """All names, by the module that they are imported from, with links."""
    lines: list[str] = []
    found = public()
    for module in dict.fromkeys(each.module for each in found):
        links = (
            f"[`{each.name}`][{each.path}]"
            for each in sorted(found, key=lambda each: each.name.casefold())
            if each.module == module
        )
        lines += [f"## `{module}` {{ #{module.replace('.', '-')} }}", "", ", ".join(links), ""]
    return "\n".join(lines)


def _same(module: str, name: str, value: Any) -> bool:
    return getattr(import_module(module), name, None) is value


def _pages() -> list[Path]:
    return sorted(PAGES.glob("*.md"))


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")
