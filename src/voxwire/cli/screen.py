"""What is shown and where: text that is safe to print, and consoles that suit a pipe.

Knows rich and the terminal; knows no event.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "begin",
    "clean",
    "fail",
    "hang",
    "inform",
    "logged_here",
    "moving",
    "screen",
    "steps",
]


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


def begin(debug: bool) -> None:
    """Have the log shown on stderr."""
    logger = logging.getLogger("voxwire")
    for handler in list(logger.handlers):
        if isinstance(handler, _Lines):
            logger.removeHandler(handler)
    logger.addHandler(_Lines(debug))
    logger.propagate = False
    logger.setLevel(logging.DEBUG if debug else logging.WARNING)


def logged_here() -> bool:
    """Whether each step of the library is logged to a terminal, between what else stands there."""
    return logging.getLogger("voxwire").isEnabledFor(logging.DEBUG) and sys.stderr.isatty()


def moving(console: Console) -> bool:
    """Whether to show what moves, such as a bar: in a terminal that can, to which nothing else
    writes: neither a pipe whose other end is there, too, nor a log."""
    shown = console.is_terminal and not console.is_dumb_terminal and not console.no_color
    return shown and sys.stdout.isatty() and not logged_here()


class _Lines(logging.Handler):
    """A line for each record; the traceback only where it was asked for."""

    def __init__(self, debug: bool) -> None:
        super().__init__()
        self._debug = debug

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text.startswith("tool ") and not self._debug:
            return  # shown where the tool is
        error = record.exc_info[1] if record.exc_info else None
        if self._debug and record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        elif error is not None:
            text += f": {type(error).__name__}: {error}"
        inform(text)


@contextmanager
def steps(
    what: str, *, unit: str = "", shown: bool = True, console: Console | None = None
) -> Generator[Callable[[float, float | None], None]]:
    """What to call with how much is done, and of how much; None where that is not known.

    Args:
        what: what is done, in a word.
        unit: ``"s"`` shows both as minutes and seconds of sound.
        console: where else the result goes: then its lines are printed above the bar.
        shown: whether to show it at all; see :func:`moving`.
    """
    if console is None or not console.is_terminal:
        console = screen(error=True)
    if not shown or not moving(console):
        yield lambda done, of: None
        return
    from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn

    class Amount(ProgressColumn):
        def render(self, task: Task) -> Text:
            shape = _clock if unit == "s" else _count
            of = "" if task.total is None else f" of {shape(task.total)}"
            return Text(shape(task.completed) + of, "dim")

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(20), Amount())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _count(number: float) -> str:
    return f"{number:,.0f}"
