"""The sound that comes in: the input buffer, the turns found in it, and their commits.

It knows the events of the input buffer and of the user's items. That a response follows is for its
owner, who is told of each turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, cast

import attrs
from voxwire_protocol import (
    ConversationItemAdded,
    ConversationItemDone,
    InputAudioBufferCleared,
    InputAudioBufferCommitted,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    InputAudioBufferTimeoutTriggered,
)

from ..protocol.audio_format import Format, format_of
from .api_errors import ApiError
from .conversation_items import ConversationItems, ItemRecord
from .input_transcription import transcribe
from .session_context import SessionContext
from .session_settings import SessionSettings
from .vad import Edge, VadDetector, semantic_silence_ms

__all__ = ["InputBuffer", "Spoke"]

_LEAST_MS = 100

Spoke: TypeAlias = Callable[[Literal["began", "ended", "idle"]], None]
"""Called when the user begins to speak, when a turn is committed, and after too long a silence."""


@attrs.define(kw_only=True, eq=False)
class InputBuffer:
    """The input buffer of one session. Positions are milliseconds of all sound that came."""

    stage: SessionContext
    settings: SessionSettings
    items: ConversationItems
    spoke: Spoke
    _buffer: bytearray = attrs.field(init=False, factory=bytearray)
    _start_ms: int = attrs.field(init=False, default=0)
    _detector: VadDetector | None = attrs.field(init=False, default=None)
    _detecting: object = attrs.field(init=False, default=None)
    _format: Format = attrs.field(init=False)
    _coming: str | None = attrs.field(init=False, default=None)
    _idle_from_ms: int | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._format = format_of(self.settings.input["format"])

    @property
    def position_ms(self) -> int:
        return self._start_ms + self._format.ms(len(self._buffer))

    def append(self, audio: bytes) -> None:
        """Take sound in; where turn detection is on, find the turns in it."""
        self._tune()
        self._buffer += audio
        if self._detector is None:
            return
        for edge in self._detector.hear(audio):
            self._edge(edge)
        if not self._detector.speaking:
            self._forget()
            self._idle()

    def _tune(self) -> None:
        """Follow a change of the settings."""
        wanted = format_of(self.settings.input["format"])
        if wanted != self._format:
            self._start_ms, self._format = self.position_ms, wanted
            self._buffer.clear()
            self._detecting = None
        detection = self.settings.input["turn_detection"]
        if detection is not self._detecting or (self._detector is None) is (detection is not None):
            self._detecting = detection
            self._detector = None
            if detection is not None:
                self._detector = VadDetector.of(
                    detection, self._format, lambda: self._silence_ms(detection), self.position_ms
                )

    def _silence_ms(self, detection: Mapping[str, Any]) -> int:
        if detection["type"] == "server_vad":
            return int(detection.get("silence_duration_ms", 500))
        text = self.stage.script.coming(bytes(self._buffer))
        return semantic_silence_ms(detection.get("eagerness"), text)

    def _edge(self, edge: Edge) -> None:
        if edge.kind == "started":
            self._coming = self.stage.ids.new("item")
            self.stage.send(
                InputAudioBufferSpeechStarted, audio_start_ms=edge.ms, item_id=self._coming
            )
            self._drop_before(edge.ms)
            self._idle_from_ms = None
            self.spoke("began")
            return
        item_id = self._coming or self.stage.ids.new("item")
        self.stage.send(InputAudioBufferSpeechStopped, audio_end_ms=edge.ms, item_id=item_id)
        self._commit(item_id, self._format.size(ms=edge.ms - self._start_ms))
        self.spoke("ended")

    def _drop_before(self, ms: int) -> None:
        size = self._format.size(ms=max(0, ms - self._start_ms))
        del self._buffer[:size]
        self._start_ms += self._format.ms(size)

    def _forget(self) -> None:
        """Before anyone speaks, only the padding is of use."""
        assert self._detector is not None
        self._drop_before(self._detector.position_ms - self._detector.prefix_ms - 1000)

    def _idle(self) -> None:
        detection = cast("Mapping[str, Any]", self.settings.input["turn_detection"])
        timeout, since = detection.get("idle_timeout_ms"), self._idle_from_ms
        if timeout is None or since is None or self.position_ms - since < timeout:
            return
        self._idle_from_ms = None
        item_id = self.stage.ids.new("item")
        self.stage.send(
            InputAudioBufferTimeoutTriggered,
            audio_start_ms=since,
            audio_end_ms=self.position_ms,
            item_id=item_id,
        )
        self._commit(item_id, len(self._buffer), silent=True)
        self.spoke("idle")

    def answered(self, audio_ms: int) -> None:
        """An answer of this length has been given: from its end on, silence counts."""
        self._idle_from_ms = self.position_ms + audio_ms

    def commit(self) -> None:
        """The client ends the turn."""
        ms = len(self._buffer) * 1000 / self._format.bytes_per_second
        if ms < _LEAST_MS:
            raise ApiError.commit_empty(ms)
        self._commit(self._coming or self.stage.ids.new("item"), len(self._buffer))
        if self._detector is not None:
            self._detector.reset()

    def clear(self) -> None:
        """The client drops what has come since the last commit."""
        self._start_ms = self.position_ms
        self._buffer.clear()
        self._coming = None
        if self._detector is not None:
            self._detector.reset()
        self.stage.send(InputAudioBufferCleared)

    def _commit(self, item_id: str, size: int, *, silent: bool = False) -> None:
        audio = self._buffer[:size]
        del self._buffer[:size]
        self._start_ms += self._format.ms(size)
        self._coming = None
        heard = "" if silent else self.stage.script.heard(bytes(audio), self._format)
        item: dict[str, Any] = {
            "id": item_id,
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        record = ItemRecord(item=item, audio=audio, format=self._format, heard=heard)
        previous = self.items.last
        self.stage.send(InputAudioBufferCommitted, previous_item_id=previous, item_id=item_id)
        self.items.add(record)
        self.stage.send(ConversationItemAdded, previous_item_id=previous, item=item)
        done = self.items.previous_when_done(item_id)
        self.stage.send(ConversationItemDone, previous_item_id=done, item=item)
        transcription = self.settings.input["transcription"]
        if transcription is not None:
            include = cast("list[str]", self.settings["include"] or [])
            transcribe(self.stage, record, transcription, include)
