"""How differences of two recordings look: a table for people.

Knows the screen and what was found; finds nothing itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from ..recording.diff import Difference
from .screen import clean, hang

__all__ = ["frames", "print_differences"]

_SHOWN = 100
_WIDEST = 60
_NARROW = 60


def frames(counts: tuple[int, int]) -> str:
    """How many frames both have."""
    return f"{counts[0]:,} frames" if counts[0] == counts[1] else f"{counts[0]:,} and {counts[1]:,}"


def print_differences(
    console: Console, a: Path, b: Path, differences: Sequence[Difference]
) -> None:
    for name, path, style in (("A ", a, "bold red"), ("B ", b, "bold green")):
        hang(console, Text.assemble((name, style), clean(str(path))), 2)
    connection = 1
    for found in differences[:_SHOWN]:
        if found.connection != connection:
            connection = found.connection
            console.print(f"connection {connection}", style="bold")
        _print_one(console, found)
    rest = len(differences) - _SHOWN
    if rest > 0:
        console.print(f"and {rest:,} more; --json lists all", style="dim")
    count = len(differences)
    console.print(f"{count:,} difference{'' if count == 1 else 's'}", style="bold")


def _print_one(console: Console, found: Difference) -> None:
    if found.kind == "connection":
        there = "A" if found.values[0] else "B"
        console.print(f"only {there} has this connection", style="red" if there == "A" else "green")
        return
    narrow = console.is_terminal and console.width < _NARROW
    column = 2 if narrow else 15
    width = 1 if narrow else 6
    line = Text.assemble((f"{found.a or '-':>{width}} {found.b or '-':>{width}}  ", "dim"))
    if not found.path:
        there, style = ("A", "red") if found.kind == "only_a" else ("B", "green")
        line.append(clean(f"{_way(found)}{found.type}"), style)
        line.append(f"  only in {there}", "dim")
        hang(console, line, column)
        return
    line.append(clean(f"{_way(found)}{found.type}  "))
    line.append(clean(found.path), "bold")
    hang(console, line, column)
    x, y = found.values
    same = _same_start(x, y)
    told_a = "nothing" if found.kind == "only_b" else _short(x, same)
    told_b = "nothing" if found.kind == "only_a" else _short(y, same)
    for name, told, style in (("A", told_a, "red"), ("B", told_b, "green")):
        value = Text.assemble((f"{'':>{column}}{name} ", "dim"), (told, style))
        hang(console, value, column + 2)
    if found.before is not None:
        was = f"{found.before[0]} was {found.before[1]} before"
        hang(console, Text(clean(f"{'':>{column}}  {was}"), "dim"), column + 2)


def _way(found: Difference) -> str:
    return {"c2s": "→ ", "s2c": "← "}.get(found.dir, "")


def _same_start(a: Any, b: Any) -> int:
    """How much of two texts need not be read to see how they differ."""
    if not (isinstance(a, str) and isinstance(b, str)):
        return 0
    x, y = _text(a), _text(b)
    return next((i for i, (one, other) in enumerate(zip(x, y, strict=False)) if one != other), 0)


def _short(value: Any, same: int = 0) -> str:
    text = _text(value)
    if len(text) <= _WIDEST:
        return text
    begin = max(0, same - _WIDEST // 3)
    shown = f"…{text[begin + 1 :]}" if begin else text
    return shown if len(shown) <= _WIDEST else f"{shown[: _WIDEST - 1]}…"


def _text(value: Any) -> str:
    return clean(json.dumps(value, ensure_ascii=False))
