"""The frames that everything is measured with, as a server writes them and as they are sent.

Two kinds stand for the many: a small delta (a word of a transcript) and an audio delta (100 ms of
24 kHz sound). The real mix is all that the recordings of live sessions hold.
"""

from __future__ import annotations

import base64
import json
import os
import re
import time
from functools import cache
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
MIC_CHUNK: Final = bytes(range(240)) * 4
"""20 ms of a microphone: 960 bytes."""
SOUND: Final = bytes(range(250)) * 19 + bytes(50)
"""100 ms of speech: 4,800 bytes."""

_ITEM: Final = "item_D7pMvOa2ZmKq0TzXbG1Yw"
_RESPONSE: Final = "resp_D7pMvHn4c8RkLs3uQfJxE"
_STAMP: Final = b"0" * 19
"""Where the time of sending is written, in nanoseconds of the clock that all processes share."""
_COPIES: Final = 40


def frame(kind: str, **fields: Any) -> bytes:
    """An event as text."""
    data = {"type": kind, "event_id": "event_D7pMvSc1tqWnB5yVr9LhZ", **fields}
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()


def delta(kind: str, text: str) -> bytes:
    """A piece of the model's message."""
    return frame(
        kind,
        response_id=_RESPONSE,
        item_id=_ITEM,
        output_index=0,
        content_index=0,
        delta=text,
        obfuscation="Kx8sQ2LwPz",
    )


SMALL: Final = delta("response.output_audio_transcript.delta", " evening")
AUDIO: Final = delta("response.output_audio.delta", base64.b64encode(SOUND).decode())

_SESSION: Final[dict[str, Any]] = {
    "type": "realtime",
    "object": "realtime.session",
    "id": "sess_D7pMv0kYtRe2JwUa6XcPb",
    "model": "gpt-realtime-2.1",
    "output_modalities": ["audio"],
    "instructions": "Be brief.",
    "tools": [],
    "tool_choice": "auto",
    "max_output_tokens": "inf",
    "expires_at": 1900000000,
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "turn_detection": {"type": "server_vad", "create_response": True},
        },
        "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin", "speed": 1.0},
    },
}
GREETING: Final = frame("session.created", session=_SESSION)
UPDATED: Final = frame("session.updated", session=_SESSION)


def opening(kind: str) -> list[bytes]:
    """What comes before the deltas of a message: the response and the item that they belong to."""
    if kind == "mix":
        return []
    item = {
        "id": _ITEM, "object": "realtime.item", "type": "message", "status": "in_progress",
        "role": "assistant", "content": [],
    }  # fmt: skip
    response = {
        "object": "realtime.response", "id": _RESPONSE, "status": "in_progress", "output": [],
        "conversation_id": "conv_D7pMvQm8bN", "metadata": None, "usage": None,
    }  # fmt: skip
    place = {"response_id": _RESPONSE, "output_index": 0}
    part = {"type": "audio", "transcript": ""}
    return [
        frame("response.created", response=response),
        frame("response.output_item.added", **place, item=item),
        frame("conversation.item.added", previous_item_id=None, item=item),
        frame("response.content_part.added", **place, item_id=_ITEM, content_index=0, part=part),
    ]


@cache
def stream(kind: str) -> list[bytes]:
    """The frames of a flood, to be repeated."""
    if kind == "mix":
        return _mix()
    one = {"small": SMALL, "audio": AUDIO}[kind]
    return [
        one.replace(b"event_D7pM", b"event_%04d" % number).replace(b" evening", b" eve%d" % number)
        for number in range(256)
    ]


def _mix() -> list[bytes]:
    """The recorded sessions, one after the other, each time with other ids: new items each time."""
    recorded = [each for each in recorded_frames() if b'"session.' not in each[:40]]
    found: list[bytes] = []
    for number in range(_COPIES):
        new = rb'"\1_%d"' % number
        found += [
            re.sub(rb'(?<=:)"((?:item|resp|call|msg|conv)_\w+)"', new, each) for each in recorded
        ]
    return found


@cache
def _stamp_places(kind: str) -> tuple[bytes, bytes]:
    data = json.loads(stream(kind)[0])
    data["event_id"] = _STAMP.decode()
    if kind == "small":
        data["delta"] = _STAMP.decode()
    head, _, tail = compact(data).partition(_STAMP)
    return head, tail


def stamped(kind: str) -> bytes:
    """A frame for the wire with the time of its sending in it, as id and as its text."""
    head, tail = _stamp_places(kind)
    now = b"%019d" % time.monotonic_ns()
    return wire(head + now + tail.replace(_STAMP, now))


def wire(*frames: bytes) -> bytes:
    """Frames of text as a server puts them on the wire."""
    out = bytearray()
    for each in frames:
        size = len(each)
        if size < 126:
            out += bytes([0x81, size])
        elif size < 1 << 16:
            out += b"\x81\x7e" + size.to_bytes(2, "big")
        else:
            out += b"\x81\x7f" + size.to_bytes(8, "big")
        out += each
    return bytes(out)


def recordings() -> Path:
    """Where recordings of live sessions lie."""
    return Path(os.environ.get("VOXWIRE_RECORDINGS", ROOT.parent / "shared" / "recordings"))


@cache
def recorded_frames() -> list[bytes]:
    """What the server sent in the recorded OpenAI sessions, as the service writes it; without
    recordings, the start of a message and its deltas."""
    found: list[bytes] = []
    for path in sorted(recordings().glob("openai_ws*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if entry["dir"] == "s2c" and "event" in entry:
                found.append(compact(entry["event"]))
    return found or [GREETING, *opening("small"), *stream("small")[:80], *stream("audio")[:40]]


@cache
def recorded_events() -> list[dict[str, Any]]:
    """What the client sent in them; without recordings, nothing."""
    found: list[dict[str, Any]] = []
    for path in sorted(recordings().glob("openai_ws*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if entry["dir"] == "c2s" and "event" in entry:
                found.append(entry["event"])
    return found


def compact(data: Any) -> bytes:
    """JSON as the service writes it."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()
