"""The other side, in a process of its own: it floods, swallows, keeps pace.

It must cost less than any client, so frames are made beforehand and written as they are, and what
comes in is only measured, not read. It knows as much of the WebSocket protocol as that takes.

What a connection gets is in its address, where every client can put it: ``/flood/small/count=1000``
(one kind of frame, as fast as the client reads), ``/pace/audio/every=0.1`` (one frame each so many
seconds), ``/sink`` (nothing). Everybody is greeted; a flood and a pace begin with the first audio
that the client sends.
"""

from __future__ import annotations

import base64
import hashlib
import heapq
import re
import selectors
import socket
import sys
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from benchmarks import frames

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_APPEND = b'"input_audio_buffer.append"'
_BLOCK = 256 * 1024
_CLOSE = 8
_LAST = b"\x88\x82"
"""How a client's close frame with a code begins; its mask and the code follow."""
_REGULAR = b"\x03\xe8"
_PING = 9


class Peer:
    """One connection."""

    def __init__(self, server: Server, sock: socket.socket) -> None:
        self._server = server
        self._socket = sock
        self._incoming = bytearray()
        self._outgoing: list[memoryview] = []
        self._skip = 0  # bytes of a frame that need not be looked at
        self._mode, self._kind, self._options = "", "", dict[str, str]()
        self._begun = False
        self.open = True
        self._left = 0
        self._block = b""

    def readable(self) -> None:
        """Take what has come."""
        try:
            data = self._socket.recv(_BLOCK)
        except BlockingIOError:  # it was for another
            return
        except OSError:  # reset, which is an end too
            data = b""
        if not data:
            self.end()
            return
        if self._skip >= len(data):
            self._skip -= len(data)
            return
        if self._skip:
            data, self._skip = data[self._skip :], 0
        self._incoming += data
        if not self._mode:
            self._greet()
        if self._mode:
            self._read_frames()

    def _greet(self) -> None:
        end = self._incoming.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._incoming[:end])
        del self._incoming[: end + 4]
        address = urlsplit(head.split(b" ", 2)[1].decode())
        parts = [part for part in address.path.split("/") if part not in ("", "v1", "realtime")]
        words = [part for part in parts if "=" not in part]
        self._mode = words[0] if words else "sink"
        self._kind = words[1] if len(words) > 1 else "small"
        self._options = dict(part.split("=", 1) for part in parts if "=" in part)
        key = re.search(rb"(?i)^sec-websocket-key:\s*(\S+)", head, re.MULTILINE)
        accept = hashlib.sha1((key[1] if key else b"") + _MAGIC).digest()
        self.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(accept) + b"\r\n\r\n"
            + frames.wire(frames.GREETING)
        )  # fmt: skip

    def _read_frames(self) -> None:
        data, place = self._incoming, 0
        while place + 2 <= len(data):
            code, length, head = data[place] & 15, data[place + 1] & 127, 6
            if length == 126:
                length, head = int.from_bytes(data[place + 2 : place + 4], "big"), 8
            elif length == 127:
                length, head = int.from_bytes(data[place + 2 : place + 10], "big"), 14
            begin, after = place + head, place + head + length
            if self._begun and code == 1:
                if after > len(data):
                    self._skip, place = after - len(data), len(data)
                    break
            elif after > len(data):
                break
            else:
                key = data[begin - 4 : begin] * (length // 4 + 1)
                masked = zip(data[begin:after], key, strict=False)
                self._frame(code, bytes(a ^ b for a, b in masked))
            place = after
        del data[:place]

    def _frame(self, code: int, payload: bytes) -> None:
        if code == _CLOSE:
            self.write(bytes([0x88, len(payload)]) + payload)
            self.end()
        elif code == _PING:
            self.write(bytes([0x8A, len(payload)]) + payload)
        elif b'"session.update"' in payload:
            self.write(frames.wire(frames.UPDATED))
        elif _APPEND in payload and not self._begun:
            self._begun = True
            if self._mode == "flood":
                self._flood()
            elif self._mode == "pace":
                self._server.after(0.0, self._pace)

    def _flood(self) -> None:
        """As many frames as were asked for: a block of them, over and over."""
        made = frames.stream(self._kind)
        self._left = int(self._options.get("count", "1000"))
        self.write(frames.wire(*frames.opening(self._kind)))
        whole, rest = divmod(self._left, len(made))
        block = memoryview(frames.wire(*made))
        self._outgoing += [block] * whole
        self._outgoing.append(memoryview(frames.wire(*made[:rest])))
        self.write(b"")

    def _pace(self) -> None:
        if self._left:
            self._swallow()
        if not self.open:
            return
        if self._left == 0:
            self.write(frames.wire(*frames.opening(self._kind)))
        self._left += 1
        self.write(frames.stamped(self._kind))
        count = int(self._options.get("count", "0"))
        if count == 0 or self._left < count:
            self._server.after(float(self._options.get("every", "0.1")), self._pace)
        else:
            self._begun = False  # from now on it is looked at what comes
            self._server.watch(self._socket, self, writing=bool(self._outgoing))

    def _swallow(self) -> None:
        """What came since the last frame, at one go and without a look at it: a thousand clients
        send fifty thousand frames a second. Only the end is looked for."""
        try:
            data = self._socket.recv(_BLOCK)
        except BlockingIOError:  # nothing came
            return
        except OSError:  # reset
            data = b""
        if not data:
            self.end()
        elif data[-8:-6] == _LAST and bytes((data[-6] ^ data[-2], data[-5] ^ data[-1])) == _REGULAR:
            self._frame(_CLOSE, _REGULAR)

    def write(self, data: bytes) -> None:
        """Send now what can be sent now, and the rest when there is room."""
        if data:
            self._outgoing.append(memoryview(data))
        try:
            while self._outgoing:
                sent = self._socket.send(self._outgoing[0])
                if sent < len(self._outgoing[0]):
                    self._outgoing[0] = self._outgoing[0][sent:]
                    break
                del self._outgoing[0]
        except BlockingIOError:  # the rest goes when there is room
            pass
        except OSError:  # the client has gone
            self.end()
            return
        reading = not (self._begun and self._mode == "pace")
        self._server.watch(self._socket, self, writing=bool(self._outgoing), reading=reading)

    def end(self) -> None:
        """Close the socket."""
        if self.open:
            self.open = False
            self._server.forget(self._socket)
            self._socket.close()


class Server:
    """All connections, in one thread."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._watched: dict[socket.socket, int] = {}
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._selector.register(self._listener, selectors.EVENT_READ, None)

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Call `call` then; a call that repeats itself keeps its rhythm."""
        now = time.monotonic()
        self._count += 1
        due = now + seconds if seconds == 0.0 else self._now + seconds
        heapq.heappush(self._due, (due, self._count, call))

    def watch(
        self, sock: socket.socket, peer: Peer, *, writing: bool, reading: bool = True
    ) -> None:
        """Tell `peer` of its socket."""
        mask = (selectors.EVENT_READ * reading) | (selectors.EVENT_WRITE * writing)
        before = self._watched.get(sock, 0)
        if before == mask:
            return
        if not mask:
            self._selector.unregister(sock)
        elif not before:
            self._selector.register(sock, mask, peer)
        else:
            self._selector.modify(sock, mask, peer)
        self._watched[sock] = mask

    def forget(self, sock: socket.socket) -> None:
        """The connection is over."""
        if self._watched.pop(sock, 0):
            self._selector.unregister(sock)

    def run(self) -> None:
        """For ever, or until whoever started it has gone."""
        self._selector.register(sys.stdin, selectors.EVENT_READ, None)
        while True:
            wait = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            for key, mask in self._selector.select(wait):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.data is None:
                    return  # the end of stdin
                else:
                    if mask & selectors.EVENT_WRITE:
                        key.data.write(b"")
                    if mask & selectors.EVENT_READ and key.data.open:
                        key.data.readable()
            while self._due and self._due[0][0] <= time.monotonic():
                self._now, _, call = heapq.heappop(self._due)
                call()

    def _accept(self) -> None:
        try:
            while True:
                sock, _ = self._listener.accept()
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.watch(sock, Peer(self, sock), writing=False)
        except BlockingIOError:  # all who waited are in
            return


def main() -> None:
    server = Server()
    print(server.port, flush=True)
    server.run()


if __name__ == "__main__":
    main()
