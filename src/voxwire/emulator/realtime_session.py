"""A realtime session as the server has it: a client's frame in, the server's events out.

It knows which client events there are and what each does to the parts of a session. It opens no
socket, reads no clock, and answers nothing by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, cast

import msgspec
import pybase64
from voxwire_protocol import (
    ConversationItemAdded,
    ConversationItemDeleted,
    ConversationItemDone,
    ConversationItemRetrieved,
    ConversationItemTruncated,
    SessionCreated,
    SessionUpdated,
)

from ..protocol.audio_format import format_of
from ..protocol.codec import REALTIME
from ..protocol.constraints import LONGEST_ID
from .api_errors import ApiError
from .conversation_items import ConversationItems, ItemRecord
from .input_buffer import InputBuffer
from .response_queue import ResponseQueue
from .session_context import SessionContext
from .session_settings import SessionSettings
from .validation import inspect

__all__ = ["RealtimeSession", "decoded", "parse"]

_IN_TRANSCRIPTION: Final = frozenset(
    {
        "session.update",
        "input_audio_buffer.append",
        "input_audio_buffer.commit",
        "input_audio_buffer.clear",
        "conversation.item.retrieve",
        "conversation.item.delete",
    }
)


def _refuse_longer(where: str, id: object) -> None:
    if isinstance(id, str) and len(id) > LONGEST_ID:
        raise ApiError(
            "string_above_max_length",
            f"Invalid '{where}': string too long. Expected a string with maximum length "
            f"{LONGEST_ID}, but got a string with length {len(id)} instead.",
            where,
        )


def parse(frame: str | bytes) -> dict[str, Any]:
    """The JSON object of a frame. Bytes are a binary frame, which is a mistake."""
    if isinstance(frame, bytes):
        raise ApiError.binary()
    try:
        event = msgspec.json.decode(frame)
    except (ValueError, RecursionError):  # no JSON, or nested without end: the client's mistake
        raise ApiError.not_json() from None
    if not isinstance(event, dict):
        raise ApiError.no_type()
    return cast("dict[str, Any]", event)


class RealtimeSession:
    """One realtime or transcription session."""

    def __init__(self, stage: SessionContext, session: dict[str, Any]) -> None:
        self.stage = stage
        self.settings = SessionSettings(session)
        self.items = ConversationItems()
        self.responses = ResponseQueue(stage=stage, settings=self.settings, items=self.items)
        self.intake = InputBuffer(
            stage=stage, settings=self.settings, items=self.items, spoke=self._spoke
        )
        self._acts: dict[str, Callable[[dict[str, Any]], None]] = {
            "session.update": self._update,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": lambda event: self.intake.commit(),
            "input_audio_buffer.clear": lambda event: self.intake.clear(),
            "output_audio_buffer.clear": self._clear_output,
            "conversation.item.create": self._create_item,
            "conversation.item.retrieve": self._retrieve_item,
            "conversation.item.truncate": self._truncate_item,
            "conversation.item.delete": self._delete_item,
            "response.create": lambda event: self.responses.create(event.get("response") or {}),
            "response.cancel": lambda event: self.responses.cancel(event.get("response_id")),
        }

    @property
    def transcribes(self) -> bool:
        return bool(self.settings["type"] == "transcription")

    def open(self) -> None:
        """Greet the client."""
        self.stage.send(SessionCreated, session=self.settings.session)

    def receive(self, frame: str | bytes) -> None:
        """Do what a client's frame says, or send the error that it is."""
        event_id: Any = None
        try:
            event = parse(frame)
            event_id = event.get("event_id")
            inspect(REALTIME.client, event)
            if self.transcribes and event["type"] not in _IN_TRANSCRIPTION:
                raise ApiError.not_here(event["type"], "transcription")
            self._acts[event["type"]](event)
        except ApiError as mistake:  # the client's mistake becomes an `error` event
            self.stage.refuse(mistake, event_id)

    def release(self) -> None:
        """Let replies that hold go on."""
        self.responses.release()

    def stop(self) -> None:
        """Nothing more is wanted."""
        self.responses.drop()

    # --- what the events do ---------------------------------------------------------------------

    def _update(self, event: dict[str, Any]) -> None:
        self.settings.update(event["session"])
        self.stage.send(SessionUpdated, session=self.settings.session)

    def _append(self, event: dict[str, Any]) -> None:
        if (length := self.responses.answered_ms) is not None:
            self.responses.answered_ms = None
            self.intake.answered(length)
        self.intake.append(decoded(event["audio"], "audio"))

    def _spoke(self, what: Literal["began", "ended", "idle"]) -> None:
        if self.transcribes:
            return
        detection = cast("Mapping[str, Any]", self.settings.input["turn_detection"])
        if what == "began":
            if detection.get("interrupt_response", True):
                self.responses.interrupt()
        elif detection.get("create_response", True):
            self.responses.answer("speech" if what == "ended" else "idle")

    def _clear_output(self, event: dict[str, Any]) -> None:
        if self.stage.habits.media == "socket":
            raise ApiError(
                "invalid_value",
                "output_audio_buffer.clear is for calls over WebRTC and SIP only.",
                "type",
            )
        self.responses.clear_playback()

    def _create_item(self, event: dict[str, Any]) -> None:
        item = cast("dict[str, Any]", event["item"])
        given = {k: v for k, v in item.items() if k != "object" and v is not None}
        _refuse_longer("item.id", given.get("id"))
        record = self._record(given)
        previous = self.items.add(record, event.get("previous_item_id"))
        self.stage.send(ConversationItemAdded, previous_item_id=previous, item=record.item)
        done = self.items.previous_when_done(record.id)
        self.stage.send(ConversationItemDone, previous_item_id=done, item=record.item)

    def _record(self, item: dict[str, Any]) -> ItemRecord:
        call_id = item.get("call_id")
        if item["type"] == "function_call_output" and not self.items.knows_call(item["call_id"]):
            raise ApiError.no_call(item["call_id"])
        if item["type"] == "function_call":
            _refuse_longer("item.call_id", call_id)
            item["call_id"] = call_id or self.stage.ids.new("call", 16)
        item = {"id": item.pop("id", None) or self.stage.ids.new("item"), **item}
        if item["type"] in ("message", "function_call"):
            item["status"] = item.get("status") or "completed"
        record = ItemRecord(item=item, format=format_of(self.settings.input["format"]))
        if item["type"] == "message":
            parts = cast("list[dict[str, Any]]", item["content"])
            # Null is taken as left out, here as for the fields of the item itself.
            known = [{k: v for k, v in part.items() if v is not None} for part in parts]
            item["content"] = [self._part(record, part) for part in known]
        return record

    def _part(self, record: ItemRecord, part: dict[str, Any]) -> dict[str, Any]:
        if part["type"] in ("output_audio", "audio"):
            raise ApiError(
                "invalid_value",
                "Speech of the assistant cannot be put into a conversation; use 'output_text'.",
                "item.content[0].type",
            )
        if part["type"] == "input_audio":
            audio = decoded(part.get("audio") or "", "item.content[0].audio")
            record.audio += audio
            record.heard = part.get("transcript") or self.stage.script.heard(audio, record.format)
            return {"type": "input_audio", "transcript": part.get("transcript")}
        return part

    def _retrieve_item(self, event: dict[str, Any]) -> None:
        self.stage.send(ConversationItemRetrieved, item=self.items.full(event["item_id"]))

    def _truncate_item(self, event: dict[str, Any]) -> None:
        place = {name: event[name] for name in ("item_id", "content_index", "audio_end_ms")}
        self.items.truncate(**place)
        self.stage.send(ConversationItemTruncated, **place)

    def _delete_item(self, event: dict[str, Any]) -> None:
        self.items.remove(event["item_id"])
        self.stage.send(ConversationItemDeleted, item_id=event["item_id"])


def decoded(audio: str, param: str) -> bytes:
    """The bytes of base64 in an event, or the mistake that it is."""
    try:
        return pybase64.b64decode(audio, validate=True)
    except ValueError:  # no base64: the client's mistake
        raise ApiError.bad_audio(param) from None
