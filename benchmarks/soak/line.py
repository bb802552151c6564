"""A line between a client and a server that breaks where it is told to, at or in a frame."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Literal, Self
from urllib.parse import urlsplit, urlunsplit

import attrs

Direction = Literal["c2s", "s2c"]


@attrs.frozen
class Cut:
    """Break the line after so many frames in one direction; `inside` the one that follows, or as it
    begins."""

    direction: Direction
    after: int
    inside: bool = False


class _Frames:
    """Finds the ends of WebSocket frames in a stream of bytes, behind the upgrade."""

    def __init__(self) -> None:
        self._data = b""
        self._head = True

    def feed(self, data: bytes) -> list[tuple[bytes, bool]]:
        """The stream in parts: the upgrade or a frame (True), whole."""
        self._data += data
        parts: list[tuple[bytes, bool]] = []
        if self._head:
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                return []
            parts.append((self._data[: end + 4], False))
            self._data, self._head = self._data[end + 4 :], False
        while (size := _size(self._data)) is not None and len(self._data) >= size:
            parts.append((self._data[:size], True))
            self._data = self._data[size:]
        return parts


def _size(data: bytes) -> int | None:
    if len(data) < 2:
        return None
    length, at = data[1] & 127, 2
    for code, width in ((126, 2), (127, 8)):
        if length == code:
            if len(data) < 2 + width:
                return None
            length, at = int.from_bytes(data[2 : 2 + width]), 2 + width
            break
    return at + length + (4 if data[1] & 128 else 0)


class Connection:
    """One connection through the cutter."""

    def __init__(self, cut: Cut | None) -> None:
        self.cut = cut
        self.frames: dict[Direction, int] = {"c2s": 0, "s2c": 0}
        self.broken = False
        self.frozen = False
        self.writers: list[asyncio.StreamWriter] = []

    def freeze(self) -> None:
        """Carry nothing more, and say nothing of it."""
        self.frozen = True
        for writer in self.writers:
            # What lies in the system's buffers is not read either, so that they fill up.
            writer.transport.pause_reading()  # type: ignore[attr-defined]

    def break_off(self) -> None:
        self.broken = True
        for writer in self.writers:
            writer.transport.abort()

    async def carry(
        self, direction: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        frames = _Frames()
        with contextlib.suppress(OSError):  # a line that was cut, on purpose
            while data := await reader.read(65_536):
                for part, counts in frames.feed(data):
                    cut = self.cut
                    mine = counts and cut is not None and cut.direction == direction
                    if mine and cut is not None and self.frames[direction] >= cut.after:
                        if cut.inside:
                            writer.write(part[: max(1, len(part) // 2)])
                            await writer.drain()
                            await asyncio.sleep(0.001)
                        self.break_off()
                        return
                    self.frames[direction] += counts
                    writer.write(part)
                await writer.drain()
        writer.close()


class Line:
    """``async with Line(server.url, [Cut("s2c", 3)]) as line: connect(url=line.url)``.

    The first connection is cut by the first entry, the second by the second, and so on; those
    after the last one are whole.
    """

    def __init__(self, url: str, cuts: list[Cut | None] | None = None) -> None:
        self._parts = urlsplit(url)
        self.cuts = list(cuts or ())
        self.connections: list[Connection] = []
        self.refusing = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def first(self) -> Connection | None:
        """The connection that was opened first."""
        return self.connections[0] if self.connections else None

    @property
    def url(self) -> str:
        port = self._server.sockets[0].getsockname()[1]
        return urlunsplit(self._parts._replace(netloc=f"127.0.0.1:{port}"))

    def freeze(self) -> None:
        """Let the line that was opened last hang."""
        self.connections[-1].freeze()

    def cut(self) -> None:
        """Break the line that was opened last, now."""
        self.connections[-1].break_off()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        number = len(self.connections)
        line = Connection(self.cuts[number] if number < len(self.cuts) else None)
        self.connections.append(line)
        there, here = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        line.writers = [writer, here]
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await asyncio.gather(line.carry("c2s", reader, here), line.carry("s2c", there, writer))
        finally:
            self._tasks.discard(task)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._handle, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for line in self.connections:
            line.break_off()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)
