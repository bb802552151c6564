"""The owner of a session in a store: writes its log in the background, renews its lease, and lets
its tools begin.

Nothing here holds up the session: what the store does not take waits in a bounded buffer. This
module knows when to write. What, the journal knows; who asks for what, others know.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from typing import Any

from ..errors import OwnershipLost, StateLost, StoreError
from ..session.core import Core, log
from ..tools.runner import Outcome, error_text
from ..tools.tool import Call
from .base import Batch, Lease, Store
from .lease import let_go, use
from .local_events import OwnerChanged, StoreFailed, StoreRecovered, StoreReset
from .log_entries import note
from .log_writer import LogWriter
from .options import StoreOptions
from .snapshot import snapshot_of

__all__ = ["SessionOwner"]

WHOLE = 1024 * 1024
"""Bytes of the log that are stored with a conversation that the store had lost."""


class SessionOwner:
    """Keeps one session in a store. Belongs to the event loop that made it.

    Args:
        lease: the right to write, which was claimed before.
        lost: called once, when somebody else has claimed the session.
    """

    def __init__(
        self,
        store: Store,
        lease: Lease,
        core: Core,
        options: StoreOptions,
        *,
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        self.store = store
        self.lease = lease
        self.first = lease.fence
        """The fencing token of its first claim: the later ones are its own, too."""
        self.extra: dict[str, Any] = {}
        """What is stored beside the session with each snapshot: JSON values, by whose they are."""
        self.options = options
        self.lost = lost
        self.ends = True
        """Whether the session is over with this connection; else somebody may take it over."""
        self.owned = True
        self.whole = True
        """Whether the state may be stored as a whole; not while it is being taken over."""
        self._core = core
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._urgent = asyncio.Event()
        self._moved = asyncio.Event()
        self._begun = asyncio.Event()
        self.journal = LogWriter(core, audio=options.audio, limit=options.buffer, woken=self._woken)
        core.before_tools.append(self._begins)
        self._replies: dict[str, bytes] = {}
        self._number = 0
        self._stored = self._attempted = 0
        self._since_snapshot = 0
        self._snapshot_due = False
        self._valid_until = self._loop.time() + lease.ttl
        self._failing: float | None = None
        self._gaps = 0  # lines dropped that a snapshot makes up for
        self._dropped_before = self._told_dropped = 0
        self._missing: float | None = None  # since when the store has not had the session
        self._reclaims = False
        self._reason = ""
        self._finishing = False
        self._finished: asyncio.Future[None] | None = None
        self.asked = asyncio.Event()
        """Set when the store says that somebody has asked for something."""
        use(store)
        self._writer = asyncio.create_task(self._write(), name="voxwire keeper")

    # -- for the session ----------------------------------------------------------------------

    def begin(self) -> None:
        """The session is open, with the settings that it is to have. Before that nothing is
        written: of a session whose first worker dies while it opens it, nobody could make more
        than another that begins anew, and a log without a line says so."""
        self._begun.set()

    @property
    def failing(self) -> bool:
        """Whether the store takes nothing at the moment."""
        return self._failing is not None

    def snapshot_soon(self) -> None:
        """Store the whole conversation with the next batch."""
        self._snapshot_due = True
        self._woken(True)

    def check(self) -> None:
        """Find out now whether the session is still this process's."""
        self._woken(True)

    def reply(self, ask: str, answer: bytes) -> None:
        """Answer somebody who asked."""
        self._replies[ask] = answer
        self._woken(True)

    async def stored(self, line: int, timeout: float | None) -> bool:
        """Wait until so many lines are stored; tells whether they are."""
        try:
            async with asyncio.timeout(timeout):
                while self._stored < line and self.owned and not self._finishing:
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            pass  # the answer says so
        return self._stored >= line

    async def finish(self, timeout: float = 5.0) -> None:
        """Write what waits and give the session up; calling it again waits for the same."""
        if self._finished is None:
            self._finished = self._loop.create_future()
            try:
                await self._finish(timeout)
            finally:
                self._finished.set_result(None)
                await let_go(self.store)
        else:
            await asyncio.shield(self._finished)

    async def _finish(self, timeout: float) -> None:
        self._snapshot_due = True
        self._finishing = True
        self._begun.set()
        self._woken(True)
        _, late = await asyncio.wait([self._writer], timeout=timeout)
        if late:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
            self._fail("the session has ended, and the store had not taken all of it")
        if not self.owned or late:
            return  # it runs out by itself
        try:
            async with asyncio.timeout(timeout):
                await self.store.release(self.lease, ended=self.ends)
        except OwnershipLost as error:  # since the last batch
            self._lose(error)
        except StateLost as error:  # since the last batch; where it is over, nobody misses it
            if not self.ends:
                self._fail(str(error))
        except (StoreError, TimeoutError) as error:  # the lease runs out by itself
            log.warning("%s was not released: %s", self.lease.session_id, error)

    # -- tools --------------------------------------------------------------------------------

    async def _begins(self, call: Call) -> Outcome | None:
        """Note that a tool begins before it does, so that no other process runs it again."""
        tool = self._core.tools.get(call.name)
        self.journal.progress.begun(call.call_id)
        line = self.journal.note("tool.started", call_id=call.call_id, tool=call.name)
        if tool is None or tool.idempotent or (self.failing and self._may_run(call)):
            return None
        end = self._loop.time() + self.options.patience
        noted = await self.stored(line, self.options.patience)
        if (noted and await self._holds(end)) or self._may_run(call):
            return None
        why = (
            "Another process has taken this conversation over."
            if not self.owned
            else "The call was not run, because it could not be noted down. It can be repeated."
        )
        return Outcome(output=error_text("not_run", why), fault="not_run")

    async def _holds(self, end: float) -> bool:
        """Whether the lease has not run out. A process that was stopped after it had written
        hears of that only now: then the next write tells whose the session is."""
        try:
            async with asyncio.timeout_at(end):
                while self.owned and not self._finishing and not self._in_time():
                    self._moved.clear()
                    self._woken(True)
                    await self._moved.wait()
        except TimeoutError:
            pass  # the answer says so
        return self.owned and self._in_time()

    def _in_time(self) -> bool:
        return self._loop.time() < self._valid_until

    def _may_run(self, call: Call) -> bool:
        """Whether a tool may run although the store has not noted that it begins: nobody else can
        own the session yet, and nothing of the call has gone to the store, where another owner
        would find it and run it, too."""
        known = self.journal.call_line(call.call_id)
        return self.owned and self._in_time() and known > self._attempted

    # -- writing ------------------------------------------------------------------------------

    def _woken(self, urgent: bool) -> None:
        self._wake.set()
        if urgent:
            self._urgent.set()

    async def _write(self) -> None:
        pending: tuple[Batch, int] | None = None
        pause = 0.0
        while True:
            if pending is None:
                await self._wait()
                pending = self._gather()
                if pending is None:
                    return
            batch, upto = pending
            self._attempted = max(self._attempted, upto)
            began = self._loop.time()
            try:
                async with asyncio.timeout(self.options.lease):
                    if self._missing is not None and self._may_reclaim():
                        self.lease = await self.store.reclaim(self.lease)
                        self._missing = None
                        batch, upto = pending = self._whole(batch)
                        self._attempted = max(self._attempted, upto)
                        began = self._loop.time()
                    asked = await self.store.write(self.lease, batch)
            except OwnershipLost as error:  # another process has claimed the session
                self._lose(error)
                return
            except StateLost as error:  # nobody has, or the store would say so
                if self._missing is None:
                    self._missing, self._reason = began, str(error)
                    self._reclaims = self._in_time()
                if not self._may_reclaim():
                    self._fail(str(error))
                    pause = min(1.0, self.lease.ttl / 10)
                await asyncio.sleep(pause)
                pause = min(1.0, pause * 2 or 0.05)  # for a store that loses it again and again
                continue
            except Exception as error:  # whatever a store raises: it has not taken the batch
                self._fail(str(error) or type(error).__name__)
                pause = min(1.0, pause * 2 or 0.05)
                await asyncio.sleep(pause)
                continue
            pending, pause, self._missing = None, 0.0, None
            self._valid_until = began + self.lease.ttl
            self._stored = upto
            self._moved.set()
            self._recover()
            if asked:
                self.asked.set()

    async def _wait(self) -> None:
        """Until there is something to write, or the lease is to be renewed."""
        if self._finishing:
            return
        try:
            async with asyncio.timeout(self.lease.ttl / 3):
                await self._begun.wait()
                await self._wake.wait()
        except TimeoutError:  # nothing came: the lease is to be renewed
            return
        if not self._urgent.is_set():
            try:
                async with asyncio.timeout(self.options.every):
                    await self._urgent.wait()
            except TimeoutError:
                pass  # nothing urgent came, and what there is has waited long enough

    def _gather(self) -> tuple[Batch, int] | None:
        """The next batch, and how many lines there are with it; ``None`` at the end."""
        if not self._begun.is_set():
            self._number += 1
            return Batch(number=self._number), 0
        self._wake.clear()
        self._urgent.clear()
        lost = self.journal.dropped - self._gaps
        entries = self.journal.take()
        if lost:  # the log has a gap: from here on the whole state tells
            self._gaps += lost
            self._snapshot_due = True
            entries.insert(0, note("gap", dropped=lost))
        self._since_snapshot += len(entries)
        snapshot = None
        whole = self.journal.empty
        if not whole:
            self._woken(True)
        quiet = self.journal.progress.quiet
        due = self._snapshot_due or (quiet and self._since_snapshot >= self.options.snapshot_after)
        if due and whole and self.whole:
            snapshot = snapshot_of(self._core, self.journal.progress, self.extra)
            self._since_snapshot, self._snapshot_due = 0, False
        replies, self._replies = self._replies, {}
        if self._finishing and not (entries or snapshot or replies):
            return None
        self._number += 1
        batch = Batch(number=self._number, entries=entries, snapshot=snapshot, replies=replies)
        return batch, self.journal.taken

    def _may_reclaim(self) -> bool:
        """Whether a session that the store has lost may be claimed again. Nobody else can have had
        it while this lease ran. If it had run out, somebody may have, and now writes it again: then
        this process waits for a lease, which is three times longer than that takes."""
        waited = self._missing is not None and self._loop.time() - self._missing >= self.lease.ttl
        return self.whole and (self._reclaims or waited)

    def _whole(self, batch: Batch) -> tuple[Batch, int]:
        """The first batch after a loss, from `batch`, which was not stored: the whole conversation,
        and the end of the log."""
        dropped = self.journal.dropped - self._gaps
        self._gaps = self.journal.dropped
        entries = deque([*batch.entries, *self.journal.take(sys.maxsize)])
        size = sum(len(entry.data) for entry in entries)
        while size > WHOLE:
            size -= len(entries.popleft().data)
            dropped += 1
        snapshot = None
        if self._begun.is_set():  # before that there is nothing that another could go on with
            entries.appendleft(note("reset", dropped=dropped))
            snapshot = snapshot_of(self._core, self.journal.progress, self.extra)
        self._since_snapshot, self._snapshot_due, self._number = 0, False, 1
        replies, self._replies = {**batch.replies, **self._replies}, {}
        log.warning("%s; it is being stored again", self._reason)
        self._core.local(StoreReset(reason=self._reason, fence=self.lease.fence, dropped=dropped))
        whole = Batch(number=1, entries=list(entries), snapshot=snapshot, replies=replies)
        return whole, self.journal.taken

    # -- telling ------------------------------------------------------------------------------

    def _fail(self, reason: str) -> None:
        dropped = self.journal.dropped
        if self._failing is None:
            self._failing = self._loop.time()
            self._dropped_before = dropped
            log.warning("%s is not being stored: %s", self.lease.session_id, reason)
        elif dropped == self._told_dropped:
            return
        self._told_dropped = dropped
        lost = dropped - self._dropped_before
        self._core.local(StoreFailed(reason=reason, buffered=self.journal.size, dropped=lost))

    def _recover(self) -> None:
        if self._failing is not None:
            seconds, self._failing = self._loop.time() - self._failing, None
            dropped = self.journal.dropped - self._dropped_before
            log.warning("%s is being stored again", self.lease.session_id)
            self._core.local(StoreRecovered(seconds=seconds, dropped=dropped))

    def _lose(self, error: OwnershipLost) -> None:
        self.owned = False
        self._moved.set()
        log.warning("%s", error)
        self._core.local(OwnerChanged(owner="", fence=0))
        self.lost()
