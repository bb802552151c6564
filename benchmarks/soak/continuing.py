"""A server that goes on with a recorded conversation, over as many connections as it takes.

It answers a client in the words of the recording: greeting, settings, items and responses. What it
knows of the conversation is only what the client has told on this connection, like the real ones.
No I/O: frames in, frames out.
"""

from __future__ import annotations

import base64
import json
from collections import deque
from collections.abc import Sequence
from typing import Any

import attrs

from voxwire.recording.frames import Frame

__all__ = ["Astray", "Script", "Server"]

_BEFORE_MS, _SILENCE_MS = 300, 500
_BYTES_A_MS = 48
_ITEM_SHOWN = ("conversation.item.added", "conversation.item.done", "conversation.item.created")


class Astray(Exception):  # where it went, not what it is
    """The client did what the recorded conversation has no answer to."""


@attrs.frozen
class Script:
    """What a recording says, by what was asked."""

    greeting: list[dict[str, Any]]
    updated: list[dict[str, Any]]
    shown: list[str]
    """The events that acknowledge an item of a client's."""
    answers: dict[str, list[dict[str, Any]]]
    """What the client said last -> the frames of the response."""
    speech: list[dict[str, Any]]
    """How turn detection tells of speech."""
    committed: list[dict[str, Any]]
    """How a commit is acknowledged."""
    asked: list[Frame]
    """What the client sent, in order."""

    @classmethod
    def of(cls, frames: Sequence[Frame]) -> Script:
        """Take a recording apart."""
        greeting, updated, shown, speech, committed = ([] for _ in range(5))  # type: ignore[var-annotated]
        answers: dict[str, list[dict[str, Any]]] = {}
        heard = said = ""
        mine: set[str] = set()  # items of the client's, or of the user's
        answer: list[dict[str, Any]] | None = None
        for frame in frames:
            event, kind = frame.event, frame.type or ""
            if frame.dir == "c2s":
                if kind == "conversation.item.create":
                    heard = key(event["item"])
                elif kind == "input_audio_buffer.append":
                    heard = "(sound)"
            elif kind in ("session.created", "conversation.created", "ping"):
                (updated if heard or updated else greeting).append(event)
            elif kind == "session.updated":
                updated.append(event)
            elif kind == "response.created":
                said = heard
                answer = answers.setdefault(said, [])
                answer.append(event)
            elif kind.startswith("input_audio_buffer.speech"):
                speech.append(event)
            elif kind == "input_audio_buffer.committed":
                mine.add(event.get("item_id") or "")
                (speech if speech else committed).append(event)
            elif kind in _ITEM_SHOWN and (
                answer is None or event["item"]["id"] in mine or _by_client(event["item"])
            ):
                mine.add(event["item"]["id"])
                if speech:
                    speech.append(event)
                elif kind not in shown:
                    shown.append(kind)
            elif answer is not None:
                answer.append(event)
                if kind == "response.done":
                    answer = None
        asked = [frame for frame in frames if frame.dir == "c2s"]
        shown = shown or ["conversation.item.added", "conversation.item.done"]
        return cls(greeting, updated, shown, answers, speech, committed, asked)

    @property
    def transcript(self) -> str:
        """What was spoken, as the recorded server understood it."""
        every = (event for frames in self.answers.values() for event in frames)
        return next(
            (e["transcript"] for e in every if str(e.get("type")).endswith(_UNDERSTOOD)), ""
        )


_UNDERSTOOD = "input_audio_transcription.completed"


def _by_client(item: dict[str, Any]) -> bool:
    return item.get("type") == "function_call_output" or (
        item.get("role") in ("user", "system") and item.get("type") == "message"
    )


def key(item: dict[str, Any]) -> str:
    """What an item asks for: the words of the user, or the output of a call."""
    if item.get("type") == "function_call_output":
        return f"output: {item.get('output')}"
    parts = item.get("content") or []
    words = "".join(part.get("text") or part.get("transcript") or "" for part in parts)
    return f"{item.get('type')} {item.get('role')}: {words}"


@attrs.define
class Server:
    """One connection of the server; `number` counts them."""

    script: Script
    number: int = 0
    out: deque[str] = attrs.Factory(deque[str])
    items: list[tuple[str, str]] = attrs.Factory(list[tuple[str, str]])
    """The conversation as it was told here: keys and ids."""
    heard: bytearray = attrs.Factory(bytearray)
    _looked: int = 0
    _voice: tuple[int, int] | None = None

    def greet(self) -> None:
        """Say what is said to who connects."""
        self._say(self.script.greeting)

    def take(self, frame: bytes | str) -> None:
        """A frame of the client's."""
        event: dict[str, Any] = json.loads(frame)
        match event["type"]:
            case "session.update":
                self._say(self.script.updated)
            case "conversation.item.create":
                self._add(event["item"])
            case "response.create":
                self._answer()
            case "input_audio_buffer.append":
                self.heard += base64.b64decode(event["audio"])
                self._detect()
            case "input_audio_buffer.commit":
                self.items.append(("(sound)", ""))
                self._say(self.script.committed)
            case other:
                raise Astray(f"{other} is not in the recording")

    def _add(self, item: dict[str, Any]) -> None:
        id = item.get("id") or f"item_of_{self.number}_{len(self.items)}"
        if id in [known for _, known in self.items]:
            raise Astray(f"{id} is added twice")
        previous = self.items[-1][1] if self.items else None
        self.items.append((key(item), id))
        whole = {**item, "id": id, "status": "completed"}
        about = {"event_id": "event_shown", "previous_item_id": previous, "item": whole}
        self._say([{"type": kind, **about} for kind in self.script.shown], rename=False)

    def _answer(self) -> None:
        asked = self.items[-1][0] if self.items else ""
        spoken = (f"message user: {self.script.transcript}", "message user: ")
        if asked in spoken and self.script.speech:
            asked = "(sound)"
        if asked not in self.script.answers:
            raise Astray(f"a response is asked for after {asked!r}")
        frames = self.script.answers[asked]
        self._say(frames)
        done = [f for f in frames if f["type"] == "response.output_item.done"]
        for frame in done:
            self.items.append((f"answer {key(frame['item'])}", self._named(frame["item"]["id"])))

    def _detect(self) -> None:
        """Find speech: whatever is not silence."""
        if not self.script.speech:
            return
        at = len(self.heard)
        voiced = [n for n in range(self._looked, at, _BYTES_A_MS) if self.heard[n]]
        if voiced and self._voice is None:
            self._voice = (voiced[0], voiced[-1])
            start = max(0, voiced[0] // _BYTES_A_MS - _BEFORE_MS)
            self._say([{**self.script.speech[0], "audio_start_ms": start}])
        elif voiced:
            assert self._voice is not None
            self._voice = (self._voice[0], voiced[-1])
        self._looked = at
        if self._voice is None or at - self._voice[1] < _SILENCE_MS * _BYTES_A_MS:
            return
        end = self._voice[1] // _BYTES_A_MS + _SILENCE_MS
        self._voice = None
        _, stopped, *rest = self.script.speech
        self._say([{**stopped, "audio_end_ms": end}, *rest])
        self.items.append(("(sound)", self._named(stopped["item_id"])))
        self._answer()

    def _named(self, text: str) -> str:
        """With ids of this connection's own: a server makes nothing twice."""
        return f"{text}_{self.number}" if self.number else text

    def _say(self, events: Sequence[dict[str, Any]], *, rename: bool = True) -> None:
        for event in events:
            self.out.append(json.dumps(self._own(event) if rename else event))

    def _own(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {k: self._own(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [self._own(each) for each in value]
        own = name in ("id", "item_id", "response_id", "call_id", "previous_item_id")
        return self._named(value) if own and isinstance(value, str) else value
