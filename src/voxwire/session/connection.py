"""The socket of a session: reading it into the core, writing to it, putting another in its place.

This module owns the socket. What events mean is the core's business, and when there is to be
another socket is decided elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from voxwire_protocol import Event
from websockets.exceptions import ConnectionClosed as SocketClosed

from ..protocol.redaction import redact_text
from ..transport.fast_websocket import WebSocket
from .core import Core, log
from .local_events import ConnectionClosed

__all__ = ["Connection"]

FAREWELL_SECONDS = 5.0
"""How long a socket that is left for another may take to close, where nothing else is said."""


class Connection:
    """The present socket of one session. Belongs to the event loop that made it.

    Args:
        heard: called after an event that calls for something to be sent or run.
        patience: seconds that the other side may read nothing while something waits to be written;
            ``None`` waits for ever. Pings do not find that out: they wait in the same line.
    """

    def __init__(
        self,
        socket: WebSocket,
        core: Core,
        heard: Callable[[], None],
        patience: float | None = None,
    ) -> None:
        self._patience = patience
        self._watch: asyncio.TimerHandle | None = None
        self._core = core
        self._heard = heard
        self.closing = False
        """Whether this side has asked for the end of the session."""
        self.up = asyncio.Event()
        """Set unless the session is between two sockets; set for good once it is over."""
        self.up.set()
        self._following: asyncio.Timeout | None = None
        self._farewells: set[asyncio.Task[None]] = set()
        self.move_to(socket)

    def move_to(self, socket: WebSocket) -> None:
        """From now on this is the socket."""
        self._socket = socket
        self.met: asyncio.Future[Event | None] = asyncio.get_running_loop().create_future()
        """Done with the first event over this socket; ``None`` where it ended before."""

    def release(self) -> None:
        """Go on without the present socket: :meth:`follow` returns at once, and the socket is
        closed meanwhile. Nothing that still comes over it counts."""
        if self._following is not None:
            self._following.reschedule(asyncio.get_running_loop().time())

    def write(self, frame: bytes) -> bool:
        """Write a frame at once, where nothing is in the way; tells whether."""
        return self._socket.write(frame)

    def put(self, frame: str | bytes) -> Awaitable[None]:
        """Write a frame. Raises what the socket does."""
        return self._socket.send(frame, text=True)  # as it is: each coroutine around it costs

    def _look(self, socket: WebSocket, waiting: int) -> None:
        """Break the connection if the other side has read nothing since the last look.

        While more waits than the system takes, nobody writes: what waits changes by reading only.
        """
        assert self._patience is not None  # else nobody looks
        now = socket.transport.get_write_buffer_size()
        if now and now == waiting:
            log.warning("nothing could be written for %g s", self._patience)
            socket.transport.abort()
        loop = asyncio.get_running_loop()
        self._watch = loop.call_later(self._patience, self._look, socket, now)

    async def follow(self) -> ConnectionClosed:
        """Take in what comes over the present socket, to its end; tells how it ended."""
        socket, met, core = self._socket, self.met, self._core
        received, outbox, to_run = core.received, core.outbox, core.turns.to_run
        greeted = False

        def take(frame: bytes) -> None:
            nonlocal greeted
            try:
                event = received(frame)
            except Exception:  # a fault of ours in one event must not end the session
                log.exception("an event could not be taken in")
                return
            if outbox or to_run:
                self._heard()
            if not greeted:
                greeted = True
                if not met.done():
                    met.set_result(event)

        if self._patience is not None:
            self._look(socket, 0)
        try:
            async with asyncio.timeout(None) as self._following:
                await socket.deliver(take)
        except TimeoutError:  # by release()
            farewell = asyncio.create_task(_farewell(socket), name="voxwire farewell")
            self._farewells.add(farewell)
            farewell.add_done_callback(self._farewells.discard)
            return ConnectionClosed(code=1000, reason="", clean=True, expected=self.closing)
        except SocketClosed as error:  # the regular end
            # The side that closed first is the one whose code tells why.
            close = error.sent if self.closing and error.sent else error.rcvd or error.sent
            code, reason = (close.code, close.reason) if close else (1006, "")
            reason = redact_text(reason, core.secrets)
            clean = error.rcvd is not None and error.sent is not None
            return ConnectionClosed(code=code, reason=reason, clean=clean, expected=self.closing)
        finally:
            self._following = None
            if not met.done():
                met.set_result(None)
            if self._watch is not None:
                self._watch.cancel()
                self._watch = None

    async def leave(self, code: int = 1000, reason: str = "") -> None:
        """Close the present socket, by force where the other side does not within its
        ``close_timeout``; those that were left before it are gone by then, too."""
        await asyncio.gather(_close(self._socket, code, reason), *self._farewells)


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    closing = asyncio.create_task(socket.close(code, reason), name="voxwire closing")
    try:
        # To a server that reads no more not even the close frame can be sent.
        await asyncio.wait([closing], timeout=socket.close_timeout)
    finally:
        if not closing.done():
            socket.transport.abort()
    await asyncio.gather(closing, return_exceptions=True)


async def _farewell(socket: WebSocket) -> None:
    """Close a socket that nobody follows any more."""
    # What it still says is to be read, or its close frame would never come.
    draining = asyncio.create_task(socket.deliver(_ignore))
    if socket.close_timeout is None:
        socket.close_timeout = FAREWELL_SECONDS
    await _close(socket, 1000, "")
    await asyncio.gather(draining, return_exceptions=True)


def _ignore(frame: bytes) -> None:
    pass
