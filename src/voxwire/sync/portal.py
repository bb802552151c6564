"""The way from any thread into an event loop that has a thread of its own, and out again.

This module knows threads and loops. Of sessions it knows how one is closed.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from ..errors import ConnectionClosedError
from ..session.session import BaseSession

__all__ = ["Portal"]

T = TypeVar("T")


class Portal:
    """An event loop in a thread, and the way into it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.error: Exception = RuntimeError("the event loop has been stopped")
        """What a call raises that was under way when the loop was stopped."""
        self._lock = threading.Lock()
        self._stopping = False
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._run, name="voxwire", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine over there and wait for its outcome.

        Once the loop has been stopped it runs elsewhere: what is over can still be read.

        Raises:
            RuntimeError: the call would wait for itself, or this is a process that was forked
                after the session was opened, which has no thread for it.
        """
        if self.forked:
            work.close()
            self.check()
        if self.here:
            work.close()
            raise RuntimeError(
                "a blocking call from the session's own thread would wait for itself: "
                "call it in a plain function, which has a thread of its own"
            )
        with self._lock:  # what gets in before the stop is ended by it, and nothing gets in after
            future = None if self._stopping else asyncio.run_coroutine_threadsafe(work, self.loop)
        if future is None:
            with ThreadPoolExecutor(1) as elsewhere:  # this thread may have a loop of its own
                return elsewhere.submit(_finished, work).result()
        try:
            return future.result()
        except CancelledError:  # the portal was closed while this waited: that error tells why
            if self._stopping:
                raise self.error from None
            raise
        except BaseException:
            future.cancel()  # Ctrl-C here stops the work there
            raise

    def run(self, work: Callable[[], T]) -> T:
        """Call a plain function over there and wait for its outcome."""

        async def do() -> T:
            return work()

        return self.call(do())

    def iterate(self, pieces: AsyncIterator[T]) -> Iterator[T]:
        """Read what comes over there, here. Leaving the loop early ends it over there too."""
        try:
            while True:
                try:
                    yield self.call(_next(pieces))
                except StopAsyncIteration:
                    # The end of what comes over there.
                    return
        finally:
            close = getattr(pieces, "aclose", None)
            if close is not None and not self.closed and not self.here:
                self.call(close())

    @property
    def here(self) -> bool:
        """Whether this is the loop's own thread."""
        return threading.current_thread() is self._thread

    def check(self) -> None:
        """Raises :class:`RuntimeError` in a process that was forked since."""
        if self.forked:
            raise RuntimeError(
                f"this session belongs to process {self._process}, and process {os.getpid()} was "
                "forked from it: a fork copies no threads, and the connection is the parent's. "
                "Open a session in the child"
            )

    @property
    def forked(self) -> bool:
        """Whether this process was forked from the one that the loop runs in."""
        return os.getpid() != self._process

    @property
    def closed(self) -> bool:
        """Whether the loop has been stopped, or is about to be; in a forked process it is not
        there."""
        return self._stopping or self.forked

    def close(self) -> None:
        """Stop the loop and its thread; calling it again waits for that. In a forked process it
        does nothing: loop and connection are the parent's."""
        if self.forked:
            return

        async def finish() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await self.loop.shutdown_asyncgens()
            await self.loop.shutdown_default_executor()

        with self._lock:
            first, self._stopping = not self._stopping, True
        if first:
            try:
                asyncio.run_coroutine_threadsafe(finish(), self.loop).result()
            finally:
                self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()

    def end(self, session: BaseSession, closing: Coroutine[Any, Any, None]) -> None:
        """Close the session that runs here, by `closing`, and then the loop. In a forked process
        it does nothing."""
        if self.forked:
            closing.close()
            return
        if self._stopping:
            closing.close()
        else:
            self.call(closing)
            if session.closed is not None:
                self.error = ConnectionClosedError(session.closed.code, session.closed.reason)
        if not session.within:
            self.close()
        elif not self._stopping:
            # The rest waits for this very handler. A thread of no handler sees to it.
            finish = partial(contextvars.Context().run, self.end, session, session.close())
            threading.Thread(target=finish, name="voxwire close", daemon=True).start()


def _finished(work: Coroutine[Any, Any, T]) -> T:
    loop = asyncio.new_event_loop()
    try:
        # Not asyncio.run(), which would end the iterator that a step is taken in.
        return loop.run_until_complete(work)
    finally:
        loop.close()


async def _next(pieces: AsyncIterator[T]) -> T:
    return await anext(pieces)
