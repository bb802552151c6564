"""Shows a verdict: a table for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence

from .difference import Difference, shown
from .explained import Verdict
from .shapes import MISSING

_TITLES = {
    "added": "Added upstream, not in specs/",
    "removed": "In specs/, not upstream",
    "changed": "Changed upstream",
}
_WIDTH = 44


def as_text(verdict: Verdict, upstream: str) -> str:
    """Added, removed and changed, one line for each, and what to do."""
    lines: list[str] = []
    for kind, title in _TITLES.items():
        rows = [d for d in verdict.drift if d.kind == kind]
        if rows:
            lines += [f"{title} ({len(rows)})", *_table(rows), ""]
    if verdict.stale:
        lines.append(f"Entries of specs/quirks.yaml under `drift` that match nothing any more "
                     f"({len(verdict.stale)})")  # fmt: skip
        for entry in verdict.stale:
            said = verdict.said.get(str(entry), MISSING)
            now = "" if said is MISSING else f": `upstream` is {shown(said)} now"
            lines.append(f"  {entry}{now}")
        lines.append("")
    meant = f"{len(verdict.explained)} differences are meant and explained in specs/quirks.yaml"
    if verdict.clean:
        lines.append(f"No drift: specs/ say what {upstream} says; {meant}.")
    else:
        cures = []
        if verdict.drift:
            cures.append(
                "Bring specs/ up to date (--write-patch FILE makes a start), or explain a "
                "difference on purpose under `drift` in specs/quirks.yaml."
            )
        if verdict.stale:
            cures.append("Remove the entries that match nothing.")
        lines.append(f"Drift from {upstream}: {_counts(verdict)}; {meant}.")
        lines += cures
    return "\n".join(lines)


def as_json(verdict: Verdict, upstream: str) -> str:
    """Everything, explained differences included."""
    return json.dumps(
        {
            "upstream": upstream,
            "clean": verdict.clean,
            "drift": [d.as_json() for d in verdict.drift],
            "explained": [d.as_json() | {"reason": e.reason} for d, e in verdict.explained],
            "stale": [{"kind": e.kind, "path": e.path} for e in verdict.stale],
        },
        indent=2,
        ensure_ascii=False,
    )


def _counts(verdict: Verdict) -> str:
    counts = {kind: sum(d.kind == kind for d in verdict.drift) for kind in _TITLES}
    words = [f"{count} {kind}" for kind, count in counts.items() if count]
    if verdict.stale:
        words.append(f"{len(verdict.stale)} stale")
    return ", ".join(words)


def _table(rows: Sequence[Difference]) -> list[str]:
    cells = [(d.what, d.path, _says(d)) for d in rows]
    what, path = (max(len(row[i]) for row in cells) for i in (0, 1))
    return [f"  {a:{what}}  {b:{path}}  {c}".rstrip() for a, b, c in cells]


def _says(difference: Difference) -> str:
    ours, upstream = _short(difference.ours), _short(difference.upstream)
    if difference.kind == "changed":
        return f"{ours} -> {upstream}"
    return "" if difference.what == "value" else _short(
        difference.upstream if difference.kind == "added" else difference.ours
    )  # fmt: skip


def _short(value: object) -> str:
    text = "" if value is MISSING else shown(value)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
