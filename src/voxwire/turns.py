"""One turn of the model: a response, or, where tools are called, the chain of them to the answer.

A turn collects what is said. It knows no socket, no queue of other turns and no tools; readers are
woken by a callback and keep their own place in its pieces.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from voxwire_protocol import (
    Event,
    OutputAudio,
    OutputText,
    RealtimeResponse,
    ResponseCreate,
    ResponseOutputAudioDelta,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputTextDelta,
)

from .errors import QueueOverflow

__all__ = ["Turn"]

MAX_AUDIO = 32 * 1024 * 1024
"""Bytes of base64 audio that a turn keeps for a reader who has not come yet: over 8 minutes."""


class Turn:
    """What one request brought so far.

    A turn is done when its last response has ended and no tool of it is left to answer; who knows
    of the tools calls :meth:`close` then.
    """

    def __init__(self, *, beside: bool) -> None:
        self.beside = beside
        """Whether it runs out of band, beside the default conversation."""
        self.event: ResponseCreate | None = None
        self.token: str | None = None
        self.event_id: str | None = None
        self.response_id: str | None = None
        self.sent = False
        self.cancelling = False
        self.attempts = 0
        self.responses: list[RealtimeResponse] = []
        self.status: str = "queued"
        self.error: BaseException | None = None
        self.done = False
        self.said: list[str] = []
        """Text and the words of speech together, as they came."""
        self.text: list[str] = []
        self.transcript: list[str] = []
        self.audio: list[ResponseOutputAudioDelta] = []
        self.keep_audio = False
        self.audio_error: QueueOverflow | None = None
        self._audio_bytes = 0
        self._streamed = False
        self._readers: list[Callable[[], None]] = []

    def ask(self, event: ResponseCreate, token: str | None) -> None:
        """Begin, or go on with, the turn by this request."""
        self.event, self.token = event, token
        self.event_id = self.response_id = None
        self.sent = token is None
        self.status = "queued"

    def begin(self, response: RealtimeResponse) -> None:
        """The server has taken the request up."""
        self.response_id = response.id if isinstance(response.id, str) else None
        self.sent = True
        self.status = "in_progress"
        self._streamed = False
        self._wake()

    def hear(self, event: Event) -> None:
        """Take a delta of the running response."""
        if isinstance(event, ResponseOutputTextDelta):
            self._say(self.text, event.delta)
        elif isinstance(event, ResponseOutputAudioTranscriptDelta):
            self._say(self.transcript, event.delta)
        elif isinstance(event, ResponseOutputAudioDelta) and self.keep_audio:
            if self._audio_bytes > MAX_AUDIO:
                self.audio_error = QueueOverflow(len(self.audio))
                return
            self.audio.append(event)
            self._audio_bytes += len(event.delta) if isinstance(event.delta, str) else 0
            self._wake()

    def _say(self, pieces: list[str], delta: Any) -> None:
        if isinstance(delta, str) and delta != "":
            if pieces and not self._streamed:
                pieces.append("\n")  # between what is said before the tools and after
                self.said.append("\n")
            self._streamed = True
            pieces.append(delta)
            self.said.append(delta)
            self._wake()

    def end(self, response: Any) -> None:
        """A response of the turn has ended."""
        if isinstance(response, RealtimeResponse):
            self.responses.append(response)
            if not self._streamed:
                self._fill(response)
            status = response.status
            self.status = status if isinstance(status, str) else "completed"
        else:
            self.status = "completed"
        self.response_id = None

    def _fill(self, response: RealtimeResponse) -> None:
        """Some servers send no deltas: what they said is in the items of the response."""
        output = response.output if isinstance(response.output, list) else []
        for item in output:
            content: Any = getattr(item, "content", None)
            for part in content if isinstance(content, list) else []:
                if isinstance(part, OutputText):
                    self._say(self.text, part.text)
                elif isinstance(part, OutputAudio):
                    self._say(self.transcript, part.transcript)

    def close(self) -> None:
        """End the turn with the status of its last response."""
        if not self.done:
            self._finish()

    def finish(self, status: str) -> None:
        """End the turn with a status that no server event told."""
        if not self.done:
            self.status = status
            self._finish()

    def fail(self, error: BaseException) -> None:
        """End the turn with an error."""
        if not self.done:
            self.error = error
            self.status = "failed"
            self._finish()

    def _finish(self) -> None:
        self.done = True
        self._wake()

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever something has come, and at the end."""
        self._readers.append(wake)

    def unsubscribe(self, wake: Callable[[], None]) -> None:
        """Undo :meth:`subscribe`."""
        self._readers.remove(wake)

    def _wake(self) -> None:
        for wake in tuple(self._readers):
            wake()
