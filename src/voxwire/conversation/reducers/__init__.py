"""Which event changes the conversation in which way: the one table of all reducers.

A reducer takes the ledger and an event, writes into the ledger, and returns what to tell of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeAlias

import voxwire_protocol as protocol

from ...protocol.local_event import LocalEvent
from ..state import ConversationState
from . import audio as sound
from . import billing as billing
from . import input as spoken
from . import items as items
from . import responses as responses

__all__ = ["RECEIVED", "SENT", "Reducer"]

Reducer: TypeAlias = Callable[[ConversationState, Any], list[LocalEvent]]

RECEIVED: Final[Mapping[type[protocol.Event], Reducer]] = {
    protocol.SessionCreated: billing.session_described,
    protocol.SessionUpdated: billing.session_described,
    protocol.TranslationSessionCreated: billing.translation_described,
    protocol.TranslationSessionUpdated: billing.translation_described,
    protocol.ErrorEvent: responses.error,
    # Items
    protocol.ConversationItemAdded: items.item_added,
    protocol.ConversationItemCreated: items.item_added,
    protocol.ConversationItemDone: items.item_done,
    protocol.ConversationItemRetrieved: items.item_retrieved,
    protocol.ConversationItemTruncated: sound.truncated,
    protocol.ConversationItemDeleted: items.item_deleted,
    # What the user says
    protocol.InputAudioBufferSpeechStarted: spoken.speech_started,
    protocol.InputAudioBufferSpeechStopped: spoken.speech_stopped,
    protocol.InputAudioBufferCommitted: spoken.committed,
    protocol.InputAudioBufferCleared: spoken.cleared,
    protocol.InputAudioBufferTimeoutTriggered: spoken.timeout_triggered,
    protocol.ConversationItemInputAudioTranscriptionDelta: spoken.transcription_delta,
    protocol.ConversationItemInputAudioTranscriptionCompleted: spoken.transcription_completed,
    protocol.ConversationItemInputAudioTranscriptionFailed: spoken.transcription_failed,
    # What the model says
    protocol.ResponseCreated: responses.response_created,
    protocol.ResponseDone: responses.response_done,
    protocol.ResponseOutputItemAdded: responses.output_added,
    protocol.ResponseOutputItemDone: responses.output_done,
    protocol.ResponseContentPartAdded: partial(items.part_event, final=False),
    protocol.ResponseContentPartDone: partial(items.part_event, final=True),
    protocol.ResponseOutputTextDelta: items.text_delta,
    protocol.ResponseOutputTextDone: items.text_done,
    protocol.ResponseOutputAudioDelta: sound.audio_delta,
    protocol.ResponseOutputAudioDone: sound.audio_done,
    protocol.ResponseOutputAudioTranscriptDelta: sound.transcript_delta,
    protocol.ResponseOutputAudioTranscriptDone: sound.transcript_done,
    protocol.ResponseFunctionCallArgumentsDelta: items.arguments_delta,
    protocol.ResponseFunctionCallArgumentsDone: items.arguments_done,
    # Hosted tools
    protocol.ResponseMcpCallArgumentsDelta: items.arguments_delta,
    protocol.ResponseMcpCallArgumentsDone: items.arguments_done,
    protocol.ResponseMcpCallInProgress: responses.service_status("in_progress"),
    protocol.ResponseMcpCallCompleted: responses.service_status("completed"),
    protocol.ResponseMcpCallFailed: responses.service_status("failed"),
    protocol.McpListToolsInProgress: responses.service_status("in_progress"),
    protocol.McpListToolsCompleted: responses.service_status("completed"),
    protocol.McpListToolsFailed: responses.service_status("failed"),
}
"""What the server sends."""

SENT: Final[Mapping[type[protocol.Event], Reducer]] = {
    protocol.InputAudioBufferAppend: spoken.audio_sent,
    protocol.InputAudioBufferCommit: spoken.commit_sent,
    protocol.InputAudioBufferClear: spoken.clear_sent,
    protocol.ConversationItemCreate: items.item_sent,
    protocol.SessionUpdate: sound.session_sent,
    protocol.SessionInputAudioBufferAppend: billing.translation_sent,
}
"""What the client sends."""
