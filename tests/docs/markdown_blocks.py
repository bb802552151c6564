"""The code blocks, comments and headings of Markdown pages. Knows Markdown; runs nothing.

A comment above a block belongs to it: ``<!-- setup: name -->`` (see ``block_setups``). An
``output`` block directly below a ``python`` block is what that prints.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import attrs

ROOT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,}|~{3,})(?P<info>.*)$")
_SETUP = re.compile(r"^ *<!-- setup: (?P<names>.+?) -->$")
_HEADING = re.compile(r"^#{1,6} +(.+?)(?: +\{ ?#(?P<id>[\w-]+) ?\})?$")
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\((?P<target>[^)\s]+)\)")


@attrs.frozen(kw_only=True)
class Block:
    """A fenced block."""

    page: Path
    line: int
    language: str
    text: str
    setups: tuple[str, ...] = ()
    output: str | None = None

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Every page that people wrote."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found: list[Block] = []
    setups: tuple[str, ...] = ()
    lines = enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
    between = False  # whether there was anything but blank lines since the last block
    for number, line in lines:
        if comment := _SETUP.match(line):
            setups = tuple(name.strip() for name in comment["names"].split(";"))
        fence = _FENCE.match(line)
        if fence is None:
            if line.strip() and not comment:
                between, setups = True, ()
            continue
        text = "\n".join(_inside(lines, fence["ticks"], len(fence["indent"]))) + "\n"
        language = (fence["info"].split() or [""])[0]
        if language == "output":
            if between or not found or found[-1].language != "python":
                raise ValueError(f"{page}:{number}: output of no python block")
            found[-1] = attrs.evolve(found[-1], output=text)
        else:
            found.append(Block(page=page, line=number, language=language, text=text, setups=setups))
        between, setups = False, ()
    return found


def _inside(lines: Iterator[tuple[int, str]], ticks: str, indent: int) -> Iterator[str]:
    for _, line in lines:
        if line.strip() == ticks:
            return
        yield line[indent:] if not line[:indent].strip() else line
    raise ValueError("the last block is not closed")


def _prose(page: Path) -> Iterator[tuple[int, str]]:
    lines = enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
    for number, line in lines:
        if fence := _FENCE.match(line):
            for _ in _inside(lines, fence["ticks"], 0):
                pass
        else:
            yield number, line


def links(page: Path) -> Iterator[tuple[int, str]]:
    """Line and target of each link and image in the prose."""
    for number, line in _prose(page):
        for link in _LINK.finditer(re.sub(r"`[^`]*`(?!\])", "", line)):
            yield number, link["target"]


def anchors(page: Path) -> set[str]:
    """What can stand behind ``#`` in a link to a page."""
    found: set[str] = set()
    for _, line in _prose(page):
        found.update(re.findall(r'<\w+ [^>]*\bid="([^"]+)"', line))
        if heading := _HEADING.match(line):
            slug = base = heading["id"] or _slug(heading[1])
            number = 0
            while slug in found:
                number += 1
                slug = f"{base}_{number}"
            found.add(slug)
    return found


def _slug(heading: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", text).strip().lower())
