"""What following an hour of conversation costs in time and memory, beside copying.

Speech comes in pieces of 50 ms at 24 kHz. The cost of a piece is measured in several minutes of
the hour; it should be the same in all of them. The other contender does what a client does that
keeps the sound of an item in one array: make a new one for each piece, and copy.
"""

from __future__ import annotations

import base64
import gc
import json
import random
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

from voxwire_protocol import Event

from voxwire.conversation import AudioRetention, ConversationTracker
from voxwire.protocol.codec import REALTIME
from voxwire.session.core import Core

PIECE = bytes(range(256)) * 9 + bytes(96)  # 2,400 bytes: 50 ms
A_MINUTE = 60 * 20
MINUTES = (1, 10, 60)
MIB = 1 << 20


def event(kind: str, **fields: Any) -> Event:
    return REALTIME.decode(json.dumps({"type": kind, "event_id": "event_1", **fields}))


def message(id: str, role: str, **part: Any) -> dict[str, Any]:
    status = "completed" if part else "in_progress"
    content = [part] if part else []
    return {"id": id, "type": "message", "role": role, "status": status, "content": content}


def piece(item_id: str) -> Event:
    place = {"response_id": "resp_1", "item_id": item_id, "output_index": 0, "content_index": 0}
    audio = base64.b64encode(PIECE).decode()
    return event("response.output_audio.delta", **place, delta=audio)


def one_item(audio: AudioRetention) -> tuple[ConversationTracker, Callable[[], None]]:
    """A model that speaks for an hour without a pause: the worst case."""
    cache = ConversationTracker(audio=audio)
    cache.apply(
        event("conversation.item.added", previous_item_id=None, item=message("a", "assistant"))
    )
    delta = piece("a")

    def minute() -> None:
        for _ in range(A_MINUTE):
            cache.apply(delta)

    return cache, minute


def talk(audio: AudioRetention) -> tuple[ConversationTracker, Callable[[], None]]:
    """A talk in turns: the user speaks for 5 s, the model for 5 s, with all the events of
    that, which are read in the same time."""
    cache = ConversationTracker(audio=audio)
    detection = {"audio": {"input": {"turn_detection": {"type": "server_vad"}}}}
    cache.apply(event("session.created", session={"type": "realtime", **detection}))
    turns = _turns()

    def minute() -> None:
        for _ in range(6):
            for _ in range(A_MINUTE // 6):  # the microphone is never off
                cache.append_audio(bytearray(PIECE))  # each piece in memory of its own
            for each in next(turns):
                cache.apply(each)

    return cache, minute


def _turns() -> Iterator[list[Event]]:
    previous, number = None, 0
    while True:
        user, model, response = f"user_{number}", f"model_{number}", f"resp_{number}"
        start = number * 10_000
        spoken = message(user, "user", type="input_audio", transcript=None)
        heard = message(model, "assistant", type="output_audio", transcript="word " * 15)
        made = {"id": response, "conversation_id": "conv_1", "status": "completed"}
        usage = {"input_tokens": 100, "output_tokens": 100, "total_tokens": 200}
        place = {"response_id": response, "item_id": model, "output_index": 0, "content_index": 0}
        item = {"response_id": response, "output_index": 0}
        transcription = "conversation.item.input_audio_transcription.completed"
        word = event("response.output_audio_transcript.delta", **place, delta="word ")
        yield [
            event("input_audio_buffer.speech_started", item_id=user, audio_start_ms=start),
            event("input_audio_buffer.speech_stopped", item_id=user, audio_end_ms=start + 5_000),
            event("input_audio_buffer.committed", item_id=user, previous_item_id=previous),
            event("conversation.item.added", previous_item_id=previous, item=spoken),
            event("conversation.item.done", previous_item_id=previous, item=spoken),
            event("response.created", response=made | {"status": "in_progress", "output": []}),
            event("response.output_item.added", **item, item=message(model, "assistant")),
            event(
                "conversation.item.added", previous_item_id=user, item=message(model, "assistant")
            ),
            *([word] * 15),
            *([piece(model)] * 100),
            event(transcription, item_id=user, content_index=0, transcript="word " * 15),
            event("response.output_audio.done", **place),
            event("conversation.item.done", previous_item_id=None, item=heard),
            event("response.output_item.done", **item, item=heard),
            event("response.done", response=made | {"output": [heard], "usage": usage}),
        ]
        previous, number = model, number + 1


def received(audio: AudioRetention) -> tuple[Core, Callable[[], None]]:
    """All that a session does with a frame, but for the socket: a model that speaks for an hour."""
    core = Core(audio=audio)
    core.router.subscribe((Event,), lambda event: None)
    core.router.forget()  # the first who listen have come
    frames = [each.raw or b"" for each in next(_turns())]
    delta = next(frame for frame in frames if b"audio.delta" in frame)
    for frame in frames[: frames.index(delta)]:
        core.received(frame)

    def minute() -> None:
        for _ in range(A_MINUTE):
            core.received(delta)

    return core, minute


def times(rounds: int) -> dict[str, dict[str, list[float]]]:
    """Microseconds of the processor for a piece of 50 ms, by contender, minute and round."""
    made: dict[str, Callable[[], tuple[object, Callable[[], None]]]] = {
        "whole path, none kept": lambda: received("none"),
        "cache, one item, all kept": lambda: one_item("all"),
        "cache, a talk, all kept": lambda: talk("all"),
    }
    found = {name: _by_minute(make, rounds) for name, make in made.items()}
    return {**found, "one array, copied": _copying()}


def _by_minute(
    make: Callable[[], tuple[object, Callable[[], None]]], rounds: int
) -> dict[str, list[float]]:
    """Sessions of each length, which go on by a minute in turns: what else the machine does then
    slows all of them."""
    found: dict[str, list[float]] = {str(number): [] for number in MINUTES}
    long = {number: make()[1] for number in MINUTES if number > 1}
    for number, minute in long.items():
        for _ in range(number - 1):
            minute()
    kept: list[object] = []  # nobody is to have the memory of a session before
    gc.collect()
    for _ in range(rounds):
        new = make()
        kept.append(new)
        for number, minute in random.sample([*long.items(), (1, new[1])], len(MINUTES)):
            began = time.process_time()
            minute()
            found[str(number)].append((time.process_time() - began) / A_MINUTE * 1e6)
    return found


def _copying() -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for number in MINUTES:
        audio = bytes(len(PIECE) * A_MINUTE * number)
        text, taken = base64.b64encode(PIECE).decode(), list[float]()
        for _ in range(5):
            began = time.process_time()
            audio = audio + base64.b64decode(text)
            taken.append((time.process_time() - began) * 1e6)
        found[str(number)] = taken
    return found


def memory() -> dict[str, float]:
    """MB held after an hour of talk, by what is kept; and of the sound itself."""
    held = {
        "all kept": _held("all"),
        "the last 60 s kept": _held(60.0),
        "none kept": _held("none"),
    }
    return {**held, "the sound itself": 2 * len(PIECE) * A_MINUTE * 30 / 1e6}


def _held(audio: AudioRetention) -> float:
    gc.collect()
    tracemalloc.start()
    cache, minute = talk(audio)
    for _ in range(60):
        minute()
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(cache.conversation)
    return held / 1e6
