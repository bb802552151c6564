"""What the events about the user's speech change: turns, commits, transcripts.

An item may be known here before it is in the conversation: the input audio buffer names it first,
and its transcript may be ahead of it. Nothing here raises for what a server says.
"""

from __future__ import annotations

from voxwire_protocol import (
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionDelta,
    ConversationItemInputAudioTranscriptionFailed,
    InputAudioBufferAppend,
    InputAudioBufferClear,
    InputAudioBufferCleared,
    InputAudioBufferCommit,
    InputAudioBufferCommitted,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    InputAudioBufferTimeoutTriggered,
)

from ...protocol.dialect import early_transcript
from ...protocol.local_event import LocalEvent
from ..item_state import ItemState, number, string
from ..local_events import ConversationInterrupted, Delta
from ..state import ConversationState
from ..usage import UsageRecord, of_transcription
from .items import updated, whole


def transcription_delta(
    ledger: ConversationState, event: ConversationItemInputAudioTranscriptionDelta
) -> list[LocalEvent]:
    item, piece = ledger.await_item(event.item_id), string(event.delta)
    if item is None or not piece:
        return []
    taken = item.part(event.content_index, "input_audio").transcript.add(piece)
    return _told(ledger, item, Delta(transcript=piece)) if taken else []


def transcription_completed(
    ledger: ConversationState, event: ConversationItemInputAudioTranscriptionCompleted
) -> list[LocalEvent]:
    item = ledger.await_item(event.item_id)
    if item is None:
        return []
    part = item.part(event.content_index, "input_audio")
    if not part.billed:
        part.billed = True
        model, usage = ledger.transcription_model, of_transcription(event.usage)
        ledger.spend(UsageRecord(kind="transcription", id=item.id, model=model, usage=usage))
    if early_transcript(event):
        changed, missed = part.transcript.revise(string(event.transcript) or ""), ""
        over: list[LocalEvent] = []
    else:
        changed, missed = part.transcript.settle(string(event.transcript))
        over = whole(ledger, item)
    told = _told(ledger, item, Delta(transcript=missed) if missed else None) if changed else []
    return told + over


def transcription_failed(
    ledger: ConversationState, event: ConversationItemInputAudioTranscriptionFailed
) -> list[LocalEvent]:
    item = ledger.await_item(event.item_id)
    if item is None:
        return []
    item.part(event.content_index, "input_audio").error = event.error
    return _told(ledger, item) + whole(ledger, item)


def speech_started(
    ledger: ConversationState, event: InputAudioBufferSpeechStarted
) -> list[LocalEvent]:
    ms = number(event.audio_start_ms)
    item = ledger.await_item(event.item_id)
    # Of a manual turn, the commit says which audio it is.
    if not ledger.appended.manual and (item is None or not item.announced):
        ledger.appended.speech = start = ledger.appended.position(ms)
        if item is not None:
            item.announced, item.speech = True, start
    speech_id = string(event.item_id)
    return [
        ConversationInterrupted(
            item_id=_latest_speech(ledger), speech_item_id=speech_id, audio_start_ms=ms
        )
    ]


def _latest_speech(ledger: ConversationState) -> str | None:
    for id in reversed(ledger.order):
        item = ledger.items[id]
        if item.role == "assistant":
            return id
        if item.type == "message":
            break
    return None


def speech_stopped(
    ledger: ConversationState, event: InputAudioBufferSpeechStopped
) -> list[LocalEvent]:
    ledger.appended.speech = None
    item = ledger.await_item(event.item_id)
    end = ledger.appended.position(number(event.audio_end_ms))
    if item is None or item.speech is None:
        return []
    start, item.speech = item.speech, None
    events = _give(ledger, item, start, end)
    ledger.appended.take(end)
    return events


def timeout_triggered(
    ledger: ConversationState, event: InputAudioBufferTimeoutTriggered
) -> list[LocalEvent]:
    item, appended = ledger.await_item(event.item_id), ledger.appended
    start, end = (
        appended.position(number(ms)) for ms in (event.audio_start_ms, event.audio_end_ms)
    )
    events: list[LocalEvent] = []
    if item is not None:
        item.announced = item.idle = True
        events = _give(ledger, item, start, end)
        item.span = None  # nobody has to hear the silence again
    appended.take(end)
    return events


def committed(ledger: ConversationState, event: InputAudioBufferCommitted) -> list[LocalEvent]:
    appended, item = ledger.appended, ledger.await_item(event.item_id)
    if item is not None and item.announced and item.speech is None:
        return whole(ledger, item)  # a turn of which all is known, or the same commit again
    start, end, asked = appended.answered("commit")
    if item is not None and item.speech is not None:
        start, item.speech, appended.speech = item.speech, None, None
    elif appended.turn_detection and not asked:
        # The server found a turn and has not told where.
        return whole(ledger, item) if item is not None else []
    events: list[LocalEvent] = []
    if item is not None:
        item.announced = True
        events = _give(ledger, item, start, end) + whole(ledger, item)
    appended.take(end)
    return events


def cleared(ledger: ConversationState, event: InputAudioBufferCleared) -> list[LocalEvent]:
    _, end, _ = ledger.appended.answered("clear")
    ledger.appended.speech = None
    ledger.appended.take(end)
    return []


def _give(ledger: ConversationState, item: ItemState, start: int, end: int) -> list[LocalEvent]:
    """Make a piece of what was appended the sound of a user's item."""
    item.span = (start, end)
    part = item.part(0, "input_audio")
    if part.sound.size or end <= start:
        return []
    part.format = ledger.appended.format
    part.sound.size, part.sound.settled = end - start, True
    part.begins_ms = ledger.appended.ms(start)
    ledger.keep(part, ledger.appended.piece(start, end))
    return _told(ledger, item)


def _told(
    ledger: ConversationState, item: ItemState, delta: Delta | None = None
) -> list[LocalEvent]:
    return updated(item, delta) if item.id in ledger.items else []


def audio_sent(ledger: ConversationState, event: InputAudioBufferAppend) -> list[LocalEvent]:
    ledger.appended.append(event.audio_bytes)
    return []


def commit_sent(ledger: ConversationState, event: InputAudioBufferCommit) -> list[LocalEvent]:
    ledger.appended.mark("commit", string(event.event_id))
    return []


def clear_sent(ledger: ConversationState, event: InputAudioBufferClear) -> list[LocalEvent]:
    ledger.appended.mark("clear", string(event.event_id))
    return []
