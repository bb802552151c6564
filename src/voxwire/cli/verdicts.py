"""How the report of ``voxwire lint`` looks: tables for people.

Knows the screen and the report; checks nothing itself.
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from .lint import Counts, Report
from .screen import clean, inform, screen

__all__ = ["print_report"]

_SHOWN = 30


def print_report(report: Report) -> None:
    """The counts by file, and under them what did not fit."""
    console = screen()
    columns = ("frames", "typed", "unknown", "tolerated", "failed")
    # The name comes last, as in wc: it is as long as it is.
    console.print("  ".join(columns) + "  recording", style="bold")
    for name, file in report.files.items():
        family = "" if file.families == ["realtime"] else f" ({', '.join(file.families)})"
        _print_counts(console, file.counts, columns, clean(Path(name).name) + family)
    if len(report.files) > 1:
        _print_counts(console, report.total, columns, "total", "bold")
    data = report.to_dict()
    if data["problems"]:
        console.print("\nWhere values are not as the specs say", style="bold")
        for found in data["problems"][:_SHOWN]:
            console.print(f"{found['count']:>6}  {clean(found['path'])}", soft_wrap=True)
            console.print(f"        {clean(found['example'])}", style="dim", soft_wrap=True)
        rest = len(data["problems"]) - _SHOWN
        if rest > 0:
            console.print(f"        and {rest} more; --json lists all", style="dim")
    if data["unknown_types"]:
        console.print("\nNot in the specs", style="bold")
        for name, count in data["unknown_types"].items():
            console.print(f"{count:>6}  {clean(name)}", soft_wrap=True)
    for failure in report.failures:
        where = f"{failure.file}, entry {failure.entry} ({failure.type})"
        console.print(clean(f"\nfailed: {where}: {failure.reason}"), style="red", soft_wrap=True)
    for name, reason in report.skipped.items():
        inform(f"skipped {name}: {reason}")


def _print_counts(
    console: Console, counts: Counts, columns: tuple[str, ...], name: str, style: str = ""
) -> None:
    row = "  ".join(f"{getattr(counts, column):>{len(column)}}" for column in columns)
    console.print(f"{row}  {name}", style="red" if counts.failed else style, soft_wrap=True)
