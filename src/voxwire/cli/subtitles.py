"""Lines of a transcript as text with times, as SubRip and WebVTT subtitles, and as JSON.

Knows lines and times; reads and writes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ..session.transcription import TranscriptLine
from .event_text import error_text
from .options import SubtitleFormat
from .screen import clean

__all__ = ["clock", "written"]


def written(number: int, line: TranscriptLine, shape: SubtitleFormat) -> Iterator[str]:
    """One line of the transcript, the first with what stands before it all.

    ``number`` counts from 1.
    """
    text = clean(line.text)
    if shape is SubtitleFormat.JSON:
        yield json.dumps(_values(line), ensure_ascii=False)
        return
    if shape is SubtitleFormat.VTT and number == 1:
        yield "WEBVTT\n"
    if line.error is not None:
        return  # told apart
    if shape in (SubtitleFormat.SRT, SubtitleFormat.VTT):
        start, end = line.start_ms or 0, line.end_ms
        mark = "," if shape is SubtitleFormat.SRT else "."
        until = start + _A_LINE_MS if end is None else end
        yield f"{number}\n{clock(start, mark)} --> {clock(until, mark)}\n{_one_block(text)}\n"
    elif shape is SubtitleFormat.PLAIN:
        yield text
    else:
        begins = "?" if line.start_ms is None else clock(line.start_ms, ".", whole=False)
        yield f"{begins:9}  {text}"


def _values(line: TranscriptLine) -> dict[str, Any]:
    return {
        "start": None if line.start_ms is None else line.start_ms / 1000,
        "end": None if line.end_ms is None else line.end_ms / 1000,
        "text": line.text,
        "languages": list(line.languages),
        "speakers": [
            {"speaker": one.speaker, "start": one.start, "end": one.end, "text": one.text}
            for one in line.segments
        ],
        "error": None if line.error is None else error_text(line.error),
    }


def clock(ms: int, mark: str, *, whole: bool = True) -> str:
    """A time as hours, minutes, seconds and thousandths; the hours only if ``whole`` or needed."""
    seconds, rest = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    short = f"{minutes:02}:{seconds:02}{mark}{rest:03}"
    return f"{hours:02}:{short}" if whole or hours else short


def _one_block(text: str) -> str:
    """An empty line would end a subtitle, and an arrow begin one."""
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join(lines).replace("-->", "->")


_A_LINE_MS = 2000
