"""A recording as a live session: through a socket on this machine, with our own client.

What the server said is what came through the socket and the codec, not what stands in the file.
The translation family, for which there is no session yet, is decoded straight from the file.
Prints nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import TypeAlias

import attrs
from voxwire_protocol import Event

from ..emulator import ReplayServer
from ..emulator.replay_client import ReplayPace
from ..errors import ConnectionClosedError, UpgradeRejected
from ..protocol.local_event import Overflow
from ..recording.frames import Close, Entry, Frame, sessions
from ..recording.reader import CODECS, family_of, read_redacted
from ..session.connect import connect
from ..session.local_events import ConnectionClosed
from ..session.session import Session
from .event_text import Piece
from .transcript_view import TranscriptView

__all__ = ["Begun", "Ended", "Scene", "play"]


@attrs.frozen
class Begun:
    """A connection begins; ``live`` tells whether it goes through a socket."""

    number: int
    of: int
    live: bool


@attrs.frozen
class Ended:
    """A connection has ended, or its recording has (``recorded`` False).

    ``code`` is None where the connection broke without a close frame.
    """

    code: int | None
    reason: str
    recorded: bool


Scene: TypeAlias = Begun | Piece | Ended


async def play(
    path: Path, speed: float | None, warn: Callable[[str], None]
) -> AsyncGenerator[Scene, None]:
    """The scenes of a recording, in the recorded pace times ``speed``, or without waiting (None).

    ``warn`` is told where the replay did not go as recorded.
    """
    connections = sessions(list(read_redacted(path)))
    for number, entries in enumerate(connections):
        live = family_of(entries) == "realtime"
        yield Begun(number, len(connections), live)
        story = TranscriptView()
        close = next((entry for entry in entries if isinstance(entry, Close)), None)
        frames = [entry for entry in entries if isinstance(entry, Frame)]
        told = _live(frames, close, speed, warn) if live else _filed(frames, speed)
        # Closed here and now where the reader leaves early: the sockets behind it are open.
        async with aclosing(told):
            async for who, event in told:
                for piece in story.sent(event) if who == "c2s" else story.received(event):
                    yield piece
        for piece in story.ended():
            yield piece
        if close is None:
            yield Ended(None, "", False)
        else:
            yield Ended(close.code, close.reason or "", True)


_Told: TypeAlias = AsyncGenerator[tuple[str, Event], None]


async def _filed(frames: Sequence[Frame], speed: float | None) -> _Told:
    codec, pace = CODECS["translation"], ReplayPace(speed)
    for frame in frames:
        await _until(pace, frame)
        decode = codec.decode_client if frame.dir == "c2s" else codec.decode
        yield frame.dir, decode(frame.data)


async def _live(
    frames: Sequence[Frame],
    close: Close | None,
    speed: float | None,
    warn: Callable[[str], None],
) -> _Told:
    # A session sends text; the odd binary frame that somebody sent by mistake is left out.
    frames = [f for f in frames if f.dir == "s2c" or not isinstance(f.raw, bytes)]
    # On the socket of a running call the server does not speak first.
    greets = bool(frames) and frames[0].dir == "s2c"
    # A close is played where it is the answer to connecting; else it might come before this side
    # has read all there is, and an open session is closed from here.
    refused = greets and frames[0].type == "error" and close is not None
    entries: list[Entry] = [*frames, close] if refused and close is not None else list(frames)
    async with AsyncExitStack() as stack:
        replay = ReplayServer(entries, speed=speed, hold=not refused)
        server = await stack.enter_async_context(replay)
        url = server.url if greets else f"{server.url}?call_id=replay"
        try:
            session = await stack.enter_async_context(connect(url=url))
            async with aclosing(_driven(session, frames, speed)) as events:
                async for told in events:
                    yield told
        except UpgradeRejected as error:
            # It refused with an error event and a close: that is what there is to see.
            if error.event is not None:
                yield "s2c", error.event
        except ConnectionClosedError:
            pass  # the end is told by the recording
    for deviation in server.deviations:
        warn(f"not replayed as recorded: {deviation}")


async def _driven(session: Session, frames: Sequence[Frame], speed: float | None) -> _Told:
    """Send what the recorded client sent, each after what it had received by then."""
    codec, pace = CODECS["realtime"], ReplayPace(speed)
    events = aiter(session)
    lost = 0
    for frame in frames:
        if frame.dir == "c2s":
            await _until(pace, frame)
            await session.send_raw(frame.data)
            yield "c2s", codec.decode_client(frame.data)
            continue
        if lost:
            lost -= 1
            continue
        event = await anext(events, None)
        while isinstance(event, Overflow):
            lost += event.dropped
            event = await anext(events, None)
        if event is None or isinstance(event, ConnectionClosed):
            return
        pace.mark(frame.t, asyncio.get_running_loop().time())
        yield "s2c", event


async def _until(pace: ReplayPace, frame: Frame) -> None:
    delay = pace.delay(frame.t, asyncio.get_running_loop().time())
    if delay > 0:
        await asyncio.sleep(delay)
