"""Who is at the other end of a socket in the guides, as Starlette shows it.

A telephone or a page asks about the weather, has heard a little of the answer, cuts in to say
thanks, hears the answer to that to its end, and leaves.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

__all__ = ["PageSocket", "TelephoneSocket"]


class FarEnd:
    """What both have in common. Marks are told by ``tell_mark``, sound by ``tell_sound``."""

    def __init__(self, question: bytes, thanks: bytes, quiet: bytes) -> None:
        self.question, self.thanks, self.quiet = question, thanks, quiet
        self.inbox: asyncio.Queue[Any] = asyncio.Queue()
        self.marks: list[str] = []
        self.cleared = asyncio.Event()
        self.news = asyncio.Event()

    def tell_sound(self, sound: bytes) -> None:
        raise NotImplementedError

    def tell_mark(self, mark: str) -> None:
        raise NotImplementedError

    def tell_end(self) -> None:
        raise NotImplementedError

    async def live(self) -> None:
        self.tell_sound(self.question + self.quiet)
        await self.quiet_for_now()
        for mark in self.marks[:5]:
            self.tell_mark(mark)
        self.marks.clear()
        self.tell_sound(self.thanks + self.quiet)
        await self.cleared.wait()
        await self.quiet_for_now()
        for mark in self.marks:
            self.tell_mark(mark)
        self.tell_end()

    async def quiet_for_now(self) -> None:
        """Sound has come, and no more of it comes."""
        while not self.marks:
            self.news.clear()
            await self.news.wait()
        count = 0
        while count != len(self.marks):
            count = len(self.marks)
            await asyncio.sleep(0.1)

    def got(self, *, mark: str | None = None, clear: bool = False) -> None:
        if mark is not None:
            self.marks.append(mark)
        if clear:
            self.marks.clear()  # here: those of the next answer may be behind it already
            self.cleared.set()
        self.news.set()


class TelephoneSocket(FarEnd):
    """Twilio's end of a media stream."""

    def tell_sound(self, sound: bytes) -> None:
        for at in range(0, len(sound), 160):
            payload = base64.b64encode(sound[at : at + 160]).decode()
            self.inbox.put_nowait({"event": "media", "media": {"payload": payload}})

    def tell_mark(self, mark: str) -> None:
        self.inbox.put_nowait({"event": "mark", "mark": {"name": mark}})

    def tell_end(self) -> None:
        self.inbox.put_nowait({"event": "stop", "stop": {}})

    async def iter_json(self) -> AsyncIterator[Any]:
        living = asyncio.create_task(self.live())
        try:
            while True:
                yield await self.inbox.get()
        finally:
            living.cancel()

    async def send_json(self, message: Any) -> None:
        assert message["streamSid"]
        match message:
            case {"event": "mark", "mark": {"name": name}}:
                self.got(mark=name)
            case {"event": "clear"}:
                self.got(clear=True)
            case {"event": "media", "media": {"payload": payload}}:
                assert base64.b64decode(payload)
            case _:
                raise AssertionError(message)


class PageSocket(FarEnd):
    """A page of ours."""

    _living: asyncio.Task[None] | None = None

    def tell_sound(self, sound: bytes) -> None:
        for at in range(0, len(sound), 960):
            self.inbox.put_nowait({"type": "websocket.receive", "bytes": sound[at : at + 960]})

    def tell_mark(self, mark: str) -> None:
        self.inbox.put_nowait({"type": "websocket.receive", "text": mark})

    def tell_end(self) -> None:
        self.inbox.put_nowait({"type": "websocket.disconnect"})

    async def accept(self) -> None:
        self._living = asyncio.create_task(self.live())

    async def receive(self) -> Any:
        return await self.inbox.get()

    async def send_bytes(self, sound: bytes) -> None:
        assert sound

    async def send_json(self, message: Any) -> None:
        json.dumps(message)
        self.got(mark=message.get("mark"), clear="clear" in message)
