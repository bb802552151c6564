"""How long reading and writing a frame takes, beside the alternatives.

All contenders take turns in one run, frame by frame, so that a busy machine slows all of them. For
each frame the median over the rounds counts. Run it with ``python -m benchmarks.decode``.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import msgspec
import orjson
from openai._models import construct_type_unchecked
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter, ValidationError

from voxwire.codec import REALTIME

ROOT = Path(__file__).resolve().parent.parent
REPEAT = 20


def recorded_frames() -> list[bytes]:
    """The frames of the recorded OpenAI sessions, as the service writes them."""
    folder = Path(os.environ.get("VOXWIRE_RECORDINGS", ROOT.parent / "shared" / "recordings"))
    frames: list[bytes] = []
    for path in sorted(folder.glob("openai_ws*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if entry["dir"] == "s2c" and "event" in entry:
                frames.append(_frame(entry["event"]))
    if not frames:
        sys.exit(f"no recordings in {folder}; name their folder with VOXWIRE_RECORDINGS")
    return frames


def _frame(data: Any) -> bytes:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()


def readers() -> dict[str, Callable[[bytes], Any]]:
    adapter: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)

    def sdk(frame: bytes) -> Any:
        # What the connection of the official SDK does with a frame.
        return construct_type_unchecked(
            value=json.loads(frame), type_=cast(Any, RealtimeServerEvent)
        )

    def pydantic(frame: bytes) -> Any:
        try:
            return adapter.validate_json(frame)
        except ValidationError:
            # It refuses what the live service sends; how long that takes counts as well.
            return None

    return {
        "orjson.loads": orjson.loads,
        "msgspec, untyped": msgspec.json.Decoder().decode,
        "voxwire": REALTIME.decode,
        "json.loads": json.loads,
        "voxwire, tolerant": REALTIME.decode,
        "pydantic, the SDK's union": pydantic,
        "openai SDK": sdk,
    }


def writers() -> dict[str, Callable[[Any], Any]]:
    return {
        "orjson.dumps": lambda pair: orjson.dumps(pair[0]),
        "voxwire, checked before": lambda pair: REALTIME.encode(pair[1], checked=True),
        "voxwire": lambda pair: REALTIME.encode(pair[1]),
        "json.dumps": lambda pair: json.dumps(pair[0]),
    }


def sent() -> list[Any]:
    """What clients send most, and the longest that they send: dicts beside instances."""
    dicts: list[dict[str, Any]] = [
        # 100 ms of sound.
        {"type": "input_audio_buffer.append", "audio": "QUJD" * 1600},
        {"type": "response.create"},
        {
            "type": "session.update",
            "session": {
                "type": "realtime",
                "instructions": "Answer in a sentence or two.",
                "audio": {
                    "input": {
                        "format": {"type": "audio/pcm", "rate": 24000},
                        "turn_detection": {"type": "server_vad", "silence_duration_ms": 300},
                    },
                    "output": {"voice": "marin"},
                },
                "tools": [
                    {
                        "type": "function",
                        "name": "get_weather",
                        "parameters": {
                            "type": "object",
                            "properties": {"city": {"type": "string"}},
                            "required": ["city"],
                        },
                    }
                ],
            },
        },
    ]
    return [(data, REALTIME.event(data)) for data in dicts]


def measure(
    contenders: dict[str, Callable[[Any], Any]],
    inputs: dict[str, list[Any]],
    rounds: int,
) -> dict[str, list[float]]:
    """Microseconds for each input: the median over the rounds of the mean of some repeats."""
    count = len(next(iter(inputs.values())))
    samples: dict[str, list[list[float]]] = {
        name: [[] for _ in range(count)] for name in contenders
    }
    clock, names = time.perf_counter_ns, list(contenders)
    for name in names:
        for value in inputs[name]:
            contenders[name](value)
    gc.collect()
    for _ in range(rounds):
        random.shuffle(names)
        for index in range(count):
            for name in names:
                run, value = contenders[name], inputs[name][index]
                start = clock()
                for _ in range(REPEAT):
                    run(value)
                samples[name][index].append((clock() - start) / REPEAT / 1000)
    return {name: [statistics.median(times) for times in samples[name]] for name in contenders}


def table(title: str, medians: dict[str, list[float]], base: str, part: list[int]) -> str:
    lines = [title, f"  {'':28}{'mean':>9}{'median':>9}{'ratio':>8}"]
    unit = statistics.fmean(medians[base][index] for index in part)
    for name, times in medians.items():
        chosen = [times[index] for index in part]
        mean, median = statistics.fmean(chosen), statistics.median(chosen)
        lines.append(f"  {name:28}{mean:8.2f}µ{median:8.2f}µ{mean / unit:7.2f}x")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decode", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--output", type=Path, default=ROOT / "out" / "decode.json")
    options = parser.parse_args(arguments)

    frames = recorded_frames()
    # An id that is a number: the fast decoders refuse the frame at once or late, as it happens.
    strange = [_frame({**json.loads(frame), "event_id": 5}) for frame in frames]
    contenders = readers()
    inputs: dict[str, list[Any]] = dict.fromkeys(contenders, frames)
    inputs["voxwire, tolerant"] = strange
    reading = measure(contenders, inputs, options.rounds)

    messages = sent()
    writing = measure(writers(), dict.fromkeys(writers(), messages), options.rounds)

    kinds = [json.loads(frame)["type"] for frame in frames]
    deltas = [index for index, kind in enumerate(kinds) if kind.endswith(".delta")]
    others = [index for index in range(len(frames)) if index not in set(deltas)]
    size = round(statistics.fmean(map(len, frames)))
    failed = sum(contenders["pydantic, the SDK's union"](frame) is None for frame in frames)
    everything = list(range(len(frames)))
    print(
        table(
            f"reading all {len(frames)} frames, {size} bytes on average",
            reading,
            "orjson.loads",
            everything,
        ),
        table(f"of these, {len(deltas)} deltas", reading, "orjson.loads", deltas),
        table(f"and {len(others)} others", reading, "orjson.loads", others),
        *(
            table(f"writing {data[0]['type']}", writing, "orjson.dumps", [index])
            for index, data in enumerate(messages)
        ),
        f"pydantic refuses {failed} of the {len(frames)} frames",
        sep="\n\n",
    )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    result = {
        "unit": "microseconds",
        "python": sys.version.split()[0],
        "rounds": options.rounds,
        "frames": [
            {
                "type": kind,
                "bytes": len(frame),
                **{name: round(times[index], 3) for name, times in reading.items()},
            }
            for index, (kind, frame) in enumerate(zip(kinds, frames, strict=True))
        ],
        "sent": [
            {
                "type": data[0]["type"],
                **{name: round(times[index], 3) for name, times in writing.items()},
            }
            for index, data in enumerate(messages)
        ],
        "refused by pydantic": failed,
    }
    options.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"\nwritten to {options.output}")


if __name__ == "__main__":
    main()
