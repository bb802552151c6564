"""Progress of long work, on stderr, where a person looks on; nothing anywhere else.

Knows rich and the terminal; knows no session.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .screen import screen

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["steps"]


@contextmanager
def steps(
    what: str, *, unit: str = "", shown: bool = True, console: Console | None = None
) -> Generator[Callable[[float, float | None], None]]:
    """What to call with how much is done, and of how much; None where that is not known.

    Args:
        what: what is done, in a word.
        unit: ``"s"`` shows both as minutes and seconds of sound.
        console: where else the result goes: then its lines are printed above the bar.
        shown: whether to show it at all. Only a terminal shows it, and only one that can.
    """
    if console is None or not console.is_terminal:
        console = screen(error=True)
    if not shown or not console.is_terminal or console.is_dumb_terminal:
        yield lambda done, of: None
        return
    from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
    from rich.text import Text

    class Amount(ProgressColumn):
        def render(self, task: Task) -> Text:
            shape = _clock if unit == "s" else _count
            of = "" if task.total is None else f" of {shape(task.total)}"
            return Text(shape(task.completed) + of, "dim")

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(20), Amount())
    with Progress(
        *columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty()
    ) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _count(number: float) -> str:
    return f"{number:,.0f}"
