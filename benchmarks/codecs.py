"""Reading and writing frames, without a socket: all contenders in one process, frame by frame.

They take turns in an order that changes, so that a busy machine slows all of them; for each frame
the median over the rounds counts.
"""

from __future__ import annotations

import gc
import json
import random
import statistics
import time
from collections.abc import Callable
from typing import Any, cast

from benchmarks import frames

REPEAT = 10
_Run = Callable[[Any], Any]


def readers() -> dict[str, _Run]:
    """Those that can be imported here."""
    from voxwire.codec import REALTIME

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
    from voxwire.codec import REALTIME

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


def decode(rounds: int) -> dict[str, Any]:
    """Microseconds for each frame of the mix, by contender; and the classes of the frames."""
    mix = frames.recorded_frames()
    strange = [frames.compact({**json.loads(frame), "event_id": 5}) for frame in mix]
    runs = readers()
    inputs: dict[str, list[Any]] = dict.fromkeys(runs, mix)
    # An id that is a number: the fast way refuses the frame, and the tolerant one takes it.
    runs["tolerant"], inputs["tolerant"] = runs["voxwire"], strange
    kinds = [json.loads(frame)["type"] for frame in mix]
    return {"kinds": kinds, "times": _measure(runs, inputs, rounds)}


def encode(rounds: int) -> dict[str, Any]:
    """Microseconds for each of some events that clients send: so many that stand for their class,
    and behind them those of the recordings."""
    from voxwire.codec import REALTIME

    pairs = sent()
    classes = len(pairs)
    pairs += [(data, REALTIME.event(data)) for data in frames.recorded_events()]
    runs = writers()
    times = _measure(runs, dict.fromkeys(runs, pairs), rounds)
    kinds = [pair[0]["type"] for pair in pairs]
    return {"classes": classes, "kinds": kinds, "times": times}


def sent() -> list[Any]:
    """What clients send most, and the longest that they send: dicts beside instances."""
    from voxwire.codec import REALTIME

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
    runs: dict[str, _Run], inputs: dict[str, list[Any]], rounds: int
) -> dict[str, list[float]]:
    count = len(next(iter(inputs.values())))
    samples: dict[str, list[list[float]]] = {name: [[] for _ in range(count)] for name in runs}
    clock, names = time.perf_counter_ns, list(runs)
    for name in names:
        for value in inputs[name]:
            runs[name](value)
    gc.collect()
    for _ in range(rounds):
        random.shuffle(names)
        for index in range(count):
            for name in names:
                run, value = runs[name], inputs[name][index]
                start = clock()
                for _ in range(REPEAT):
                    run(value)
                samples[name][index].append((clock() - start) / REPEAT / 1000)
    return {name: [statistics.median(each) for each in times] for name, times in samples.items()}
