"""What following an hour of conversation costs in time and memory, beside copying.

Speech comes in pieces of 50 ms at 24 kHz. The cost of a piece is measured in several minutes of
the hour; it should be the same in all of them. The other contender does what a client does that
keeps the sound of an item in one array: make a new one for each piece, and copy.

Run it with ``python -m benchmarks.conversation``.
"""

from __future__ import annotations

import argparse
import base64
import gc
import json
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from voxwire_protocol import Event

from voxwire.codec import REALTIME
from voxwire.conversation import AudioRetention, Cache

ROOT = Path(__file__).resolve().parent.parent
PIECE = bytes(range(256)) * 9 + bytes(96)  # 2,400 bytes: 50 ms
A_MINUTE = 60 * 20
MINUTES = (1, 5, 15, 30, 45, 60)
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


def one_item(audio: AudioRetention) -> tuple[Cache, Callable[[], None]]:
    """A model that speaks for an hour without a pause: the worst case."""
    cache = Cache(audio=audio)
    cache.apply(
        event("conversation.item.added", previous_item_id=None, item=message("a", "assistant"))
    )
    delta = piece("a")

    def minute() -> None:
        for _ in range(A_MINUTE):
            cache.apply(delta)

    return cache, minute


def talk(audio: AudioRetention) -> tuple[Cache, Callable[[], None]]:
    """A talk in turns: the user speaks for 5 s, the model for 5 s, with all the events of
    that, which are read in the same time."""
    cache = Cache(audio=audio)
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


def microseconds(minute: Callable[[], None], pieces: int) -> dict[int, float]:
    """The cost of a piece in some minutes of the hour: of three minutes each, the median."""
    found: dict[int, float] = {}
    taken: list[float] = []
    gc.collect()
    for number in range(1, max(MINUTES) + 2):
        begun = time.perf_counter()
        minute()
        taken.append((time.perf_counter() - begun) / pieces * 1e6)
        if number - 1 in MINUTES:
            found[number - 1] = round(statistics.median(taken[-3:]), 3)
    return found


def copying() -> dict[int, float]:
    """The same for one array that is made anew for each piece; a few pieces for each length."""
    found: dict[int, float] = {}
    for number in MINUTES:
        audio = bytes(len(PIECE) * A_MINUTE * number)
        text, taken = base64.b64encode(PIECE).decode(), list[float]()
        for _ in range(5):
            begun = time.perf_counter()
            audio = audio + base64.b64decode(text)
            taken.append((time.perf_counter() - begun) * 1e6)
        found[number] = round(statistics.median(taken), 1)
    return found


def mebibytes(make: Callable[[], tuple[Cache, Callable[[], None]]]) -> tuple[float, float]:
    """What is in memory after an hour, and the most that was on the way."""
    gc.collect()
    tracemalloc.start()
    cache, minute = make()
    for _ in range(60):
        minute()
    gc.collect()
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(cache.conversation)
    return held / MIB, peak / MIB


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "out" / "conversation.json")
    options = parser.parse_args(arguments)

    times = {
        "one item, all kept": microseconds(one_item("all")[1], A_MINUTE),
        "one item, none kept": microseconds(one_item("none")[1], A_MINUTE),
        "a talk, all kept": microseconds(talk("all")[1], A_MINUTE),
        "a talk, none kept": microseconds(talk("none")[1], A_MINUTE),
        "one array, copied": copying(),
    }
    print(f"{'microseconds for 50 ms of sound, in minute':44}", *(f"{m:>10}" for m in MINUTES))
    for name, found in times.items():
        print(f"{name:44}", *(f"{found[minute]:>10.2f}" for minute in MINUTES))

    hour = len(PIECE) * A_MINUTE * 60 / MIB
    memory: dict[str, tuple[float, float]] = {}
    print(f"\n{'MiB after 60 minutes':44} {'held':>10} {'peak':>10} {'of sound':>10}")
    for name, make, retention in (
        ("one item, all kept", one_item, "all"),
        ("one item, none kept", one_item, "none"),
        ("a talk, all kept", talk, "all"),
        ("a talk, the last 60 s kept", talk, 60.0),
        ("a talk, none kept", talk, "none"),
    ):
        memory[name] = held, peak = mebibytes(partial(make, retention))
        share = f"{held / hour:>10.3f}" if retention == "all" else ""
        print(f"{name:44} {held:>10.1f} {peak:>10.1f} {share}")
    print(f"{'the sound itself':44} {hour:>10.1f}")

    options.output.parent.mkdir(parents=True, exist_ok=True)
    result = {
        "python": sys.version.split()[0],
        "microseconds by minute": times,
        "MiB held and peak": memory,
        "MiB of sound": hour,
    }
    options.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"\nwritten to {options.output}")


if __name__ == "__main__":
    main()
