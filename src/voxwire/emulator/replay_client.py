"""One client's way through a recording: send what was sent, wait for what was waited for.

Knows one open connection and its script; the listening and the handshake are the server's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

import attrs
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from ..recording.frames import Close, Frame, dumps
from ..recording.match import APPENDS, Deviation, Matching, comparable, difference
from .faults import Drop, ErrorThenClose, Fault, Garbage
from .replay_rewrite import chosen_ids, renamed, with_silence

__all__ = ["DEVIATION_CODE", "ReplayClient", "ReplayPace"]

DEVIATION_CODE = 4409
"""The close code for a client that deviates in strict matching."""


class _Ended(Exception):
    """The client is gone, or has been sent away; there is nothing left to play."""


@attrs.define
class ReplayPace:
    """When to send: the recorded distances over ``speed``, from where the client last sent."""

    speed: float | None
    _anchor: tuple[float, float] | None = attrs.field(init=False, default=None)

    def mark(self, t: float | None, now: float) -> None:
        """The recorded moment ``t`` is now."""
        if t is not None:
            self._anchor = (now, t)

    def delay(self, t: float | None, now: float) -> float:
        """How long to wait until the recorded moment ``t``."""
        if self.speed is None or t is None:
            return 0.0
        if self._anchor is None:
            self._anchor = (now, t)
        began, recorded = self._anchor
        return max(0.0, began + (t - recorded) / self.speed - now)


@attrs.define(kw_only=True)
class ReplayClient:
    """The state of one connection. ``run`` plays, while ``listen`` takes what the client sends."""

    number: int
    socket: ServerConnection
    script: Sequence[Frame | Close]
    matching: Matching
    pace: ReplayPace
    timeout: float
    hold: bool
    fault: Fault | None
    received: list[Frame]
    deviations: list[Deviation]
    _inbox: asyncio.Queue[Frame | None] = attrs.field(
        init=False, factory=asyncio.Queue[Frame | None]
    )
    # Came early: what it skips has been reported as missing.
    _held: Frame | None = attrs.field(init=False, default=None)
    # A recorded id, and the one that this client chose in its place.
    _names: dict[str, str] = attrs.field(init=False, factory=dict[str, str])
    _sent: int = attrs.field(init=False, default=0)
    _over: asyncio.Event = attrs.field(init=False, factory=asyncio.Event)

    async def listen(self) -> None:
        """Take what comes at once, so that a close is seen while the play waits."""
        try:
            async for message in self.socket:
                frame = Frame.of("c2s", message, binary=isinstance(message, bytes))
                self.received.append(frame)
                self._inbox.put_nowait(frame)
        except ConnectionClosed:  # the client has left; how is noted from the socket
            pass
        self._over.set()
        self._inbox.put_nowait(None)

    async def run(self) -> None:
        """Play to the end, and close as the recording did."""
        try:
            match self.fault:
                case ErrorThenClose(error, code, reason):
                    event = {"type": "error", "event_id": "event_fault", "error": dict(error)}
                    await self.socket.send(dumps(event))
                    await self.socket.close(code, reason)
                    return None
                case Garbage(frames):
                    for frame in frames:
                        await self.socket.send(frame)
                case _:
                    pass
            for position, entry in enumerate(self.script):
                match entry:
                    case Close():
                        return await self._close(entry)
                    case Frame(dir="s2c"):
                        await self._send(entry)
                    case Frame():
                        await self._expect(entry, self.script[position + 1 :])
            await self._close(None)
        except (_Ended, ConnectionClosed):
            # The client has left in the middle, or the play has closed the session.
            pass

    async def _send(self, frame: Frame) -> None:
        await self._wait(frame.t)
        if self._over.is_set():
            # Whether it left too early is seen at the next frame that it should have sent.
            return
        if isinstance(self.fault, Drop) and self._sent >= self.fault.after:
            self.socket.transport.abort()
            raise _Ended
        self._sent += 1
        data = frame.data
        if frame.raw is None and (self._names or frame.left_out):
            data = dumps(renamed(with_silence(frame), self._names))
        with suppress(ConnectionClosed):
            # A client that is gone is sent nothing; the reader notices.
            await self.socket.send(data)

    async def _wait(self, t: float | None) -> None:
        """Wait for the recorded moment, or for the end if that comes first."""
        delay = self.pace.delay(t, asyncio.get_running_loop().time())
        if delay > 0:
            with suppress(TimeoutError):  # the recorded moment has come
                await asyncio.wait_for(self._over.wait(), delay)

    async def _expect(self, expected: Frame, rest: Sequence[Frame | Close]) -> None:
        """Wait for what the recorded client sent here."""
        label = _label(expected)
        while True:
            got, self._held = self._held, None
            if got is None:
                try:
                    got = await asyncio.wait_for(self._inbox.get(), self.timeout)
                except TimeoutError:  # the client does not send what the recording has: a deviation
                    waited = f"nothing came for {self.timeout:g} seconds"
                    return await self._deviate("missing", label, None, waited)
            if got is None:
                # Not its fault where this side closed first: the server is being stopped.
                if self.socket.protocol.close_rcvd_then_sent is not False:
                    self._note("left", label, None)
                raise _Ended
            if _label(got) == label:
                strict = self.matching == "strict"
                self._names |= chosen_ids(expected.event, got.event, metadata=not strict)
                if strict:
                    wanted = attrs.evolve(expected, event=renamed(expected.event, self._names))
                    found = difference(comparable(wanted), comparable(got))
                    if found is not None:
                        await self._deviate("different", label, label, found)
                self.pace.mark(expected.t, asyncio.get_running_loop().time())
                return None
            if self.matching == "tolerant":
                if got.type in APPENDS and got.type in map(_label, _from_client(self.script)):
                    continue
                if _label(got) in map(_label, _from_client(rest)):
                    self._held = got
                    return await self._deviate("missing", label, None, f"{_label(got)} came")
            await self._deviate("unexpected", label, _label(got))

    def _note(
        self,
        kind: Literal["unexpected", "missing", "different", "left"],
        expected: str | None,
        got: str | None,
        detail: str = "",
    ) -> Deviation:
        deviation = Deviation(
            connection=self.number, kind=kind, expected=expected, got=got, detail=detail
        )
        self.deviations.append(deviation)
        return deviation

    async def _deviate(
        self,
        kind: Literal["unexpected", "missing", "different"],
        expected: str | None,
        got: str | None,
        detail: str = "",
    ) -> None:
        deviation = self._note(kind, expected, got, detail)
        if self.matching == "strict":
            # A close reason has room for 123 bytes.
            reason = str(deviation).encode()[:123].decode(errors="ignore")
            await self.socket.close(DEVIATION_CODE, reason)
            raise _Ended

    async def _close(self, close: Close | None) -> None:
        if close is not None:
            await self._wait(close.t)
        if close is not None and close.by == "client":
            await self._drain(self.timeout)
        elif close is None and self.hold:
            await self._drain(None)
        else:
            await self._drain(0)
        code = 1000 if close is None or close.by == "client" else close.code
        if code in (None, 1006):  # it broke without a close frame
            self.socket.transport.abort()
        else:
            # 1005 and 1015 name the absence of a code; they cannot be sent.
            assert code is not None
            reason = (close.reason or "") if close else ""
            await self.socket.close(1000 if code in (1005, 1015) else code, reason)

    async def _drain(self, seconds: float | None) -> None:
        """Take what the client still sends until it closes; for 0 seconds, only what is here."""
        while True:
            try:
                if seconds == 0:
                    got = self._inbox.get_nowait()
                else:
                    got = await asyncio.wait_for(self._inbox.get(), seconds)
            except (TimeoutError, asyncio.QueueEmpty):  # nothing more has come, as it should be
                return
            if got is None:
                raise _Ended
            if got.type not in APPENDS:
                await self._deviate("unexpected", None, _label(got))


def _label(frame: Frame) -> str:
    if frame.raw is not None:
        return "a text that is not JSON" if isinstance(frame.raw, str) else "a binary frame"
    return frame.type or "JSON without a type"


def _from_client(entries: Sequence[Frame | Close]) -> list[Frame]:
    return [entry for entry in entries if isinstance(entry, Frame) and entry.dir == "c2s"]
