"""The threaded face: the same session for programs that do not use asyncio.

A session runs on an event loop in a thread of its own, and each call here is handed over to it, so
both faces are one code with one behaviour: turns, tools, interruption are written once. The price
is a hop between threads for each call (tens of microseconds), which a program without asyncio can
well afford. A second implementation over a blocking socket would need a lock around every reader
and a second copy of all that waits.

Handlers that are plain functions run in worker threads here, so they may block, and may use the
session. Everything that waits can be interrupted by Ctrl-C.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import os
import threading
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import CancelledError, ThreadPoolExecutor
from functools import partial, wraps
from types import TracebackType
from typing import Any, Generic, ParamSpec, TypeVar, Unpack, overload

from voxwire_protocol import (
    ClientEvent,
    ConversationItem,
    Event,
    FunctionCall,
    RealtimeResponse,
    RealtimeSession,
    ResponseUsage,
)

from . import connecting, handles, resuming, streams
from . import session as asyncio_face
from .acting import GivenTool
from .approvals import Nothing
from .conversation.conversation import Conversation
from .costs import SessionUsage
from .errors import ConnectionClosedError
from .events import ConnectionClosed, Overflow
from .keeping.kept import Kept
from .kinds import threaded
from .kinds.threaded import ConnectKind, Transcriber, Translator
from .options import ResponseOptions, SessionOptions
from .playback.playback import Playback
from .recording.recorder import Recorder
from .responses import Policy
from .sending import Sendable, Sound
from .talk import Audio
from .tools.tool import AnyTool, Approve, Tool

__all__ = [
    "Connect",
    "EventStream",
    "Expectation",
    "Receipt",
    "Response",
    "Session",
    "attach",
    "connect",
    "connect_transcription",
    "connect_translation",
    "resume",
]

E = TypeVar("E", bound=Event)
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Portal:
    """An event loop in a thread, and the way into it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.error: Exception = RuntimeError("the event loop has been stopped")
        """What a call raises that was under way when the loop was stopped."""
        self._lock = threading.Lock()
        self._stopping = False
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
        """
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

    @property
    def closed(self) -> bool:
        """Whether the loop has been stopped, or is about to be."""
        return self._stopping

    def close(self) -> None:
        """Stop the loop and its thread; calling it again waits for that."""

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

    def end(self, session: asyncio_face.Live, closing: Coroutine[Any, Any, None]) -> None:
        """Close the session that runs here, by `closing`, and then the loop."""
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


class Response:
    """A response that was asked for; the counterpart of :class:`voxwire.Response`.

    ``response.wait()`` waits for the end; ``for piece in response`` reads it as it comes.
    """

    def __init__(self, portal: Portal, inner: handles.Response) -> None:
        self._portal = portal
        self._inner = inner

    def wait(self, timeout: float | None = None) -> Response:
        """Wait for the end, tools and what follows them included; gives the response itself.

        Raises:
            TimeoutError: it did not end within `timeout` seconds, and goes on.
            ServerError: the server refused the request.
            ConnectionClosedError: the session ended before.
        """

        async def ended() -> None:
            async with asyncio.timeout(timeout):
                await self._inner

        self._portal.call(ended())
        return self

    def __iter__(self) -> Iterator[str]:
        """What is said, piece by piece from the start to the end: text, or the words of speech."""
        return self._portal.iterate(self._inner.said())

    @property
    def audio(self) -> Iterator[bytes]:
        """The audio as it comes, in the session's output format."""
        return self._portal.iterate(self._inner.audio.__aiter__())

    @property
    def text(self) -> str:
        """The text so far; empty for a spoken answer."""
        return str(self._inner.text)

    @property
    def transcript(self) -> str:
        """What was spoken so far, as text."""
        return str(self._inner.transcript)

    @property
    def id(self) -> str | None:
        """See :attr:`voxwire.Response.id`."""
        return self._inner.id

    @property
    def status(self) -> str:
        """See :attr:`voxwire.Response.status`."""
        return self._inner.status

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._inner.done

    @property
    def responses(self) -> list[RealtimeResponse]:
        """See :attr:`voxwire.Response.responses`."""
        return self._inner.responses

    @property
    def calls(self) -> list[FunctionCall]:
        """All function calls of the turn, in order."""
        return self._inner.calls

    @property
    def usage(self) -> ResponseUsage | None:
        """See :attr:`voxwire.Response.usage`."""
        return self._inner.usage

    def cancel(self) -> None:
        """Ask the server to stop. The response ends with its own event: wait for that."""
        self._portal.call(self._inner.cancel())


class Receipt:
    """What was sent; the counterpart of :class:`voxwire.Receipt`."""

    def __init__(self, portal: Portal, inner: handles.Receipt) -> None:
        self._portal = portal
        self._inner = inner

    @property
    def event(self) -> ClientEvent:
        """The event as it went out."""
        return self._inner.event

    @property
    def event_id(self) -> str | None:
        """Its id, which an ``error`` about it repeats."""
        return self._inner.event_id

    def acknowledged(self, timeout: float | None = None) -> Event | None:
        """See :meth:`voxwire.Receipt.acknowledged`."""
        return self._portal.call(self._inner.acknowledged(timeout))


class EventStream(Generic[E]):
    """Events as they come, for one reader; the counterpart of :class:`voxwire.EventStream`."""

    def __init__(self, portal: Portal, inner: streams.EventStream[E]) -> None:
        self._portal = portal
        self._inner = inner

    def __iter__(self) -> Iterator[E | Overflow]:
        return self._portal.iterate(self._inner)

    def close(self) -> None:
        """Stop listening; what is queued can still be read."""
        self._portal.run(self._inner.close)

    def __enter__(self) -> EventStream[E]:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class Expectation(Generic[E]):
    """A wait that listens before you act: ``with session.expect(SessionUpdated) as updated: ...``.

    The end of the block waits; ``updated.event`` is what came.
    """

    def __init__(self, portal: Portal, inner: streams.Expectation[E]) -> None:
        self._portal = portal
        self._inner = inner

    @property
    def event(self) -> E:
        """The event; waits for it where it has not come."""
        return self._portal.call(self._inner.wait())

    def __enter__(self) -> Expectation[E]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._portal.call(self._inner.__aexit__(kind, error, trace))


class Session:
    """A live session; the counterpart of :class:`voxwire.Session`, made by :func:`connect`.

    It may be used from several threads. Iterate it for all that the server sends.
    """

    def __init__(self, portal: Portal, inner: asyncio_face.Session) -> None:
        self._portal = portal
        self._inner = inner
        inner.serve_threads(self, self._send_answer)

    def _send_answer(self, event: ClientEvent) -> Awaitable[Any]:
        # An async handler can await it; a plain one, in its thread, has it done at once.
        sending = self._inner.send(event)
        if self._portal.here:
            return sending
        self._portal.call(sending)
        return Nothing()

    @property
    def session(self) -> Any:
        """The session as the server last described it; ``None`` before ``session.created``."""
        return self._inner.session

    @property
    def conversation(self) -> Conversation:
        """What was said so far, in order."""
        return self._inner.conversation

    @property
    def closed(self) -> ConnectionClosed | None:
        """How the connection ended; ``None`` while it is open."""
        return self._inner.closed

    def __repr__(self) -> str:
        return repr(self._inner).replace("voxwire.", "voxwire.sync.", 1)

    def __iter__(self) -> Iterator[Event]:
        """All events from the server; see :meth:`voxwire.Session.__aiter__`."""
        return self._portal.iterate(self._inner.__aiter__())

    def send(self, event: Sendable, *, extra: Mapping[str, Any] | None = None) -> Receipt:
        """Check an event and send it; see :meth:`voxwire.Session.send`."""
        return Receipt(self._portal, self._portal.call(self._inner.send(event, extra=extra)))

    def send_raw(self, frame: str | bytes) -> None:
        """Send a text frame as it is, unchecked."""
        self._portal.call(self._inner.send_raw(frame))

    def say(
        self,
        text: str | ConversationItem | Mapping[str, Any],
        *,
        policy: Policy = "wait",
        **options: Unpack[ResponseOptions],
    ) -> Response:
        """Say something, and have the model answer; see :meth:`voxwire.Session.say`."""
        inner = self._portal.run(lambda: self._inner.say(text, policy=policy, **options))
        return Response(self._portal, inner)

    def respond(self, *, policy: Policy = "wait", **options: Unpack[ResponseOptions]) -> Response:
        """Have the model answer; see :meth:`voxwire.Session.respond`."""
        inner = self._portal.run(lambda: self._inner.respond(policy=policy, **options))
        return Response(self._portal, inner)

    def add(self, item: str | ConversationItem | Mapping[str, Any], **place: Any) -> Receipt:
        """Add an item without asking for a response; see :meth:`voxwire.Session.add`."""
        return Receipt(self._portal, self._portal.call(self._inner.add(item, **place)))

    def cancel(self) -> None:
        """Stop the running response, if there is one."""
        self._portal.call(self._inner.cancel())

    def interrupt(
        self,
        played_ms: float | None = None,
        *,
        item_id: str | None = None,
        samples: int | None = None,
    ) -> None:
        """The listener cuts in; see :meth:`voxwire.Session.interrupt`."""
        self._portal.call(self._inner.interrupt(played_ms, item_id=item_id, samples=samples))

    @property
    def usage(self) -> SessionUsage:
        """What was used so far; ``session.usage.cost()`` is the bill for it."""
        return self._inner.usage

    def talk(self, audio: Audio) -> None:
        """Hold a spoken conversation, until it ends or Ctrl-C; see :meth:`voxwire.Session.talk`."""
        self._portal.call(self._inner.talk(audio))

    @property
    def playback(self) -> Playback:
        """What the listener has heard; see :attr:`voxwire.Session.playback`."""
        return self._inner.playback

    def update(
        self,
        session: RealtimeSession | None = None,
        *,
        tools: Sequence[GivenTool] | None = None,
        **options: Unpack[SessionOptions],
    ) -> Event | None:
        """Change the session; see :meth:`voxwire.Session.update`."""
        return self._portal.call(self._inner.update(session, tools=tools, **options))

    @overload
    def tool(self, function: Callable[P, R], /) -> Tool[P, R]: ...
    @overload
    def tool(
        self,
        *,
        name: str | None = None,
        description: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        approve: Approve | None = None,
        idempotent: bool = False,
    ) -> Callable[[Callable[P, R]], Tool[P, R]]: ...
    def tool(self, function: Any = None, /, **options: Any) -> Any:  # type: ignore[misc]  # mypy loses P
        """Make a function a tool of this session; see :meth:`voxwire.Session.tool`."""

        def register(function: Callable[..., Any]) -> Any:
            return self._portal.run(lambda: self._inner.tool(**options)(function))

        return register if function is None else register(function)

    def remove_tool(self, tool: AnyTool | Callable[..., Any] | str) -> None:
        """Take a tool out of the session. Raises :class:`InvalidOption` where it is not in it."""
        self._portal.run(lambda: self._inner.remove_tool(tool))

    def append_audio(self, audio: Sound | Iterator[Sound]) -> None:
        """Append the user's audio; see :meth:`voxwire.Session.append_audio`."""
        self._portal.call(self._inner.append_audio(audio))

    def commit_audio(self) -> Receipt:
        """End the user's turn by hand; see :meth:`voxwire.Session.commit_audio`."""
        return Receipt(self._portal, self._portal.call(self._inner.commit_audio()))

    def clear_audio(self) -> Receipt:
        """Throw away what was appended and not committed."""
        return Receipt(self._portal, self._portal.call(self._inner.clear_audio()))

    @overload
    def on(
        self, key: type[E], handler: None = None, *, limit: int = 1024
    ) -> Callable[[Callable[[E], Any]], Callable[[E], Any]]: ...
    @overload
    def on(
        self, key: str, handler: None = None, *, limit: int = 1024
    ) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]: ...
    @overload
    def on(
        self, key: type[E], handler: Callable[[E], Any], *, limit: int = 1024
    ) -> Callable[[E], Any]: ...
    @overload
    def on(
        self, key: str, handler: Callable[[Any], Any], *, limit: int = 1024
    ) -> Callable[[Any], Any]: ...
    def on(self, key: Any, handler: Any = None, *, limit: int = 1024) -> Any:
        """Call `handler`, in a worker thread, with each event that matches; alone, a decorator.
        See :meth:`voxwire.Session.on`."""

        def register(function: Any) -> Any:
            self._portal.run(
                lambda: self._inner.on(key, function, thread=_plain(function), limit=limit)
            )
            return function

        return register if handler is None else register(handler)

    @overload
    def once(
        self, key: type[E], handler: None = None
    ) -> Callable[[Callable[[E], Any]], Callable[[E], Any]]: ...
    @overload
    def once(
        self, key: str, handler: None = None
    ) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]: ...
    @overload
    def once(self, key: type[E], handler: Callable[[E], Any]) -> Callable[[E], Any]: ...
    @overload
    def once(self, key: str, handler: Callable[[Any], Any]) -> Callable[[Any], Any]: ...
    def once(self, key: Any, handler: Any = None) -> Any:
        """Like :meth:`on`, for the next matching event only."""

        def register(function: Any) -> Any:
            self._portal.run(lambda: self._inner.once(key, function, thread=_plain(function)))
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

    def record(self, path: str | os.PathLike[str], *, audio: bool = True) -> Recorder:
        """Write all frames from now on to `path`; see :meth:`voxwire.Session.record`."""
        return self._portal.run(lambda: self._inner.record(path, audio=audio))

    def rotate(self) -> None:
        """Move to another connection now; see :meth:`voxwire.Session.rotate`."""
        self._portal.call(self._inner.rotate())

    def close(self, code: int = 1000, reason: str = "") -> None:
        """End the session and its thread; calling it again does nothing.

        In a handler or a tool it waits for the connection to end only.
        """
        self._portal.end(self._inner, self._inner.close(code, reason))

    @property
    def kept(self) -> Kept:
        """How the session is kept in a store; see :attr:`voxwire.Session.kept`."""
        return self._inner.kept

    def idle(self) -> None:
        """Wait until nothing is asked for, being said or being looked up, or the session ends."""
        self._portal.call(self._inner.idle())

    def hand_over(self, *, timeout: float = 5.0) -> None:
        """Leave the session to another process; see :meth:`voxwire.Session.hand_over`."""
        self._portal.end(self._inner, self._inner.hand_over(timeout=timeout))

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: object, *exc: object) -> None:
        self._leave(failed=kind is not None)

    def _leave(self, *, failed: bool) -> None:
        """The end of a block: a session in a store is over only where the block was left as it was
        meant to be."""
        if failed and self._inner.is_kept:
            self._portal.run(self._inner.kept.goes_on)
        self.close()


class Connect:
    """A session that is about to be opened: ``with connect(...) as session``, or :meth:`open`."""

    def __init__(self, inner: connecting.Connect) -> None:
        self._inner = inner
        self._session: Session | None = None

    def open(self) -> Session:
        """Open it; the caller closes it."""
        portal = Portal()
        try:
            return Session(portal, portal.call(self._inner.open()))
        except BaseException:  # also Ctrl-C: no thread is left behind
            portal.close()
            raise

    def __enter__(self) -> Session:
        self._session = self.open()
        return self._session

    def __exit__(self, *exc: object) -> None:
        if self._session is not None:
            self._session.__exit__(*exc)


def _threaded(connect: Callable[P, connecting.Connect]) -> Callable[P, Connect]:
    @wraps(connect)
    def connect_here(*args: P.args, **options: P.kwargs) -> Connect:
        return Connect(connect(*args, **options))

    return connect_here


connect = _threaded(connecting.connect)
"""Open a realtime session without asyncio: takes what :func:`voxwire.connect` takes, and raises
what it raises."""


attach = _threaded(connecting.attach)
"""Attach to a call without asyncio; see :func:`voxwire.attach`."""


resume = _threaded(resuming.resume)
"""Take a session over without asyncio; see :func:`voxwire.resume`."""


def connect_transcription(**options: Any) -> ConnectKind[Transcriber]:
    """Open a transcription session without asyncio; see :func:`voxwire.connect_transcription`."""
    return threaded.transcription(Portal, Receipt, options)


def connect_translation(**options: Any) -> ConnectKind[Translator]:
    """Open a translation session without asyncio; see :func:`voxwire.connect_translation`."""
    return threaded.translation(Portal, Receipt, options)


def _plain(function: Any) -> bool:
    return not inspect.iscoroutinefunction(function)
