"""A session of this process that is kept in a store: what a program sees of that.

Joins the session, the one who writes and the one who serves. It knows the order of their ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ..errors import StoreError
from ..protocol.local_event import LocalEvent
from ..session.core import Core
from ..session.local_events import ConnectionClosed, Reconnected
from .base import Lease, Store
from .commands import RemoteCommands
from .options import StoreOptions
from .owner import SessionOwner
from .progress import Progress

__all__ = ["StoredSession"]


class StoredSession:
    """How a session is kept: ``session.kept``."""

    def __init__(self, store: Store, lease: Lease, core: Core, options: StoreOptions) -> None:
        self.store = store
        self.session_id = lease.session_id
        self.owner = lease.owner
        self.ending: asyncio.Task[None] | None = None
        """Ends the session on behalf of somebody else."""
        self._core = core
        self._keeper = SessionOwner(store, lease, core, options, lost=self._lost)
        self._serving: RemoteCommands | None = None
        self._session: Any = None
        self._lost_task: asyncio.Task[None] | None = None
        self._end_task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<voxwire.Kept {self.session_id} in {self.store!r}, token {self.fence}>"

    @property
    def fence(self) -> int:
        """The fencing token of this owner: higher than those of all before it, and higher still
        after a :class:`StoreReset`."""
        return self._keeper.lease.fence

    def held(self, fence: int) -> bool:
        """Whether that is, or was, a fencing token of this owner, or of a later one."""
        return fence >= self._keeper.first

    @property
    def extra(self) -> Mapping[str, Any]:
        """What is stored beside the session: see :meth:`set_extra`."""
        return self._keeper.extra

    def set_extra(self, name: str, value: Any) -> None:
        """Store JSON values beside the session, for whoever resumes it. They are written with each
        snapshot, as they are at that time, and now."""
        self._keeper.extra[name] = value
        self._keeper.snapshot_soon()

    @property
    def failing(self) -> bool:
        """Whether the store takes nothing at the moment."""
        return self._keeper.failing

    @property
    def owned(self) -> bool:
        """Whether this process owns the session still, as far as it knows."""
        return self._keeper.owned

    @property
    def buffered(self) -> int:
        """Bytes that wait to be stored."""
        return self._keeper.journal.size

    async def stored(self, timeout: float | None = None) -> bool:
        """Wait until all that has happened so far is stored; tells whether it is."""
        return await self._keeper.stored(self._keeper.journal.line, timeout)

    # -- for who takes over ---------------------------------------------------------------------

    def take_over(self, progress: Progress, extra: Mapping[str, Any]) -> None:
        """This session was another process's, with that under way. Until :meth:`taken_over`, the
        log goes on as it was, so that a third one would find all that this one has found."""
        self.goes_on()
        self._keeper.begin()
        self._keeper.whole = False
        self._keeper.journal.progress = progress
        self._keeper.extra.update(extra)

    def taken_over(self, progress: Progress) -> None:
        """The session is restored, with that still under way: the log begins here anew."""
        self._keeper.ends = True
        self._keeper.whole = True
        self._keeper.journal.take_up(progress)
        self._keeper.snapshot_soon()

    # -- for the session ----------------------------------------------------------------------

    def begin(self, session: Any) -> None:
        """The session is open."""
        self._session = session
        self._keeper.begin()
        self._core.router.subscribe((LocalEvent,), self._heard)
        self._serving = RemoteCommands(self._keeper, session)

    def _heard(self, event: LocalEvent) -> None:
        if isinstance(event, ConnectionClosed) and not event.expected:
            # Nobody may call close() for long: another worker need not wait for the lease to end.
            self._end_task = asyncio.create_task(self.end(5.0), name="voxwire kept, the end")
        if isinstance(event, Reconnected):
            self._keeper.journal.moved()
            self._keeper.snapshot_soon()

    def goes_on(self) -> None:
        """With this connection the session is not over: somebody may take it over."""
        self._keeper.ends = False

    async def end(self, timeout: float) -> None:
        """Write what waits and give the session up."""
        closed = self._core.closed
        if closed is None or not closed.expected:
            self._keeper.ends = False
        if self._serving is not None:
            await self._serving.close()
        await self._keeper.finish(timeout)

    async def abandon(self) -> None:
        """The session could not be opened."""
        try:
            await self._keeper.finish(1.0)
        except StoreError:  # what could not be said now, the lease says by its end
            return

    def _lost(self) -> None:
        if self._session is not None:
            self._lost_task = asyncio.create_task(self._session.close(), name="voxwire lost")
