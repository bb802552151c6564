"""``python -m benchmarks.soak``: sessions under faults, and the figures of what is left.

First the matrix: every scene, cut once at and in each of its frames, in both directions; then cut
again while it is being restored; then recorded conversations, where they are here, cut at each of
their frames; then, for as long as is asked, many sessions side by side with cuts at random places,
while the memory of the process is watched; and last a day in which nothing happens but that
sessions run out of time.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import logging
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

import voxwire
from voxwire.emulator import Emulator

from . import clock, recorded
from .line import Cut
from .matrix import Outcome, cuts, disturbed, run
from .scenes import SCENES, Scene

RESULTS = Path(__file__).parents[1] / "results" / "soak.json"


@attrs.define
class Count:
    """What a part of the soak has found."""

    sessions: int = 0
    cuts: int = 0
    moves: int = 0
    differences: int = 0
    twice: int = 0
    stuck: int = 0
    seconds: float = 0.0

    def add(self, row: Sequence[Cut], outcome: Outcome | BaseException, whole: Outcome) -> None:
        """Count one session."""
        self.sessions += 1
        self.cuts += len(row)
        if not isinstance(outcome, Outcome):
            self.stuck += 1
            print(f"  {row}: {outcome!r}", file=sys.stderr)
            return
        self.moves += outcome.moves
        self.twice += len(outcome.ran) > len(whole.ran) or len(outcome.held) > len(whole.held)
        different = outcome.differences(whole)
        self.differences += bool(different)
        for line in different:
            print(f"  {row}: {line}", file=sys.stderr)

    @property
    def failed(self) -> bool:
        """Whether anything was lost."""
        return bool(self.differences or self.twice or self.stuck)


async def _matrix(scene: Scene, whole: Outcome, *, again: bool) -> Count:
    began = time.perf_counter()
    count = Count()
    places = list(cuts(whole))
    rows: list[list[Cut]] = [[cut] for cut in places]
    if again:
        second = [cut for cut in places if cut.after < 16]
        rows = [list(pair) for pair in itertools.product(places[3::11], second)]
    for start in range(0, len(rows), 100):
        part = rows[start : start + 100]
        for row, outcome in zip(part, await disturbed(scene, part), strict=True):
            count.add(row, outcome, whole)
    count.seconds = time.perf_counter() - began
    return count


async def _at_random(
    wholes: dict[str, Outcome], seconds: float, side_by_side: int, seed: int
) -> tuple[Count, list[float]]:
    chance = random.Random(seed)
    count, memory = Count(), [_resident()]
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        scene = chance.choice(SCENES)
        places = list(cuts(wholes[scene.name]))
        rows = [
            sorted(chance.sample(places, k=chance.randint(1, 4)), key=lambda cut: -cut.after)
            for _ in range(side_by_side)
        ]
        for row, outcome in zip(rows, await disturbed(scene, rows, side_by_side), strict=True):
            count.add(row, outcome, wholes[scene.name])
        gc.collect()
        memory.append(_resident())
    count.seconds = time.perf_counter() - began
    return count, memory


async def _hours(hours: int, rotate: bool) -> tuple[int, int]:
    """Hold a conversation for so long; returns how often it moved, and what was lost of it."""
    moves = 0

    def count(event: object) -> None:
        nonlocal moves
        moves += 1

    async with (
        Emulator() as server,
        voxwire.connect(
            url=server.url,
            output_modalities=["text"],
            reconnect=voxwire.Reconnect(),
            rotate=rotate,
        ) as session,
    ):
        session.on(voxwire.Reconnected, count)
        for number in range(hours * 6):
            await session.say(f"turn {number}")
            await asyncio.sleep(600)
        said = [item["content"][0]["text"] for item in server.conversation]
        wanted = [f"turn {number // 2}" for number in range(hours * 12)]
        return moves, sum(a != b for a, b in itertools.zip_longest(said, wanted))


def _recorded() -> dict[str, int] | None:
    """Cut recorded conversations at every frame; ``None`` where there are none."""
    where = recorded.folder()
    if where is None:
        return None
    found, left_out = recorded.recorded(where)
    count = dict.fromkeys(("cuts", "compared", "differences"), 0)
    for one in found:
        whole = recorded.play(one)
        if not isinstance(whole, recorded.Ended):
            raise whole
        for place in recorded.places(whole):
            count["cuts"] += 1
            if (one.name, place) in recorded.UNDECIDED:
                continue
            count["compared"] += 1
            different = recorded.differences(recorded.play(one, [place]), whole)
            count["differences"] += bool(different)
            for line in different:
                print(f"  {one.name}, {place}: {line}", file=sys.stderr)
    return {"sessions": len(found), "left out": len(left_out), **count}


def _resident() -> float:
    """MiB of this process in memory; 0 where the system does not tell."""
    try:
        fields = Path("/proc/self/statm").read_text().split()
    except OSError:  # only Linux has it
        return 0.0
    return int(fields[1]) * 4096 / 2**20


def _row(name: str, count: Count) -> str:
    return (
        f"{name:<28}{count.sessions:>9}{count.cuts:>7}{count.moves:>7}"
        f"{count.differences:>13}{count.twice:>7}{count.stuck:>7}{count.seconds:>8.1f} s"
    )


def main() -> int:
    """Run the soak; returns 1 where anything was lost."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of random faults")
    parser.add_argument("--sessions", type=int, default=50, help="side by side")
    parser.add_argument("--hours", type=int, default=24, help="of simulated time")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    logging.getLogger("voxwire").setLevel(logging.CRITICAL)
    total, results = Count(), dict[str, Any]()
    head = ("sessions", "cuts", "moves", "differences", "twice", "stuck")
    widths = (9, 7, 7, 13, 7, 7)
    print(f"{'':<28}" + "".join(f"{h:>{w}}" for h, w in zip(head, widths, strict=True)))

    def note(name: str, count: Count) -> None:
        print(_row(name, count), flush=True)
        results[name] = attrs.asdict(count)
        for field in attrs.fields(Count):
            setattr(total, field.name, getattr(total, field.name) + getattr(count, field.name))

    wholes: dict[str, Outcome] = {}
    for scene in SCENES:
        wholes[scene.name] = asyncio.run(run(scene))
        note(scene.name, asyncio.run(_matrix(scene, wholes[scene.name], again=False)))
    for scene in SCENES:
        name = f"{scene.name}, and again"
        note(name, asyncio.run(_matrix(scene, wholes[scene.name], again=True)))
    found = _recorded()
    if found is None:
        print("recorded conversations: not here; name their folder with VOXWIRE_RECORDINGS")
    else:
        told = ", ".join(f"{name} {value}" for name, value in found.items())
        print(f"recorded conversations: {told}", flush=True)
        results["recorded"] = found
        total.differences += found["differences"]
    if given.seconds > 0:
        count, memory = asyncio.run(_at_random(wholes, given.seconds, given.sessions, given.seed))
        note("at random", count)
        settled = memory[len(memory) // 4 :] or memory
        results["memory_mib"] = {
            "after a quarter": round(settled[0], 1),
            "at the end": round(settled[-1], 1),
            "largest": round(max(memory), 1),
        }
    note("in all", total)
    if given.seconds > 0:
        told = ", ".join(f"{name} {value} MiB" for name, value in results["memory_mib"].items())
        print(f"memory: {told}")
    for rotate in (False, True):
        began = time.perf_counter()
        moves, lost = clock.run(_hours(given.hours, rotate))
        took = time.perf_counter() - began
        kind = "planned moves" if rotate else "ends by the server"
        print(f"{given.hours} h of simulated time: {moves} {kind}, {lost} items lost, {took:.1f} s")
        results[f"hours, {kind}"] = {"hours": given.hours, "moves": moves, "lost": lost}
        total.differences += lost
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    return int(total.failed)


if __name__ == "__main__":
    sys.exit(main())
