"""The asyncio face: a session over a WebSocket.

This module owns the socket and the task that reads it. What events mean is the core's business.
"""

from __future__ import annotations

import asyncio
import os
from types import TracebackType
from typing import Any, Self

from voxwire_protocol import Event
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed as SocketClosed

from .core import Core, log
from .errors import ConnectionClosedError, VoxwireError
from .events import ConnectionClosed
from .listening import Listening
from .recording.recorder import Recorder
from .sending import Sending
from .talk import Talking
from .tool_tasks import ToolTasks

__all__ = ["Live", "Session"]


class Live(Sending, Listening):
    """A connection and its two tasks: what sessions of every kind have in common."""

    def __init__(
        self,
        socket: ClientConnection,
        core: Core,
        *,
        secrets: tuple[str, ...] = (),
        drain_timeout: float = 5.0,
    ) -> None:
        super().__init__(core)
        self._socket = socket
        self._secrets = secrets
        self._drain_timeout = drain_timeout
        self._closing = False
        self._greeting: asyncio.Future[Event | None] = asyncio.get_running_loop().create_future()
        self._wanted = asyncio.Event()
        self._prepare()
        self._reader = asyncio.create_task(self._read(), name="voxwire reader")
        # A task of its own: the reader must not wait for a server that does not read.
        self._writer = asyncio.create_task(self._write_wanted(), name="voxwire writer")

    def _prepare(self) -> None:
        """What is to be there before the first frame is read."""

    def _act(self) -> None:
        """Begin what the last event calls for."""

    async def _finish_acting(self) -> None:
        """The connection is gone: end what it called for."""

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

    def __repr__(self) -> str:
        state = "open" if self.closed is None else f"closed with {self.closed.code}"
        name = getattr(self.session, "id", None) or "(not greeted)"
        return f"<voxwire.{type(self).__name__} {name} {state}>"

    async def _write(self, frame: str | bytes) -> None:
        try:
            await self._socket.send(frame, text=True)
        except SocketClosed:
            await asyncio.wait([self._reader])  # it notes code and reason
            raise self._core.closing_error() or ConnectionClosedError(1006) from None

    def _flush_soon(self) -> None:
        self._wanted.set()

    async def _write_wanted(self) -> None:
        while self.closed is None:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._flush()
            except ConnectionClosedError:
                return  # those who asked are told by the core
            except VoxwireError:
                log.exception("an event of Voxwire's own was refused")  # and the rest still goes

    def record(self, path: str | os.PathLike[str], *, audio: bool = True) -> Recorder:
        """Write all frames from now on to `path`, until the session or the recorder is closed.

        Keys are left out. To have the first event too, pass ``record=`` to
        :func:`voxwire.connect`. The recorder is a context manager that closes itself.
        """
        recorder = Recorder(path, audio=audio, secrets=self._secrets)
        self._core.taps.append(recorder)
        return recorder

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the session. Handlers finish the events they have; calling it again does nothing."""
        self._closing = True
        await self._socket.close(code, reason)
        await asyncio.wait([self._reader, self._writer])
        await self._finish_acting()
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
        try:
            while True:
                event = self._core.received(await self._socket.recv(decode=False))
                if self._core.outbox:
                    self._wanted.set()
                self._act()
                if not self._greeting.done():
                    self._greeting.set_result(event)
        except SocketClosed as error:
            # The side that closed first is the one whose code tells why.
            close = error.sent if self._closing and error.sent else error.rcvd or error.sent
            code, reason = (close.code, close.reason) if close else (1006, "")
            clean = error.rcvd is not None and error.sent is not None
            self._core.ended(code, reason, clean=clean, expected=self._closing)
        finally:
            # Also when the task is cancelled, or the loop ends: nobody waits for ever.
            self._core.ended(1006, "", clean=False, expected=self._closing)
            if not self._greeting.done():
                self._greeting.set_result(None)
            self._wanted.set()
            self._end_waits()


class Session(Talking, Live):
    """A live session: iterate it for all that the server sends, and send events to it.

    Made by :func:`voxwire.connect`. All its methods belong to the event loop that opened it.
    """

    def _prepare(self) -> None:
        self._core.approvals.send = self.send
        self._tools = ToolTasks(self._core, self, self._wanted.set)

    def _act(self) -> None:
        if self._core.turns.to_run:
            self._tools.start_due()

    async def _finish_acting(self) -> None:
        await self._tools.close()
