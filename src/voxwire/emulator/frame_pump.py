"""What passes between a client and a server, until both have ended in the same way.

Knows two open connections; knows neither handshakes nor events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final, Literal, TypeAlias, cast

import attrs
from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed

from ..recording.frames import Close
from ..recording.recorder import Recorder

__all__ = ["CLOSE_TIMEOUT", "FramePump", "transfer"]

CLOSE_TIMEOUT: Final = 5.0
"""How long a side may take to answer a close."""

_DRAIN_TIMEOUT: Final = 60.0
"""How long what one side said before it left may take to reach the other."""

Side: TypeAlias = Literal["client", "server"]


@attrs.define(kw_only=True)
class FramePump:
    """One client that came through, or that was refused."""

    number: int
    url: str
    """Where it was taken to, without keys."""
    sent: int = 0
    """How many messages the client sent."""
    received: int = 0
    """How many messages the server sent."""
    seconds: float = 0.0
    status: int | None = None
    """The HTTP status where there was no upgrade; None where there was one."""
    refusal: str = ""
    """Why there was none, if it was not the server that refused it."""
    closed: Close | None = None
    """How it ended; None while it is open. ``by`` is None where the proxy was stopped."""


async def transfer(
    passage: FramePump, client: Connection, server: Connection, recorder: Recorder | None
) -> None:
    """Hand on what comes from either side, and end the one as the other did."""

    def from_client(message: str | bytes) -> None:
        passage.sent += 1
        if recorder is not None:
            recorder.client(message, binary=isinstance(message, bytes))

    def from_server(message: str | bytes) -> None:
        passage.received += 1
        if recorder is not None:
            recorder.server(message, binary=isinstance(message, bytes))

    pumps: dict[Side, asyncio.Task[bool]] = {
        "client": asyncio.create_task(_pump(client, server, from_client)),
        "server": asyncio.create_task(_pump(server, client, from_server)),
    }
    # A side may leave unseen while a pump waits for the other side to read.
    leaving: dict[Side, asyncio.Task[None]] = {
        "client": asyncio.create_task(client.wait_closed()),
        "server": asyncio.create_task(server.wait_closed()),
    }
    tasks = [*pumps.values(), *leaving.values()]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        by = _first_to_leave(pumps, leaving)
        await asyncio.wait([pumps[by]], timeout=_DRAIN_TIMEOUT)
        code, reason = await _end_of(client if by == "client" else server)
        passage.closed = Close(code=None if code == 1006 else code, reason=reason, by=by)
        await _end(server if by == "client" else client, code, reason)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _pump(source: Connection, sink: Connection, note: Callable[[str | bytes], None]) -> bool:
    """Hand messages on until one side ends; True where the source did, and all it said is over."""
    try:
        while True:
            message = await source.recv()
            note(message)
            try:
                await sink.send(message)
            except ConnectionClosed:  # the sink is gone: the source may have more to say to nobody
                return False
    except ConnectionClosed:  # the source has ended, which is what this waits for
        return True


def _first_to_leave(
    pumps: Mapping[Side, asyncio.Task[bool]], leaving: Mapping[Side, asyncio.Task[None]]
) -> Side:
    """Who ended the session. A pump that ended by its sink tells of the other side."""
    other: dict[Side, Side] = {"client": "server", "server": "client"}
    for side, pump in pumps.items():
        if pump.done():
            return side if pump.result() else other[side]
    return "client" if leaving["client"].done() else "server"


async def _end_of(connection: Connection) -> tuple[int, str]:
    """How a side ended: code and reason, as it said them."""
    with suppress(TimeoutError):  # a side that does not end its close in time counts as broken
        await asyncio.wait_for(connection.wait_closed(), CLOSE_TIMEOUT)
    said = connection.protocol.close_rcvd
    return (1006, "") if said is None else (int(said.code), said.reason)


async def _end(connection: Connection, code: int, reason: str) -> None:
    """End a side in the same way."""
    if code == 1006:  # broken, without a close frame
        connection.transport.abort()
    elif code == 1005:
        # A close frame with nothing in it, which the library can send but does not declare.
        await connection.close(cast("int", None))
    else:
        await connection.close(code, reason)
