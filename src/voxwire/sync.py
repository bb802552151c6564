"""The threaded face: the same session for programs that do not use asyncio.

A session runs on an event loop in a thread of its own, and each call here is handed over to it, so
both faces are one code with one behaviour: turns, tools, interruption and reconnecting are written
once. The price is a hop between threads for each call (tens of microseconds), which a program
without asyncio can well afford. A second implementation over a blocking socket would need a lock
around every reader and a second copy of all that waits.

Handlers and tools that are plain functions run in worker threads here, so they may block.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from types import TracebackType
from typing import Any, Generic, TypeVar

__all__ = ["Portal"]

T = TypeVar("T")


class Portal:
    """An event loop in a thread, and the way into it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="voxwire", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine over there and wait for its outcome."""
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError(
                "a blocking call from the session's own thread would wait for itself: "
                "use an async handler, or do it outside the handler"
            )
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # Ctrl-C here stops the work there
            raise

    def close(self) -> None:
        """Stop the loop and its thread."""

        async def finish() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await self.loop.shutdown_asyncgens()
            await self.loop.shutdown_default_executor()

        self.call(finish())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()
