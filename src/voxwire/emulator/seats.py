"""A client at its socket: frames to it and from it, and what is noted about it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import attrs
from voxwire_protocol import ErrorEvent, ServerEvent
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from ..codec import REALTIME
from ..frames import Close, Frame
from ..redaction import redact_headers, redact_url
from .mistakes import Mistake
from .room import Room

__all__ = ["Guest", "SocketSeat"]


@attrs.define(kw_only=True)
class Guest:
    """One client that came."""

    number: int
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Lower-case names; credentials are shown as present but not told."""
    received: list[Frame] = attrs.Factory(list[Frame])
    """What it sent."""
    closed: Close | None = None
    """How the connection ended; None while it is open."""

    @classmethod
    def of(cls, number: int, path: str, headers: dict[str, str]) -> Self:
        address = urlsplit(redact_url(path))
        query = dict(parse_qsl(address.query, keep_blank_values=True))
        return cls(number=number, path=address.path, query=query, headers=redact_headers(headers))

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events among what it sent."""
        return [frame.event for frame in self.received if frame.type is not None]


class SocketSeat:
    """The way to one client over its WebSocket."""

    def __init__(self, socket: ServerConnection, guest: Guest | None) -> None:
        self._socket = socket
        self._guest = guest

    async def send(self, event: ServerEvent) -> None:
        """Send an event; one to a client that is gone goes nowhere."""
        await self._transmit(REALTIME.encode(event, checked=True))

    async def _transmit(self, frame: bytes) -> None:
        with suppress(ConnectionClosed):
            await self._socket.send(frame, text=True)

    async def close(self, code: int, reason: str) -> None:
        await self._socket.close(code, reason)

    async def refuse(self, mistake: Mistake, code: int, event_id: str) -> None:
        """Say what is wrong, and close."""
        await self.send(ErrorEvent(event_id=event_id, error=mistake.details()))
        await self.close(code, mistake.reason)
        self._note_end()

    async def listen(self, room: Room, seconds: float) -> None:
        """Take what the client sends until it leaves or its time is over."""
        try:
            async with asyncio.timeout(seconds):
                async for frame in self._socket:
                    if self._guest is not None:
                        binary = isinstance(frame, bytes)
                        self._guest.received.append(Frame.of("c2s", frame, binary=binary))
                    await room.receive(frame)
        except TimeoutError:
            await self.close(1001, Mistake.expired(seconds / 60).reason)
        except ConnectionClosed:
            pass
        finally:
            self._note_end()

    def _note_end(self) -> None:
        if self._guest is not None:
            socket = self._socket
            self._guest.closed = Close(code=socket.close_code, reason=socket.close_reason)
