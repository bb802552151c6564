"""The listening half of an asyncio session: handlers, streams and waits, typed by event class.

This module knows the calls a program makes to hear events. It does not know the socket.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar, overload

from voxwire_protocol import Event, ServerEvent

from ..errors import InvalidOption
from .core import Core, log
from .local_events import ConnectionClosed, Reconnected, Reconnecting
from .router import Key, Mailbox
from .streams import EventStream, Expectation, HandlerTask

__all__ = ["Subscriptions"]

E = TypeVar("E", bound=Event)
H = TypeVar("H", bound=Callable[..., Any])


class Subscriptions:
    """What an asyncio session offers to those who listen."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._handlers: list[HandlerTask[Any]] = []
        self.patient = False
        """Whether the first handlers come one by one, from another thread: then what came before
        them is kept up to the next call of another kind, and not up to the next ``await``."""
        self._catching_up = False
        self._drained = False
        self._mailboxes: list[Mailbox[Any]] = []  # not the streams: who drops one, ends it
        self._expectations: list[Expectation[Any]] = []
        # Made first and read last: what comes before the first reader is kept, within its bound.
        self._main: EventStream[Event] = self._made(
            (ServerEvent, Reconnecting, Reconnected, ConnectionClosed),
            limit=1024,
            name="session",
            optional=True,
        )

    def _here(self, *, listening: bool = False) -> None:
        """Raise where a call comes from somewhere else than the session's event loop.

        Args:
            listening: whether it is about a handler, which may have more to follow it.
        """
        raise NotImplementedError

    def __aiter__(self) -> AsyncIterator[Event]:
        """All events from the server, from the first on, and :class:`ConnectionClosed` at the end;
        in between, :class:`Reconnecting` and :class:`Reconnected`.

        Raises :class:`ConnectionClosedError` after that, where the end was neither asked for nor
        regular. A second iteration goes on where the first one left off.
        """
        self._core.router.forget()
        # Not a generator: the end of the event loop would close it, with what it has yet to give.
        return self._main

    @overload
    def on(
        self,
        key: type[E],
        handler: None = None,
        *,
        thread: bool = False,
        limit: int = 1024,
        catch_up: bool = False,
    ) -> Callable[[Callable[[E], Any]], Callable[[E], Any]]: ...
    @overload
    def on(
        self,
        key: str,
        handler: None = None,
        *,
        thread: bool = False,
        limit: int = 1024,
        catch_up: bool = False,
    ) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]: ...
    @overload
    def on(
        self,
        key: type[E],
        handler: Callable[[E], Any],
        *,
        thread: bool = False,
        limit: int = 1024,
        catch_up: bool = False,
    ) -> Callable[[E], Any]: ...
    @overload
    def on(
        self,
        key: str,
        handler: Callable[[Any], Any],
        *,
        thread: bool = False,
        limit: int = 1024,
        catch_up: bool = False,
    ) -> Callable[[Any], Any]: ...
    def on(
        self,
        key: Any,
        handler: Callable[[Any], Any] | None = None,
        *,
        thread: bool = False,
        limit: int = 1024,
        catch_up: bool = False,
    ) -> Any:
        """Call `handler` with each event that matches; alone, a decorator.

        Each handler gets its events in order, one at a time, from a queue of its own that holds up
        to `limit` events (then :class:`Overflow`). What it raises becomes :class:`HandlerFailed`.

        Args:
            key: an event class, a base class (:class:`ServerEvent`, :class:`ClientEvent`,
                :class:`Event`) or a wire name; beta spellings mean their current event. A name of
                a server's own is taken as it is, one that is nearly an event's is refused.
            handler: a coroutine function, or a plain one that must not block.
            thread: run a plain function that may block in a thread.
            catch_up: begin with what came before, such as ``session.created``. It is kept up to the
                first ``await`` after the session's first handler, or until it is iterated.

        Raises:
            InvalidOption: what came before is no longer kept.
        """
        return self._handle(key, handler, once=False, thread=thread, limit=limit, catch_up=catch_up)

    @overload
    def once(
        self, key: type[E], handler: None = None, *, thread: bool = False, catch_up: bool = False
    ) -> Callable[[Callable[[E], Any]], Callable[[E], Any]]: ...
    @overload
    def once(
        self, key: str, handler: None = None, *, thread: bool = False, catch_up: bool = False
    ) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]: ...
    @overload
    def once(
        self,
        key: type[E],
        handler: Callable[[E], Any],
        *,
        thread: bool = False,
        catch_up: bool = False,
    ) -> Callable[[E], Any]: ...
    @overload
    def once(
        self,
        key: str,
        handler: Callable[[Any], Any],
        *,
        thread: bool = False,
        catch_up: bool = False,
    ) -> Callable[[Any], Any]: ...
    def once(
        self,
        key: Any,
        handler: Callable[[Any], Any] | None = None,
        *,
        thread: bool = False,
        catch_up: bool = False,
    ) -> Any:
        """Like :meth:`on`, for the next matching event only."""
        return self._handle(key, handler, once=True, thread=thread, limit=1, catch_up=catch_up)

    def _handle(
        self, key: Key, handler: Callable[[Any], Any] | None, **options: Any
    ) -> Callable[..., Any]:
        def register(function: H) -> H:
            self._here(listening=True)
            if options["thread"] and inspect.iscoroutinefunction(function):
                raise InvalidOption("thread=True is for plain functions; await in an async one")
            if options["catch_up"] and not self._core.router.keeps_early:
                raise InvalidOption(
                    "catch_up=True: the first events are no longer kept; register this handler "
                    "before the first await, together with the session's other handlers"
                )
            task: HandlerTask[Any] = HandlerTask(self._core, (key,), function, **options)
            self._handlers = [t for t in self._handlers if not t.task.done()]
            if not self._catching_up and not self.patient:
                # All handlers that are registered in one go can hear what came before them.
                self._catching_up = True
                asyncio.get_running_loop().call_soon(self._core.router.forget)
            self._handlers.append(task)
            if self._core.closed is not None and (self._drained or not task.local):
                task.stop()
            return function

        return register if handler is None else register(handler)

    def off(self, key: type[Event] | str, handler: Callable[..., Any]) -> bool:
        """Undo :meth:`on` or :meth:`once`; tells whether there was anything to undo."""
        wanted = self._core.router.key(key)
        found = [t for t in self._handlers if t.handler == handler and wanted in t.keys]
        for task in found:
            task.stop()
            self._handlers.remove(task)
        return bool(found)

    @overload
    def stream(self, *keys: type[E], limit: int = 1024, strict: bool = False) -> EventStream[E]: ...
    @overload
    def stream(
        self, *keys: type[Event] | str, limit: int = 1024, strict: bool = False
    ) -> EventStream[Any]: ...
    def stream(self, *keys: Any, limit: int = 1024, strict: bool = False) -> EventStream[Any]:
        """Matching events from now on, as an async iterator that ends with the connection.

        Args:
            limit: how many events wait for a slow reader before the oldest are dropped, in whose
                place the reader finds an :class:`Overflow`.
            strict: raise :class:`QueueOverflow` instead.
        """
        self._here()
        return self._made(keys, limit=limit, strict=strict)

    def _made(
        self, keys: tuple[Key, ...], *, limit: int, strict: bool = False, **more: Any
    ) -> EventStream[Any]:
        stream: EventStream[Any] = EventStream(self._core, keys, limit=limit, strict=strict, **more)
        if self._core.closed is not None:
            stream.mailbox.close(self._core.reading_error())
        self._mailboxes = [mailbox for mailbox in self._mailboxes if not mailbox.closed]
        self._mailboxes.append(stream.mailbox)
        return stream

    @overload
    def expect(
        self,
        key: type[E],
        *keys: type[E],
        timeout: float | None = None,
        where: Callable[[E], bool] | None = None,
    ) -> Expectation[E]: ...
    @overload
    def expect(
        self,
        key: str,
        *keys: type[Event] | str,
        timeout: float | None = None,
        where: Callable[[Any], bool] | None = None,
    ) -> Expectation[Any]: ...
    @overload
    def expect(
        self,
        key: type[Event],
        name: str,
        /,
        *keys: type[Event] | str,
        timeout: float | None = None,
        where: Callable[[Any], bool] | None = None,
    ) -> Expectation[Any]: ...
    def expect(
        self,
        key: Any,
        *keys: Any,
        timeout: float | None = None,
        where: Callable[[Any], bool] | None = None,
    ) -> Expectation[Any]:
        """Listen first, then act: ``async with session.expect(SessionUpdated) as updated: ...``.

        The end of the block waits for the event; ``await updated`` gives it.

        Args:
            timeout: seconds from this call on; ``None`` waits as long as the connection lasts.
            where: which of the matching events counts; all, where it is left out.

        Raises:
            WaitTimeout: it did not come in time.
            ConnectionClosedError: the connection ended before it came.
        """
        self._here()
        expectation: Expectation[Any] = Expectation(self._core, (key, *keys), timeout, where)
        self._expectations = [e for e in self._expectations if not e.done]
        self._expectations.append(expectation)
        return expectation

    @overload
    async def wait_for(
        self,
        key: type[E],
        *keys: type[E],
        timeout: float | None = None,
        where: Callable[[E], bool] | None = None,
    ) -> E: ...
    @overload
    async def wait_for(
        self,
        key: str,
        *keys: type[Event] | str,
        timeout: float | None = None,
        where: Callable[[Any], bool] | None = None,
    ) -> Any: ...
    @overload
    async def wait_for(
        self,
        key: type[Event],
        name: str,
        /,
        *keys: type[Event] | str,
        timeout: float | None = None,
        where: Callable[[Any], bool] | None = None,
    ) -> Any: ...
    async def wait_for(
        self,
        key: Any,
        *keys: Any,
        timeout: float | None = None,
        where: Callable[[Any], bool] | None = None,
    ) -> Any:
        """The next matching event. To wait for the answer to what you are about to send, use
        :meth:`expect`, which cannot miss it. Arguments and errors are those of :meth:`expect`."""
        async with self.expect(key, *keys, timeout=timeout, where=where) as event:
            pass
        return await event

    def _end_waits(self) -> None:
        """The connection is gone: everything that waits ends, with the reason."""
        error = self._core.closing_error()
        for expectation in self._expectations:
            if error is not None:
                expectation.ended(error)
        for mailbox in self._mailboxes:
            mailbox.close(self._core.reading_error())
        for handler in self._handlers:
            if not handler.local:
                handler.stop()

    async def _drain(self, timeout: float) -> None:
        """Let handlers finish what is queued for them; cancel those that take too long."""
        # What handlers raise at the very end is told, too: who listens for that ends last.
        await self._finish([h for h in self._handlers if not h.local], timeout)
        await self._finish([h for h in self._handlers if h.local], timeout)
        self._drained = True

    async def _finish(self, handlers: list[HandlerTask[Any]], timeout: float) -> None:
        for handler in handlers:
            handler.stop()
        tasks = [h.task for h in handlers if not h.task.done()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=timeout)
            for task in late:
                task.cancel()
            if late:
                log.warning("%d handlers did not finish within %g s", len(late), timeout)
                # One that does not let itself be cancelled is left behind.
                await asyncio.wait(late, timeout=max(timeout, 1.0))
