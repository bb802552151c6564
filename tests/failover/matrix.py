"""The matrix: so many conversations on so many workers, killed at random, and what must be true.

``make failover`` runs it with 200 sessions on 4 workers; the tests, smaller, over each store.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import attrs

import voxwire
from voxwire.emulator import Emulator
from voxwire.errors import StoreError
from voxwire.store.event_log import ReplayedLog

from .ledger import Ledger
from .script import brain, said, user
from .worker import make_store

__all__ = ["Matrix", "Outcome"]

HERE = Path(__file__).resolve().parent.parent


@attrs.define(kw_only=True)
class Outcome:
    """What came of a run."""

    sessions: int
    kills: int
    seconds: float
    take_overs: int = 0
    gaps: list[float] = attrs.field(factory=list[float])
    """Seconds from the last line of one owner to the first of the next."""
    booked: int = 0
    asked_again: int = 0
    unknown: int = 0
    lines: int = 0
    size: int = 0
    problems: list[str] = attrs.field(factory=list[str])

    def report(self) -> str:
        """The figures, for people."""
        gaps = sorted(self.gaps) or [0.0]
        rows = [
            ("sessions", f"{self.sessions}"),
            ("workers killed (-9)", f"{self.kills}"),
            ("take-overs", f"{self.take_overs}"),
            ("seconds without an owner, median", f"{statistics.median(gaps):.1f}"),
            ("the same, longest", f"{gaps[-1]:.1f}"),
            ("tables booked, each once", f"{self.booked}"),
            ("responses asked for again", f"{self.asked_again}"),
            ("calls reported as of unknown outcome", f"{self.unknown}"),
            ("log lines", f"{self.lines}"),
            ("log bytes for each session", f"{self.size // max(1, self.sessions):,}"),
            ("seconds in all", f"{self.seconds:.0f}"),
            ("problems", f"{len(self.problems)}"),
        ]
        return "\n".join(f"{name:<38}{value:>10}" for name, value in rows)


@attrs.define(kw_only=True)
class Matrix:
    """A run.

    Args:
        store: the address of the store, as workers take it.
        every: seconds between two kills, at most.
        pause: seconds between two turns of a conversation, on average.
    """

    store: str
    sessions: int = 200
    workers: int = 4
    turns: int = 6
    kills: int = 20
    every: float = 1.0
    lease: float = 2.0
    pause: float = 1.0
    limit: float = 600.0
    seed: int = 1

    async def run(self) -> Outcome:
        """Hold all conversations, kill workers meanwhile, and look at what is left."""
        random.seed(self.seed)
        with tempfile.TemporaryDirectory() as folder:
            ledger = Ledger(Path(folder) / "ledger")
            began = time.monotonic()
            async with Emulator(brain, keep=False) as server:
                self._running = [await self._spawn(server, ledger, n) for n in range(self.workers)]
                killed = await self._kill_until_done(server, ledger)
                outcome = Outcome(
                    sessions=self.sessions, kills=killed, seconds=time.monotonic() - began
                )
                await self._look(outcome, ledger)
            return outcome

    async def _spawn(
        self, server: Emulator, ledger: Ledger, share: int
    ) -> asyncio.subprocess.Process:
        arguments = [
            self.store, server.url, ledger.path, self.sessions, self.turns, share, self.workers,
            self.lease, self.pause,
        ]  # fmt: skip
        paths = [str(HERE), *sys.path]
        errors = open(os.environ.get("FAILOVER_LOG", os.devnull), "ab")  # noqa: SIM115, ASYNC230
        with errors:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", "failover.worker", *map(str, arguments),
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
                stderr=errors,
            )  # fmt: skip

    async def _kill_until_done(self, server: Emulator, ledger: Ledger) -> int:
        killed = 0
        store = make_store(self.store)
        end = time.monotonic() + self.limit
        try:
            while any(worker.returncode is None for worker in self._running):
                if time.monotonic() > end:
                    raise TimeoutError(f"not done after {self.limit:g} s")
                await asyncio.sleep(random.uniform(0.3, 1.0) * self.every)
                if killed >= self.kills:
                    continue
                try:
                    owners = {each.owner for each in await store.sessions() if each.owner}
                except StoreError:  # this process has too much to do
                    continue
                holding = [
                    share
                    for share, worker in enumerate(self._running)
                    if worker.returncode is None
                    and any(owner.endswith(f":{worker.pid}") for owner in owners)
                ]
                if holding:
                    share = random.choice(holding)
                    self._running[share].send_signal(signal.SIGKILL)
                    await self._running[share].wait()
                    killed += 1
                    self._running[share] = await self._spawn(server, ledger, share)
            return killed
        finally:
            await store.close()
            for worker in self._running:
                if worker.returncode is None:
                    worker.kill()
                    await worker.wait()

    # -- what must be true --------------------------------------------------------------------

    async def _look(self, outcome: Outcome, ledger: Ledger) -> None:
        store = make_store(self.store)
        expected = await self._undisturbed()
        try:
            for number in range(self.sessions):
                await self._session(outcome, store, f"s-{number:03}", expected)
        finally:
            await store.close()
        self._tools(outcome, ledger.read())

    async def _undisturbed(self) -> list[tuple[str, str]]:
        """A conversation that nobody disturbs, with ``NAME`` for the session's."""

        @voxwire.tool
        def book_table(guest: str, turn: int) -> dict[str, Any]:
            """Book."""
            return {"booked": True}

        async with (
            Emulator(brain) as server,
            voxwire.connect(
                url=server.url, tools=[book_table], output_modalities=["text"]
            ) as session,
        ):
            for turn in range(self.turns):
                await session.say(user("NAME", turn))
            return said(session.conversation)

    async def _session(
        self, outcome: Outcome, store: Any, name: str, expected: list[tuple[str, str]]
    ) -> None:
        problems = outcome.problems
        stored = await store.load(name)
        if not stored.ended:
            problems.append(f"{name} has not ended")
        replay = ReplayedLog.of(stored)
        found = said(replay.cache.conversation)
        if found != [(role, text.replace("NAME", name)) for role, text in expected]:
            problems.append(f"{name} says something else: {found}")
        if not replay.progress.quiet:
            problems.append(f"{name} is not done: {replay.progress.to_json()}")
        fences = [claim.fence for claim in stored.claims]
        if fences != sorted(set(fences)):
            problems.append(f"{name}: two owners have one token: {fences}")
        position, number, fence, at = "", 0, 0, 0.0
        while entries := await store.read(name, position):
            for entry in entries:
                if entry.number != number + 1:
                    problems.append(f"{name}: line {number + 1} is missing")
                if entry.fence < fence:
                    problems.append(f"{name}: {entry.fence} has written after {fence}")
                if entry.fence not in fences:
                    problems.append(f"{name}: {entry.fence} never owned it")
                if entry.fence > fence and fence:
                    outcome.gaps.append(entry.at - at)
                number, fence, at, position = entry.number, entry.fence, entry.at, entry.position
                outcome.lines += 1
                outcome.size += len(entry.data)
        outcome.take_overs += len(fences) - 1
        self._claims = getattr(self, "_claims", {}) | {name: stored.claims}

    _claims: dict[str, Any] = attrs.field(factory=dict[str, Any], init=False)
    _running: list[asyncio.subprocess.Process] = attrs.field(factory=list[Any], init=False)

    def _tools(self, outcome: Outcome, lines: list[dict[str, Any]]) -> None:
        began = Counter(line["call_id"] for line in lines if line["what"] == "begin")
        for call_id, times in began.items():
            if times > 1:
                outcome.problems.append(f"call {call_id} ran {times} times")
        booked = Counter(
            (line["session"], line["turn"]) for line in lines if line["what"] == "booked"
        )
        wanted = {
            (f"s-{n:03}", turn)
            for n in range(self.sessions)
            for turn in range(self.turns)
            if "book" in user("", turn)
        }
        if set(booked) != wanted:
            outcome.problems.append(f"not booked: {sorted(wanted - set(booked))[:5]}")
        for which, times in booked.items():
            if times > 1:
                outcome.problems.append(f"{which} was booked {times} times")
        outcome.booked = sum(booked.values())
        for line in lines:
            if line["what"] == "resumed":
                outcome.asked_again += line["asked_again"]
                outcome.unknown += len(line["unknown"])
            elif line["what"] == "begin":
                # Nobody acts by a token after another has been given out.
                after = [c for c in self._claims[line["session"]] if c.fence > line["fence"]]
                if after and line["at"] > after[0].at + 0.002:
                    outcome.problems.append(
                        f"{line['session']}: {line['fence']} ran a tool after {after[0].fence}"
                    )
