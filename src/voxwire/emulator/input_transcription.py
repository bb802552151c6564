"""The transcript of what the user said: another model's, in pieces, and in its own time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, Final, cast

from voxwire_protocol import (
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionDelta,
    ConversationItemInputAudioTranscriptionFailed,
    ConversationItemInputAudioTranscriptionSegment,
)

from .conversation_items import ItemRecord
from .session_context import SessionContext
from .token_usage import HEARD_MS, pieces

__all__ = ["transcribe"]

_BY_TOKENS: Final = "gpt-4o"
_AT_ONCE: Final = frozenset({"whisper-1"})
_LOGPROBS: Final = "item.input_audio_transcription.logprobs"


def transcribe(
    stage: SessionContext, record: ItemRecord, settings: Mapping[str, Any], include: Sequence[str]
) -> None:
    """Send the transcript of a user item, as the session's transcription settings want it."""
    model = str(settings.get("model") or "whisper-1")
    timing = stage.habits.timing
    if record.heard is None:
        stage.timeline.after(timing.transcript + timing.transcribed, lambda: _fail(stage, record))
        return
    # The transcribers begin every word with its space, the first one too.
    words = pieces(" " + record.heard) if record.heard else []
    wait = timing.transcript
    about = {"item_id": record.id, "content_index": 0}

    def delta(word: str) -> None:
        fields: dict[str, Any] = {"delta": word, "obfuscation": stage.ids.padding(word)}
        if _LOGPROBS in include:
            fields["logprobs"] = [_logprob(word)]
        stage.send(ConversationItemInputAudioTranscriptionDelta, **about, **fields)

    if model not in _AT_ONCE:
        for word in words:
            stage.timeline.after(wait, lambda word=word: delta(word))  # type: ignore[misc]
            wait += timing.token

    def completed() -> None:
        for part in record.parts:
            if part["type"] == "input_audio":
                part["transcript"] = record.heard
        if "diarize" in model:
            segment = {"id": stage.ids.new("seg"), "speaker": "A", "start": 0.0}
            stage.send(
                ConversationItemInputAudioTranscriptionSegment,
                **about,
                **segment,
                text=record.heard,
                end=record.audio_ms / 1000,
            )
        fields: dict[str, Any] = {}
        if _LOGPROBS in include:
            fields["logprobs"] = [_logprob(word) for word in words]
        language = cast("str | None", settings.get("language"))
        if language and model in ("gpt-transcribe", "gpt-live-transcribe"):
            fields["languages"] = [{"code": language}]
        stage.send(
            ConversationItemInputAudioTranscriptionCompleted,
            **about,
            **fields,
            transcript=record.heard,
            usage=_usage(model, record, len(words)),
        )

    stage.timeline.after(wait + timing.transcribed, completed)


def _fail(stage: SessionContext, record: ItemRecord) -> None:
    error = {
        "type": "transcription_error",
        "code": "audio_unintelligible",
        "message": "The audio could not be made out.",
    }
    stage.send(
        ConversationItemInputAudioTranscriptionFailed,
        item_id=record.id,
        content_index=0,
        error=error,
    )


def _usage(model: str, record: ItemRecord, words: int) -> dict[str, Any]:
    if not model.startswith(_BY_TOKENS):
        return {"type": "duration", "seconds": ceil(record.audio_ms / 1000)}
    audio = ceil(record.audio_ms / HEARD_MS)
    return {
        "type": "tokens",
        "input_tokens": audio,
        "input_token_details": {"text_tokens": 0, "audio_tokens": audio},
        "output_tokens": words,
        "total_tokens": audio + words,
    }


def _logprob(word: str) -> dict[str, Any]:
    return {"token": word, "logprob": -0.01, "bytes": list(word.encode())}
