"""A worker that dies, within a test: its session stops where it is, and tells nobody."""

from __future__ import annotations

import asyncio
from typing import Any

import voxwire


async def crash(session: voxwire.Session) -> None:
    """End a session as ``kill -9`` does: nothing more is stored, sent or released."""
    inside: Any = session
    kept = inside._kept
    kept._keeper.owned = False
    inside._core.turns.to_run.clear()
    tasks = [kept._keeper._writer, kept._serving._listener, *inside._tools._tasks]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    inside._wire._socket.transport.abort()
    await session.close()
