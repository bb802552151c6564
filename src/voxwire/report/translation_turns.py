"""The turns of a translation session, which has none: what was said, and what was made of it.

Two streams of words run side by side. A pause, or the end of a sentence, begins a new turn. Knows
the events of translation sessions only.
"""

from __future__ import annotations

from typing import Final, Literal

import attrs
import voxwire_protocol as p

from .event_rows import safe_text
from .model import Turn

__all__ = ["Translated"]

_PAUSE_MS: Final = 2000
_PAUSE: Final = 2.0
_ENDS: Final = (".", "!", "?", "。", "！", "？", "؟", "।")


@attrs.define
class _Draft:
    kind: Literal["source", "translation"]
    at: float
    end: float
    rows: tuple[int, int]
    elapsed: int | None
    text: str = ""


class Translated:
    """The words of one translation session."""

    def __init__(self) -> None:
        self._drafts: list[_Draft] = []
        self._open: dict[str, _Draft] = {}

    def received(self, at: float, row: int, event: p.Event) -> str | None:
        """Take an event; tells the id of the turn that it is part of."""
        match event:
            case p.SessionInputTranscriptDelta(delta=str(delta)):
                draft = self._of("source", at, row, event.elapsed_ms)
            case p.SessionOutputTranscriptDelta(delta=str(delta)):
                draft = self._of("translation", at, row, event.elapsed_ms)
            case _:
                return None
        draft.text += delta
        draft.end, draft.rows = at, (draft.rows[0], row)
        return f"{draft.kind}-{draft.rows[0]}"

    def turns(self) -> list[Turn]:
        """What was said so far, in order."""
        who = {"source": "Speaker", "translation": "Translation"}
        return [
            Turn(
                id=f"{draft.kind}-{draft.rows[0]}",
                kind=draft.kind,
                who=who[draft.kind],
                at=draft.at,
                end=draft.end,
                text=safe_text(draft.text.strip()),
                spoken=True,
                rows=draft.rows,
            )
            for draft in self._drafts
        ]

    def _of(
        self, kind: Literal["source", "translation"], at: float, row: int, elapsed: object
    ) -> _Draft:
        known = elapsed if isinstance(elapsed, int) else None
        draft = self._open.get(kind)
        if draft is not None:
            later = draft.elapsed is not None and known is not None
            far = later and (known or 0) - (draft.elapsed or 0) > _PAUSE_MS
            if far or at - draft.end > _PAUSE or draft.text.rstrip().endswith(_ENDS):
                draft = None
        if draft is None:
            draft = self._open[kind] = _Draft(kind, at, at, (row, row), known)
            self._drafts.append(draft)
        draft.elapsed = known
        return draft
