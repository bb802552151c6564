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
        self.move_to(socket)

    def move_to(self, socket: WebSocket) -> None:
        """From now on this is the socket."""
        self._socket = socket
        self.met: asyncio.Future[Event | None] = asyncio.get_running_loop().create_future()
        """Done with the first event over this socket; ``None`` where it ended before."""

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
            await socket.deliver(take)
        except SocketClosed as error:  # the regular end
            # The side that closed first is the one whose code tells why.
            close = error.sent if self.closing and error.sent else error.rcvd or error.sent
            code, reason = (close.code, close.reason) if close else (1006, "")
            reason = redact_text(reason, core.secrets)
            clean = error.rcvd is not None and error.sent is not None
            return ConnectionClosed(code=code, reason=reason, clean=clean, expected=self.closing)
        finally:
            if not met.done():
                met.set_result(None)
            if self._watch is not None:
                self._watch.cancel()
                self._watch = None

    async def leave(
        self, code: int = 1000, reason: str = "", *, patience: float | None = None
    ) -> None:
        """Close the present socket, by force where the other side does not within `patience`
        seconds (its ``close_timeout``)."""
        socket = self._socket
        closing = asyncio.create_task(socket.close(code, reason), name="voxwire closing")
        # To a server that reads no more not even the close frame can be sent.
        _, late = await asyncio.wait(
            [closing], timeout=socket.close_timeout if patience is None else patience
        )
        if late:
            socket.transport.abort()
        await asyncio.gather(closing, return_exceptions=True)
