"""The figures at the head of a report: what somebody wants to know first, worded.

It counts and words what others found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .labels import seconds
from .model import Finding, Level, Tile, Timing, Turn

__all__ = ["tiles"]


def tiles(
    *,
    duration: float,
    timed: bool,
    frames: tuple[int, int],
    turns: Sequence[Turn],
    timings: Sequence[Timing],
    usage: Mapping[str, Any],
    findings: Sequence[Finding],
) -> list[Tile]:
    """The tiles of a session, in order."""
    sent, received = frames
    users = sum(turn.kind in ("user", "source") for turn in turns)
    tools = sum(turn.kind == "tool" for turn in turns)
    cut = sum(turn.interrupted for turn in turns)
    notes = [f"{users} of the user", f"{tools} tool call{_s(tools)}" if tools else ""]
    notes.append(f"{cut} cut off" if cut else "")
    return [
        Tile(
            label="Length",
            value=seconds(duration) if timed else "not timed",
            note=f"{sent:,} frame{_s(sent)} sent, {received:,} received",
            tab="events",
        ),
        Tile(
            label="Turns",
            value=str(len(turns)),
            note=", ".join(note for note in notes if note),
            tab="transcript",
        ),
        _latency(timings, timed),
        _tokens(usage),
        _cost(usage),
        _problems(findings),
    ]


def _latency(timings: Sequence[Timing], timed: bool) -> Tile:
    order = ("speech_to_audio", "request_to_content", "response_to_audio", "response_to_text")
    known = {timing.key: timing for timing in timings}
    timing = next((known[key] for key in order if key in known), None)
    if timing is None:
        why = "no answer to measure" if timed else "the recording has no times"
        return Tile(label="Latency", value="–", note=why, tab="latency")
    note = timing.name
    if len(timing.values) > 1:
        most = seconds(timing.p95 / 1000).replace(" ", "\N{NO-BREAK SPACE}")
        note += f", median of {len(timing.values)}; 95\N{NO-BREAK SPACE}% within {most}"
    return Tile(label="Latency", value=seconds(timing.median / 1000), note=note, tab="latency")


def _tokens(usage: Mapping[str, Any]) -> Tile:
    read, cached = usage["input"]["total"], usage["cached"]["total"]
    written = usage["output"]["total"]
    note = f"{read:,} in{f' ({cached:,} cached)' if cached else ''}, {written:,} out"
    return Tile(label="Tokens", value=f"{read + written:,}", note=note, tab="usage")


def _cost(usage: Mapping[str, Any]) -> Tile:
    cost = usage["cost"]
    if not cost["lines"]:
        return Tile(label="Cost", value="–", note="nothing was billed", tab="usage")
    priced = any(line["amount"] is not None for line in cost["lines"])
    if not priced:
        return Tile(label="Cost", value="–", note="no price known", tab="usage")
    note = "in US dollars" if cost["complete"] else "without what has no price"
    return Tile(label="Cost", value=f"${cost['total']:.4f}", note=note, tab="usage")


def _problems(findings: Sequence[Finding]) -> Tile:
    counts = {level: sum(f.level == level for f in findings) for level in ("error", "warning")}
    notes = sum(f.level == "note" for f in findings)
    worst: Level | None = "error" if counts["error"] else "warning" if counts["warning"] else None
    value = counts[worst] if worst is not None else 0
    word = f"{worst or ''}{_s(value)}"
    also = [f"{counts['warning']} warning{_s(counts['warning'])}"] if worst == "error" else []
    also.append(f"{notes} note{_s(notes)}" if notes else "")
    said = ", ".join(part for part in also if part and not part.startswith("0 "))
    return Tile(
        label="Problems",
        value=f"{value} {word}" if worst else "none",
        note=said or ("nothing out of the ordinary" if worst is None else ""),
        level=worst,
        tab="problems",
    )


def _s(count: int) -> str:
    return "" if count == 1 else "s"
