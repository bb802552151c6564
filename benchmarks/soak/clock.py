"""An event loop whose clock jumps: hours pass in seconds where nothing happens in between.

For programs whose both ends run on this loop, over loopback. A timer that is next is due at once,
unless a socket has something to say first.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["run"]

T = TypeVar("T")

GRACE = 0.0005
"""Real seconds that sockets have to say something before the clock jumps."""


class _Selector(selectors.DefaultSelector):
    """Waits for sockets in real time, and for nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout is not None and timeout <= 0 else GRACE)
        if not ready and timeout is None:
            return super().select(None)
        if not ready and timeout > GRACE:  # type: ignore[operator]  # a number, here
            self.ahead += timeout or 0.0
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _Selector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return time.monotonic() + self._jumping.ahead


def run(main: Coroutine[Any, Any, T]) -> T:
    """Like ``asyncio.run``, with a clock that jumps."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(main)
