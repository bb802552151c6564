"""One picture of stored figures: for each, a bar for each contender, on a scale of its own.

Written as SVG by hand: bars, words and numbers, in the colour of the text around it, so that it can
be read on a light page and on a dark one.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from benchmarks.contenders import NAMES
from benchmarks.figures import Figure
from benchmarks.report import called, number

SHOWN = (
    "decode.deltas", "decode.mix", "receive.small", "receive.audio", "receive.mix", "send",
    "opening.cpu", "import.ready", "idle",
)  # fmt: skip

_WIDTH, _LEFT, _BAR, _GAP = 720, 170, 16, 30
_LONGEST = _WIDTH - _LEFT - 110


def svg(run: Mapping[str, Any]) -> str:
    """The picture. On its own it takes its colours from the reader's preference."""
    y, parts = 4.0, list[str]()
    for each in run["figures"]:
        if each["id"] in SHOWN and each["values"]:
            drawn, y = _group(each, y)
            parts += drawn
    height = round(y)
    return (
        f'<svg class="benchmark-figure" viewBox="0 0 {_WIDTH} {height}" '
        'xmlns="http://www.w3.org/2000/svg" role="img" '
        'aria-label="What each contender takes, in bars; the same figures are in the tables." '
        'font-family="ui-sans-serif, system-ui, sans-serif" font-size="12.5" fill="currentColor">\n'
        "<style>.benchmark-figure{color:#1f2328}"
        "@media(prefers-color-scheme:dark){.benchmark-figure{color:#e6edf3}}</style>\n"
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _group(each: Figure, y: float) -> tuple[list[str], float]:
    values = {name: each["values"][name] for name in NAMES if name in each["values"]}
    longest = max(value["median"] for value in values.values()) or 1.0
    y += 14
    parts = [
        f'<text x="0" y="{y:.0f}" font-weight="600">{escape(each["title"])}'
        f' <tspan font-weight="400" opacity=".75">{escape(each["unit"])}</tspan></text>'
    ]
    y += 8
    for name, value in values.items():
        width = max(1.0, value["median"] / longest * _LONGEST)
        strength = "1" if name == each["ours"] else ".4"
        parts.append(
            f'<text x="{_LEFT - 10}" y="{y + 12:.0f}" text-anchor="end">{escape(called(name))}'
            f'</text><rect x="{_LEFT}" y="{y:.0f}" width="{width:.1f}" height="{_BAR - 3}" rx="2" '
            f'fill-opacity="{strength}"/><text x="{_LEFT + width + 6:.1f}" y="{y + 12:.0f}" '
            f'opacity=".85">{number(value["median"])}</text>'
        )
        y += _BAR
    return parts, y + _GAP - _BAR
