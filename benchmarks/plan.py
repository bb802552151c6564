"""What is measured, how often, and against whom: the whole run, as a list of figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs

from benchmarks.contenders import NAMES
from benchmarks.figures import Figure, figure, of_rounds
from benchmarks.processes import Processes
from benchmarks.steps import told

ALL = tuple(NAMES)
FLOOR = ("bare", "voxwire")
_BUSY = 0.1
"""The share of the time without a processor from which on a crowd says nothing."""


@attrs.frozen
class Size:
    """How much is done."""

    rounds: int
    frames: int
    chunks: int
    openings: int
    paced: int
    imports: int
    sessions: tuple[int, ...]
    seconds: float
    crowds: int
    codec_rounds: int
    codec_processes: int
    classes: bool
    memory: bool


FULL = Size(
    rounds=15, frames=4_000, chunks=2_000, openings=30, paced=3_000, imports=5,
    sessions=(1_000, 250), seconds=8.0, crowds=2, codec_rounds=5, codec_processes=5,
    classes=True, memory=True,
)  # fmt: skip
QUICK = Size(
    rounds=4, frames=500, chunks=400, openings=5, paced=300, imports=1,
    sessions=(100,), seconds=1.0, crowds=1, codec_rounds=6, codec_processes=2,
    classes=False, memory=False,
)  # fmt: skip
TINY = Size(
    rounds=1, frames=60, chunks=20, openings=1, paced=20, imports=1,
    sessions=(3,), seconds=0.1, crowds=1, codec_rounds=1, codec_processes=1,
    classes=True, memory=False,
)  # fmt: skip
"""For a test that all of it runs; the figures mean nothing."""

Step = Callable[[Processes, Size], Iterator[Figure]]


def reading(processes: Processes, size: Size) -> Iterator[Figure]:
    """Decoding."""
    sizes, times = _codecs(processes, size, "decode")
    titles = {"mix": "Read a frame: the real mix", "deltas": "Read a frame: deltas"}
    aims = {
        "mix": {"bare": 2.0, "openai_sdk": 1 / 30},
        "deltas": {"bare": 1.1, "openai_sdk": 1 / 80},
    }
    for part, title in titles.items():
        yield figure(
            f"decode.{part}", title, "µs", times.pop(part), aims=aims[part],
            guarded=("bare", "json"),
            note=f"{sizes[part]} frames, in the order in which they came over the wire.",
        )  # fmt: skip
    for part, samples in sorted(times.items()):
        some = {
            name: samples[name] for name in ("voxwire", "bare", "openai_sdk") if name in samples
        }
        yield figure(f"decode.{part}", f"`{part.removeprefix('class.')}`", "µs", some)


def writing(processes: Processes, size: Size) -> Iterator[Figure]:
    """Encoding."""
    sizes, times = _codecs(processes, size, "encode")
    if "mix" in times:
        yield figure(
            "encode.mix", "Check and write an event: the real mix", "µs", times.pop("mix"),
            guarded=("json",),
            note=f"{sizes['mix']} events. Only Voxwire looks whether an event is allowed.",
        )  # fmt: skip
    for part, samples in times.items():
        yield figure(f"encode.{part}", f"`{part.removeprefix('class.')}`", "µs", samples)


def _codecs(
    processes: Processes, size: Size, task: str
) -> tuple[dict[str, int], dict[str, dict[str, list[float]]]]:
    """Of each part: how long it is, and what each contender took in each round; over some
    processes, for where things lie in memory makes a difference of its own."""
    sizes: dict[str, int] = {}
    times: dict[str, dict[str, list[float]]] = {}
    for _ in range(size.codec_processes):
        found = processes.anew("codecs", task, rounds=size.codec_rounds, classes=size.classes)
        sizes = found["sizes"]
        for part, taken in found["times"].items():
            for name, samples in taken.items():
                times.setdefault(part, {}).setdefault(name, []).extend(samples)
    return sizes, times


def receiving(processes: Processes, size: Size) -> Iterator[Figure]:
    """From the socket to a handler."""
    titles = {
        "small": "Receive a word of a transcript",
        "audio": "Receive 100 ms of sound",
        "mix": "Receive the real mix",
    }
    for kind, title in titles.items():
        count = size.frames if kind != "audio" else size.frames // 2
        rounds = processes.rounds(ALL, "receive", size.rounds, warm=True, kind=kind, count=count)
        yield of_rounds(
            f"receive.{kind}", title, "µs", rounds, "cpu",
            aims={"bare": 1.35, "openai_sdk": 1 / 5}, guarded=("bare",),
        )  # fmt: skip
        yield of_rounds(
            f"receive.{kind}.rate", f"{title}: events in a second", "1/s", rounds, "per second"
        )


def sending(processes: Processes, size: Size) -> Iterator[Figure]:
    """From a microphone to the socket."""
    rounds = processes.rounds(ALL, "send", size.rounds, warm=True, count=size.chunks)
    yield of_rounds(
        "send", "Send 20 ms of a microphone", "µs", rounds, "cpu",
        aims={"bare": 1.2, "openai_sdk": 1 / 12}, guarded=("bare",),
        note="`websockets + orjson` sends a frame that was built before.",
    )  # fmt: skip


def waiting(processes: Processes, size: Size) -> Iterator[Figure]:
    """Latencies."""
    rounds = processes.rounds(ALL, "opening", max(1, size.rounds // 2), count=size.openings)
    yield of_rounds("opening", "Connect, to the first event", "ms", rounds, "wall ms")
    yield of_rounds(
        "opening.cpu", "Connect, time of the processor", "ms", rounds, "cpu ms", guarded=("bare",)
    )
    rounds = processes.rounds(
        ALL, "latency", max(1, size.rounds // 2), every=0.001, count=size.paced
    )
    title = "From the server's write to the handler, 1,000 events a second"
    yield of_rounds("latency.median", f"{title}: median", "ms", rounds, "median ms")
    yield of_rounds("latency.p99", f"{title}: 99 of 100", "ms", rounds, "p99 ms")


def importing(processes: Processes, size: Size) -> Iterator[Figure]:
    """Imports."""
    rounds = processes.rounds(ALL, "import", size.imports)
    parts = {
        "import": ("Import", ""),
        "import.ready": ("Import all that it takes to connect", "ready "),
    }
    for id, (title, key) in parts.items():
        yield of_rounds(
            id, f"{title}, time of the processor", "ms", rounds, f"{key}cpu ms",
            aims={"openai_sdk": 1 / 3}, guarded=("openai_sdk",),
        )  # fmt: skip
        yield of_rounds(f"{id}.memory", f"{title}, memory", "MB", rounds, f"{key}MB")


def crowding(processes: Processes, size: Size) -> Iterator[Figure]:
    """Many sessions in one process."""
    count = size.sessions[0]
    rounds = processes.rounds(FLOOR, "idle", size.crowds, fresh=True, count=count)
    idle = of_rounds("idle", f"{count:,} sessions, idle: memory of each", "KB", rounds, "KB")
    if {"bare", "voxwire"} <= idle["values"].keys():
        floor = idle["values"]["bare"]["median"]
        idle["ratios"]["bare"]["aim"] = round(1.3 + 20 / floor, 3)
        idle["note"] = "The aim is 1.3 times the bare connection and 20 KB."
    yield idle
    for count in size.sessions:
        yield from _crowd(processes, size, count)


def _crowd(processes: Processes, size: Size, count: int) -> Iterator[Figure]:
    rounds = processes.rounds(
        FLOOR, "crowd", size.crowds, fresh=True, count=count, seconds=size.seconds
    )
    id = "crowd" if count == size.sessions[0] else f"crowd.{count}"
    title = f"{count:,} sessions, 24 kHz both ways at real-time pace"
    waited = of_rounds(
        f"{id}.waited", f"{title}: share of the time without a processor", "", rounds,
        "waited share",
    )  # fmt: skip
    if any(value["median"] > _BUSY for value in waited["values"].values()):
        waited["note"] = (
            "The machine did something else meanwhile, so that neither cores nor lateness mean "
            "anything: they are left out."
        )
        yield waited
        return
    yield of_rounds(f"{id}.cores", f"{title}: cores", "cores", rounds, "cores")
    for way, what in (("in", "to the handler"), ("out", "to the socket")):
        yield of_rounds(
            f"{id}.{way}.p99", f"{title}: late {what}, 99 of 100", "ms", rounds, f"{way} p99 ms"
        )
        yield of_rounds(
            f"{id}.{way}.worst", f"{title}: late {what}, worst", "ms", rounds, f"{way} worst ms"
        )
    for key in ("heard", "sent"):
        yield of_rounds(
            f"{id}.{key}", f"{title}: share of the sound that was {key}", "", rounds,
            f"{key} share",
        )  # fmt: skip
    yield waited


def lengthening(processes: Processes, size: Size) -> Iterator[Figure]:
    """Cost against length."""
    for name, minutes in processes.ask(
        "lengths", "lengths", rounds=max(1, size.rounds // 2)
    ).items():
        samples = {f"minute {number}": taken for number, taken in minutes.items()}
        ours = name != "one array, copied"
        yield figure(
            f"length.{name}", f"50 ms of sound: {name}", "µs", samples, ours="minute 60",
            aims={"minute 1": 1.1} if ours else None, guarded=("minute 1",) if ours else (),
        )  # fmt: skip
    if size.memory:
        found = processes.ask("lengths", "memory")
        yield figure(
            "length.memory", "Memory after an hour of talk", "MB",
            {name: [held] for name, held in found.items()}, ours="all kept",
        )  # fmt: skip


def profiling(processes: Processes, size: Size) -> Iterator[Figure]:
    """Where Voxwire's own time goes."""
    titles = {
        "receive.small": "a word", "receive.audio": "100 ms of sound",
        "receive.mix": "the real mix", "send": "20 ms of a microphone",
    }  # fmt: skip
    for name, title in titles.items():
        way, _, kind = name.partition(".")
        about = {"kind": kind, "count": size.frames} if kind else {"count": size.chunks}
        task = "steps.receiving" if way == "receive" else "steps.sending"
        rounds = [
            processes.ask("voxwire", task, url=processes.url, **about)
            for _ in range(max(1, size.rounds // 2))
        ]
        # The least of each: what else the machine does only adds to it, and not to all alike.
        least = {name: min(each[name] for each in rounds) for name in rounds[0]}
        samples = {step: [taken] for step, taken in told(least).items()}
        yield figure(f"steps.{name}", title, "µs", samples, ours="")


STEPS: dict[str, Step] = {
    "reading": reading,
    "writing": writing,
    "receiving": receiving,
    "sending": sending,
    "profiling": profiling,
    "waiting": waiting,
    "importing": importing,
    "lengthening": lengthening,
    "crowding": crowding,
}
