"""What a session holds is bounded, whatever a server or a program does; and what goes is told."""

from __future__ import annotations

import asyncio
import gc
import json
import tracemalloc
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

import voxwire
from benchmarks.soak.line import Line
from voxwire import InvalidOption, Overflow, Reconnect, Reconnected, Reconnecting
from voxwire.audio.playback.speech import MOST_TRACKS
from voxwire.emulator import Emulator
from voxwire.session.core import Core
from voxwire.session.tool_tasks import MOST_AT_ONCE

SESSION = {
    "type": "session.created",
    "event_id": "e",
    "session": {"type": "realtime", "id": "sess_1"},
}


def frame(**event: Any) -> bytes:
    return json.dumps({"event_id": "e", **event}).encode()


def added(number: int, **item: Any) -> bytes:
    whole = {
        "id": f"item_{number}",
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": f"text {number}"}],
        **item,
    }
    previous = f"item_{number - 1}" if number else None
    return frame(type="conversation.item.added", previous_item_id=previous, item=whole)


def listening(core: Core, kind: Any) -> list[Any]:
    heard: list[Any] = []
    core.router.subscribe((kind,), heard.append)
    return heard


def test_a_conversation_keeps_its_latest_items_and_tells_of_the_others() -> None:
    core = Core(items=1000)
    lost = listening(core, Overflow)
    for number in range(6_000):
        core.received(added(number))
    assert [item.id for item in core.conversation] == [f"item_{n}" for n in range(5_000, 6_000)]
    assert sum(event.dropped for event in lost) == 5_000
    assert {event.queue for event in lost} == {"conversation"}
    # What is gone does not come back by a straggler.
    core.received(added(4_999).replace(b"item.added", b"item.done"))
    assert len(core.conversation) == 1000


def test_items_without_end_stay_below_their_bound() -> None:
    core = Core(items=2_000)
    tracemalloc.start()
    try:
        for number in range(20_000):
            core.received(added(number))
            if number == 5_000:
                gc.collect()
                settled, _ = tracemalloc.get_traced_memory()
        gc.collect()
        now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(core.conversation) == 2_000
    assert now < settled * 1.1
    assert peak < 32 * 2**20  # with what the collector has not come to yet


def test_a_flood_that_nobody_reads_stays_below_its_bound() -> None:
    core = Core(items=100)
    heard = listening(core, Overflow)
    core.received(frame(type="response.created", response={"id": "r", "status": "in_progress"}))
    delta = frame(
        type="response.output_audio.delta", response_id="r", item_id="i",
        output_index=0, content_index=0, delta="AAAA" * 4_000,
    )  # fmt: skip
    tracemalloc.start()
    try:
        for _ in range(6_000):  # 96 MB of sound
            core.received(delta)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The router keeps the latest for the first who listen, and no more than that.
    assert peak < 40 * 2**20
    assert heard == []  # told to the first handler: there is none yet
    assert core.router.catch_up(core.router.subscribe((voxwire.SessionClosed,), print)) > 0


def test_sound_of_ages_ago_is_forgotten() -> None:
    core = Core()
    for number in range(MOST_TRACKS * 2):
        sound = {"item_id": f"i{number}", "output_index": 0, "content_index": 0}
        sound |= {"response_id": f"r{number}", "delta": "AAAA" * 800}
        core.received(frame(type="response.output_audio.delta", **sound))
    assert core.playback.received_ms("i0") == 0
    assert core.playback.received_ms(f"i{MOST_TRACKS * 2 - 1}") == 50
    # Positions since the speaker was opened still count what was forgotten.
    core.playback.played(ms=50 * (MOST_TRACKS * 2 - 1) + 20)
    assert core.playback.playing == f"i{MOST_TRACKS * 2 - 1}"
    assert core.playback.played_ms(f"i{MOST_TRACKS * 2 - 1}") == 20


async def test_so_many_tools_run_at_once_and_no_more() -> None:
    calls = MOST_AT_ONCE * 2 + 10
    running = most = done = 0
    all_done = asyncio.Event()

    async def work(n: int) -> str:
        """Works."""
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        done += 1
        if done == calls:
            all_done.set()
        return str(n)

    async def flood(socket: ServerConnection) -> None:
        await socket.send(json.dumps(SESSION))
        await socket.recv()
        await socket.send(json.dumps({**SESSION, "type": "session.updated"}))
        output = [
            {
                "id": f"f{n}", "type": "function_call", "status": "completed", "name": "work",
                "call_id": f"c{n}", "arguments": json.dumps({"n": n}),
            }
            for n in range(calls)
        ]  # fmt: skip
        done = {"id": "r", "status": "completed", "output": output}
        await socket.send(frame(type="response.done", response=done).decode())
        async for _ in socket:
            pass

    async with serve(flood, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with (
            asyncio.timeout(20),
            voxwire.connect(url=f"ws://127.0.0.1:{port}/", tools=[work]),
        ):
            await all_done.wait()
    assert most == MOST_AT_ONCE


async def test_a_frame_of_sixteen_mib_is_taken_and_one_beyond_the_limit_ends_the_session() -> None:
    async def large(socket: ServerConnection) -> None:
        await socket.send(json.dumps(SESSION))
        for size in (16, 33):
            text = "x" * (size * 2**20)
            await socket.send(frame(type="emulator.large", text=text).decode())
        await socket.wait_closed()

    async with serve(large, "127.0.0.1", 0, max_size=None) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"ws://127.0.0.1:{port}/"
        async with asyncio.timeout(20), voxwire.connect(url=url) as session:
            events = []
            with pytest.raises(voxwire.ConnectionClosedError):
                async for event in session:
                    events.append(event)
            assert [type(event).__name__ for event in events] == [
                "SessionCreated", "UnknownEvent", "ConnectionClosed",
            ]  # fmt: skip
            assert len(events[1].payload["text"]) == 16 * 2**20
            assert events[-1].code == 1009


async def test_a_line_that_died_in_silence_is_found_and_replaced() -> None:
    policy = Reconnect(first_delay=0.01)
    async with (
        asyncio.timeout(20),
        Emulator() as server,
        Line(server.url) as line,
        voxwire.connect(
            url=line.url,
            reconnect=policy,
            ping_interval=0.05,
            ping_timeout=0.2,
            close_timeout=0.1,
            output_modalities=["text"],
        ) as session,
    ):
        async with session.expect(Reconnecting, timeout=10) as lost, session.expect(Reconnected):
            line.freeze()
        event = await lost
        assert event.closed is not None
        assert event.closed.code == 1011  # which this side sends when no answer comes
        assert (await session.say("still there?")).text == "still there?"


async def test_a_server_that_stops_reading_is_found_and_replaced() -> None:
    async with (
        asyncio.timeout(30),
        Emulator() as server,
        Line(server.url) as line,
        voxwire.connect(
            url=line.url,
            reconnect=Reconnect(first_delay=0.01, audio_seconds=2.0),
            ping_interval=0.05,
            ping_timeout=0.2,
            close_timeout=0.1,
            turn_detection=None,
        ) as session,
    ):
        line.freeze()
        async with session.expect(Reconnected, timeout=20) as back:
            # More than the system takes in for one that does not read.
            for _ in range(20):
                await session.append_audio(bytes(2**20))
        assert (await back).lost_audio_ms > 0
        assert session.closed is None


@pytest.mark.parametrize("keep", [0, -5])
def test_at_least_one_item_is_kept(keep: int) -> None:
    with pytest.raises(InvalidOption, match="keep_items"):
        voxwire.connect(url="ws://127.0.0.1:9/", keep_items=keep)
