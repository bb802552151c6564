"""How the report of ``voxwire lint`` looks: tables for people.

Knows the screen and the report; checks nothing itself.
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from ..recording.lint import Counts, Report
from .screen import clean, hang, inform, screen

__all__ = ["print_report"]

_SHOWN = 30
_FIELDS: tuple[str, ...] = ("frames", "typed", "unknown", "tolerated", "failed")


def print_report(report: Report) -> None:
    """The counts by file, and under them what did not fit."""
    console = screen()
    columns = _FIELDS
    # The name comes last, as in wc: it is as long as it is.
    longest = max(len(Path(name).name) for name in report.files)
    apart = console.is_terminal and console.width < sum(map(len, columns)) + 10 + longest
    if apart:
        columns = tuple(column[:5] for column in columns)
    console.print("  ".join(columns) + ("" if apart else "  recording"), style="bold")
    for name, file in report.files.items():
        family = "" if file.families == ["realtime"] else f" ({', '.join(file.families)})"
        shown = clean(Path(name).name) + family
        _print_counts(console, file.counts, columns, shown, apart=apart)
    if len(report.files) > 1:
        _print_counts(console, report.total, columns, "total", "bold", apart=apart)
    data = report.to_dict()
    if data["problems"]:
        console.print("\nWhere values are not as the specs say", style="bold")
        for found in data["problems"][:_SHOWN]:
            hang(console, Text(f"{found['count']:>6}  {clean(found['path'])}"), 8)
            hang(console, Text(f"        {clean(found['example'])}", "dim"), 8)
        rest = len(data["problems"]) - _SHOWN
        if rest > 0:
            console.print(f"        and {rest} more; --json lists all", style="dim")
    if data["unknown_types"]:
        console.print("\nNot in the specs", style="bold")
        for name, count in data["unknown_types"].items():
            hang(console, Text(f"{count:>6}  {clean(name)}"), 8)
    for failure in report.failures:
        where = f"{failure.file}, entry {failure.entry} ({failure.type})"
        console.print(clean(f"\nfailed: {where}: {failure.reason}"), style="red", soft_wrap=True)
    for name, reason in report.skipped.items():
        inform(f"skipped {name}: {reason}")


def _print_counts(
    console: Console,
    counts: Counts,
    columns: tuple[str, ...],
    name: str,
    style: str = "",
    *,
    apart: bool,
) -> None:
    """A row, with the name at its end; or, where that is no room for it, on a line before."""
    style = "red" if counts.failed else style
    row = "  ".join(
        f"{getattr(counts, field):>{len(column)}}"
        for field, column in zip(_FIELDS, columns, strict=True)
    )
    if apart:
        console.print(name, style=style)
        console.print(row, style=style)
    else:
        console.print(f"{row}  {name}", style=style, soft_wrap=True)
