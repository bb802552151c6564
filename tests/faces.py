"""The threaded face in the clothes of the asyncio one, so that one test runs over both.

What the asyncio face awaits is called in a thread here. An async handler or tool of a test becomes
a plain one that blocks until the test's loop has run it, as a program without asyncio would have.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any

import attrs

import voxwire
import voxwire.sync
from voxwire.tools.tool import Tool

_END = object()


async def _pieces(source: Any) -> AsyncIterator[Any]:
    pieces: Iterator[Any] = await asyncio.to_thread(iter, source)
    try:
        while (piece := await asyncio.to_thread(next, pieces, _END)) is not _END:
            yield piece
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            await asyncio.to_thread(close)


class _Said(str):
    _source: Any

    def __aiter__(self) -> AsyncIterator[str]:
        return _pieces(self._source)


class _Audio:
    def __init__(self, source: voxwire.sync.Response) -> None:
        self._source = source

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _pieces(self._source.audio)


class _Adapted:
    """Hands on what needs no waiting."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class ThreadedResponse(_Adapted):
    def __await__(self) -> Generator[Any, None, ThreadedResponse]:
        yield from asyncio.to_thread(self.inner.wait).__await__()
        return self

    @property
    def text(self) -> _Said:
        return self._said(self.inner.text)

    @property
    def transcript(self) -> _Said:
        return self._said(self.inner.transcript)

    def _said(self, so_far: str) -> _Said:
        said = _Said(so_far)
        said._source = self.inner
        return said

    @property
    def audio(self) -> _Audio:
        return _Audio(self.inner)

    async def cancel(self) -> None:
        await asyncio.to_thread(self.inner.cancel)


class ThreadedReceipt(_Adapted):
    async def acknowledged(self, timeout: float | None = None) -> Any:
        return await asyncio.to_thread(self.inner.acknowledged, timeout)


class ThreadedStream(_Adapted):
    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self._pieces: AsyncIterator[Any] | None = None

    def __aiter__(self) -> ThreadedStream:
        return self

    async def __anext__(self) -> Any:
        if self._pieces is None:
            self._pieces = _pieces(self.inner)
        try:
            return await anext(self._pieces)
        except BaseException:
            self._pieces = None  # an exception ends a generator, but not the stream
            raise

    async def __aenter__(self) -> ThreadedStream:
        await asyncio.to_thread(self.inner.__enter__)
        return self

    async def __aexit__(self, *exc: Any) -> None:
        await asyncio.to_thread(self.inner.__exit__, *exc)


class ThreadedExpectation(_Adapted):
    def __await__(self) -> Generator[Any, None, Any]:
        return asyncio.to_thread(lambda: self.inner.event).__await__()

    async def __aenter__(self) -> ThreadedExpectation:
        await asyncio.to_thread(self.inner.__enter__)
        return self

    async def __aexit__(self, *exc: Any) -> None:
        await asyncio.to_thread(self.inner.__exit__, *exc)


class ThreadedSession(_Adapted):
    inner: voxwire.sync.Session

    def __aiter__(self) -> AsyncIterator[Any]:
        return _pieces(self.inner)

    def say(self, *args: Any, **options: Any) -> ThreadedResponse:
        return ThreadedResponse(self.inner.say(*args, **options))

    def respond(self, **options: Any) -> ThreadedResponse:
        return ThreadedResponse(self.inner.respond(**options))

    async def send(self, *args: Any, **options: Any) -> ThreadedReceipt:
        return ThreadedReceipt(await asyncio.to_thread(self.inner.send, *args, **options))

    async def add(self, *args: Any, **options: Any) -> ThreadedReceipt:
        return ThreadedReceipt(await asyncio.to_thread(self.inner.add, *args, **options))

    async def commit_audio(self) -> ThreadedReceipt:
        return ThreadedReceipt(await asyncio.to_thread(self.inner.commit_audio))

    async def clear_audio(self) -> ThreadedReceipt:
        return ThreadedReceipt(await asyncio.to_thread(self.inner.clear_audio))

    async def rotate(self) -> None:
        await asyncio.to_thread(self.inner.rotate)

    async def update(self, *args: Any, **options: Any) -> Any:
        if "tools" in options:
            options["tools"] = [_plain(tool, self) for tool in options["tools"] or ()]
        return await asyncio.to_thread(self.inner.update, *args, **options)

    async def wait_for(self, *args: Any, **options: Any) -> Any:
        return await asyncio.to_thread(self.inner.wait_for, *args, **options)

    async def talk(self, audio: Any) -> None:
        await asyncio.to_thread(self.inner.talk, audio)

    async def close(self, *args: Any) -> None:
        await asyncio.to_thread(self.inner.close, *args)

    async def send_raw(self, frame: str | bytes) -> None:
        await asyncio.to_thread(self.inner.send_raw, frame)

    async def append_audio(self, audio: Any) -> None:
        await asyncio.to_thread(self.inner.append_audio, audio)

    async def interrupt(self, played_ms: float | None = None, **place: Any) -> None:
        await asyncio.to_thread(lambda: self.inner.interrupt(played_ms, **place))

    async def cancel(self) -> None:
        await asyncio.to_thread(self.inner.cancel)

    def stream(self, *keys: Any, **options: Any) -> ThreadedStream:
        return ThreadedStream(self.inner.stream(*keys, **options))

    def expect(self, *keys: Any, **options: Any) -> ThreadedExpectation:
        return ThreadedExpectation(self.inner.expect(*keys, **options))

    def on(self, key: Any, handler: Any = None, **options: Any) -> Any:
        return self._register(self.inner.on, key, handler, **options)

    def once(self, key: Any, handler: Any = None, **options: Any) -> Any:
        return self._register(self.inner.once, key, handler, **options)

    def _register(self, on: Any, key: Any, handler: Any, **options: Any) -> Any:
        options.pop("thread", None)  # all plain handlers have one

        def register(function: Any) -> Any:
            on(key, _plain(function, self), **options)
            return function

        return register if handler is None else register(handler)

    def off(self, key: Any, handler: Any) -> bool:
        return self.inner.off(key, _plain(handler, self))

    def tool(self, function: Any = None, **options: Any) -> Any:
        def register(function: Any) -> Any:
            return self.inner.tool(**options)(_plain(function, self))

        return register if function is None else register(function)


class ThreadedConnect:
    """``voxwire.sync.connect`` as the other one: to be entered, or awaited."""

    def __init__(self, **options: Any) -> None:
        self._session = ThreadedSession(None)
        if options.get("tools"):
            options["tools"] = [_plain(tool, self._session) for tool in options["tools"]]
        self._inner = voxwire.sync.connect(**options)

    async def _open(self) -> ThreadedSession:
        self._session.inner = await asyncio.to_thread(self._inner.open)
        return self._session

    def __await__(self) -> Generator[Any, None, ThreadedSession]:
        return self._open().__await__()

    async def __aenter__(self) -> ThreadedSession:
        return await self._open()

    async def __aexit__(self, *exc: Any) -> None:
        await self._session.close()


def _plain(function: Any, session: ThreadedSession) -> Any:
    """A plain function that has the test's loop do what an async one does."""
    if isinstance(function, Tool):
        tool = Tool(
            _plain(function.function, session), name=function.name, timeout=function.timeout,
            approve=function.approve, description=function.description,
        )  # fmt: skip
        return tool if inspect.iscoroutinefunction(function.function) else function
    if not inspect.iscoroutinefunction(function):
        return function
    loop = asyncio.get_running_loop()

    @functools.wraps(function)
    def blocking(*args: Any, **named: Any) -> Any:
        def own(value: Any) -> Any:
            if isinstance(value, voxwire.ToolContext):
                assert value.session is session.inner
                return attrs.evolve(value, session=session)
            return value

        given = [own(value) for value in args]
        wanted = {name: own(value) for name, value in named.items()}
        return asyncio.run_coroutine_threadsafe(function(*given, **wanted), loop).result()

    return blocking


FACES: dict[str, Callable[..., Any]] = {"asyncio": voxwire.connect, "threads": ThreadedConnect}
