"""What is shown and where: text that is safe to print, and consoles that suit a pipe.

Knows rich and the terminal; knows no event.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

__all__ = ["clean", "fail", "hang", "inform", "screen"]

# A pipe has no width. Tables of file names and JSON paths need more than the usual 80 columns.
_PIPE_WIDTH = 160

# What moves the cursor or changes the terminal: all control characters but line end and tab, the
# marks that turn the direction of writing, and halves of surrogate pairs, which nothing can print.
# A server's text is shown, never obeyed.
_RANGES = (
    range(0x09),
    range(0x0B, 0x20),
    range(0x7F, 0xA0),
    range(0x202A, 0x202F),
    range(0x2066, 0x206A),
    range(0xD800, 0xE000),
)
_CONTROLS = {code: "\N{REPLACEMENT CHARACTER}" for codes in _RANGES for code in codes}


def clean(text: str) -> str:
    """``text`` with nothing in it that a terminal would obey."""
    return text.replace("\r\n", "\n").translate(_CONTROLS)


def screen(*, error: bool = False) -> Console:
    """A console for what is to be read; in a pipe wide enough that no table is cut."""
    stream = sys.stderr if error else sys.stdout
    wide = None if stream.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH
    return Console(stderr=error, highlight=False, markup=False, emoji=False, width=wide)


def hang(console: Console, line: Text, indent: int) -> None:
    """A line, the rest of which hangs under the column `indent` in a terminal; whole in a pipe."""
    if not console.is_terminal:
        console.print(line, soft_wrap=True)
        return
    indent = min(indent, console.width // 3)
    first = line.wrap(console, console.width, tab_size=4)[:1]
    begun = len(first[0].plain.rstrip()) if first else 0
    console.print(line[:begun])
    rest = line[begun:]
    gap = len(rest.plain) - len(rest.plain.lstrip())
    if rest.plain.strip():
        parts: Iterable[Text] = rest[gap:].wrap(console, console.width - indent)
        for part in parts:
            console.print(Text(" " * indent) + part)


def inform(text: str) -> None:
    """A line beside the result, on stderr."""
    hang(screen(error=True), Text(clean(text), "yellow"), 2)


def fail(text: str) -> None:
    """A line that says why there is no result, on stderr."""
    hang(screen(error=True), Text(f"voxwire: {clean(text)}", "red"), 2)
