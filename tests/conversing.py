"""Events for the tests of the conversation cache, short to write."""

from __future__ import annotations

import base64
import json
from typing import Any

from voxwire_protocol import Event

from voxwire.conversation import ConversationTracker
from voxwire.protocol.codec import REALTIME
from voxwire.protocol.local_event import LocalEvent


def heard(type: str, **fields: Any) -> Event:
    """An event as it is read from the wire."""
    return REALTIME.decode(json.dumps({"type": type, "event_id": "event_1", **fields}))


def said(type: str, **fields: Any) -> Event:
    """An event that the client sends."""
    return REALTIME.decode_client(json.dumps({"type": type, **fields}))


def b64(audio: bytes) -> str:
    return base64.b64encode(audio).decode()


def message(id: str, role: str = "user", text: str | None = None, **fields: Any) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    content = [] if text is None else [{"type": kind, "text": text}]
    status = "in_progress" if text is None else "completed"
    item = {"id": id, "type": "message", "role": role, "status": status, "content": content}
    return item | fields


def call(id: str, arguments: str = "", **fields: Any) -> dict[str, Any]:
    status = "completed" if arguments else "in_progress"
    item = {"id": id, "type": "function_call", "status": status, "name": "get_weather"}
    return item | {"call_id": f"call_{id}", "arguments": arguments} | fields


def answer(id: str, call_id: str, output: str = "foggy") -> dict[str, Any]:
    return {"id": id, "type": "function_call_output", "call_id": call_id, "output": output}


def added(item: dict[str, Any], previous: str | None = None, **fields: Any) -> Event:
    return heard("conversation.item.added", previous_item_id=previous, item=item, **fields)


def delta(kind: str, item_id: str, piece: Any, **fields: Any) -> Event:
    place = {"response_id": "resp_1", "item_id": item_id, "output_index": 0, "content_index": 0}
    return heard(f"response.{kind}.delta", delta=piece, **(place | fields))


def finished(kind: str, item_id: str, **fields: Any) -> Event:
    place = {"response_id": "resp_1", "item_id": item_id, "output_index": 0, "content_index": 0}
    return heard(f"response.{kind}.done", **(place | fields))


def created(id: str = "resp_1", **fields: Any) -> Event:
    response = {"id": id, "status": "in_progress", "conversation_id": "conv_1", "output": []}
    return heard("response.created", response=response | fields)


def done(id: str = "resp_1", status: str = "completed", **fields: Any) -> Event:
    response = {"id": id, "status": status, "conversation_id": "conv_1", "output": []}
    return heard("response.done", response=response | fields)


def output(item: dict[str, Any], step: str = "added", response_id: str = "resp_1") -> Event:
    return heard(f"response.output_item.{step}", response_id=response_id, output_index=0, item=item)


def transcribed(item_id: str, transcript: str, **fields: Any) -> Event:
    return heard(
        "conversation.item.input_audio_transcription.completed",
        **{"item_id": item_id, "content_index": 0, "transcript": transcript} | fields,
    )


def speech(cache: ConversationTracker, item_id: str, start: int | None, stop: int | None) -> None:
    if start is not None:
        cache.apply(
            heard("input_audio_buffer.speech_started", audio_start_ms=start, item_id=item_id)
        )
    if stop is not None:
        cache.apply(heard("input_audio_buffer.speech_stopped", audio_end_ms=stop, item_id=item_id))


def spoken(id: str, transcript: str | None = None) -> dict[str, Any]:
    """The item of what the user said."""
    part = {"type": "input_audio", "transcript": transcript}
    return {"id": id, "type": "message", "role": "user", "status": "completed", "content": [part]}


def follow(events: list[Event], **options: Any) -> ConversationTracker:
    cache = ConversationTracker(**options)
    for event in events:
        cache.apply(event)
    return cache


def ids(cache: ConversationTracker) -> list[str]:
    return [item.id for item in cache.conversation]


def names(events: list[LocalEvent]) -> list[str]:
    return [event.type for event in events]
