"""A translation session: speech goes in, the same in another language comes out.

There are no items and no responses here. What was said is found utterance by utterance, and the
brain is asked for its translation.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Final, cast

import pybase64
from voxwire_protocol import (
    SessionClosed,
    SessionInputTranscriptDelta,
    SessionOutputAudioDelta,
    SessionOutputTranscriptDelta,
    TranslationSessionCreated,
    TranslationSessionUpdated,
)

from ..protocol.audio_format import PCM16
from ..protocol.codec import TRANSLATION
from .api_errors import ApiError
from .realtime_session import decoded, parse
from .responder import Reply, UserTurn
from .session_context import SessionContext
from .speech_synthesis import speak
from .token_usage import pieces
from .vad import VadDetector
from .validation import inspect

__all__ = ["DEFAULT_TRANSLATOR", "TranslationSession", "translation"]

DEFAULT_TRANSLATOR: Final = "gpt-realtime-translate"
_GRID_MS: Final = 200


def translation(model: str, session_id: str, expires_at: int) -> dict[str, Any]:
    """A translation session with every default."""
    return {
        "id": session_id,
        "type": "translation",
        "expires_at": expires_at,
        "model": model,
        "audio": {
            "input": {"transcription": None, "noise_reduction": None},
            "output": {"language": "en"},
        },
    }


class TranslationSession:
    """One translation session."""

    def __init__(self, stage: SessionContext, session: dict[str, Any]) -> None:
        self.stage = stage
        self.session = session
        self._sound = bytearray()
        self._start_ms = 0
        self._output_ms = 0
        self._number = 0
        self._busy_until = 0.0
        self._speaks_until = 0.0
        self._slots: deque[tuple[int, list[Reply]]] = deque()
        self._asked = 0
        self._closing = self._stopped = False
        self._detector = VadDetector.of({}, PCM16, lambda: 500, 0)
        self._acts: dict[str, Callable[[dict[str, Any]], None]] = {
            "session.update": self._update,
            "session.input_audio_buffer.append": self._append,
            "session.close": self._close,
        }

    def open(self) -> None:
        """Greet the client."""
        self.stage.send(TranslationSessionCreated, session=self.session)

    def receive(self, frame: str | bytes) -> None:
        """Do what a client's frame says, or send the error that it is."""
        event_id: Any = None
        try:
            event = parse(frame)
            event_id = event.get("event_id")
            inspect(TRANSLATION.client, event)
            if not self._closing:
                self._acts[event["type"]](event)
        except ApiError as mistake:  # the client's mistake becomes an `error` event
            self.stage.refuse(mistake, event_id)

    def release(self) -> None:
        """Nothing holds here."""

    def stop(self) -> None:
        """Nothing more is wanted."""
        self._stopped = True

    def configure(self, changes: Mapping[str, Any]) -> None:
        """Merge an update into the session."""
        session = deepcopy(self.session)
        audio = cast("Mapping[str, Any]", changes.get("audio") or {})
        for side in ("input", "output"):
            session["audio"][side] |= audio.get(side) or {}
        self.session = session

    def _update(self, event: dict[str, Any]) -> None:
        self.configure(event["session"])
        self.stage.send(TranslationSessionUpdated, session=self.session)

    def _append(self, event: dict[str, Any]) -> None:
        sound = decoded(event["audio"], "audio")
        self._sound += sound
        for edge in self._detector.hear(sound):
            if edge.kind == "started":
                self._drop_before(edge.ms)
            else:
                self._utterance(edge.ms)
        if not self._detector.speaking:
            self._drop_before(self._detector.position_ms - 1000)

    def _drop_before(self, ms: int) -> None:
        size = PCM16.size(ms=max(0, ms - self._start_ms))
        del self._sound[:size]
        self._start_ms += PCM16.ms(size)

    def _utterance(self, end_ms: int) -> None:
        began = self._start_ms
        sound = bytes(self._sound[: PCM16.size(ms=end_ms - began)])
        self._drop_before(end_ms)
        heard = self.stage.script.heard(sound, PCM16) or ""
        if self.session["audio"]["input"]["transcription"] is not None:
            words = pieces(" " + heard)
            for number, word in enumerate(words):
                elapsed = _grid(began + (end_ms - began) * (number + 1) // len(words))
                self._later(number, SessionInputTranscriptDelta, delta=word, elapsed_ms=elapsed)
        turn = UserTurn(
            text=heard,
            kind="user",
            trigger="speech",
            audio=sound,
            session=self.session,
            number=self._number,
        )
        self._number += 1
        self._asked += 1
        slot: list[Reply] = []
        self._slots.append((end_ms, slot))
        self.stage.think(turn, lambda reply: self._answered(slot, reply))

    def _answered(self, slot: list[Reply], reply: Reply) -> None:
        """Translations come in the order of the speech, also where a later one is found sooner."""
        slot.append(reply)
        while self._slots and self._slots[0][1]:
            end_ms, (ready,) = self._slots.popleft()
            self._translated(ready, end_ms)

    def _translated(self, reply: Reply, end_ms: int) -> None:
        self._asked -= 1
        self._output_ms = max(self._output_ms, _grid(end_ms))
        words = pieces(reply.text)
        sound = reply.audio
        if sound is None:
            sound = speak(reply.text, PCM16, voice=self.stage.voice)
        # What is still being said comes first: the user may be faster than the translation.
        wait = max(0.0, self._speaks_until - self.stage.timeline.now)
        size = PCM16.size(ms=_GRID_MS)
        chunks = [sound[i : i + size] for i in range(0, len(sound), size)]
        for number in range(max(len(words), len(chunks))):
            self._output_ms += _GRID_MS
            elapsed = self._output_ms
            if number < len(words):
                word = words[number]
                self._later(
                    number, SessionOutputTranscriptDelta, wait, delta=word, elapsed_ms=elapsed
                )
            if number < len(chunks):
                self._later(
                    number,
                    SessionOutputAudioDelta,
                    wait,
                    delta=pybase64.b64encode(chunks[number]).decode(),
                    sample_rate=24000,
                    channels=1,
                    format="pcm16",
                    elapsed_ms=elapsed,
                )
        self._speaks_until = max(self._speaks_until, self._busy_until)
        if self._closing and not self._asked:
            self._say_goodbye()

    def _later(self, number: int, cls: Any, after: float = 0.0, **fields: Any) -> None:
        wait = after + self.stage.habits.timing.transcript + number * self.stage.habits.timing.chunk
        self._busy_until = max(self._busy_until, self.stage.timeline.now + wait)

        def act() -> None:
            if not self._stopped:
                self.stage.send(cls, **fields)

        self.stage.timeline.after(wait, act)

    def _close(self, event: dict[str, Any]) -> None:
        """Finish what is being said, say so, and close."""
        if self._detector.speaking:
            self._utterance(self._start_ms + PCM16.ms(len(self._sound)))
        self._closing = True
        if not self._asked:
            self._say_goodbye()

    def _say_goodbye(self) -> None:
        def act() -> None:
            self.stage.send(SessionClosed)
            self.stage.end(1000)

        self.stage.timeline.after(self._busy_until - self.stage.timeline.now, act)


def _grid(ms: int) -> int:
    return -(-ms // _GRID_MS) * _GRID_MS
