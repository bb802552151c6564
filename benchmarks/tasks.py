"""What a worker can be asked to measure over a socket: one function for each, a dict of figures.

Times of the processor (``cpu``) are of the whole process, in microseconds for each event. All
contenders are measured by the same functions.
"""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Any

from benchmarks.frames import MIC_CHUNK

KINDS = {
    "small": "response.output_audio_transcript.delta",
    "audio": "response.output_audio.delta",
    "mix": "",
}


async def receive(who: Any, url: str, kind: str, count: int) -> dict[str, float]:
    """Socket to handler: `count` events as fast as they can be taken."""
    if kind in getattr(who, "UNCOUNTED", {}):
        raise NotImplementedError(who.UNCOUNTED[kind])
    client = await who.connect(f"{url}/flood/{kind}/count={count}")
    try:
        hearing = asyncio.create_task(client.hear(KINDS[kind], lambda event: None, count))
        await asyncio.sleep(0.02)
        gc.collect()
        cpu, wall = time.process_time(), time.perf_counter()
        await client.send(MIC_CHUNK)
        await hearing
        return _for_each(count, time.process_time() - cpu, time.perf_counter() - wall)
    finally:
        await client.close()


async def send(who: Any, url: str, count: int) -> dict[str, float]:
    """20 ms of a microphone to the socket, `count` times."""
    client = await who.connect(f"{url}/sink")
    send = client.send
    for _ in range(100):
        await send(MIC_CHUNK)
    await asyncio.sleep(0.02)
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(count):
        await send(MIC_CHUNK)
    figures = _for_each(count, time.process_time() - cpu, time.perf_counter() - wall)
    await client.close()
    return figures


def _for_each(count: int, cpu: float, wall: float) -> dict[str, float]:
    return {"cpu": cpu / count * 1e6, "per second": count / wall}


async def opening(who: Any, url: str, count: int) -> dict[str, float]:
    """From the call that connects to a session that has its first event: milliseconds."""
    await (await who.connect(f"{url}/sink")).close()  # what is made once, is made now
    walls: list[float] = []
    cpu = time.process_time()
    for _ in range(count):
        began = time.perf_counter()
        client = await who.connect(f"{url}/sink")
        walls.append((time.perf_counter() - began) * 1e3)
        await client.close()
    cpu = (time.process_time() - cpu) / count * 1e3
    walls.sort()
    return {"wall ms": walls[len(walls) // 2], "cpu ms": cpu}


async def latency(who: Any, url: str, every: float, count: int) -> dict[str, float]:
    """From the server's write to the handler, an event each so many seconds: milliseconds."""
    client = await who.connect(f"{url}/pace/small/every={every}/count={count}")
    late: list[float] = []

    def heard(event: Any) -> None:
        late.append((time.monotonic_ns() - int(who.text(event))) / 1e6)

    hearing = asyncio.create_task(client.hear(KINDS["small"], heard, count))
    await asyncio.sleep(0.02)
    await client.send(MIC_CHUNK)
    await hearing
    await client.close()
    late.sort()
    return {"median ms": late[len(late) // 2], "p99 ms": late[len(late) * 99 // 100]}
