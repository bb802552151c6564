"""What the events about the model's speech change: its audio, its words, where it is cut.

Sessions are here too, for the format of the sound. Nothing here raises for what a server says.
"""

from __future__ import annotations

from typing import Any, cast

from voxwire_protocol import (
    UNSET,
    ConversationItemTruncated,
    ResponseOutputAudioDelta,
    ResponseOutputAudioDone,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputAudioTranscriptDone,
    SessionCreated,
    SessionUpdate,
    SessionUpdated,
    Unknown,
)

from ...protocol.audio_format import PCM16, base64_size, format_of
from ...protocol.local_event import LocalEvent
from ..buffers import spoken_share
from ..item_state import number, peek, settle, string
from ..local_events import Delta
from ..state import ConversationState
from .items import find, place, updated


def session_event(
    ledger: ConversationState, event: SessionCreated | SessionUpdated, session: object
) -> list[LocalEvent]:
    """The formats, and who finds the turns; a new session also begins to count anew."""
    appended = ledger.appended
    if isinstance(event, SessionCreated):
        if ledger.moving:
            return []  # what servers begin with; the session is told its settings next
        appended.reset()
    ledger.format = format_of(session, "output", default=PCM16)
    appended.change_format(format_of(session, "input", default=PCM16))
    detection = _detection(session)
    if detection is None and ledger.detection_asked is not None:
        detection = ledger.detection_asked[1]
    if detection is not None:
        appended.turn_detection = detection
    ledger.detection_asked = None
    return []


def session_sent(ledger: ConversationState, event: SessionUpdate) -> list[LocalEvent]:
    """Who finds the turns, as the client wants it: xAI leaves it out of its answer where the client
    does."""
    detection = _detection(event.session)
    if detection is not None:
        ledger.detection_asked = string(event.event_id), detection
    return []


def _detection(session: object) -> bool | None:
    """Whether the server finds the turns; ``None`` where the session does not say."""
    for holder in (peek(peek(session, "audio"), "input"), session):
        known: Any = holder.payload if isinstance(holder, Unknown) else holder
        if isinstance(known, dict):
            found = cast("dict[str, Any]", known).get("turn_detection", UNSET)
        else:
            found = getattr(known, "turn_detection", UNSET)
        if found is not UNSET:
            return peek(found, "type") is not None  # xAI says "none" by an object without a type
    return None


def audio_delta(ledger: ConversationState, event: ResponseOutputAudioDelta) -> list[LocalEvent]:
    found = place(ledger, event, "output_audio")
    if found is None:
        return []
    item, part = found
    if part.sound.settled:
        return []
    # Decoding the sound is most of the work, and mostly nobody wants it here.
    wanted = ledger.shelf.seconds != 0 or ledger.told
    audio = event.audio if wanted else b""
    size = len(audio) if wanted else base64_size(event.delta)
    if not size:
        return []
    if not part.sound.size:
        running = ledger.running.get(item.response_id or "")
        part.format = running.format if running is not None else ledger.format
    part.sound.size += size
    if not wanted:
        return []
    ledger.keep(part, [audio])
    return updated(item, Delta(audio=audio)) if ledger.told else []


def audio_done(ledger: ConversationState, event: ResponseOutputAudioDone) -> list[LocalEvent]:
    item = find(ledger, event)
    part = item.parts.get(number(event.content_index)) if item is not None else None
    if part is not None:
        part.sound.settled = True
    return []


def transcript_delta(
    ledger: ConversationState, event: ResponseOutputAudioTranscriptDelta
) -> list[LocalEvent]:
    found, piece = place(ledger, event, "output_audio"), event.delta
    if found is None or type(piece) is not str or not piece:
        return []
    item, part = found
    taken = part.transcript.add(piece)
    return updated(item, Delta(transcript=piece)) if taken and ledger.told else []


def transcript_done(
    ledger: ConversationState, event: ResponseOutputAudioTranscriptDone
) -> list[LocalEvent]:
    item = find(ledger, event)
    part = item.part(event.content_index, "output_audio") if item is not None else None
    if item is None or part is None or part.cut_ms is not None:
        return []
    changed, missed = settle(part.transcript, event.transcript)
    return updated(item, Delta(transcript=missed) if missed else None) if changed else []


def truncated(ledger: ConversationState, event: ConversationItemTruncated) -> list[LocalEvent]:
    item = ledger.visible(event.item_id)
    part = item.parts.get(number(event.content_index)) if item is not None else None
    if item is None or part is None or part.kind not in (None, "output_audio"):
        return []
    ms, total = number(event.audio_end_ms), part.sound.size
    size = part.format.size(ms=ms)
    if (total and size >= total) or (part.cut_ms is not None and part.cut_ms <= ms):
        return []
    said = part.transcript.value if part.heard is None else part.heard
    # On a call the sound does not pass through here, so there is nothing to measure by.
    part.heard = spoken_share(said, size, total) if total else ""
    part.cut_ms = ms
    part.sound.cut(size if total else 0)
    # The server drops the transcript too: it would tell more than was heard.
    part.transcript.replace("")
    item.interrupted = True
    return updated(item)
