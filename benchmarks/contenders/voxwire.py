"""Voxwire: typed events, the conversation followed, handlers with a queue each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from voxwire_protocol import ServerEvent

import voxwire


class Client:
    def __init__(self, session: voxwire.Session) -> None:
        self._session = session
        self.send = session.append_audio
        self.close = session.close

    async def hear(self, kind: str, handler: Callable[[Any], None], count: int) -> None:
        heard, done = 0, asyncio.Event()

        def heard_one(event: Any) -> None:
            nonlocal heard
            handler(event)
            heard += 1
            if heard == count:
                done.set()

        def lost(event: voxwire.Overflow) -> None:
            if event.queue.startswith("handler"):
                raise SystemExit(f"not a fair figure: {event}")

        self._session.on(kind or ServerEvent, heard_one)
        self._session.on(voxwire.Overflow, lost)
        await done.wait()


async def connect(url: str) -> Client:
    return Client(await voxwire.connect(url=url, api_key="key"))


def text(event: Any) -> str:
    return str(event.delta)


def event_id(event: Any) -> str:
    return str(event.event_id)
