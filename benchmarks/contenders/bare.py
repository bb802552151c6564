"""`websockets` and `orjson`, and nothing in between: dicts, no types, no state.

It is the floor: what is sent is a frame that was built before.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_socket

from benchmarks.frames import MIC_CHUNK, frame

_CHUNK = frame("input_audio_buffer.append", audio=base64.b64encode(MIC_CHUNK).decode())


class Client:
    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def hear(self, kind: str, handler: Callable[[Any], None], count: int) -> None:
        receive, loads = self._socket.recv, orjson.loads
        heard = 0
        while heard < count:
            event = loads(await receive(decode=False))
            if not kind or event["type"] == kind:
                handler(event)
                heard += 1

    async def send(self, chunk: bytes) -> None:
        await self._socket.send(_CHUNK, text=True)

    async def close(self) -> None:
        await self._socket.close()


async def connect(url: str) -> Client:
    # Without compression, as all contenders are: base64 does not shrink.
    socket = await open_socket(url, compression=None, max_size=None, proxy=None)
    orjson.loads(await socket.recv(decode=False))
    return Client(socket)


def text(event: Any) -> str:
    return str(event["delta"])


def event_id(event: Any) -> str:
    return str(event["event_id"])
