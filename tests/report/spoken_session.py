"""A spoken session with everything in it, frame by frame, with times that can be checked by hand.

The user asks, a tool is called, the answer is spoken and cut off, the server complains, and a typed
question follows.
"""

from __future__ import annotations

import math
import random
from array import array
from base64 import b64encode
from typing import Any

SESSION = {
    "type": "realtime",
    "object": "realtime.session",
    "id": "sess_1",
    "model": "gpt-realtime-2.1",
    "output_modalities": ["audio"],
    "instructions": "You are the desk of a small harbour.",
    "tools": [{"type": "function", "name": "tide_at", "parameters": {"type": "object"}}],
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": {"model": "gpt-realtime-whisper"},
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 200},
        },
        "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"},
    },
}


def tone(seconds: float, *, level: float = 0.5, hertz: float = 180.0) -> bytes:
    """Something that looks like speech: syllables of a tone, 24 kHz."""
    rng = random.Random(int(seconds * 1000) + int(hertz))
    count = int(seconds * 24_000)
    samples = array("h")
    swell = 0.0
    for i in range(count):
        if i % 3000 == 0:
            swell = rng.uniform(0.15, 1.0)
        shape = math.sin(math.pi * (i % 3000) / 3000) ** 0.7
        value = math.sin(2 * math.pi * hertz * i / 24_000) + 0.4 * math.sin(
            2 * math.pi * hertz * 2.7 * i / 24_000
        )
        samples.append(int(max(-1.0, min(1.0, value * level * swell * shape)) * 32_000))
    return samples.tobytes()


class Tape:
    """Lines of a recording as they are made up."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = [
            {
                "dir": "meta", "t": 0.0, "format": 1, "created": "2026-11-20T08:00:00+00:00",
                "url": "wss://harbour.example/v1/realtime?model=gpt-realtime-2.1",
            }
        ]  # fmt: skip
        self._numbers = 0

    def server(self, t: float, kind: str, **fields: Any) -> None:
        self._numbers += 1
        event = {"type": kind, "event_id": f"event_{self._numbers}", **fields}
        self.lines.append({"dir": "s2c", "t": round(t, 4), "event": event})

    def client(self, t: float, kind: str, **fields: Any) -> None:
        self.lines.append({"dir": "c2s", "t": round(t, 4), "event": {"type": kind, **fields}})

    def speak(self, start: float, sound: bytes, *, step: float = 0.1) -> None:
        """Frames of the user's sound, each sent when it has been spoken."""
        size = int(step * 48_000)
        for i in range(0, len(sound), size):
            piece = sound[i : i + size]
            t = start + (i + len(piece)) / 48_000
            self.client(t, "input_audio_buffer.append", audio=b64encode(piece).decode())

    def item(self, t: float, item: dict[str, Any], after: str | None) -> None:
        for kind in ("added", "done"):
            self.server(t, f"conversation.item.{kind}", previous_item_id=after, item=item)

    def answer(
        self, t: float, response: str, item: str, after: str, words: str, sound: bytes,
        *, status: str = "completed", reason: str | None = None, until: float | None = None,
        asked: float | None = None, created: float | None = None,
    ) -> None:  # fmt: skip
        """A spoken answer: its response begins 0.2 s before ``t``, its first sound comes at it,
        its first word 0.05 s earlier, and then four times as fast as it plays."""
        if asked is not None:
            self.client(asked, "response.create")
        begun = t - 0.2 if created is None else created
        about = {"id": response, "object": "realtime.response", "conversation_id": "conv_1"}
        self.server(begun, "response.created", response={**about, "status": "in_progress"})
        message: dict[str, Any] = {
            "id": item, "type": "message", "role": "assistant", "status": "in_progress",
            "content": [],
        }  # fmt: skip
        place = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
        self.server(
            begun + 0.01, "response.output_item.added",
            response_id=response, output_index=0, item=message,
        )  # fmt: skip
        self.server(begun + 0.01, "conversation.item.added", previous_item_id=after, item=message)
        pieces = words.split(" ")
        each = len(sound) // len(pieces) // 2 * 2
        for i, word in enumerate(pieces):
            now = t + i * each / 48_000 / 4
            text = word if i == 0 else f" {word}"
            self.server(now - 0.05, "response.output_audio_transcript.delta", **place, delta=text)
            end = len(sound) if i == len(pieces) - 1 else (i + 1) * each
            piece = b64encode(sound[i * each : end]).decode()
            self.server(now, "response.output_audio.delta", **place, delta=piece)
        over = (t + len(sound) / 48_000 / 4 + 0.1) if until is None else until
        content = [{"type": "output_audio", "transcript": words}]
        whole = "completed" if status == "completed" else "incomplete"
        final = {**message, "status": whole, "content": content}
        self.server(over, "response.output_audio.done", **place)
        self.server(
            over, "response.output_item.done", response_id=response, output_index=0, item=final
        )
        details = None if reason is None else {"type": status, "reason": reason}
        self.server(
            over + 0.01, "response.done",
            response={**about, "status": status, "status_details": details, "output": [final],
                      "usage": usage(120, 40, 20, 60)},
        )  # fmt: skip


def usage(text: int, audio: int, cached: int, out: int) -> dict[str, Any]:
    return {
        "total_tokens": text + audio + out,
        "input_tokens": text + audio,
        "output_tokens": out,
        "input_token_details": {
            "text_tokens": text, "audio_tokens": audio, "image_tokens": 0,
            "cached_tokens": cached,
            "cached_tokens_details": {"text_tokens": cached, "audio_tokens": 0,
                                      "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": 10, "audio_tokens": out - 10},
    }  # fmt: skip


def lines() -> list[dict[str, Any]]:
    """The session. What is where, in seconds:

    ====== =========================================================================
    0.2    the session begins
    1.0    sound is sent from here on, 0.1 s a frame, to 15.0
    2.0    speech of the user begins (1000 ms of the sound) and ends at 4.0 (3000 ms)
    4.6    the tool is called by the response that began at 4.3; its output is sent at 5.0
    5.1    the next response is asked for; it begins at 5.3, its first sound is at 5.5,
           it has 6 s of sound, of which the user hears 3 s:
    8.5    the user speaks again, is noticed at 8.6; at 8.62 the answer is cut at 3000 ms
    10.0   that speech ends; the answer's first sound is at 10.8, and lasts 2 s
    15.5   a typed question; a mistake of the client; the answer is written
    ====== =========================================================================
    """
    tape = Tape()
    tape.server(0.2, "session.created", session=SESSION)
    tape.client(0.3, "session.update", session={"type": "realtime", "instructions": "Be brief."})
    tape.server(0.4, "session.updated", session=SESSION)
    silence = bytes(48_000)
    tape.speak(1.0, silence + tone(2.0) + silence * 4 + silence[:24_000] + tone(1.5, level=0.4)
               + silence * 5)  # fmt: skip
    tape.server(2.3, "input_audio_buffer.speech_started", audio_start_ms=1000, item_id="item_u1")
    tape.server(4.2, "input_audio_buffer.speech_stopped", audio_end_ms=3000, item_id="item_u1")
    tape.server(4.21, "input_audio_buffer.committed", item_id="item_u1", previous_item_id=None)
    heard = {"id": "item_u1", "type": "message", "role": "user", "status": "completed",
             "content": [{"type": "input_audio", "transcript": None}]}  # fmt: skip
    tape.item(4.22, heard, None)
    call = {"id": "item_c1", "type": "function_call", "status": "in_progress", "name": "tide_at",
            "call_id": "call_1", "arguments": ""}  # fmt: skip
    done = {**call, "status": "completed", "arguments": '{"pier":4}'}
    about = {"id": "resp_1", "object": "realtime.response", "conversation_id": "conv_1"}
    tape.server(4.3, "response.created", response={**about, "status": "in_progress"})
    tape.server(4.35, "response.output_item.added", response_id="resp_1", output_index=0, item=call)
    tape.server(4.35, "conversation.item.added", previous_item_id="item_u1", item=call)
    tape.server(
        4.6, "response.function_call_arguments.done", response_id="resp_1", item_id="item_c1",
        output_index=0, call_id="call_1", name="tide_at", arguments='{"pier":4}',
    )  # fmt: skip
    tape.server(4.61, "response.output_item.done", response_id="resp_1", output_index=0, item=done)
    tape.server(
        4.62, "response.done",
        response={**about, "status": "completed", "status_details": None, "output": [done],
                  "usage": usage(200, 90, 0, 20)},
    )  # fmt: skip
    tape.server(
        4.8, "conversation.item.input_audio_transcription.completed", item_id="item_u1",
        content_index=0, transcript="When is high water at pier four?",
        usage={"type": "duration", "seconds": 2.0},
    )  # fmt: skip
    output = {"type": "function_call_output", "call_id": "call_1", "output": '["01:55", "14:20"]'}
    tape.client(5.0, "conversation.item.create", item=output)
    tape.item(5.05, {"id": "item_o1", "object": "realtime.item", **output}, "item_c1")
    words = "High water at pier four is at five to two in the night and at twenty past two"
    tape.answer(5.5, "resp_2", "item_a1", "item_o1", words, tone(6.0, hertz=130), asked=5.1,
                created=5.3)  # fmt: skip
    tape.server(8.6, "input_audio_buffer.speech_started", audio_start_ms=7500, item_id="item_u2")
    tape.client(
        8.62, "conversation.item.truncate", item_id="item_a1", content_index=0, audio_end_ms=3000
    )
    tape.server(
        8.7, "conversation.item.truncated", item_id="item_a1", content_index=0, audio_end_ms=3000
    )
    tape.server(10.2, "input_audio_buffer.speech_stopped", audio_end_ms=9000, item_id="item_u2")
    tape.server(10.21, "input_audio_buffer.committed", item_id="item_u2",
                previous_item_id="item_a1")  # fmt: skip
    tape.item(10.22, {**heard, "id": "item_u2"}, "item_a1")
    tape.answer(10.8, "resp_3", "item_a2", "item_u2", "Then pier two has more water",
                tone(2.0, hertz=130))  # fmt: skip
    tape.server(
        11.0, "conversation.item.input_audio_transcription.failed", item_id="item_u2",
        content_index=0, error={"type": "server_error", "code": "x", "message": "Too quiet."},
    )  # fmt: skip
    typed = {"type": "message", "role": "user",
             "content": [{"type": "input_text", "text": "And tomorrow?"}]}  # fmt: skip
    tape.client(15.5, "conversation.item.create", item=typed)
    tape.item(15.52, {"id": "item_u3", "status": "completed", **typed}, "item_a2")
    tape.client(15.55, "response.create", response={"output_modalities": ["text"], "colour": 4})
    tape.server(
        15.6, "error", error={"type": "invalid_request_error", "code": "unknown_parameter",
                              "message": "Unknown parameter: 'response.colour'.",
                              "param": "response.colour", "event_id": None},
    )  # fmt: skip
    tape.server(15.9, "vendor.ping", timestamp=1)
    tape.lines.append({"dir": "s2c", "t": 16.0, "raw": "no JSON"})
    tape.lines.append({"dir": "close", "t": 16.2, "code": 1000, "reason": "", "by": "client"})
    # As a recorder writes them, in the order in which they passed.
    return sorted(tape.lines, key=lambda line: line["t"])
