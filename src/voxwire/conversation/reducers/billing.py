"""What tells which models are at work, and how much sound is translated.

Nothing here raises for what a server says.
"""

from __future__ import annotations

from typing import Any

from voxwire_protocol import (
    UNSET,
    SessionCreated,
    SessionInputAudioBufferAppend,
    SessionUpdated,
)

from ...protocol.audio_format import base64_size
from ...protocol.dialect import described
from ...protocol.local_event import LocalEvent
from ..item_state import peek, string
from ..state import ConversationState
from .audio import session_event

__all__ = ["session_described", "translation_described", "translation_sent"]


def session_described(
    ledger: ConversationState, event: SessionCreated | SessionUpdated
) -> list[LocalEvent]:
    """The models, beside all else that is told of a session."""
    session = described(event)
    _models(ledger, session)
    return session_event(ledger, event, session)


def translation_described(ledger: ConversationState, event: Any) -> list[LocalEvent]:
    _models(ledger, event.session)
    return []


def translation_sent(
    ledger: ConversationState, event: SessionInputAudioBufferAppend
) -> list[LocalEvent]:
    ledger.translated += base64_size(event.audio)
    return []


def _models(ledger: ConversationState, session: object) -> None:
    ledger.model = string(peek(session, "model")) or ledger.model
    incoming: Any = peek(peek(session, "audio"), "input")
    # Sessions of the beta's shape have it at the top. What is left out stays as it is.
    holder = session if incoming is None else incoming
    for name in ("transcription", "input_audio_transcription"):
        if getattr(holder, name, UNSET) is not UNSET:
            ledger.transcription_model = string(peek(peek(holder, name), "model"))
