"""A client at its socket: frames to it and from it, and what is noted about it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Protocol, Self
from urllib.parse import parse_qsl, urlsplit

import attrs
from voxwire_protocol import ErrorEvent, ServerEvent
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from ..protocol.codec import REALTIME
from ..protocol.redaction import redact_headers, redact_url
from ..recording.frames import Close, Frame, dumps
from ..recording.recorder import Recorder
from .admission import Refused
from .api_errors import ApiError
from .fault_injector import Break, FaultInjector, Pause, Raw, Shut
from .faults import AnyFault, SlowReads
from .session_runner import SessionRunner

__all__ = ["ClientSocket", "Dialect", "Guest"]


@attrs.define(kw_only=True)
class Guest:
    """One client that came."""

    number: int
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Lower-case names; credentials are shown as present but not told."""
    received: list[Frame] = attrs.field(factory=list[Frame], repr=False)
    """What it sent, as it was: keys of tools may be in there."""
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


class Dialect(Protocol):
    """Another way to write the same protocol: events as JSON, to a client and from it."""

    def outgoing(self, event: dict[str, Any]) -> dict[str, Any] | None: ...
    def incoming(self, frame: str | bytes) -> str | bytes: ...


@attrs.define(kw_only=True, eq=False)
class ClientSocket:
    """The way to one client over its WebSocket. ``guest`` is None where nothing is to be noted."""

    socket: ServerConnection
    guest: Guest | None = None
    tricks: FaultInjector = attrs.field(factory=FaultInjector)
    dialect: Dialect | None = None
    recorder: Recorder | None = None
    _slowness: float = attrs.field(init=False, default=0.0)

    def begin(self, fault: AnyFault) -> None:
        """From now on, this goes wrong too."""
        if isinstance(fault, SlowReads):
            self._slowness = fault.seconds
        self.tricks.add(fault)

    async def send(self, event: ServerEvent) -> None:
        """Send an event; one to a client that is gone goes nowhere."""
        if not self.tricks and self.dialect is None:
            await self._transmit(REALTIME.encode(event, checked=True), text=True)
            return
        said: dict[str, Any] | None = event.to_dict()
        if self.dialect is not None and said is not None:
            said = self.dialect.outgoing(said)
        if said is None:
            return
        for out in self.tricks.play(said):
            match out:
                case Raw(frame):
                    await self._transmit(frame, text=isinstance(frame, str))
                case Pause(seconds):
                    await asyncio.sleep(seconds)
                case Break(inside):
                    self._break(None if inside is None else dumps(inside).encode())
                    return
                case Shut(code, reason):
                    await self.close(code, reason)
                    return
                case _:
                    await self._transmit(dumps(out).encode(), text=True)

    async def _transmit(self, frame: str | bytes, *, text: bool) -> None:
        with suppress(ConnectionClosed):  # one who is gone is sent nothing; the reader notices
            await self.socket.send(frame, text=text)
            if self.recorder is not None:
                self.recorder.server(frame, binary=not text)

    def _break(self, frame: bytes | None) -> None:
        """Break off without a close frame; in the middle of ``frame``."""
        transport = self.socket.transport
        if frame is None:
            transport.abort()
            return
        size = len(frame).to_bytes(8, "big")
        transport.write(b"\x81\x7f" + size + frame[: len(frame) // 2])
        transport.close()

    def cut(self) -> None:
        """Break off, now, without a word."""
        self._break(None)

    async def close(self, code: int, reason: str) -> None:
        await self.socket.close(code, reason)

    async def refuse(self, refused: Refused, event_id: str) -> None:
        """Say what is wrong, and close."""
        mistake = refused.mistake
        await self.send(ErrorEvent(event_id=event_id, error=mistake.details()))
        await self.close(refused.code, refused.reason or mistake.reason)

    async def listen(self, room: SessionRunner, seconds: float) -> None:
        """Take what the client sends until it leaves or its time is over."""
        try:
            async with asyncio.timeout(seconds):
                async for frame in self.socket:
                    await self._take(frame, room)
        except TimeoutError:  # the session's time is over, as on the live service
            await self.close(1001, ApiError.expired(seconds / 60).reason)
        except ConnectionClosed:  # the client has left, in whatever way: `note_end` tells how
            pass

    async def _take(self, frame: str | bytes, room: SessionRunner) -> None:
        binary = isinstance(frame, bytes)
        if self.guest is not None:
            self.guest.received.append(Frame.of("c2s", frame, binary=binary))
        if self.recorder is not None:
            self.recorder.client(frame, binary=binary)
        if self._slowness:
            await asyncio.sleep(self._slowness)
        await room.receive(frame if self.dialect is None else self.dialect.incoming(frame))

    def note_end(self) -> None:
        """The connection is over: note how."""
        code, reason = self.socket.close_code, self.socket.close_reason
        sent = self.socket.protocol.close_sent
        if code == CloseCode.ABNORMAL_CLOSURE and sent is not None:
            # It was told, and did not stay to answer.
            code, reason = sent.code, sent.reason
        if self.guest is not None:
            self.guest.closed = Close(code=code, reason=reason)
        if self.recorder is not None:
            self.recorder.closed(code, reason)
