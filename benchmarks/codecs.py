"""Reading and writing frames, without a socket: all contenders in one process, part by part.

A part is read in the order in which it came over the wire, from its first frame to its last. One
frame over and over again would be another task, and an easier one: what a program does next, and
what it does it with, would be known to the processor beforehand. The contenders take turns in an
order that changes, so that a busy machine slows all of them.
"""

from __future__ import annotations

import gc
import json
import random
import time
from collections.abc import Callable
from typing import Any, cast

from benchmarks import frames

AT_LEAST = 40
"""Frames in one go; a shorter part is read several times."""
_Run = Callable[[Any], Any]


def readers() -> dict[str, _Run]:
    """Those that can be imported here."""
    from voxwire.protocol.codec import REALTIME

    found: dict[str, _Run] = {"voxwire": REALTIME.decode, "json": json.loads}
    try:
        import orjson

        found["bare"] = orjson.loads
    except ImportError:  # told as not installed, by being left out
        pass
    try:
        from openai._models import construct_type_unchecked
        from openai.types.realtime import RealtimeServerEvent

        kind: Any = RealtimeServerEvent
        # What the SDK's connection does with a frame.
        found["openai_sdk"] = lambda frame: construct_type_unchecked(
            value=json.loads(frame), type_=cast(Any, kind)
        )
        from pydantic import TypeAdapter, ValidationError

        adapter: TypeAdapter[Any] = TypeAdapter(kind)

        def validated(frame: bytes) -> Any:
            try:
                return adapter.validate_json(frame)
            except ValidationError:  # many frames of the live service are not what it says they are
                return None

        found["pydantic"] = validated
    except ImportError:  # as above
        pass
    return found


def writers() -> dict[str, _Run]:
    """What makes a frame of a dict or of an event."""
    from voxwire.protocol.codec import REALTIME

    found: dict[str, _Run] = {
        "voxwire": lambda pair: REALTIME.encode(pair[1]),
        "json": lambda pair: json.dumps(pair[0]),
    }
    try:
        import orjson

        found["bare"] = lambda pair: orjson.dumps(pair[0])
    except ImportError:  # as above
        pass
    try:
        from openai._utils import maybe_transform
        from openai.types.realtime import RealtimeClientEventParam

        # What the SDK's connection does with an event.
        found["openai_sdk"] = lambda pair: json.dumps(
            maybe_transform(pair[0], cast(Any, RealtimeClientEventParam))
        )
    except ImportError:  # as above
        pass
    return found


def decode(rounds: int, classes: bool) -> dict[str, Any]:
    """Microseconds for each frame of a part, by contender and round; and how long the parts are.

    The parts are the mix, its deltas, and maybe each class of its events.
    """
    mix = frames.recorded_frames()
    strange = [frames.compact({**json.loads(frame), "event_id": 5}) for frame in mix]
    runs = readers()
    inputs: dict[str, list[Any]] = dict.fromkeys(runs, mix)
    # An id that is a number: the fast way refuses the frame, and the tolerant one takes it.
    runs["tolerant"], inputs["tolerant"] = runs["voxwire"], strange
    kinds = [json.loads(frame)["type"] for frame in mix]
    parts = {"mix": list(range(len(mix)))}
    parts["deltas"] = [index for index, kind in enumerate(kinds) if kind.endswith(".delta")]
    for index, kind in enumerate(kinds if classes else []):
        parts.setdefault(f"class.{kind}", []).append(index)
    return _measure(runs, inputs, parts, rounds)


def encode(rounds: int, classes: bool) -> dict[str, Any]:
    """The same of events that clients send: those of the recordings, and some for their class."""
    from voxwire.protocol.codec import REALTIME

    pairs = [(data, REALTIME.event(data)) for data in frames.recorded_events()]
    parts = {"mix": list(range(len(pairs)))} if pairs else {}
    for pair in sent() if classes else []:
        parts[f"class.{pair[0]['type']}"] = [len(pairs)]
        pairs.append(pair)
    runs = writers()
    return _measure(runs, dict.fromkeys(runs, pairs), parts, rounds)


def sent() -> list[Any]:
    """What clients send most, and the longest that they send: dicts beside instances."""
    from voxwire.protocol.codec import REALTIME

    session = json.loads(frames.GREETING)["session"]
    weather = {
        "type": "function",
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    }
    wanted = {key: session[key] for key in ("type", "instructions", "audio", "output_modalities")}
    part = {"type": "input_text", "text": "What is the weather like in Oslo today?"}
    message = {"type": "message", "role": "user", "content": [part]}
    dicts: list[dict[str, Any]] = [
        {"type": "input_audio_buffer.append", "audio": "QUJD" * 320},  # 20 ms
        {"type": "response.create"},
        {"type": "conversation.item.create", "item": message},
        {"type": "session.update", "session": {**wanted, "tools": [weather]}},
    ]
    return [(data, REALTIME.event(data)) for data in dicts]


def _measure(
    runs: dict[str, _Run], inputs: dict[str, list[Any]], parts: dict[str, list[int]], rounds: int
) -> dict[str, Any]:
    times: dict[str, dict[str, list[float]]] = {part: {name: [] for name in runs} for part in parts}
    names = list(runs)
    gc.collect()
    for _ in range(rounds):
        for part, indices in parts.items():
            random.shuffle(names)
            for name in names:
                values = [inputs[name][index] for index in indices]
                times[part][name].append(_once(runs[name], values))
    return {"sizes": {part: len(indices) for part, indices in parts.items()}, "times": times}


def _once(run: _Run, values: list[Any]) -> float:
    """Microseconds for each value."""
    goes = range(-(-AT_LEAST // len(values)))
    for value in values:  # uncounted: what the contender before has driven out of the caches
        run(value)
    start = time.perf_counter_ns()
    for _ in goes:
        for value in values:
            run(value)
    return (time.perf_counter_ns() - start) / (len(goes) * len(values)) / 1000
