"""The WebSocket of a session: the library's own connection, with a short way in and out.

``recv()`` parks a message in a queue, from which three coroutines fetch it. ``send()`` opens an
asynchronous context around each frame, makes an object of it, and asks the system for each masking
key. For what comes a hundred times a second, and goes fifty times, that is a third of all the work.
Both short ways leave to the long ones whatever is unusual: a message in fragments, a line that is
full, the end. Opening, pings, closing, and reading frames are the library's.

This module knows the frames of a WebSocket. What is in them, it does not know.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from struct import iter_unpack
from typing import NoReturn

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.protocol import Event, State

try:
    from websockets.speedups import apply_mask
except ImportError:  # the library has no compiled part for this platform
    from websockets.utils import apply_mask

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
        protocol, transport = self.protocol, self.transport
        if (
            protocol.state is not State.OPEN
            or protocol.extensions
            or transport.is_closing()
            or transport.get_write_buffer_size()
        ):
            return False
        transport.write(_framed(frame))
        return True


def _framed(data: bytes) -> bytes:
    """A whole text message as a client puts it on the wire: the library's frame, without an object
    for each, and without a system call for each masking key."""
    key, size = _key(), len(data)
    if size < 126:
        return b"\x81%c%b%b" % (0x80 | size, key, apply_mask(data, key))
    if size < 65536:
        return b"\x81\xfe%b%b%b" % (size.to_bytes(2, "big"), key, apply_mask(data, key))
    return b"\x81\xff%b%b%b" % (size.to_bytes(8, "big"), key, apply_mask(data, key))


_keys = iter_unpack("4s", b"")


def _key() -> bytes:
    """A masking key, which nobody can foresee (RFC 6455, section 5.3): they are drawn by the
    thousand."""
    global _keys  # a new iterator replaces one that is used up; threads may share it
    for drawn in _keys:
        key: bytes = drawn[0]
        return key
    _keys = iter_unpack("4s", os.urandom(4 * 1024))
    return _key()
