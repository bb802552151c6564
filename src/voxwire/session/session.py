"""The asyncio face: a session over a WebSocket.

This module owns the tasks that read and write. What events mean is the core's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from threading import get_ident
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import attrs
from voxwire_protocol import ConversationItemCreate, Event
from websockets.exceptions import ConnectionClosed as SocketClosed

from ..errors import ConnectionClosedError, InvalidOption
from ..transport.fast_websocket import WebSocket
from .connection import Connection
from .core import Core, log
from .local_events import ConnectionClosed
from .reconnect.reconnector import ROTATE_SECONDS, Reconnector
from .sender import SendingMethods
from .subscriptions import Subscriptions
from .task_context import entered, inside
from .tool_tasks import ToolTasks
from .voice_loop import VoiceLoop

if TYPE_CHECKING:
    from ..recording.recorder import Recorder
    from ..store.stored_session import StoredSession

__all__ = ["BaseSession", "Session"]

LOOKS = 8
"""How often within ``response_timeout`` the clock is looked at: it strikes an eighth late at
most."""


class BaseSession(SendingMethods, Subscriptions):
    """A connection and its two tasks: what sessions of every kind have in common."""

    def __init__(
        self,
        socket: WebSocket,
        core: Core,
        *,
        drain_timeout: float = 5.0,
        renewal: Reconnector | None = None,
        patience: float | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = get_ident()
        super().__init__(core)
        self._wire = Connection(socket, core, self._heard, patience)
        self._drain_timeout = drain_timeout
        self._renewal = renewal
        self._ending: asyncio.Task[None] | None = None
        self._closers: set[asyncio.Task[Any] | None] = set()
        self._greeting = self._wire.met
        self._wanted = asyncio.Event()
        self._prepare()
        if renewal is not None:
            renewal.take_care_of(self._wire, core, self._go_on)
        self._reader = asyncio.create_task(self._read(), name="voxwire reader")
        # A task of its own: the reader must not wait for a server that does not read.
        self._writer = asyncio.create_task(self._write_wanted(), name="voxwire writer")

    def _prepare(self) -> None:
        """What is to be there before the first frame is read."""

    def _act(self) -> None:
        """Begin what the last event calls for."""

    async def _finish_acting(self, timeout: float) -> None:
        """The connection is gone: end what it called for."""

    def _here(self, *, listening: bool = False) -> None:
        if self.patient and self._handlers and not listening:
            self._core.router.forget()
        # The loop that runs in its thread is the running one; to ask for that costs a system call.
        at_home = get_ident() == self._thread and self._loop.is_running()
        if not at_home and self.closed is None and not _runs_here(self._loop):
            raise RuntimeError(
                "a session belongs to the event loop that opened it: use it from there, by "
                "asyncio.run_coroutine_threadsafe(), or use voxwire.sync in threads"
            )

    @property
    def greeting(self) -> asyncio.Future[Event | None]:
        """Done with the first event, or with ``None`` where the connection ended before it."""
        return self._greeting

    @property
    def reading(self) -> asyncio.Task[None]:
        """Runs as long as the connection lasts."""
        return self._reader

    @property
    def session(self) -> Any:
        """The session as the server last described it; ``None`` before ``session.created``."""
        return self._core.session

    @property
    def closed(self) -> ConnectionClosed | None:
        """How the connection ended; ``None`` while it is open."""
        return self._core.closed

    @property
    def within(self) -> bool:
        """Whether the caller is one of the session's own handlers or tools."""
        return inside(self._core)

    def __repr__(self) -> str:
        state = "open" if self.closed is None else f"closed with {self.closed.code}"
        name = getattr(self.session, "id", None) or "(not greeted)"
        return f"<voxwire.{type(self).__name__} {name} {state}>"

    def _write_now(self, frame: bytes) -> bool:
        return self._wire.write(frame)

    async def _write(self, frame: str | bytes) -> None:
        if type(frame) is bytes and self._wire.write(frame):
            return
        try:
            await self._wire.put(frame)
        except SocketClosed:
            if self._renewal is not None:
                # The frame has been noted: the next connection will have it, or what it did.
                await asyncio.sleep(0)
                return
            await asyncio.wait([self._reader])  # it notes code and reason
            raise self._core.closing_error() or ConnectionClosedError(1006) from None

    async def _ready(self) -> None:
        while self._core.down:
            await self._wire.up.wait()
        self._core.require_open()

    def _heard(self) -> None:
        if self._core.outbox:
            self._wanted.set()
        self._act()

    def _go_on(self) -> None:
        """There is a connection again: write what waits, and do what has become due."""
        self._wanted.set()
        self._act()

    def _flush_soon(self) -> None:
        self._wanted.set()

    async def _write_wanted(self) -> None:
        while self.closed is None:
            await self._wanted.wait()
            self._wanted.clear()
            if self._core.down:
                continue  # wanted again as soon as there is a connection
            with contextlib.suppress(ConnectionClosedError):  # the core tells those who asked
                await self._flush()

    def record(self, path: str | os.PathLike[str], *, audio: bool = True) -> Recorder:
        """Write all frames from now on to `path`, until the session or the recorder is closed.

        Keys are left out. To have the first event too, pass ``record=`` to
        :func:`voxwire.connect`. The recorder is a context manager that closes itself.
        """
        from ..recording.recorder import Recorder  # for who records

        recorder = Recorder(path, audio=audio, secrets=self._core.secrets)
        self._core.taps.append(recorder)
        return recorder

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the session. Handlers finish the events they have; calling it again does nothing.

        In a handler or a tool it waits for the connection to end only. Cancelling it does not stop
        the end.

        Raises:
            InvalidOption: no such close frame can be sent; the session goes on.
        """
        _check_close(code, reason)
        self._here()
        self._wire.closing = True
        if self._ending is None:
            self._ending = asyncio.create_task(self._end(code, reason), name="voxwire close")
        if self.within:
            self._closers |= {asyncio.current_task(), entered(self._core)}
            await asyncio.wait([self._reader])
        else:
            await asyncio.shield(self._ending)

    async def _end(self, code: int, reason: str) -> None:
        if self._renewal is not None:
            self._renewal.stop()
        await self._wire.leave(code, reason)
        await asyncio.wait([self._reader, self._writer])
        await self._finish_acting(self._drain_timeout)
        await self._drain(self._drain_timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _read(self) -> None:
        # Also when the task is cancelled, or the loop ends: nobody waits for ever.
        closed, told = ConnectionClosed(code=1006, reason="", clean=False, expected=False), False
        following: asyncio.Task[ConnectionClosed] | None = None
        try:
            while True:
                closed = await (self._wire.follow() if following is None else following)
                if self._renewal is None or self._wire.closing:
                    break
                following = await self._renewal.renew(closed)
                if following is None:
                    closed, told = self._renewal.end(closed), True
                    break
        except Exception as error:  # a fault of ours: the session ends, and says of what
            log.exception("the session could not go on")
            closed = attrs.evolve(closed, error=error)
        finally:
            if following is not None:
                following.cancel()
            if self._renewal is not None:
                self._renewal.stop()  # also where it has failed: who waits for a move hears of it
            closed = attrs.evolve(closed, expected=self._wire.closing)
            self._core.ended(closed, told=told)
            if not self._greeting.done():
                self._greeting.set_result(None)
            self._wanted.set()
            self._wire.up.set()
            self._end_waits()


class Session(VoiceLoop, BaseSession):
    """A live session: iterate it for all that the server sends, and send events to it.

    Made by :func:`voxwire.connect`. All its methods belong to the event loop that opened it.
    """

    def serve_threads(self, session: Any, send: Callable[[ConversationItemCreate], Any]) -> None:
        """There is a threaded face of this session.

        Args:
            session: given to tools that are plain functions.
            send: sends an answer to a request for approval, from whatever thread.
        """
        self.patient = True
        self._tools.threaded = session
        self._core.approvals.send = send

    async def rotate(self, timeout: float = ROTATE_SECONDS) -> None:
        """Move to another connection now, at the next pause between turns, as the session does by
        itself before its time is over; returns when that is done. Nothing is lost: what is sent
        meanwhile waits, and what the user says is kept.

        Args:
            timeout: seconds to wait for a pause. Then it moves in the middle of a turn, which goes
                on as after a lost connection.

        Raises:
            InvalidOption: the session was opened without ``reconnect=`` and ``rotate=``.
            ConnectError: there is no other connection; the session goes on over this one.
            ConnectionClosedError: the session has ended.
        """
        self._here()
        self._core.require_open()
        if self._renewal is None:
            raise InvalidOption("open the session with reconnect=Reconnect() or rotate=True first")
        await self._renewal.rotate(timeout)

    def _prepare(self) -> None:
        self._core.approvals.send = self.send
        self._tools = ToolTasks(self._core, self, self._wanted.set)
        if self._core.response_timeout is not None:
            self._look_soon(self._core.response_timeout)

    def _look_soon(self, timeout: float) -> None:
        """Look a few times within the limit whether the responses that are out go on."""

        def look() -> None:
            if self.closed is None:
                self._core.give_up_overdue(LOOKS)
                self._wanted.set()
                self._look_soon(timeout)

        self._loop.call_later(timeout / LOOKS, look)

    def _act(self) -> None:
        if self._core.turns.to_run:
            self._tools.start_due()

    async def _finish_acting(self, timeout: float) -> None:
        await self._tools.close({task for task in self._closers if task is not None}, timeout)
        if self._kept is not None:  # before handlers end: they hear what could not be stored
            await self._kept.end(timeout)

    # -- in a store ---------------------------------------------------------------------------

    _kept: StoredSession | None = None

    @property
    def kept(self) -> StoredSession:
        """How the session is kept in a store; raises :class:`InvalidOption` where it is not."""
        if self._kept is None:
            raise InvalidOption("this session is in no store: open it with connect(store=...)")
        return self._kept

    @property
    def is_kept(self) -> bool:
        """Whether the session is in a store."""
        return self._kept is not None

    def keep(self, kept: StoredSession) -> None:
        """The session is kept from now on."""
        self._kept = kept
        kept.begin(self)

    async def restore(self, frame: bytes) -> None:
        """Write a frame of what restores the session, which is no event of its own."""
        self._wire.up.clear()
        try:
            await self._wire.put(frame)
        except SocketClosed:  # the connection is gone: the reader knows why
            await asyncio.wait([self._reader])
            raise self._core.closing_error() or ConnectionClosedError(1006) from None

    def restored(self) -> None:
        """All is restored: write what waits, and run what is due."""
        self._wire.up.set()
        self._go_on()

    async def hand_over(self, *, timeout: float = 5.0) -> None:
        """Leave the session to another process: finish what is under way, store all, and close the
        connection. ``voxwire.resume`` goes on with it there.

        Args:
            timeout: seconds for the response and the tools that run; what takes longer is begun
                anew by the other process, or reported there.

        Raises:
            InvalidOption: the session is in no store.
        """
        kept = self.kept
        kept.goes_on()
        try:
            async with asyncio.timeout(timeout):
                await self.idle()
        except TimeoutError:  # a response may take longer: the new owner hears that it was cut
            log.info("%s is handed over in the middle of a response", kept.session_id)
        await self.close()

    async def idle(self) -> None:
        """Wait until nothing is asked for, being said or being looked up, or the session ends."""
        changed = asyncio.Event()
        watching = self._core.router.subscribe((Event,), lambda _event: changed.set())
        try:
            while not (self._core.turns.idle and not self._core.outbox) and self.closed is None:
                changed.clear()
                await changed.wait()
        finally:
            watching.cancel()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None and self._kept is not None:
            self._kept.goes_on()  # the program has failed; the conversation has not ended
        await super().__aexit__(kind, error, trace)


def _runs_here(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:  # no loop runs in this thread
        return False


def _check_close(code: int, reason: str) -> None:
    if code != 1000 and not 3000 <= code <= 4999:
        raise InvalidOption(f"close code {code}: a client may say 1000, or 3000 to 4999")
    if len(reason.encode()) > _LONGEST_REASON:
        raise InvalidOption(f"the reason of a close is at most {_LONGEST_REASON} bytes long")


_LONGEST_REASON = 123
