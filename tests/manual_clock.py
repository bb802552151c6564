"""A clock that tests turn forward themselves."""

from __future__ import annotations

import asyncio


class ManualClock:
    """A clock that stands still until it is turned forward."""

    def __init__(self) -> None:
        self.time = 0.0
        self.sleepers: list[tuple[float, asyncio.Event]] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        self.sleepers.append((self.time + seconds, woken))
        await woken.wait()

    async def wind(self, seconds: float) -> None:
        end = self.time + seconds
        while True:
            await settled()
            due = [one for one in self.sleepers if one[0] <= end + 1e-9]
            if not due:
                break
            first = min(due, key=lambda one: one[0])
            self.sleepers.remove(first)
            self.time = max(self.time, first[0])
            first[1].set()
        self.time = end


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)
