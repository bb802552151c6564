"""The ratios that are committed, and whether a run has fallen behind them.

The band is generous: a machine that does something else meanwhile slows both sides of a ratio, but
not always alike. What has become half as slow again is not noise.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.figures import Figure, ratios

PATH = Path(__file__).resolve().parent / "baseline.json"
BAND = 1.5


def load(path: Path = PATH) -> dict[str, float]:
    """The committed ratios."""
    found: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return found


def store(figures: Sequence[Figure], path: Path = PATH) -> None:
    """Make the ratios of this run the committed ones."""
    path.write_text(json.dumps(ratios(figures), indent=1) + "\n", encoding="utf-8")


def regressions(figures: Sequence[Figure], committed: Mapping[str, float]) -> list[str]:
    """What has fallen behind, or could not be measured any more; empty where all is well."""
    found = ratios(figures)
    told: list[str] = []
    for name, before in committed.items():
        now = found.get(name)
        if now is None:
            told.append(f"{name}: not measured, was {before:.2f}")
        elif now > before * BAND:
            told.append(f"{name}: {now:.2f}, was {before:.2f}; up to {before * BAND:.2f} is noise")
    return told
