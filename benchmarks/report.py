"""Tables for people, of stored figures: Markdown, with units, spread, ratio and aim."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.contenders import NAMES
from benchmarks.figures import Figure

_MORE = {
    "json": "json.loads / dumps",
    "tolerant": "Voxwire, a frame that does not fit",
    "pydantic": "pydantic, the SDK's union",
}
_TITLES = {
    "decode": "Reading and writing frames",
    "receive": "Receiving",
    "send": "Sending",
    "opening": "Waiting",
    "import": "Importing",
    "length": "Following an hour",
    "idle": "A thousand sessions",
}
_SAME = {"latency": "opening", "crowd": "idle", "encode": "decode"}


def called(name: str) -> str:
    """A contender's name in a table."""
    return NAMES.get(name) or _MORE.get(name) or name


def times(ratio: float) -> str:
    """A ratio as people say it: 1.31, or 1/9.4 for a small part."""
    return f"{ratio:.2f}" if ratio >= 0.95 else f"1/{1 / ratio:.1f}"


def number(value: float) -> str:
    """Three digits that matter."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def markdown(run: Mapping[str, Any]) -> str:
    """The whole report."""
    figures: Sequence[Figure] = run["figures"]
    lines = [f"Measured on {run['machine']}.", ""]
    if run["quick"]:
        lines += ["A quick run: short, with few rounds.", ""]
    lines += _aims(figures)
    section = ""
    crowds: dict[str, list[Figure]] = {}
    for each in figures:
        if ".class." in each["id"] or each["id"].startswith("steps."):
            continue
        if each["id"].startswith("crowd"):
            crowds.setdefault(each["title"].partition(": ")[0], []).append(each)
            continue
        head = each["id"].split(".")[0]
        head = _SAME.get(head, head)
        if head != section:
            section = head
            lines += [f"## {_TITLES.get(head, head)}", ""]
        lines += _table(each)
    for title, told in crowds.items():
        lines += _crowd(title, told)
    lines += _steps(figures)
    lines += _classes("decode", "Reading, by class", figures)
    lines += _classes("encode", "Writing, by class", figures)
    return "\n".join(lines).rstrip() + "\n"


def _table(each: Figure) -> list[str]:
    unit = f" ({each['unit']})" if each["unit"] else ""
    lines = [
        f"**{each['title']}**{unit}",
        "",
        "| | median | lowest – highest | ours to theirs | aim |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, value in _ordered(each):
        ratio = each["ratios"].get(name, {})
        spread = f"{number(value['low'])} – {number(value['high'])}" if value["rounds"] > 1 else ""
        lines.append(
            f"| {called(name)} | {number(value['median'])} | {spread} "
            f"| {times(ratio['ratio']) if ratio else ''} "
            f"| {'≤ ' + times(ratio['aim']) if 'aim' in ratio else ''} |"
        )
    lines.append("")
    for name, reason in each["absent"].items():
        lines += [f"{called(name)}: {reason}.", ""]
    if each["note"]:
        lines += [each["note"], ""]
    return lines


def _ordered(each: Figure) -> Iterable[tuple[str, dict[str, float]]]:
    """Ours first, the others as they are named everywhere."""
    order = [each["ours"], *NAMES, *each["values"]]
    return sorted(each["values"].items(), key=lambda item: order.index(item[0]))


def _aims(figures: Sequence[Figure]) -> list[str]:
    """What was aimed at, and what came of it."""
    lines: list[str] = []
    for each in figures:
        for name, ratio in each["ratios"].items():
            if "aim" in ratio:
                met = "met" if ratio["ratio"] <= ratio["aim"] else "**missed**"
                lines.append(
                    f"| {each['title']} | {called(name)} | {times(ratio['ratio'])} "
                    f"| {times(ratio['aim'])} | {met} |"
                )
    if not lines:
        return []
    head = ["| | against | ours to theirs | at most | |", "|---|---|---:|---:|---|"]
    return ["## Aims", "", *head, *lines, ""]


def _crowd(title: str, figures: Sequence[Figure]) -> list[str]:
    """Many sessions in one table: a row for each thing that was looked at."""
    names = list(dict.fromkeys(name for each in figures for name, _ in _ordered(each)))
    lines = [
        f"**{title}**",
        "",
        f"| | {' | '.join(map(called, names))} | ours to theirs |",
        f"|---|{'---:|' * len(names)}---:|",
    ]
    for each in figures:
        unit = f", {each['unit']}" if each["unit"] not in ("", "cores") else ""
        cells = [
            number(each["values"][name]["median"]) if name in each["values"] else ""
            for name in names
        ]
        ratio = next(iter(each["ratios"].values()), None)
        compared = times(ratio["ratio"]) if ratio else ""
        what = each["title"].partition(": ")[2]
        lines.append(f"| {what}{unit} | {' | '.join(cells)} | {compared} |")
    notes = [each["note"] for each in figures if each["note"]]
    return [*lines, "", *(line for note in notes for line in (note, ""))]


def _steps(figures: Sequence[Figure]) -> list[str]:
    """Voxwire's own time, step by step, with the share of the whole."""
    lines: list[str] = []
    for head, title in (("steps.receive", "Receiving"), ("steps.send", "Sending")):
        columns = [each for each in figures if each["id"].startswith(head)]
        if not columns:
            continue
        lines += [
            f"## {title}: where the time of Voxwire goes",
            "",
            f"| µs | {' | '.join(each['title'] for each in columns)} |",
            f"|---|{'---:|' * len(columns)}",
        ]
        for step in columns[0]["values"]:
            cells: list[str] = []
            for each in columns:
                taken = {name: value["median"] for name, value in each["values"].items()}
                share = taken[step] / max(taken.values())
                cells.append(f"{number(taken[step])} ({share:.0%})")
            lines.append(f"| {step} | {' | '.join(cells)} |")
        lines.append("")
    return lines


def _classes(kind: str, title: str, figures: Sequence[Figure]) -> list[str]:
    rows = [each for each in figures if each["id"].startswith(f"{kind}.class.")]
    if not rows:
        return []
    names = list(dict.fromkeys(name for row in rows for name, _ in _ordered(row)))
    lines = [
        f"## {title}",
        "",
        f"| µs | {' | '.join(map(called, names))} |",
        f"|---|{'---:|' * len(names)}",
    ]
    for row in rows:
        cells = [
            number(row["values"][name]["median"]) if name in row["values"] else "" for name in names
        ]
        lines.append(f"| {row['title']} | {' | '.join(cells)} |")
    return [*lines, ""]
