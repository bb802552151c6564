"""Hearing a session from any process, through the store that it is kept in.

This module reads the log and makes events of it again. It touches no socket, and changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Literal

from voxwire_protocol import Event

from ..conversation.conversation import Conversation
from ..errors import InvalidOption, UnknownSession
from ..protocol.local_event import Overflow
from ..session.local_events import ConnectionClosed
from .base import Store, Stored, check_id
from .event_log import ReplayedLog, events_of, is_reset, past
from .lease import let_go, use
from .local_events import OwnerChanged

__all__ = ["Observation", "observe"]

WAIT = 5.0
"""Seconds after which it is looked whether the session has ended."""

GONE = 30.0
"""Seconds that the owner of a session has to store it again, where the store has lost it."""

BATCH = 500


class Observation:
    """The events of a session as they are stored: ``async for event in observe(store, id)``."""

    def __init__(self, store: Store, session_id: str, start: str, after: str | None) -> None:
        self._store = store
        self._session_id = session_id
        self._start = start
        self._after = after
        self._replay: ReplayedLog | None = None

    def __repr__(self) -> str:
        return f"<voxwire.Observation of {self._session_id} at {self.position or 'the start'}>"

    @property
    def position(self) -> str:
        """The place of the last event in the log: ``observe(after=...)`` goes on from there."""
        return self._after or ""

    @property
    def conversation(self) -> Conversation:
        """What was said so far, from the beginning on, up to the event that came last."""
        return Conversation() if self._replay is None else self._replay.cache.conversation

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Events of the server and of the client in order, and of Voxwire's own
        :class:`ConnectionClosed`, :class:`OwnerChanged`, :class:`StoreReset` and, where something
        is missing, :class:`Overflow`. It ends when the session was closed for good; while nobody
        owns the session, it waits.

        Raises:
            UnknownSession: there is no such session, or no longer, and nobody has stored it again
                within 30 s.
            StoreUnavailable: the store does not answer; another iteration goes on from there.
        """
        use(self._store)
        try:
            async for event in self._events():
                yield event
        finally:
            await let_go(self._store)

    async def _load(self) -> Stored:
        stored = await self._current()
        self._replay = ReplayedLog.of(stored)
        return stored

    async def _events(self) -> AsyncIterator[Event]:
        stored = await self._load()
        begin = self._after
        if begin is None:
            begin = stored.last if self._start == "now" else ""
            self._after = begin
        # Up to what the snapshot covers events are only told; from there on they are followed.
        position = min(begin, stored.covers, key=past)
        fence = stored.fence if self._start == "now" else 0
        wait, number = WAIT, 0
        if stored.missing:
            yield Overflow(queue="store", dropped=stored.missing)
        while True:
            found = await self._store.read(self._session_id, position, limit=BATCH, wait=wait)
            for entry in found:
                if is_reset(
                    entry
                ):  # what came before it is gone, and the conversation is whole with it
                    stored, fence = await self._load(), entry.fence
                elif number and entry.number != number + 1:  # let go of before it was read
                    lost = max(0, entry.number - number - 1)
                    stored, number = await self._load(), 0
                    # What the snapshot does not cover comes again, and is passed over.
                    if past(stored.covers) > past(position):
                        begin, position = stored.covers, stored.covers
                    self._after = position
                    yield Overflow(queue="store", dropped=lost)
                    break
                number = entry.number
                position = entry.position
                follow = past(position) > past(stored.covers)
                assert self._replay is not None  # since it was loaded
                events = self._replay.apply(entry) if follow else events_of(entry)
                if past(position) <= past(begin):
                    fence = max(fence, entry.fence)
                    continue
                self._after = position
                if entry.fence > fence:
                    known, fence = fence, entry.fence
                    if known:
                        yield OwnerChanged(owner=await self._owner(fence), fence=fence)
                for event in events:
                    if isinstance(event, ConnectionClosed):
                        wait = WAIT / 25  # the end of the session may follow
                    elif isinstance(event, Overflow):
                        stored = await self._load()
                    yield event
            if not found:
                wait = WAIT
                current = await self._current()
                if current.ended:
                    return
                if past(current.last) < past(position):  # of another log that began since
                    stored, number = await self._load(), 0
                    begin = position = self._after = ""

    async def _current(self) -> Stored:
        """What the store has of the session now. Where it has lost it, its owner stores it again
        with its next write."""
        end = asyncio.get_running_loop().time() + GONE
        while True:
            try:
                return await self._store.load(self._session_id)
            except UnknownSession:  # for now, maybe
                if self._replay is None or asyncio.get_running_loop().time() >= end:
                    raise
                await asyncio.sleep(0.25)

    async def _owner(self, fence: int) -> str:
        stored = await self._store.load(self._session_id)
        return next((claim.owner for claim in stored.claims if claim.fence == fence), "")


def observe(
    store: Store,
    session_id: str,
    *,
    start: Literal["now", "beginning"] = "now",
    after: str | None = None,
) -> Observation:
    """Hear a session from any process, without touching its connection.

    Args:
        store: where it is kept.
        session_id: what it is called there.
        start: ``"now"``, or ``"beginning"`` for all that the store still has: its ``history``.
        after: the :attr:`Observation.position` of an earlier one, to go on from there.

    Raises:
        InvalidOption: `session_id` is no name, or there is no such `start`.
    """
    if start not in ("now", "beginning"):
        raise InvalidOption(f'start={start!r}: say "now" or "beginning"')
    return Observation(store, check_id(session_id), start, after)
