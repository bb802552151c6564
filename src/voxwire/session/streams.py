"""The asyncio face of the router: streams, handlers in tasks, and waits that are set up first.

This module knows how events reach coroutines. It does not know the socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from functools import partial
from types import TracebackType
from typing import Any, Generic, TypeVar

from voxwire_protocol import Event

from ..errors import WaitTimeout
from ..protocol.local_event import LocalEvent, Overflow
from ..tools.threads import in_thread
from .core import Core, log
from .router import Key, Mailbox, Subscription
from .task_context import enter

__all__ = ["EventStream", "Expectation", "HandlerTask"]

E = TypeVar("E", bound=Event)

SLOW_SECONDS = 0.1
"""A plain function that keeps the event loop for longer than this is named in a warning."""


class _Reader(Generic[E]):
    """Those who read a mailbox: mostly one, and several share what comes."""

    def __init__(
        self, core: Core, name: str, *, limit: int, strict: bool = False, optional: bool = False
    ) -> None:
        self._waiters: set[asyncio.Future[None]] = set()
        self._loop = asyncio.get_running_loop()
        self.mailbox: Mailbox[E] = Mailbox(
            name,
            limit=limit,
            wake=self._wake,
            overflowed=core.local,
            strict=strict,
            optional=optional,
        )

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def next(self) -> E | Overflow | None:
        """The next event; ``None`` once the mailbox is closed and empty."""
        while True:
            event = self.mailbox.take()
            if event is not None:
                return event
            if self.mailbox.closed:
                return None
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)


class EventStream(AsyncIterator["E | Overflow"], Generic[E]):
    """Events as they come: ``async for event in session.stream(ResponseDone)``.

    It listens from the moment it is made, holds up to `limit` events for a slow reader, and ends
    with the connection. Use it in ``async with``, or call :meth:`close`, to stop before that; one
    that nobody holds any more stops by itself. Several who read it share what comes.
    """

    def __init__(
        self,
        core: Core,
        keys: tuple[Key, ...],
        *,
        limit: int,
        strict: bool,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        name = name or "stream of " + ", ".join(map(_key_name, keys))
        self._reader: _Reader[E] = _Reader(
            core, name, limit=limit, strict=strict, optional=optional
        )
        self._subscription = core.router.subscribe(keys, self._reader.mailbox.put)
        self._loop = asyncio.get_running_loop()

    def __del__(self) -> None:
        # A loop over a stream that was made for it may be left early: nobody can close that one.
        # This may run in any thread and in the middle of anything, so the closing comes later.
        if hasattr(self, "_loop") and self._subscription.active and not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):
                # The loop has been closed meanwhile, and all of it is gone.
                self._loop.call_soon_threadsafe(_end, self._subscription, self._reader.mailbox)

    @property
    def mailbox(self) -> Mailbox[E]:
        """The queue behind the stream."""
        return self._reader.mailbox

    def __aiter__(self) -> EventStream[E]:
        return self

    async def __anext__(self) -> E | Overflow:
        event = await self._reader.next()
        if event is not None:
            return event
        reason = self.mailbox.reason
        if reason is not None:
            self.mailbox.reason = None  # told once; asked again it has simply ended
            raise reason
        raise StopAsyncIteration

    def close(self) -> None:
        """Stop listening; what is queued can still be read."""
        _end(self._subscription, self.mailbox)

    async def __aenter__(self) -> EventStream[E]:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.close()


def _end(subscription: Subscription, mailbox: Mailbox[Any]) -> None:
    subscription.cancel()
    mailbox.close()


class Expectation(Generic[E]):
    """A wait that listens before you act, so that a fast answer is not missed.

    ``async with session.expect(SessionUpdated) as updated: ...`` waits at the end of the block;
    ``await updated`` is the event. A block that raises does not wait. Without a block,
    ``await session.expect(...)`` waits at once; a wait that is cancelled is over.
    """

    def __init__(
        self,
        core: Core,
        keys: tuple[Key, ...],
        timeout: float | None,
        where: Callable[[E], bool] | None,
    ) -> None:
        core.require_open()
        self._where = where
        self._timeout = timeout
        self._waiting = 0
        self._entered = False
        self._names = " or ".join(map(_key_name, keys))
        loop = asyncio.get_running_loop()
        self._deadline = None if timeout is None else loop.time() + timeout
        self._future: asyncio.Future[E] = loop.create_future()
        self._subscription: Subscription = core.router.subscribe(keys, self._seen)

    def _seen(self, event: E) -> None:
        if self._future.done():
            return
        try:
            if self._where is not None and not self._where(event):
                return
        except Exception as error:  # the caller's own predicate: its failure is the caller's to see
            self._future.set_exception(error)
        else:
            self._future.set_result(event)
        self._subscription.cancel()

    @property
    def done(self) -> bool:
        """Whether the wait is over, one way or the other."""
        return self._future.done()

    def ended(self, error: BaseException) -> None:
        """It will not come any more: fail, unless it has."""
        if not self._future.done():
            self._future.set_exception(error)
            self._future.exception()  # whoever awaits it is told, and nobody need
        self._subscription.cancel()

    def cancel(self) -> None:
        """Stop waiting."""
        self._subscription.cancel()
        if self._future.done():
            if not self._future.cancelled():
                self._future.exception()  # seen: nobody is left to await it
        else:
            self._future.cancel()

    async def wait(self) -> E:
        """The event; raises what :meth:`Session.expect` tells."""
        self._waiting += 1
        try:
            async with asyncio.timeout_at(self._deadline):
                return await asyncio.shield(self._future)
        except TimeoutError:  # the deadline, unless the event came in the same moment
            if not self._future.done():
                self.ended(WaitTimeout(f"no {self._names} within {self._timeout:g} s"))
        except asyncio.CancelledError:
            if self._waiting == 1 and not self._entered:
                self.cancel()  # who waited has gone, and with them the wait
            raise
        finally:
            self._waiting -= 1
        return self._future.result()

    def __await__(self) -> Generator[Any, None, E]:
        return self.wait().__await__()

    async def __aenter__(self) -> Expectation[E]:
        self._entered = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                await self.wait()
        finally:
            if not self._future.done() or kind is not None:
                self.cancel()


class HandlerTask(Generic[E]):
    """A handler with its own queue and task: in order for itself, never in the way of others."""

    def __init__(
        self,
        core: Core,
        keys: tuple[Key, ...],
        handler: Callable[[E], Awaitable[Any] | Any],
        *,
        once: bool,
        thread: bool,
        limit: int,
        catch_up: bool = False,
    ) -> None:
        self.handler = handler
        self._core = core
        self._thread = thread
        name = getattr(handler, "__qualname__", None) or repr(handler)
        self._reader: _Reader[E] = _Reader(core, f"handler {name}", limit=limit)
        sink = self._only if once else self._reader.mailbox.put
        self._subscription = core.router.subscribe(keys, sink)
        self.keys = self._subscription.keys
        lost = core.router.catch_up(self._subscription) if catch_up else 0
        if lost:
            core.local(Overflow(queue="before the first handler", dropped=lost))
        self.task = asyncio.create_task(self._run(), name=f"voxwire handler {name}")

    @property
    def local(self) -> bool:
        """Whether it hears events of Voxwire's own, which come after the connection's end too."""
        return any(
            isinstance(key, type) and (issubclass(key, LocalEvent) or issubclass(LocalEvent, key))
            for key in self.keys
        )

    def _only(self, event: E) -> None:
        self._reader.mailbox.put(event)
        self.stop()

    def stop(self) -> None:
        """Take no more events; those in the queue are still handled."""
        self._subscription.cancel()
        self._reader.mailbox.close()

    async def _run(self) -> None:
        enter(self._core)
        take, handler = self._reader.mailbox.take, self.handler
        # What is in the queue is taken without a coroutine for each: deltas come in bursts.
        while (event := take() or await self._reader.next()) is not None:
            # An Overflow of the handler's own queue is routed and logged; the handler did not ask
            # for that class, so it is not handed to it.
            if type(event) is Overflow and not self._wants_overflow():
                log.warning("%s: %d events dropped", event.queue, event.dropped)
                continue
            try:
                if self._thread:
                    await in_thread(partial(handler, event), "voxwire handler")  # type: ignore[arg-type]
                    continue
                began = time.monotonic()
                result = handler(event)  # type: ignore[arg-type]
                if result is not None and inspect.isawaitable(result):
                    await result
                elif (took := time.monotonic() - began) > SLOW_SECONDS:
                    _warn_of(handler, took)
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                # The handler's own affair, such as a task that it lost: it goes on with the next
                # event.
                self._core.handler_failed(handler, event, error)
            except Exception as error:  # a handler's failure is reported and stops nothing else
                self._core.handler_failed(handler, event, error)

    def _wants_overflow(self) -> bool:
        return any(isinstance(key, type) and issubclass(Overflow, key) for key in self.keys)


def _warn_of(handler: Callable[..., Any], seconds: float) -> None:
    log.warning(
        "handler %s kept the event loop for %.0f ms: make it async, or register it with "
        "thread=True",
        getattr(handler, "__qualname__", handler),
        seconds * 1000,
    )


def _key_name(key: Key) -> str:
    return key if isinstance(key, str) else key.__name__
