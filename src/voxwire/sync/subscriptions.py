"""The listening half of a threaded session: handlers in worker threads, streams and waits.

This module knows the calls a program makes to hear events, and hands them over.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, overload

from voxwire_protocol import Event

from ..session import session as asyncio_face
from ..session import streams
from .base import BaseSession
from .response import EventStream, Expectation

__all__ = ["Subscriptions", "plain"]

E = TypeVar("E", bound=Event)


class Subscriptions(BaseSession[asyncio_face.Session]):
    """What a threaded session offers to those who listen."""

    @overload
    def on(
        self, key: type[E], handler: None = None, *, limit: int = 1024, catch_up: bool = False
    ) -> Callable[[Callable[[E], Any]], Callable[[E], Any]]: ...
    @overload
    def on(
        self, key: str, handler: None = None, *, limit: int = 1024, catch_up: bool = False
    ) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]: ...
    @overload
    def on(
        self,
        key: type[E],
        handler: Callable[[E], Any],
        *,
        limit: int = 1024,
        catch_up: bool = False,
    ) -> Callable[[E], Any]: ...
    @overload
    def on(
        self, key: str, handler: Callable[[Any], Any], *, limit: int = 1024, catch_up: bool = False
    ) -> Callable[[Any], Any]: ...
    def on(
        self, key: Any, handler: Any = None, *, limit: int = 1024, catch_up: bool = False
    ) -> Any:
        """Call `handler`, in a worker thread, with each event that matches; alone, a decorator.
        See :meth:`voxwire.Session.on`; what came before is kept up to the first call of another
        kind."""

        def register(function: Any) -> Any:
            self._portal.run(
                lambda: self._inner.on(
                    key, function, thread=plain(function), limit=limit, catch_up=catch_up
                )
            )
            return function

        return register if handler is None else register(handler)

    @overload
    def once(
        self, key: type[E], handler: None = None, *, catch_up: bool = False
    ) -> Callable[[Callable[[E], Any]], Callable[[E], Any]]: ...
    @overload
    def once(
        self, key: str, handler: None = None, *, catch_up: bool = False
    ) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]: ...
    @overload
    def once(
        self, key: type[E], handler: Callable[[E], Any], *, catch_up: bool = False
    ) -> Callable[[E], Any]: ...
    @overload
    def once(
        self, key: str, handler: Callable[[Any], Any], *, catch_up: bool = False
    ) -> Callable[[Any], Any]: ...
    def once(self, key: Any, handler: Any = None, *, catch_up: bool = False) -> Any:
        """Like :meth:`on`, for the next matching event only."""

        def register(function: Any) -> Any:
            self._portal.run(
                lambda: self._inner.once(key, function, thread=plain(function), catch_up=catch_up)
            )
            return function

        return register if handler is None else register(handler)

    def off(self, key: type[Event] | str, handler: Callable[..., Any]) -> bool:
        """Undo :meth:`on` or :meth:`once`; tells whether there was anything to undo."""
        return self._portal.run(lambda: self._inner.off(key, handler))

    @overload
    def stream(self, *keys: type[E], limit: int = 1024, strict: bool = False) -> EventStream[E]: ...
    @overload
    def stream(
        self, *keys: type[Event] | str, limit: int = 1024, strict: bool = False
    ) -> EventStream[Any]: ...
    def stream(self, *keys: Any, limit: int = 1024, strict: bool = False) -> EventStream[Any]:
        """Matching events from now on; see :meth:`voxwire.Session.stream`."""
        inner: streams.EventStream[Any] = self._portal.run(
            lambda: self._inner.stream(*keys, limit=limit, strict=strict)
        )
        return EventStream(self._portal, inner)

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
        """Listen first, then act; see :meth:`voxwire.Session.expect`."""
        inner: streams.Expectation[Any] = self._portal.run(
            lambda: self._inner.expect(key, *keys, timeout=timeout, where=where)
        )
        return Expectation(self._portal, inner)

    @overload
    def wait_for(
        self,
        key: type[E],
        *keys: type[E],
        timeout: float | None = None,
        where: Callable[[E], bool] | None = None,
    ) -> E: ...
    @overload
    def wait_for(
        self,
        key: str,
        *keys: type[Event] | str,
        timeout: float | None = None,
        where: Callable[[Any], bool] | None = None,
    ) -> Any: ...
    @overload
    def wait_for(
        self,
        key: type[Event],
        name: str,
        /,
        *keys: type[Event] | str,
        timeout: float | None = None,
        where: Callable[[Any], bool] | None = None,
    ) -> Any: ...
    def wait_for(
        self,
        key: Any,
        *keys: Any,
        timeout: float | None = None,
        where: Callable[[Any], bool] | None = None,
    ) -> Any:
        """The next matching event; see :meth:`voxwire.Session.wait_for`."""
        return self._portal.call(self._inner.wait_for(key, *keys, timeout=timeout, where=where))


def plain(function: Any) -> bool:
    """Whether a handler is to have a worker thread: an async one runs on the loop."""
    return not inspect.iscoroutinefunction(function)
