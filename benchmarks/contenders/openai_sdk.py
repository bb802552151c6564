"""The official SDK: pydantic objects, no state of a conversation."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from openai import AsyncOpenAI


class Client:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def hear(self, kind: str, handler: Callable[[Any], None], count: int) -> None:
        heard = 0
        async for event in self._connection:
            if not kind or event.type == kind:
                handler(event)
                heard += 1
                if heard == count:
                    return

    async def send(self, chunk: bytes) -> None:
        await self._connection.input_audio_buffer.append(audio=base64.b64encode(chunk).decode())

    async def close(self) -> None:
        await self._connection.close()


async def connect(url: str) -> Client:
    client = AsyncOpenAI(api_key="key", websocket_base_url=url, base_url=url)
    options: Any = {"compression": None, "max_size": None}
    manager = client.realtime.connect(
        model="gpt-realtime-2.1", websocket_connection_options=options
    )
    connection = await manager.enter()
    await connection.recv()
    return Client(connection)


def text(event: Any) -> str:
    return str(event.delta)
