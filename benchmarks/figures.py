"""Figures as they are stored: what the contenders took, with spread, and how they compare.

A ratio is ours divided by theirs, of one run. Where both were measured round by round, it is the
median of the rounds' ratios: a machine that is slow for some seconds slows both sides of those.
This module computes; it measures nothing.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Figure: TypeAlias = dict[str, Any]


def summary(samples: Sequence[float]) -> dict[str, float]:
    """Median, lowest and highest."""
    return {
        "median": _rounded(statistics.median(samples)),
        "low": _rounded(min(samples)),
        "high": _rounded(max(samples)),
        "rounds": len(samples),
    }


def figure(
    id: str,
    title: str,
    unit: str,
    samples: Mapping[str, Sequence[float]],
    *,
    ours: str = "voxwire",
    aims: Mapping[str, float] | None = None,
    guarded: Sequence[str] = (),
    absent: Mapping[str, str] | None = None,
    note: str = "",
) -> Figure:
    """One figure.

    Args:
        id: what it is called in the baseline.
        title: what it is called in tables.
        unit: of all values.
        samples: contender -> what it took in each round.
        ours: the contender that is compared with the others.
        aims: other contender -> the most that ours may take, as a multiple of theirs.
        guarded: the others to whom the ratio is compared with the baseline.
        absent: contender -> why it has no value.
        note: said below the table.
    """
    values = {name: summary(each) for name, each in samples.items() if each}
    ratios: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        if name != ours and ours in values and value["median"]:
            ratio: dict[str, Any] = {"ratio": _rounded(_ratio(samples[ours], samples[name]))}
            if aims and name in aims:
                ratio["aim"] = _rounded(aims[name])
            if name in guarded:
                ratio["guarded"] = True
            ratios[name] = ratio
    return {
        "id": id,
        "title": title,
        "unit": unit,
        "ours": ours,
        "values": values,
        "ratios": ratios,
        "absent": dict(absent or {}),
        "note": note,
    }


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    if len(ours) == len(theirs) and all(theirs):
        return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    return statistics.median(ours) / statistics.median(theirs)  # somebody left out a round


def of_rounds(
    id: str,
    title: str,
    unit: str,
    rounds: Mapping[str, Sequence[Mapping[str, Any]]],
    key: str,
    **options: Any,
) -> Figure:
    """A figure of what workers answered: `key` is its name in their answers."""
    samples = {
        name: [answer[key] for answer in answers if key in answer]
        for name, answers in rounds.items()
    }
    absent = {
        name: str(answer.get("absent") or answer.get("error"))
        for name, answers in rounds.items()
        for answer in answers
        if "absent" in answer or "error" in answer
    }
    return figure(id, title, unit, samples, absent=absent, **options)


def ratios(figures: Sequence[Figure]) -> dict[str, float]:
    """All guarded ratios, by the id of the figure and whom it is compared with."""
    return {
        f"{each['id']} / {name}": ratio["ratio"]
        for each in figures
        for name, ratio in each["ratios"].items()
        if ratio.get("guarded")
    }


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
