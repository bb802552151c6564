"""A thousand sessions in one process: what one weighs that is idle, and what all of them cost while
everybody speaks.

Each session gets 100 ms of 24 kHz sound each 100 ms, and sends 20 ms of a microphone each 20 ms.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import time
from pathlib import Path
from typing import Any

from benchmarks.frames import MIC_CHUNK
from benchmarks.tasks import KINDS

CHUNK_SECONDS = 0.02
DELTA_SECONDS = 0.1
_GROUPS = 20
_AT_ONCE = 50
_WARM = 1.5


def resident() -> int:
    """Bytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def waited() -> float:
    """Seconds that this process has waited for a processor that did something else."""
    try:
        return int(Path("/proc/self/schedstat").read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, IndexError):  # a kernel that does not count it
        return 0.0


async def _connected(who: Any, url: str, count: int) -> list[Any]:
    clients: list[Any] = []
    while len(clients) < count:
        wanted = min(_AT_ONCE, count - len(clients))
        clients += await asyncio.gather(*(who.connect(url) for _ in range(wanted)))
    return clients


async def _closed(clients: list[Any]) -> None:
    for start in range(0, len(clients), _AT_ONCE):
        some = clients[start : start + _AT_ONCE]
        await asyncio.gather(*(client.close() for client in some), return_exceptions=True)


async def idle(who: Any, url: str, count: int) -> dict[str, float]:
    """KB of memory for each session that has been greeted and does nothing."""
    _more_files(count)
    spare = await _connected(who, f"{url}/sink", 20)  # what is made once, is made now
    gc.collect()
    before = resident()
    clients = await _connected(who, f"{url}/sink", count)
    gc.collect()
    await asyncio.sleep(0.2)
    held = resident() - before
    await _closed(clients + spare)
    return {"KB": held / count / 1e3}


async def crowd(who: Any, url: str, count: int, seconds: float) -> dict[str, float]:
    """Cores that all sessions take together, and how late sound is, in milliseconds.

    What came is late from the server's write to the handler; what went, from when it was due to
    when it was written.
    """
    _more_files(count)
    clients = await _connected(who, f"{url}/pace/audio/every={DELTA_SECONDS}", count)
    came: list[float] = []
    went: list[float] = []
    measuring = False

    def heard(event: Any) -> None:
        if measuring:
            came.append((time.monotonic_ns() - int(who.event_id(event))) / 1e6)

    hearing = [
        asyncio.create_task(client.hear(KINDS["audio"], heard, 1 << 60)) for client in clients
    ]
    over = time.monotonic() + _WARM + seconds

    async def speak(some: list[Any], due: float) -> None:
        """A group of microphones, one after the other each 20 ms."""
        while due < over and time.monotonic() < over:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            for client in some:
                await client.send(MIC_CHUNK)
                if measuring:
                    went.append((time.monotonic() - due) * 1e3)
            due += CHUNK_SECONDS

    begin = time.monotonic()
    speaking = [
        asyncio.create_task(speak(clients[group::_GROUPS], begin + group * CHUNK_SECONDS / _GROUPS))
        for group in range(_GROUPS)
    ]
    await asyncio.sleep(_WARM)
    measuring = True
    cpu, wall, queued = time.process_time(), time.perf_counter(), waited()
    await asyncio.gather(*speaking)
    wall = time.perf_counter() - wall
    cores, queued = (time.process_time() - cpu) / wall, (waited() - queued) / wall
    measuring = False
    for task in hearing:
        task.cancel()
    await _closed(clients)
    return {
        "cores": cores,
        "waited share": queued,
        "heard share": len(came) / (count * seconds / DELTA_SECONDS),
        "sent share": len(went) / (count * seconds / CHUNK_SECONDS),
        **_late("in", came),
        **_late("out", went),
    }


def _late(way: str, times: list[float]) -> dict[str, float]:
    times.sort()
    return {
        f"{way} p99 ms": times[len(times) * 99 // 100],
        f"{way} worst ms": times[-1],
    }


def _more_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 256
    if soft != resource.RLIM_INFINITY and soft < wanted:
        if hard != resource.RLIM_INFINITY:
            wanted = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
