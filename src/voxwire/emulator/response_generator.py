"""One response, from ``response.created`` to ``response.done``.

It knows how a reply becomes output items, and every way in which a response ends. Who may start
one, and when, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, cast

import attrs
from voxwire_protocol import OutputAudioBufferStopped, ResponseCreated, ResponseDone

from ..protocol.audio_format import Format, format_of
from .conversation_items import ConversationItems
from .item_writers import CallWriter, MessageWriter, Place, Writer
from .responder import Reply, UserTurn
from .session_context import SessionContext, Timer, Wrong
from .speech_synthesis import speak
from .token_usage import TokenCount, response_usage

__all__ = ["ResponseGenerator"]

_TYPES: Final = {
    "rate_limit_exceeded": "rate_limit_error",
    "insufficient_quota": "insufficient_quota",
    "server_error": "server_error",
}


@attrs.define(kw_only=True, eq=False)
class ResponseGenerator:
    """A response that is under way. ``settings`` are the session's with the request's over them."""

    stage: SessionContext
    turn: UserTurn
    settings: Mapping[str, Any]
    metadata: Mapping[str, str] | None
    conversation_id: str | None
    items: ConversationItems | None
    read: TokenCount
    known: TokenCount
    phases: bool
    finished: Callable[[ResponseGenerator], None]

    id: str = attrs.field(init=False)
    written: TokenCount = attrs.field(init=False, factory=TokenCount)
    audio_ms: int = attrs.field(init=False, default=0)
    spoken_items: list[str] = attrs.field(init=False, factory=list[str])
    over: bool = attrs.field(init=False, default=False)
    _output: list[dict[str, Any]] = attrs.field(init=False, factory=list[dict[str, Any]])
    _writer: Writer | None = attrs.field(init=False, default=None)
    _course: Iterator[float | None] | None = attrs.field(init=False, default=None)
    _timer: Timer | None = attrs.field(init=False, default=None)
    _held: bool = attrs.field(init=False, default=False)
    _budget: int | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self.id = self.stage.ids.new("resp")
        limit = self.settings["max_output_tokens"]
        self._budget = limit if isinstance(limit, int) else None

    @property
    def modality(self) -> str:
        return cast("list[str]", self.settings["output_modalities"])[0]

    @property
    def format(self) -> Format:
        return format_of(self.settings["audio"]["output"]["format"])

    def start(self) -> None:
        """Announce the response and have its reply found."""
        self.stage.send(ResponseCreated, response=self._object("in_progress"))
        self.stage.think(self.turn, self._answer)

    def _answer(self, reply: Reply) -> None:
        if self.over:
            return
        self._course = self._write(reply)
        wait = self.stage.habits.timing.first + reply.delay
        self._timer = self.stage.timeline.after(wait, self._go_on)

    def _go_on(self) -> None:
        while self._course is not None:
            wait = next(self._course, -1.0)
            if wait is None:
                self._held = True
                return
            if wait < 0 or self.over:
                return
            if wait > 0:
                self._timer = self.stage.timeline.after(wait, self._go_on)
                return

    def release(self) -> None:
        """Go on where the reply said to hold."""
        if self._held:
            self._held = False
            self._go_on()

    def _write(self, reply: Reply) -> Iterator[float | None]:
        """The course of a response; a value is a wait in seconds, None one for ``release``."""
        if reply.fault is not None:
            self.stage.out.append(Wrong(reply.fault))
        if reply.error is not None:
            self._finish("failed", error=_error(reply.error))
            return
        hold = 0 if reply.silence else reply.hold
        if hold == 0:
            yield None
            hold = None
        for writer in self._writers(reply):
            self._writer = writer
            writer.open()
            for wait in writer.pieces():
                if hold is not None and (hold := hold - 1) <= 0:
                    hold = None
                    yield None
                yield wait
            self._close_item("incomplete" if writer.cut or reply.incomplete else "completed")
            if writer.cut:
                self._finish("incomplete", reason="max_output_tokens")
                return
        if reply.incomplete:
            self._finish("incomplete", reason=reply.incomplete)
        else:
            self._finish("completed")

    def _writers(self, reply: Reply) -> Iterator[Writer]:
        if reply.text or reply.audio is not None:
            speech = None
            if self.modality == "audio":
                speech = reply.audio
                if speech is None:
                    speed = self.settings["audio"]["output"].get("speed") or 1.0
                    voice = self.stage.voice
                    speech = speak(reply.text, self.format, voice=voice, speed=speed)
            phase = None
            if self.phases:
                phase = "commentary" if reply.calls else "final_answer"
            yield MessageWriter(self._place(), reply.text, speech, self.format, self._left(), phase)
        for call in reply.calls:
            yield CallWriter(self._place(), call, self._left())

    def _place(self) -> Place:
        return Place(
            stage=self.stage, response_id=self.id, index=len(self._output), items=self.items
        )

    def _left(self) -> int | None:
        return None if self._budget is None else max(0, self._budget - self.written.total)

    def _close_item(self, status: str) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            self._output.append(writer.close(status))
            self.written += writer.written
            if isinstance(writer, MessageWriter):
                self.audio_ms += writer.audio_ms
                if writer.audio_ms:
                    self.spoken_items.append(self._output[-1]["id"])

    def cancel(self, reason: str) -> None:
        """Stop here: close what is open and say why."""
        if not self.over:
            self.stop()
            self._close_item("incomplete")
            self._finish("cancelled", reason=reason)

    def fail(self, error: str | Mapping[str, Any]) -> None:
        """Stop here because something broke."""
        if not self.over:
            self.stop()
            self._close_item("incomplete")
            self._finish("failed", error=_error(error))

    def stop(self) -> None:
        """Write no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._course = None

    def _finish(
        self, status: str, *, reason: str | None = None, error: dict[str, Any] | None = None
    ) -> None:
        self.over = True
        response = self._object(status)
        response["usage"] = response_usage(self.read, self.known, self.written).to_dict()
        if status != "completed":
            response["status_details"] = {
                "type": status,
                **({"reason": reason} if reason else {}),
                **({"error": error} if error else {}),
            }
        self.stage.send(ResponseDone, response=response)
        if self.stage.habits.media == "call" and self.audio_ms:
            self._timer = self.stage.timeline.after(self.audio_ms / 1000, self._played)
        self.finished(self)

    def stop_playing(self) -> None:
        """In a call: what has not been played will not be."""
        if self._timer is not None:
            self._timer.cancel()

    def _played(self) -> None:
        self.stage.send(OutputAudioBufferStopped, response_id=self.id)

    def _object(self, status: str) -> dict[str, Any]:
        output = self.settings["audio"]["output"]
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "output": list(self._output),
            "conversation_id": self.conversation_id,
            "output_modalities": self.settings["output_modalities"],
            "max_output_tokens": self.settings["max_output_tokens"],
            "audio": {"output": {"format": output["format"], "voice": output["voice"]}},
            "metadata": self.metadata,
        }


def _error(error: str | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(error, str):
        error = {"code": error}
    code = error.get("code") or "server_error"
    return {
        "type": _TYPES.get(str(code), "invalid_request_error"),
        "code": code,
        "message": "The server was told to let this response fail.",
        **error,
    }
