"""The WebSocket of a session: the library's own connection, with a short way in and out.

``recv()`` parks a message in a queue, from which three coroutines fetch it, and ``send()`` opens an
asynchronous context around each frame. For what comes a hundred times a second, and goes fifty
times, that is a third of all the work. Both short ways use what the library offers to those who
bring I/O of their own, and leave to the long ones whatever is unusual: a message in fragments, a
line that is full, the end.

This module knows the frames of a WebSocket. What is in them, it does not know.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NoReturn

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidState, ProtocolError
from websockets.frames import Frame, Opcode
from websockets.protocol import Event

__all__ = ["AT_ONCE", "WebSocket"]

AT_ONCE = 128
"""After how many messages those who read the events have their turn. What comes in one piece from
the network can be more than their queues hold."""

_TEXT, _BINARY = Opcode.TEXT, Opcode.BINARY


class WebSocket(ClientConnection):
    """Made by the library's ``connect(create_connection=WebSocket)``.

    What comes before :meth:`deliver` waits in the library's queue, as in any connection.
    """

    _take: Callable[[bytes], None] | None = None
    _queued = 0  # messages in the library's queue: later ones go behind them
    _left = AT_ONCE  # how many may be taken before others have their turn
    # Those that wait for that; all of them came before what is in the library's queue.
    _late: deque[bytes] | None = None

    async def deliver(self, take: Callable[[bytes], None]) -> NoReturn:
        """Hand each message to `take` in order, to the end of the connection.

        Args:
            take: gets the bytes of a message, mostly as soon as they arrive, from a callback of the
                event loop. It must not raise.

        Raises:
            ConnectionClosed: at the end, when all that came has been taken. Cancelling drops what
                waits for its turn.
        """
        self._take = take
        try:
            while True:
                message = await self.recv(decode=False)
                await self._catch_up(take)
                self._queued -= 1
                take(message)
                self._left -= 1
        except ConnectionClosed:  # the regular end of this loop
            self._left = AT_ONCE
            await self._catch_up(take)
            raise
        finally:
            self._take = None

    async def _catch_up(self, take: Callable[[bytes], None]) -> None:
        while self._late or self._left <= 0:
            if self._left <= 0:
                await asyncio.sleep(0)
                self._left = AT_ONCE
            if self._late:
                self._left -= 1
                take(self._late.popleft())

    # -- what the library calls ---------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Bytes from the network."""
        if self._late:  # they came although reading is paused, as TLS may have it
            super().data_received(data)
            return
        self._left = AT_ONCE
        super().data_received(data)
        if self._late:
            self.transport.pause_reading()
            self.loop.call_soon(self._go_on)

    def process_event(self, event: Event) -> None:
        """A frame from the network."""
        if type(event) is Frame and (event.opcode is _TEXT or event.opcode is _BINARY):
            take = self._take
            if take is not None and event.fin and not self._queued:
                if self._late:
                    self._late.append(bytes(event.data))
                elif self._left > 0:
                    self._left -= 1
                    take(bytes(event.data))
                else:
                    self._late = deque((bytes(event.data),))
                return
            self._queued += 1
        super().process_event(event)

    def _go_on(self) -> None:
        """Others have had their turn: take what is late, and read on."""
        self._left = AT_ONCE
        while self._late and self._take is not None and self._left > 0:
            self._left -= 1
            self._take(self._late.popleft())
        if self._late and self._take is not None:
            self.loop.call_soon(self._go_on)
        elif not self.transport.is_closing():
            self._late = None
            self.transport.resume_reading()

    # -- writing ------------------------------------------------------------------------------

    def write(self, frame: bytes) -> bool:
        """Write a text message at once; tells whether that was possible. It is not where something
        waits to be written already, nor at the end: then ``send()`` does it, or says why not."""
        transport = self.transport
        if transport.get_write_buffer_size() or transport.is_closing():
            return False
        try:
            self.protocol.send_text(frame)
        except (InvalidState, ProtocolError):  # at the end, or amid a message in fragments
            return False
        for data in self.protocol.data_to_send():
            transport.write(data)
        return True
