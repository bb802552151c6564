"""A worker that is frozen for longer than its lease, and goes on when another has taken over."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from redis_servers import RedisServer

import voxwire
from voxwire.emulator import Call, Emulator
from voxwire.emulator.responder import UserTurn
from voxwire.store import RedisStore, SQLiteStore

WORKER = Path(__file__).with_name("frozen.py")


@pytest.fixture(params=["file", "redis"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "file":
        return str(tmp_path / "sessions.db")
    server: RedisServer = request.getfixturevalue("redis")
    server.cli("FLUSHALL")
    return server.url


def called(tape: Path, *, before: int) -> bool:
    """Whether as many calls were sent, whoever to."""
    text = "".join(path.read_text() for path in tape.iterdir())
    return text.count('"response.function_call_arguments.done"') >= before


async def test_a_worker_that_wakes_too_late_writes_nothing_and_does_nothing(
    address: str, tmp_path: Path
) -> None:
    tape = tmp_path / "tape"
    gate = asyncio.Event()
    asked = 0

    async def brain(turn: UserTurn) -> Any:
        nonlocal asked
        if turn.kind != "user":
            return "Booked."
        if turn.text == "book":
            asked += 1
            if asked == 1:  # the frozen worker's: it comes when another has taken over
                await gate.wait()
            return Call("book", {})
        return "Hello."

    ran: list[str] = []

    @voxwire.tool
    def book() -> str:
        ran.append("book")
        return "booked"

    async with Emulator(brain, record=tape) as server:
        worker = await asyncio.create_subprocess_exec(
            sys.executable, WORKER, address, server.url,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )  # fmt: skip
        assert worker.stdout is not None
        store: Any = RedisStore(address) if address.startswith("redis") else SQLiteStore(address)
        try:
            async with asyncio.timeout(60):
                ready = json.loads(await worker.stdout.readline())
                assert ready["event"] == "ready"
                worker.send_signal(signal.SIGSTOP)
                frozen = server.connections[0]
                received = len(frozen.received)
                async with voxwire.resume(store, "call-42", wait=30, tools=[book]) as session:
                    await session.idle()
                    await session.kept.stored()
                    said = [item.text for item in session.conversation if item.text]
                    assert said == ["hello", "Hello.", "book", "Booked."]
                    gate.set()
                    while not called(tape, before=2):  # the call waits for the worker
                        await asyncio.sleep(0.005)
                    worker.send_signal(signal.SIGCONT)
                    told = [json.loads(line) async for line in worker.stdout]
                    assert await worker.wait() == 0
                    assert session.kept.owned
                    assert session.kept.fence > ready["fence"]
                    assert [item.text for item in session.conversation if item.text] == said
            # It heard of it, ran no tool, and told its own server at most that it had not.
            assert told == [{"event": "OwnerChanged"}, {"owned": False}]
            assert ran == ["book"]
            assert frozen.closed
            for frame in frozen.received[received:]:
                assert frame.type == "response.create" or "not_run" in str(frame.event)
            fences = [entry.fence for entry in await store.read("call-42", limit=10_000)]
            assert fences == sorted(fences)
            assert set(fences) == {ready["fence"], session.kept.fence}
        finally:
            if worker.returncode is None:
                worker.kill()
                await worker.wait()
            await store.close()
