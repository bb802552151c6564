"""When something happens: timers, in the order of a clock that no one has to wait for.

It knows no real clock. Whoever owns a timeline decides how fast it runs: a server for people sleeps
between the timers, a test steps from one to the next.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

import attrs

__all__ = ["Timeline", "Timer"]


@attrs.define(eq=False)
class Timer:
    """Something that will happen, unless it is cancelled."""

    when: float
    action: Callable[[], None] | None

    def cancel(self) -> None:
        self.action = None


class Timeline:
    """Timers in order. Those for the same moment run in the order in which they were set."""

    def __init__(self) -> None:
        self.now = 0.0
        """Seconds since the beginning."""
        self._waiting: list[tuple[float, int, Timer]] = []
        self._number = count()

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Do something so many seconds from now."""
        timer = Timer(self.now + max(0.0, seconds), action)
        heapq.heappush(self._waiting, (timer.when, next(self._number), timer))
        return timer

    @property
    def next(self) -> float | None:
        """The moment of the next timer; None when nothing is to come."""
        while self._waiting and self._waiting[0][2].action is None:
            heapq.heappop(self._waiting)
        return self._waiting[0][0] if self._waiting else None

    def step(self) -> bool:
        """Go to the next timer and run it; False when there is none."""
        if self.next is None:
            return False
        when, _, timer = heapq.heappop(self._waiting)
        self.now = max(self.now, when)
        action, timer.action = timer.action, None
        assert action is not None
        action()
        return True

    def advance(self, to: float) -> None:
        """Let time pass up to a moment, running what is due on the way."""
        while (when := self.next) is not None and when <= to:
            self.step()
        self.now = max(self.now, to)

    def run(self) -> None:
        """Run until nothing is left."""
        while self.step():
            pass
