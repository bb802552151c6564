"""How long things took: of each turn in milliseconds, and over a session.

It calculates with times that others found, and looks at no event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import Final

from .model import Exchange, Timing, Turn

__all__ = ["KINDS", "of_exchange", "timings"]

KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "speech_to_audio": (
        "End of speech → first sound",
        "From where the server heard the user's speech end, or the client committed it, to the "
        "first sound of the answer, the calls of tools in between among it.",
    ),
    "request_to_content": (
        "Request → first word or sound",
        "From the response that the client asked for to the first thing that came of it.",
    ),
    "response_to_text": (
        "Response → first text",
        "From the response's beginning, as the server told it, to its first word.",
    ),
    "response_to_audio": (
        "Response → first sound",
        "From the response's beginning, as the server told it, to its first sound.",
    ),
    "speech_to_transcript": (
        "End of speech → transcript",
        "From the end of the user's speech to its whole transcript.",
    ),
    "tool": (
        "Tool",
        "From when a call was complete to when the client sent its output.",
    ),
    "interruption": (
        "Interruption",
        "From when the server heard the user begin to when the client cut the answer off.",
    ),
}
"""What is measured: key -> name, and what it is from and to."""


def of_exchange(exchange: Exchange) -> dict[str, float]:
    """The latencies of a response."""
    firsts = [t for t in (exchange.first_text, exchange.first_audio) if t is not None]
    pairs = {
        "speech_to_audio": (exchange.speech_end, exchange.first_audio),
        "request_to_content": (
            exchange.asked,
            min(firsts) if firsts else None,
        ),
        "response_to_text": (exchange.at, exchange.first_text),
        "response_to_audio": (exchange.at, exchange.first_audio),
    }
    return {
        key: round((end - start) * 1000, 1)
        for key, (start, end) in pairs.items()
        if start is not None and end is not None and end >= start
    }


def timings(turns: Iterable[Turn]) -> list[Timing]:
    """The latencies of all turns, kind by kind; only kinds of which there is one."""
    found: dict[str, list[tuple[str, float]]] = {key: [] for key in KINDS}
    for turn in turns:
        for key, ms in turn.latencies.items():
            found[key].append((turn.id, ms))
    return [_timing(key, values) for key, values in found.items() if values]


def _timing(key: str, values: Sequence[tuple[str, float]]) -> Timing:
    name, explained = KINDS[key]
    ranked = sorted(ms for _, ms in values)
    middle = len(ranked) // 2
    median = ranked[middle] if len(ranked) % 2 else (ranked[middle - 1] + ranked[middle]) / 2
    return Timing(
        key=key,
        name=name,
        explained=explained,
        values=tuple(values),
        median=round(median, 1),
        p95=ranked[ceil(len(ranked) * 0.95) - 1],
        max=ranked[-1],
    )
