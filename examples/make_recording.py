"""Write recordings/harbour.jsonl, the session that the demonstration plays, from typed events.

Run it after a change of the specs or of harbour.py; the same bytes come out every time. The voice
is a tone in the rhythm of the words, synthesised here.
"""

from __future__ import annotations

import base64
import json
import math
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import harbour
from attrs import evolve

import voxwire as vx
from voxwire.protocol.codec import REALTIME
from voxwire.recording import Recorder

TARGET = Path(__file__).parent / "recordings" / "harbour.jsonl"
RATE = 24_000
MODEL = "gpt-realtime-2.1"


class Script:
    """Both sides of a session, one event after the other, on a clock of its own."""

    def __init__(self, target: Path) -> None:
        self.now = 0.0
        self.count = 0
        self.recorder = Recorder(target, clock=lambda: self.now)
        self.recorder.begin(
            f"wss://harbour.example/v1/realtime?model={MODEL}", created="2026-11-20T08:00:00+00:00"
        )

    def client(self, event: vx.ClientEvent, after: float = 0.05) -> None:
        self.now += after
        self.recorder.client(REALTIME.encode(event))

    def server(self, event: vx.ServerEvent, after: float = 0.004) -> None:
        self.now += after
        self.recorder.server(REALTIME.encode(event, checked=True))

    def event_id(self) -> str:
        self.count += 1
        return f"event_{self.count:04}"


def words(text: str) -> list[str]:
    return re.findall(r"\s*\S+", text)


def tone(text: str) -> bytes:
    """A hum that rises and falls with each word: 16 bit PCM at 24 kHz."""
    samples: list[int] = []
    for index, word in enumerate(words(text)):
        length = int(RATE * (0.05 + 0.012 * len(word)))
        pitch = 196 * 2 ** ((0, 3, 5, 3, 7, 5, 2)[index % 7] / 12)
        for n in range(length):
            swell = math.sin(math.pi * n / length) ** 2
            wave = math.sin(math.tau * pitch * n / RATE) + 0.3 * math.sin(
                math.tau * 2 * pitch * n / RATE
            )
            samples.append(round(7000 * swell * wave))
    return struct.pack(f"<{len(samples)}h", *samples)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def usage(read: int, written: int) -> vx.ResponseUsage:
    return vx.ResponseUsage(total_tokens=read + written, input_tokens=read, output_tokens=written)


class Reply:
    """One response of the server, event by event, in the order of the live service."""

    def __init__(self, script: Script, name: str, modality: str) -> None:
        self.script = script
        self.id = f"resp_{name}"
        self.item_id = f"item_{name}"
        self.response = vx.RealtimeResponse(
            id=self.id,
            object="realtime.response",
            status="in_progress",
            conversation_id="conv_harbour",
            output=[],
            output_modalities=[modality],
        )
        script.server(
            vx.ResponseCreated(event_id=script.event_id(), response=self.response), after=0.25
        )

    @property
    def place(self) -> dict[str, Any]:
        return {
            "event_id": self.script.event_id(),
            "response_id": self.id,
            "item_id": self.item_id,
            "output_index": 0,
        }

    def begin(self, item: vx.ConversationItem, previous: str) -> None:
        send, event_id = self.script.server, self.script.event_id
        send(
            vx.ResponseOutputItemAdded(
                event_id=event_id(), response_id=self.id, output_index=0, item=item
            )
        )
        send(vx.ConversationItemAdded(event_id=event_id(), previous_item_id=previous, item=item))

    def end(self, item: vx.ConversationItem, previous: str, used: vx.ResponseUsage) -> None:
        send, event_id = self.script.server, self.script.event_id
        send(vx.ConversationItemDone(event_id=event_id(), previous_item_id=previous, item=item))
        send(
            vx.ResponseOutputItemDone(
                event_id=event_id(), response_id=self.id, output_index=0, item=item
            )
        )
        done = evolve(self.response, status="completed", output=[item], usage=used)
        send(vx.ResponseDone(event_id=event_id(), response=done))

    def message(self, *content: vx.OutputText | vx.OutputAudio) -> vx.AssistantMessage:
        status = "completed" if content else "in_progress"
        return vx.AssistantMessage(id=self.item_id, status=status, content=list(content))


def user_says(script: Script, text: str, item_id: str, previous: str | None) -> None:
    event = harbour.says(text)
    script.client(event, after=0.8)
    said: Any = event.item
    item = evolve(said, id=item_id, status="completed")
    for kind in (vx.ConversationItemAdded, vx.ConversationItemDone):
        script.server(kind(event_id=script.event_id(), previous_item_id=previous, item=item))


def write(script: Script, name: str, text: str, previous: str) -> None:
    script.client(harbour.WRITE)
    reply = Reply(script, name, "text")
    reply.begin(reply.message(), previous)
    send = script.server
    send(vx.ResponseContentPartAdded(**reply.place, content_index=0, part=vx.TextPart(text="")))
    for word in words(text):
        send(vx.ResponseOutputTextDelta(**reply.place, content_index=0, delta=word), after=0.06)
    send(vx.ResponseOutputTextDone(**reply.place, content_index=0, text=text))
    send(vx.ResponseContentPartDone(**reply.place, content_index=0, part=vx.TextPart(text=text)))
    reply.end(reply.message(vx.OutputText(text=text)), previous, usage(96, 24))


def call(script: Script, name: str, pier: int, previous: str) -> None:
    script.client(harbour.SPEAK)
    reply = Reply(script, name, "audio")
    call_id = f"call_{name}"
    begun = vx.FunctionCall(
        id=reply.item_id, status="in_progress", name="tide_at", call_id=call_id, arguments=""
    )
    reply.begin(begun, previous)
    arguments = json.dumps({"pier": pier})
    for part in (arguments[:4], arguments[4:]):
        script.server(
            vx.ResponseFunctionCallArgumentsDelta(**reply.place, call_id=call_id, delta=part),
            after=0.05,
        )
    script.server(
        vx.ResponseFunctionCallArgumentsDone(
            **reply.place, call_id=call_id, name=begun.name, arguments=arguments
        )
    )
    reply.end(evolve(begun, status="completed", arguments=arguments), previous, usage(141, 17))
    event = harbour.answers(call_id, json.dumps(harbour.tide_at(pier)))
    script.client(event, after=0.02)
    given: Any = event.item
    item = evolve(given, id=f"item_{name}_output", status="completed")
    for kind in (vx.ConversationItemAdded, vx.ConversationItemDone):
        script.server(kind(event_id=script.event_id(), previous_item_id=reply.item_id, item=item))


def speak(script: Script, name: str, text: str, previous: str) -> None:
    script.client(harbour.SPEAK)
    reply = Reply(script, name, "audio")
    reply.begin(reply.message(), previous)
    send = script.server
    send(
        vx.ResponseContentPartAdded(
            **reply.place, content_index=0, part=vx.AudioPart(transcript="")
        )
    )
    voice = list(pieces(tone(text), RATE // 5))  # a tenth of a second each
    spoken = words(text)
    # Speech comes faster than it plays, and the transcript runs a little ahead of it.
    for step in range(max(len(voice), len(spoken))):
        if step < len(spoken):
            send(
                vx.ResponseOutputAudioTranscriptDelta(
                    **reply.place, content_index=0, delta=spoken[step]
                ),
                after=0.05,
            )
        if step < len(voice):
            delta = base64.b64encode(voice[step]).decode()
            send(vx.ResponseOutputAudioDelta(**reply.place, content_index=0, delta=delta))
    send(vx.ResponseOutputAudioDone(**reply.place, content_index=0))
    send(vx.ResponseOutputAudioTranscriptDone(**reply.place, content_index=0, transcript=text))
    send(
        vx.ResponseContentPartDone(
            **reply.place, content_index=0, part=vx.AudioPart(transcript=text)
        )
    )
    reply.end(reply.message(vx.OutputAudio(transcript=text)), previous, usage(188, 74))
    limit = vx.RateLimit(name="tokens", limit=40000, remaining=39460, reset_seconds=0.81)
    send(vx.RateLimitsUpdated(event_id=script.event_id(), rate_limits=[limit]), after=0.04)


def make(target: Path) -> None:
    """Write the recording to `target`, in place of what is there."""
    target.unlink(missing_ok=True)
    script = Script(target)
    server_made: dict[str, Any] = {
        "id": "sess_harbour",
        "object": "realtime.session",
        "model": MODEL,
        "expires_at": 1795165200,
    }
    session = vx.RealtimeSession(
        **server_made, output_modalities=["audio"], instructions="", tools=[]
    )
    script.server(vx.SessionCreated(event_id=script.event_id(), session=session), after=0.1)
    script.client(harbour.SETTINGS)
    updated = evolve(harbour.SETTINGS.session, **server_made)
    script.server(vx.SessionUpdated(event_id=script.event_id(), session=updated), after=0.1)
    user_says(script, harbour.GREETING, "item_hello", None)
    write(
        script,
        "greeting",
        "To the harbour desk. I know the tides, the berths and the weather.",
        "item_hello",
    )
    user_says(script, harbour.QUESTION, "item_question", "item_greeting")
    call(script, "tide", 4, "item_question")
    speak(
        script,
        "answer",
        "High water at pier four is at twenty past two this afternoon.",
        "item_tide_output",
    )
    script.now += 1.2
    script.recorder.closed(1000, "", by="client")


if __name__ == "__main__":
    make(TARGET)
    print(f"{TARGET.name}: {TARGET.stat().st_size:,} bytes")
