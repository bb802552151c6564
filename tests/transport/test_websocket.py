"""The short way in and out of the socket: the order of all that comes, and a line that is full."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK
from websockets.frames import Close, Frame, Opcode

from voxwire.transport.fast_websocket import AT_ONCE, WebSocket

Far = Callable[[ServerConnection], Awaitable[None]]


def wire(opcode: Opcode, data: bytes, fin: bool = True) -> bytes:
    """A frame as a server puts it on the wire."""
    return Frame(opcode, data, fin).serialize(mask=False)


def text(data: bytes) -> bytes:
    return wire(Opcode.TEXT, data)


def numbered(count: int) -> list[bytes]:
    return [b'{"number":%d}' % number for number in range(count)]


@asynccontextmanager
async def connected(
    far: Far, *, made: type[WebSocket] = WebSocket, **options: Any
) -> AsyncIterator[WebSocket]:
    """A socket to a server that does `far` with each connection."""
    async with serve(far, "127.0.0.1", 0, compression=None, close_timeout=1) as server:
        port = server.sockets[0].getsockname()[1]
        socket = await connect(
            f"ws://127.0.0.1:{port}", create_connection=made, compression=None, proxy=None,
            close_timeout=1, **options,
        )  # fmt: skip
        assert isinstance(socket, WebSocket)
        try:
            yield socket
        finally:
            await socket.close()


async def taken(socket: WebSocket) -> list[bytes]:
    """All that comes to the regular end of the connection."""
    found: list[bytes] = []
    with pytest.raises(ConnectionClosedOK):
        await socket.deliver(found.append)
    return found


async def test_all_of_a_flood_comes_in_order_and_others_have_their_turn() -> None:
    frames = numbered(10 * AT_ONCE)

    async def far(socket: ServerConnection) -> None:
        socket.transport.write(b"".join(map(text, frames)))

    found: list[bytes] = []
    seen: list[int] = []

    async def look() -> None:
        """What another task sees each time that it has its turn."""
        while len(found) < len(frames):
            seen.append(len(found))
            await asyncio.sleep(0)

    async with connected(far) as socket:
        looking = asyncio.create_task(look())
        with pytest.raises(ConnectionClosedOK):
            await socket.deliver(found.append)
        await looking
    assert found == frames
    steps = [after - before for before, after in itertools.pairwise(seen)]
    assert max(steps) <= AT_ONCE


async def test_what_came_before_anybody_took_it_comes_first() -> None:
    more = asyncio.Event()

    async def far(socket: ServerConnection) -> None:
        socket.transport.write(b"".join(map(text, numbered(5))))
        await more.wait()
        socket.transport.write(b"".join(map(text, numbered(9)[5:])))

    async with connected(far) as socket:
        await asyncio.sleep(0.05)
        more.set()
        assert await taken(socket) == numbered(9)


async def test_a_message_in_fragments_keeps_its_place_behind_what_is_late() -> None:
    whole = numbered(AT_ONCE + 40)
    pieces = [
        wire(Opcode.TEXT, b"in ", False),
        wire(Opcode.PING, b"?"),
        wire(Opcode.CONT, b"three ", False),
        wire(Opcode.CONT, b"pieces"),
    ]

    async def far(socket: ServerConnection) -> None:
        block = [*map(text, whole), *pieces, text(b"last")]
        socket.transport.write(b"".join(block))

    async with connected(far) as socket:
        assert await taken(socket) == [*whole, b"in three pieces", b"last"]


async def test_a_connection_that_breaks_loses_nothing_that_had_come() -> None:
    frames = numbered(3 * AT_ONCE)

    async def far(socket: ServerConnection) -> None:
        socket.transport.write(b"".join(map(text, frames)))
        await asyncio.sleep(0.05)
        socket.transport.abort()

    found: list[bytes] = []
    async with connected(far) as socket:
        with pytest.raises(ConnectionClosedError):
            await socket.deliver(found.append)
    assert found == frames


class _OfAnotherRelease(WebSocket):
    """As if the library did not ask for what to do with a frame."""

    process_event = ClientConnection.process_event


async def test_where_the_library_asks_nobody_its_own_way_is_taken() -> None:
    frames = numbered(3 * AT_ONCE)

    async def far(socket: ServerConnection) -> None:
        socket.transport.write(b"".join(map(text, frames)))

    async with connected(far, made=_OfAnotherRelease) as socket:
        assert await taken(socket) == frames


async def test_who_stops_listening_leaves_the_rest_in_the_queue() -> None:
    async def far(socket: ServerConnection) -> None:
        async for message in socket:
            await socket.send(message)

    found: list[bytes] = []
    async with connected(far) as socket:
        listening = asyncio.create_task(socket.deliver(found.append))
        assert socket.write(b"first")
        async with asyncio.timeout(5):
            while not found:
                await asyncio.sleep(0.001)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        assert socket.write(b"second")
        assert await socket.recv(decode=False) == b"second"
    assert found == [b"first"]


# -- writing ------------------------------------------------------------------------------------


async def test_what_is_written_at_once_arrives_as_text() -> None:
    got: list[Any] = []

    async def far(socket: ServerConnection) -> None:
        async for message in socket:
            got.append(message)

    async with connected(far) as socket:
        assert socket.write("Grüße".encode())
        await socket.send(b"and on", text=True)
        assert socket.write(b"at last")
    assert got == ["Grüße", "and on", "at last"]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 65537, 1_000_000])
async def test_frames_of_every_size_are_read_by_the_library(size: int) -> None:
    got: list[Any] = []

    async def far(socket: ServerConnection) -> None:
        async for message in socket:
            got.append(message)

    message = "".join(chr(97 + place % 26) for place in range(size))
    async with connected(far) as socket:
        for _ in range(3):
            while not socket.write(message.encode()):
                await asyncio.sleep(0.001)
    assert got == [message] * 3


async def test_no_two_frames_have_one_masking_key() -> None:
    async def far(socket: ServerConnection) -> None:
        async for _ in socket:
            pass

    keys: list[bytes] = []
    async with connected(far) as socket:
        write = socket.transport.write
        socket.transport.write = lambda data: keys.append(bytes(data)[2:6])  # type: ignore[method-assign]
        for _ in range(3000):
            assert socket.write(b"the same")
        socket.transport.write = write  # type: ignore[method-assign]
    assert len(set(keys)) > 2990  # of four bytes each, drawn at random
    # Each of the 32 bits is as often set as not.
    ones = [sum(int.from_bytes(key) >> bit & 1 for key in keys) for bit in range(32)]
    assert all(1200 < count < 1800 for count in ones)


async def test_an_extension_that_was_agreed_upon_is_left_to_the_library() -> None:
    async def far(socket: ServerConnection) -> None:
        async for message in socket:
            await socket.send(message)

    async with serve(far, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        socket = await connect(f"ws://127.0.0.1:{port}", create_connection=WebSocket, proxy=None)
        assert isinstance(socket, WebSocket)
        assert socket.protocol.extensions
        assert not socket.write(b"not compressed")
        await socket.send(b"compressed", text=True)
        assert await socket.recv() == "compressed"
        await socket.close()


async def test_a_full_line_is_left_to_those_who_can_wait() -> None:
    reads = asyncio.Event()
    got: list[Any] = []

    async def far(socket: ServerConnection) -> None:
        await reads.wait()
        async for message in socket:
            got.append(message)

    frame = b"x" * 1_000_000
    written = 0
    async with connected(far, ping_interval=None) as socket:
        while not socket.transport.get_write_buffer_size():
            while socket.write(frame):
                written += 1
            await asyncio.sleep(0.05)  # the system takes more for a while
        waiting = asyncio.create_task(socket.send(frame, text=True))
        await asyncio.sleep(0.02)
        in_turn, done = not socket.write(b"out of turn"), waiting.done()
        reads.set()
        await waiting
        async with asyncio.timeout(5):
            while not socket.write(b"in turn"):
                await asyncio.sleep(0.001)
        assert (in_turn, done) == (True, False)
    assert [len(message) for message in got] == [len(frame)] * (written + 1) + [len("in turn")]


async def test_nothing_is_written_to_what_is_closing() -> None:
    async def far(socket: ServerConnection) -> None:
        await socket.wait_closed()

    async with connected(far) as socket:
        closing = asyncio.create_task(socket.close())
        await asyncio.sleep(0)
        assert not socket.write(b"late")
        await closing
        assert not socket.write(b"later")


# -- any order ------------------------------------------------------------------------------------

_Step = tuple[str, int]
_steps: st.SearchStrategy[list[_Step]] = st.lists(
    st.one_of(
        st.tuples(st.just("whole"), st.integers(1, 2 * AT_ONCE)),
        st.tuples(st.just("fragments"), st.integers(2, 5)),
        st.tuples(st.just("ping"), st.just(1)),
        st.tuples(st.just("turn"), st.integers(1, 4)),
        st.tuples(st.just("deliver"), st.just(1)),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)  # each has a connection of its own
@given(_steps, st.integers(1, 5000))
async def test_messages_come_once_and_in_order_however_they_are_cut(
    steps: list[_Step], size: int
) -> None:
    async def far(socket: ServerConnection) -> None:
        await socket.wait_closed()

    expected: list[bytes] = []
    found: list[bytes] = []
    async with connected(far) as socket:
        delivering: asyncio.Task[Any] | None = None
        for kind, count in [*steps, ("deliver", 1)]:
            data = b""
            if kind == "whole":
                new = [b"%d" % number for number in range(len(expected), len(expected) + count)]
                expected += new
                data = b"".join(map(text, new))
            elif kind == "fragments":
                pieces = [b"%d of %d;" % (piece, len(expected)) for piece in range(count)]
                expected.append(b"".join(pieces))
                data = wire(Opcode.TEXT, pieces[0], False)
                data += b"".join(wire(Opcode.CONT, piece, False) for piece in pieces[1:-1])
                data += wire(Opcode.CONT, pieces[-1])
            elif kind == "ping":
                data = wire(Opcode.PING, b"?")
            elif kind == "turn":
                for _ in range(count):
                    await asyncio.sleep(0)
            elif delivering is None:
                delivering = asyncio.create_task(socket.deliver(found.append))
                await asyncio.sleep(0)
            for start in range(0, len(data), size):
                socket.data_received(data[start : start + size])
        socket.data_received(wire(Opcode.CLOSE, Close(1000, "").serialize()))
        assert delivering is not None
        with pytest.raises(ConnectionClosedOK):
            await delivering
    assert found == expected
