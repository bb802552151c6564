"""What was said, line by line, put together from the events of a transcription.

Transcripts come in any order; lines are given in the order in which they were spoken. This module
takes events and gives lines. It sends nothing and waits for nothing.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import attrs
from voxwire_protocol import (
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionDelta,
    ConversationItemInputAudioTranscriptionFailed,
    ConversationItemInputAudioTranscriptionSegment,
    Event,
    InputAudioBufferCommitted,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    TranscriptionError,
)

__all__ = ["EVENTS", "Line", "Lines"]

EVENTS = (
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    InputAudioBufferCommitted,
    ConversationItemInputAudioTranscriptionDelta,
    ConversationItemInputAudioTranscriptionSegment,
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionFailed,
)
"""What lines are made of."""


@attrs.frozen(kw_only=True)
class Line:
    """What was said in one go."""

    item_id: str
    """The item of the session that it is about."""
    text: str
    """What was said; what there is of it, where `error` is set."""
    start_ms: int | None = None
    """Where it begins in the sound that was sent; ``None`` where the server does not tell."""
    end_ms: int | None = None
    """Where it ends."""
    languages: tuple[str, ...] = ()
    """What was spoken, where the model tells."""
    segments: tuple[ConversationItemInputAudioTranscriptionSegment, ...] = ()
    """Who said what, where the model tells speakers apart."""
    usage: Any = None
    """What writing it has used; ``None`` where the server does not tell."""
    error: TranscriptionError | None = None
    """Why it could not be written."""


@attrs.define
class _Draft:
    item_id: str
    start_ms: int | None = None
    end_ms: int | None = None
    text: str = ""
    segments: list[ConversationItemInputAudioTranscriptionSegment] = attrs.Factory(
        list[ConversationItemInputAudioTranscriptionSegment]
    )
    line: Line | None = None


class Lines:
    """The lines of one transcription."""

    def __init__(self) -> None:
        self._drafts: dict[str, _Draft] = {}  # in the order in which they were spoken
        self._cuts: deque[tuple[int, int]] = deque()
        self._given: set[str] = set()

    @property
    def pending(self) -> int:
        """How many lines have begun and are not given yet."""
        return len(self._drafts)

    def cut(self, start_ms: int, end_ms: int) -> None:
        """What lies between is committed by hand: the next item that has no time of its own."""
        self._cuts.append((start_ms, end_ms))

    def apply(self, event: Event) -> None:
        """Take an event."""
        match event:
            case InputAudioBufferSpeechStarted():
                draft = self._draft(event.item_id)
                if draft is not None:
                    draft.start_ms = event.audio_start_ms
            case InputAudioBufferSpeechStopped():
                draft = self._draft(event.item_id)
                if draft is not None:
                    draft.end_ms = event.audio_end_ms
            case InputAudioBufferCommitted():
                draft = self._draft(event.item_id)
                if draft is not None and draft.start_ms is None and self._cuts:
                    draft.start_ms, draft.end_ms = self._cuts.popleft()
            case ConversationItemInputAudioTranscriptionDelta(delta=str(delta)):
                draft = self._draft(event.item_id)
                if draft is not None:
                    draft.text += delta
            case ConversationItemInputAudioTranscriptionSegment():
                draft = self._draft(event.item_id)
                if draft is not None:
                    draft.segments.append(event)
            case ConversationItemInputAudioTranscriptionCompleted():
                self._end(
                    event.item_id,
                    text=event.transcript if isinstance(event.transcript, str) else None,
                    languages=tuple(one.code for one in event.languages or ()),
                    usage=event.usage or None,
                )
            case ConversationItemInputAudioTranscriptionFailed():
                self._end(event.item_id, error=event.error)
            case _:
                pass

    def take(self) -> list[Line]:
        """The lines that are ready, none of them before one that was spoken earlier."""
        ready: list[Line] = []
        for item_id, draft in list(self._drafts.items()):
            if draft.line is None:
                break
            del self._drafts[item_id]
            self._given.add(item_id)
            ready.append(draft.line)
        return ready

    def _draft(self, item_id: str) -> _Draft | None:
        if item_id in self._given:  # something late about a line that is out
            return None
        return self._drafts.setdefault(item_id, _Draft(item_id))

    def _end(self, item_id: str, *, text: str | None = None, **about: Any) -> None:
        draft = self._draft(item_id)
        if draft is not None:
            draft.line = Line(
                item_id=item_id,
                text=(draft.text if text is None else text).strip(),
                start_ms=draft.start_ms,
                end_ms=draft.end_ms,
                segments=tuple(draft.segments),
                **about,
            )
