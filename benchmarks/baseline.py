"""The ratios that are committed, and whether a run has fallen behind them.

The band is generous: a machine that does something else meanwhile slows both sides of a ratio, but
not always alike. What has become half as slow again, and is so when it is measured once more, is
not noise.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
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


def regressions(figures: Sequence[Figure], committed: Mapping[str, float]) -> dict[str, str]:
    """What has fallen behind, or was not measured, and how; empty where all is well."""
    found = ratios(figures)
    told: dict[str, str] = {}
    for name, before in committed.items():
        now, most = found.get(name), before * BAND
        if now is None:
            told[name] = f"not measured, was {before:.3g}"
        elif now > most:
            told[name] = f"{now:.3g}, was {before:.3g}; up to {most:.3g} is noise"
    return told


def steps_of(names: Iterable[str], figures: Sequence[Figure]) -> list[str]:
    """The steps that measure these ratios."""
    ids = {name.partition(" / ")[0] for name in names}
    return sorted({each["step"] for each in figures if each["id"] in ids})
