"""Many clients at once, and clients that behave badly: each costs only its own session."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from bench import typed
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from voxwire.emulator import Emulator, Guest
from voxwire.emulator.session_context import Timeline
from voxwire.emulator.speech_synthesis import CHARACTER_MS, LONGEST_TEXT, tone

TEXT = {"type": "response.create", "response": {"output_modalities": ["text"]}}


async def say(socket: ClientConnection, text: str) -> str:
    """A turn in text; what came back."""
    await socket.send(json.dumps(typed(text)))
    await socket.send(json.dumps(TEXT))
    while True:
        event: Any = json.loads(await socket.recv())
        assert event["type"] != "error", event
        if event["type"] == "response.done":
            return str(event["response"]["output"][0]["content"][0]["text"])


async def guest(server: Emulator, number: int) -> Guest:
    """Who came as the so-and-so-manieth, once the connection is over."""
    while len(server.connections) <= number or server.connections[number].closed is None:
        await asyncio.sleep(0.001)
    return server.connections[number]


async def test_five_hundred_sessions_at_once() -> None:
    count = 500
    inside = 0
    everyone = asyncio.Event()

    async with Emulator(keep=False) as server:

        async def hold(number: int) -> str:
            nonlocal inside
            address = f"{server.url}?model=m"
            async with connect(address, proxy=None, open_timeout=None, compression=None) as socket:
                inside += 1
                if inside == count:
                    everyone.set()
                await everyone.wait()
                return await say(socket, f"I am number {number}")

        said = await asyncio.gather(*(hold(number) for number in range(count)))
    assert said == [f"I am number {number}" for number in range(count)]


async def test_garbage_costs_an_error_each() -> None:
    async with Emulator() as server, connect(f"{server.url}?model=m", proxy=None) as socket:
        await socket.recv()
        garbage: list[str | bytes] = ["", "not json", b"\xff\x00", "[" * 100_000, '{"type":"x"}']
        for frame in garbage:
            await socket.send(frame)
            assert json.loads(await socket.recv())["type"] == "error"
        assert await say(socket, "still here") == "still here"


async def test_a_frame_that_is_too_large_ends_its_own_session_only() -> None:
    async with Emulator() as server:
        address = f"{server.url}?model=m"
        async with connect(address, proxy=None) as good:
            await good.recv()
            bad = await connect(address, proxy=None, compression=None)
            with pytest.raises(ConnectionClosed):
                await bad.send("x" * 20 * 2**20)
                while True:
                    await bad.recv()
            closed = (await guest(server, 1)).closed
            assert closed is not None
            assert closed.code == 1009
            assert await say(good, "still here") == "still here"


async def test_a_client_that_breaks_off_is_noted() -> None:
    async with Emulator() as server:
        async with connect(f"{server.url}?model=m", proxy=None) as socket:
            await socket.recv()
            socket.transport.abort()
        assert (await guest(server, 0)).closed is not None


async def test_what_is_no_http_is_closed() -> None:
    async with Emulator() as server:
        for junk in (
            b"\x16\x03\x01\x02\x00\x01\x00",
            b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(junk)
            writer.write_eof()
            await reader.read()
            writer.close()
        async with connect(f"{server.url}?model=m", proxy=None) as socket:
            await socket.recv()
            assert await say(socket, "still here") == "still here"


async def test_a_client_that_never_reads_does_not_hold_the_others_up() -> None:
    async with Emulator() as server:
        address = f"{server.url}?model=m"
        async with connect(address, proxy=None, compression=None, max_queue=1) as deaf:
            deaf.transport.pause_reading()
            server.on("flood", reply="word " * 2000)
            for _ in range(5):
                await deaf.send(json.dumps(typed("flood")))
                await deaf.send(json.dumps({"type": "response.create"}))
            async with connect(address, proxy=None) as good:
                await good.recv()
                assert await say(good, "still here") == "still here"
            deaf.transport.abort()


def test_a_slow_timeline_keeps_the_order() -> None:
    seen: list[str] = []
    timeline = Timeline()
    timeline.after(2, lambda: seen.append("c"))
    timeline.after(1, lambda: seen.append("a"))
    timeline.after(1, lambda: seen.append("b"))
    timeline.after(1.5, lambda: seen.append("never")).cancel()
    timeline.advance(1)
    assert (seen, timeline.now, timeline.next) == (["a", "b"], 1, 2)
    timeline.run()
    assert (seen, timeline.next, timeline.step()) == (["a", "b", "c"], None, False)


async def test_real_time_gives_the_same_events() -> None:
    said: list[list[str]] = []
    for pace in (None, 100.0):
        async with Emulator(pace=pace) as server:
            async with connect(f"{server.url}?model=m", proxy=None) as socket:
                await socket.send(json.dumps(typed("hello there")))
                await socket.send(json.dumps({"type": "response.create"}))
                names: list[str] = []
                while "response.done" not in names:
                    names.append(json.loads(await socket.recv())["type"])
        said.append(names)
    assert said[0] == said[1]


async def test_a_session_that_lasted_too_long_is_closed() -> None:
    async with Emulator(session_seconds=0.01) as server:
        async with connect(f"{server.url}?model=m", proxy=None) as socket:
            await socket.recv()
            await socket.wait_closed()
    assert socket.close_code == 1001
    assert socket.close_reason == "invalid_request_error.session_expired"


def test_without_its_server_it_has_no_address() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        print(Emulator().url)


@pytest.mark.parametrize(
    "head", ["Content-Length: -1", "Content-Length: -100000", "Transfer-Encoding: chunked"]
)
async def test_a_length_below_nothing_is_no_request(head: str) -> None:
    async with Emulator() as server:
        address = urlsplit(server.http_url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        body = "-5\r\nabc\r\n0\r\n\r\n" if "chunked" in head else "{}"
        start = "POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: localhost\r\n"
        writer.write(f"{start}{head}\r\n\r\n{body}".encode())
        answer = await asyncio.wait_for(reader.read(), 20)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 400")


def test_a_very_long_word_is_spoken_for_minutes_and_not_for_hours() -> None:
    began = time.process_time()
    sound = tone("x" * 5_000_000)
    assert len(sound) <= 48 * CHARACTER_MS * LONGEST_TEXT
    assert time.process_time() - began < 60
    assert tone("one two") == tone("one two")
