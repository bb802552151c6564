"""The recordings, served to a session through a socket: what it then holds is what was said.

The expectations are those of test_conversation_recordings, read from the recordings by eye.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from test_conversation_recordings import SAID, words

from voxwire.emulator import ReplayServer
from voxwire.errors import ConnectionClosedError
from voxwire.recording.frames import Frame, read, sessions
from voxwire.session.local_events import ConnectionClosed

# A translation has no items, and a session of its own kind.
NAMES = [name for name in SAID if not name.startswith("vercel")]


async def _say_again(session: Any, frames: list[Frame]) -> None:
    """Send what the recorded client sent, until the server has had enough."""
    for frame in frames:
        # A session sends text; the odd binary frame is a mistake that only some clients can make.
        if frame.dir == "c2s" and not isinstance(frame.raw, bytes):
            await session.send_raw(frame.data)


async def _held(connect: Any, frames: list[Frame]) -> Any:
    frames = [f for f in frames if f.dir == "s2c" or not isinstance(f.raw, bytes)]
    greets = frames[0].dir == "s2c" and frames[0].type == "session.created"
    async with ReplayServer(frames) as server:
        # On the socket of a running call the server does not speak first.
        url = server.url if greets else f"{server.url}?call_id=replay"
        session = connect(url=url, keep_audio="all")
        async with session as live:
            sending = asyncio.create_task(_say_again(live, frames))
            try:
                async for event in live:
                    if isinstance(event, ConnectionClosed):
                        break
            except ConnectionClosedError:
                pass  # some recordings end with an error
            await asyncio.wait([sending])
            return live.conversation


@pytest.mark.parametrize("name", NAMES)
async def test_a_session_holds_what_was_said(name: str, recordings_dir: Path, connect: Any) -> None:
    held = []
    for entries in sessions(list(read(recordings_dir / f"{name}.jsonl"))):
        frames = [entry for entry in entries if isinstance(entry, Frame)]
        held.append(await _held(connect, frames))
    assert [words(conversation) for conversation in held] == [items for items, _ in SAID[name]]
    used = [
        (u.responses, u.input.total, u.cached.total, u.output.total, u.output.audio)
        for u in (conversation.usage for conversation in held)
    ]
    assert used == [usage for _, usage in SAID[name]]
