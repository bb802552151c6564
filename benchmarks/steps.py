"""Where the time of Voxwire goes: each step of an event's way by itself, on the same frames.

Each step of the core is taken over all events at one go, which suits the processor's caches better
than the real way does: what is missing is found with what is left over.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from voxwire_protocol import Event
from websockets.asyncio.client import connect as open_socket
from websockets.frames import Frame, Opcode

from benchmarks import frames, tasks
from benchmarks.contenders import voxwire as ours
from benchmarks.frames import MIC_CHUNK
from voxwire.audio.playback.playback import Playback
from voxwire.protocol.codec import REALTIME
from voxwire.session.core import Core
from voxwire.session.input_audio import Uplink
from voxwire.session.tool_loop import ToolLoop
from voxwire.transport.fast_websocket import WebSocket

__all__ = ["receiving", "sending", "told"]


async def receiving(url: str, kind: str, count: int) -> dict[str, float]:
    """Microseconds for one event: of the whole way, and of each step."""
    whole = (await tasks.receive(ours, url, kind, count))["cpu"]
    socket = await _delivered(url, kind, count)
    made = frames.stream(kind)
    given = [made[number % len(made)] for number in range(count)]
    events = [REALTIME.decode(frame) for frame in given]
    received = _each(_core(kind).received, given)
    decode = _each(REALTIME.decode, given)
    conversation = _each(_core(kind).cache.apply, events)
    playback = _each(_core(kind).playback.apply, events, Playback.CONCERN)
    core = _core(kind)

    def turn(event: Event) -> None:
        (core.responses if ToolLoop.is_piece(type(event)) else core.turns).apply(event)

    spoken = tuple(each for each in {type(event) for event in events} if ToolLoop.concerns(each))
    turns = _each(turn, events, spoken)
    return {
        "whole": whole,
        "socket": socket,
        "received": received,
        "decode": decode,
        "conversation": conversation,
        "turns": turns,
        "playback": playback,
    }


async def sending(url: str, count: int) -> dict[str, float]:
    """The same for 20 ms of a microphone."""
    whole = (await tasks.send(ours, url, count))["cpu"]
    uplink = Uplink()
    chunk = uplink.frame(MIC_CHUNK, "evt_0123456789abcdef_1")
    built = Frame(Opcode.TEXT, chunk).serialize(mask=True)
    socket = await _sent(url, lambda socket: socket.write(chunk), count)
    kernel = await _sent(url, lambda socket: socket.transport.write(built), count)
    ids = [f"evt_0123456789abcdef_{number}" for number in range(count)]
    frame = _each(partial(uplink.frame, MIC_CHUNK), ids)
    return {"whole": whole, "socket": socket, "kernel": kernel, "frame": frame}


def told(taken: dict[str, float]) -> dict[str, float]:
    """The steps in their order, as they add up to the whole way, from what was measured."""
    whole, socket = taken["whole"], taken["socket"]
    if "kernel" in taken:
        return {
            "kernel and event loop": taken["kernel"],
            "`websockets`: frame and mask": socket - taken["kernel"],
            "id, base64, JSON": taken["frame"],
            "checks, and what is counted": whole - socket - taken["frame"],
            "the whole way": whole,
        }
    parts = {
        "decode into a class": taken["decode"],
        "conversation": taken["conversation"],
        "turn and tools": taken["turns"],
        "playback": taken["playback"],
    }
    return {
        "kernel, event loop, `websockets`": socket,
        **parts,
        "all else of the core": taken["received"] - sum(parts.values()),
        "queues and handler": whole - socket - taken["received"],
        "the whole way": whole,
    }


def _core(kind: str) -> Core:
    """A session in the middle of a response, to whose events nobody listens."""
    core = Core()
    core.router.forget()
    for frame in ([] if kind == "mix" else [frames.GREETING]) + frames.opening(kind):
        core.received(frame)
    return core


def _each(
    take: Callable[[Any], Any], given: Sequence[Any], kinds: tuple[type[Event], ...] | None = None
) -> float:
    """Microseconds of `take` for one of `given`; only those of `kinds` are taken."""
    taken = given if kinds is None else [each for each in given if isinstance(each, kinds)]
    gc.collect()
    began = time.process_time()
    for each in taken:
        take(each)
    return (time.process_time() - began) / len(given) * 1e6


async def _delivered(url: str, kind: str, count: int) -> float:
    """What it takes until each frame is there, without a look at it."""
    async with await _opened(f"{url}/flood/{kind}/count={count}") as socket:
        heard, done = 0, asyncio.Event()

        def take(frame: bytes) -> None:
            nonlocal heard
            heard += 1
            if heard == count:
                done.set()

        taking = asyncio.create_task(socket.deliver(take))
        await asyncio.sleep(0.02)
        gc.collect()
        began = time.process_time()
        socket.write(Uplink().frame(MIC_CHUNK, "evt"))
        await done.wait()
        took = time.process_time() - began
    await asyncio.gather(taking, return_exceptions=True)
    return took / count * 1e6


async def _sent(url: str, write: Callable[[WebSocket], Any], count: int) -> float:
    async with await _opened(f"{url}/sink") as socket:
        await asyncio.sleep(0.02)
        gc.collect()
        began = time.process_time()
        for _ in range(count):
            # Nobody tells when it is empty.
            while socket.transport.get_write_buffer_size():  # noqa: ASYNC110
                await asyncio.sleep(0)
            write(socket)
        return (time.process_time() - began) / count * 1e6


async def _opened(url: str) -> WebSocket:
    socket = await open_socket(
        url, create_connection=WebSocket, compression=None, max_size=None, proxy=None
    )
    assert isinstance(socket, WebSocket)
    return socket
