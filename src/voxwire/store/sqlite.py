"""The tables of the file store."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from ..errors import (
    NoOwner,
    OwnershipLost,
    SessionOwned,
    StateLost,
    StoreError,
    StoreUnavailable,
    UnknownSession,
    WaitTimeout,
)
from .base import (
    Ask,
    Batch,
    Claim,
    Entry,
    Lease,
    Listed,
    Stored,
    check_id,
    new_token,
    unfinished,
)

__all__ = ["SCHEMA", "VERSION", "SQLiteStore"]


VERSION = 1
"""The version of the tables, in the file's ``user_version``. Files of before have 0, and lack the
columns `token` and `covered` of the sessions."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY,
    fence INTEGER NOT NULL,
    owner TEXT,
    until REAL NOT NULL,
    ended INTEGER NOT NULL,
    at REAL NOT NULL,
    batch INTEGER NOT NULL DEFAULT 0,
    lines INTEGER NOT NULL DEFAULT 0,
    snapshot BLOB,
    covers INTEGER NOT NULL DEFAULT 0,
    token TEXT,
    covered INTEGER
) WITHOUT ROWID;
-- AUTOINCREMENT: a position is never given out again, also after the newest entries were deleted.
CREATE TABLE IF NOT EXISTS events (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL,
    line INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    data BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS events_of ON events (session, n);
CREATE TABLE IF NOT EXISTS asks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL,
    body BLOB NOT NULL,
    at REAL NOT NULL,
    taken INTEGER NOT NULL DEFAULT 0,
    reply BLOB
);
CREATE INDEX IF NOT EXISTS asks_of ON asks (session, taken);
CREATE TABLE IF NOT EXISTS claims (
    session TEXT NOT NULL,
    fence INTEGER NOT NULL,
    owner TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (session, fence)
) WITHOUT ROWID;
"""


T = TypeVar("T")

_PARENTS: list[sqlite3.Connection] = []
"""Connections of the process that this one was forked from: nothing may be done with them."""

TICK = 0.025
"""Seconds between two looks at what other processes have written, while somebody waits for it."""


class SQLiteStore:
    """Sessions in a file.

    Written through SQLite's write-ahead log in a thread, so neither the event loop nor another
    reader waits for the disk. What was written survives the process; with `durable` also a power
    failure, at the price of a disk flush for each batch.

    Args:
        path: the file; its folder is made. Two more with the endings ``-wal`` and ``-shm`` lie
            beside it. It has to be on a disk of this machine, not on a network share.
        history: how many entries of a session are kept, beside those that its snapshot lacks.
        durable: flush the disk with each batch.
        timeout: seconds that a call waits for another process that writes.

    A file of a newer release, whose tables this one does not know, is refused with
    :class:`StoreError`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        history: int = 2000,
        durable: bool = False,
        timeout: float = 5.0,
    ) -> None:
        self.path = Path(path)
        self.history = history
        self._durable = durable
        self._timeout = timeout
        self._thread: ThreadPoolExecutor | None = None
        self._database: sqlite3.Connection | None = None
        self._file = (0, 0)  # device and inode of what is open
        self._process = os.getpid()
        self._changed: asyncio.Event | None = None
        self._waiting = 0
        self._looking: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<voxwire.SQLiteStore {self.path}>"

    # -- the interface ------------------------------------------------------------------------

    async def claim(self, session_id: str, owner: str, *, ttl: float, new: bool = False) -> Lease:
        check_id(session_id)

        def do(db: sqlite3.Connection, now: float) -> Lease:
            row = db.execute(
                "SELECT fence, owner, until, ended, lines FROM sessions WHERE id = ?",
                (session_id,),
            ).fetchone()
            fence, holder, until, ended, lines = row or (0, None, 0.0, 1, 0)
            if row is not None and not ended and (holder is not None and until > now):
                raise SessionOwned(session_id, holder, until - now)
            if new and row is not None and not ended and lines:
                raise StoreError(unfinished(session_id))
            if not new and ended:
                raise UnknownSession(
                    f"{session_id} was closed" if row else f"there is no session {session_id}"
                )
            if new:
                for table in ("events", "asks"):
                    db.execute(f"DELETE FROM {table} WHERE session = ?", (session_id,))
            return _claim(db, now, session_id, owner, new_token(), ttl, above=fence, new=new)

        return await self._write(do)

    async def reclaim(self, lease: Lease) -> Lease:
        def do(db: sqlite3.Connection, now: float) -> Lease:
            name = lease.session_id
            row = db.execute("SELECT fence, owner, token FROM sessions WHERE id = ?", (name,))
            fence, holder, token = row.fetchone() or (0, None, lease.token)
            if token != lease.token:
                raise OwnershipLost(_lost(lease, holder, fence))
            return _claim(
                db, now, name, lease.owner, lease.token, lease.ttl, above=max(fence, lease.fence)
            )

        return await self._write(do)

    async def write(self, lease: Lease, batch: Batch) -> bool:
        def do(db: sqlite3.Connection, now: float) -> bool:
            done, lines = _held(db, lease)
            name = lease.session_id
            if batch.number > done + 1:
                raise StateLost(f"{name}: the store went back to an older state")
            if batch.number > done:
                db.executemany(
                    "INSERT INTO events (session, line, fence, at, kind, data) "
                    "VALUES (?,?,?,?,?,?)",
                    [
                        (name, line, lease.fence, e.at, e.kind, e.data)
                        for line, e in enumerate(batch.entries, lines + 1)
                    ],
                )
                lines += len(batch.entries)
                db.executemany(
                    "UPDATE asks SET reply = ? WHERE id = ? AND session = ?",
                    [(reply, int(ask), name) for ask, reply in batch.replies.items()],
                )
                if batch.snapshot is not None:
                    last = _last(db, name)
                    db.execute(
                        "UPDATE sessions SET snapshot = ?, covers = ?, covered = ? WHERE id = ?",
                        (batch.snapshot, last, lines, name),
                    )
                    self._trim(db, name)
            db.execute(
                "UPDATE sessions SET until = ?, at = ?, batch = max(batch, ?), lines = ? "
                "WHERE id = ?",
                (now + lease.ttl, now, batch.number, lines, name),
            )
            waiting = db.execute(
                "SELECT 1 FROM asks WHERE session = ? AND taken = 0 LIMIT 1", (name,)
            )
            return waiting.fetchone() is not None

        return await self._write(do)

    def _trim(self, db: sqlite3.Connection, name: str) -> None:
        oldest = db.execute(
            "SELECT n FROM events WHERE session = ? ORDER BY n DESC LIMIT 1 OFFSET ?",
            (name, self.history),
        ).fetchone()
        if oldest is not None:
            db.execute("DELETE FROM events WHERE session = ? AND n <= ?", (name, oldest[0]))

    async def release(self, lease: Lease, *, ended: bool) -> None:
        def do(db: sqlite3.Connection, now: float) -> None:
            _held(db, lease)
            db.execute(
                "UPDATE sessions SET owner = NULL, until = 0, ended = ?, at = ? WHERE id = ?",
                (int(ended), now, lease.session_id),
            )
            if ended:
                db.execute("DELETE FROM asks WHERE session = ? AND taken = 0", (lease.session_id,))

        await self._write(do)

    async def load(self, session_id: str) -> Stored:
        check_id(session_id)

        def do(db: sqlite3.Connection, now: float) -> Stored:
            row = db.execute(
                "SELECT fence, owner, until, ended, snapshot, covers, lines, covered "
                "FROM sessions WHERE id = ?",
                (session_id,),
            ).fetchone()
            if row is None:
                raise UnknownSession(f"there is no session {session_id}")
            fence, owner, until, ended, snapshot, covers, lines, covered = row
            first, last = db.execute(
                "SELECT min(n), max(n) FROM events WHERE session = ?", (session_id,)
            ).fetchone()
            claims = db.execute(
                "SELECT fence, owner, at FROM claims WHERE session = ? ORDER BY fence",
                (session_id,),
            ).fetchall()
            held = owner is not None and until > now
            after = db.execute(
                "SELECT count(*) FROM events WHERE session = ? AND n > ?", (session_id, covers)
            ).fetchone()[0]
            known = snapshot is None or covered is not None  # not in a file of before
            return Stored(
                session_id=session_id,
                fence=fence,
                owner=owner if held else None,
                free_in=until - now if held else 0.0,
                ended=bool(ended),
                snapshot=snapshot,
                covers=str(covers) if covers else "",
                first=str(first or ""),
                last=str(last or ""),
                lines=lines,
                missing=max(0, lines - (covered or 0) - after) if known else 0,
                claims=[Claim(fence=f, owner=o, at=at) for f, o, at in claims],
            )

        return await self._run(do)

    async def read(
        self, session_id: str, after: str = "", *, limit: int = 500, wait: float = 0.0
    ) -> list[Entry]:
        check_id(session_id)

        def do(db: sqlite3.Connection, _now: float) -> list[Entry]:
            rows = db.execute(
                "SELECT n, line, fence, at, kind, data FROM events WHERE session = ? AND n > ? "
                "ORDER BY n LIMIT ?",
                (session_id, int(after or 0), limit),
            ).fetchall()
            return [
                Entry(position=str(n), number=line, fence=fence, at=at, kind=kind, data=data)
                for n, line, fence, at, kind, data in rows
            ]

        return await self._until(lambda: self._run(do), wait)

    async def sessions(self) -> list[Listed]:
        def do(db: sqlite3.Connection, now: float) -> list[Listed]:
            rows = db.execute("SELECT id, owner, until, ended, at FROM sessions ORDER BY at DESC")
            return [
                Listed(
                    session_id=name,
                    owner=owner if until > now else None,
                    ended=bool(ended),
                    at=at,
                )
                for name, owner, until, ended, at in rows
            ]

        return await self._run(do)

    async def ask(self, session_id: str, body: bytes, *, timeout: float) -> bytes:
        check_id(session_id)

        def put(db: sqlite3.Connection, now: float) -> int | None:
            row = db.execute(
                "SELECT owner, until FROM sessions WHERE id = ?", (session_id,)
            ).fetchone()
            if row is None or row[0] is None or row[1] <= now:
                raise NoOwner(f"nobody holds {session_id} now")
            done = db.execute(
                "INSERT INTO asks (session, body, at) VALUES (?,?,?)", (session_id, body, now)
            )
            return done.lastrowid

        number = await self._write(put)

        def take(db: sqlite3.Connection, _now: float) -> bytes | None:
            row = db.execute("SELECT reply FROM asks WHERE id = ?", (number,)).fetchone()
            if row is None:
                raise NoOwner(f"the owner of {session_id} has let go of it")
            return row[0]  # type: ignore[no-any-return]

        def remove(db: sqlite3.Connection, _now: float) -> None:
            db.execute("DELETE FROM asks WHERE id = ?", (number,))

        try:
            reply = await self._until(lambda: self._run(take), timeout)
        finally:  # also for who asks no more
            await self._write(remove)
        if reply is None:
            raise WaitTimeout(f"no answer from the owner of {session_id} within {timeout:g} s")
        return reply

    async def asked(self, lease: Lease, *, wait: float) -> list[Ask]:
        def look(db: sqlite3.Connection, _now: float) -> list[Ask]:
            rows = db.execute(
                "SELECT s.fence, a.id, a.body FROM sessions s "
                "LEFT JOIN asks a ON a.session = s.id AND a.taken = 0 WHERE s.id = ? ORDER BY a.id",
                (lease.session_id,),
            ).fetchall()
            if not rows or rows[0][0] != lease.fence:  # it need not wait to be told
                _held(db, lease)
            return [Ask(id=str(id), body=body) for _, id, body in rows if id is not None]

        def take(db: sqlite3.Connection, now: float) -> list[Ask]:
            _held(db, lease)
            found = look(db, now)
            db.executemany("UPDATE asks SET taken = 1 WHERE id = ?", [(int(a.id),) for a in found])
            return found

        await self._until(lambda: self._run(look), wait)
        return await self._write(take)

    async def forget(self, session_id: str) -> None:
        check_id(session_id)

        def do(db: sqlite3.Connection, _now: float) -> None:
            for table, column in (
                ("sessions", "id"), ("events", "session"), ("asks", "session"),
                ("claims", "session"),
            ):  # fmt: skip
                db.execute(f"DELETE FROM {table} WHERE {column} = ?", (session_id,))

        await self._write(do)

    async def close(self) -> None:
        if self._process != os.getpid():
            self._forked()
        looking, self._looking = self._looking, None
        if looking is not None and looking.get_loop() is asyncio.get_running_loop():
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        thread, self._thread = self._thread, None
        if thread is not None:
            database, self._database = self._database, None
            if database is not None:
                await asyncio.get_running_loop().run_in_executor(thread, database.close)
            thread.shutdown(wait=False)

    # -- the thread ---------------------------------------------------------------------------

    async def _write(self, do: Callable[[sqlite3.Connection, float], T]) -> T:
        def within(db: sqlite3.Connection, now: float) -> T:
            db.execute("BEGIN IMMEDIATE")
            try:
                result = do(db, now)
                db.execute("COMMIT")
            except BaseException:
                # Whatever it is, also a disk that is full: all of it is written, or nothing.
                with contextlib.suppress(sqlite3.Error):  # then it has been taken back already
                    db.execute("ROLLBACK")
                raise
            return result

        result = await self._run(within)
        self._pulse()
        return result

    async def _run(self, do: Callable[[sqlite3.Connection, float], T]) -> T:
        def here() -> T:
            try:
                if self._database is not None and self._replaced():
                    # What is written to a file that was deleted is read by nobody.
                    self._database.close()
                    self._database = None
                if self._database is None:
                    self._database = self._open()
                return do(self._database, time.time())
            except (sqlite3.Error, OSError) as error:
                # Locked for too long, disk full, read-only, no such folder: all that it can say.
                if self._database is not None:
                    self._database.close()  # and what it has begun is taken back
                    self._database = None
                raise StoreUnavailable(f"{self.path}: {error}") from error

        if self._process != os.getpid():
            self._forked()
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "voxwire store")
        return await asyncio.get_running_loop().run_in_executor(self._thread, here)

    def _forked(self) -> None:
        """This process is a copy of the one that opened the file: it opens the file itself. It has
        no thread for the other connection, and SQLite forbids to close it here."""
        if self._database is not None:
            _PARENTS.append(self._database)
        self._process = os.getpid()
        self._database = self._thread = self._changed = self._looking = None
        self._waiting = 0

    def _replaced(self) -> bool:
        """Whether the path leads to another file by now, or to none."""
        try:
            found = self.path.stat()
        except FileNotFoundError:  # it was deleted
            return True
        return (found.st_dev, found.st_ino) != self._file

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(
            self.path, timeout=self._timeout, isolation_level=None, check_same_thread=False
        )
        with contextlib.suppress(OSError):  # a file that somebody else owns
            self.path.chmod(0o600)  # what people say to each other
        try:
            self._version(database)  # before anything is changed
            database.execute("PRAGMA journal_mode = WAL")
            database.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'NORMAL'}")
            self._prepare(database)
            found = self.path.stat()
        except (sqlite3.Error, OSError, StoreError):  # none, a newer one, or not to be written
            database.close()
            raise
        self._file = (found.st_dev, found.st_ino)
        return database

    def _prepare(self, database: sqlite3.Connection) -> None:
        """Make the tables, or those of an older release into those of this one."""
        if self._version(database) == VERSION:
            return
        database.execute("BEGIN IMMEDIATE")
        if self._version(database) < VERSION:  # still: another process may have done it meanwhile
            for statement in filter(str.strip, SCHEMA.split(";")):
                database.execute(statement)
            columns = {row[1] for row in database.execute("PRAGMA table_info(sessions)")}
            for name, kind in (("token", "TEXT"), ("covered", "INTEGER")):
                if name not in columns:
                    database.execute(f"ALTER TABLE sessions ADD COLUMN {name} {kind}")
            database.execute(f"PRAGMA user_version = {VERSION}")
        database.execute("COMMIT")

    def _version(self, database: sqlite3.Connection) -> int:
        found = int(database.execute("PRAGMA user_version").fetchone()[0])
        if found > VERSION:
            raise StoreError(
                f"{self.path} was written by a newer release: its tables have version {found}, and "
                f"this release knows {VERSION}. Install a newer voxwire, or use another file"
            )
        return found

    # -- waiting ------------------------------------------------------------------------------

    async def _until(self, look: Callable[[], Awaitable[T]], wait: float) -> T:
        """What `look` finds, as soon as it finds something, or at the end of `wait` seconds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + wait
        self._waiting += 1
        try:
            while True:
                if self._changed is None:
                    self._changed = asyncio.Event()
                changed = self._changed
                found = await look()
                if found or loop.time() >= end:
                    return found
                if self._looking is None or self._looking.done():
                    self._looking = asyncio.create_task(self._watch(), name="voxwire file store")
                with contextlib.suppress(TimeoutError):  # then it looks for the last time
                    async with asyncio.timeout_at(end):
                        await changed.wait()
        finally:
            self._waiting -= 1

    def _pulse(self) -> None:
        changed, self._changed = self._changed, None
        if changed is not None:
            changed.set()

    async def _watch(self) -> None:
        """Notice what other processes write, as long as somebody waits for it."""

        def version(db: sqlite3.Connection, _now: float) -> Any:
            return db.execute("PRAGMA data_version").fetchone()[0]

        known: Any = None
        while self._waiting:
            try:
                found = await self._run(version)
            except StoreUnavailable:  # those who wait find that out by themselves
                found = None
            if found != known:
                known = found
                self._pulse()
            await asyncio.sleep(TICK)


def _claim(
    db: sqlite3.Connection,
    now: float,
    name: str,
    owner: str,
    token: str,
    ttl: float,
    *,
    above: int,
    new: bool = False,
) -> Lease:
    # It counts on over an earlier session of that name, whose owner may still live, and where that
    # was deleted, from the clock.
    fence = max(above + 1, int(now * 1e6))
    db.execute(
        "INSERT INTO sessions (id, fence, owner, token, until, ended, at) VALUES (?,?,?,?,?,0,?) "
        "ON CONFLICT (id) DO UPDATE SET fence=excluded.fence, owner=excluded.owner, "
        "token=excluded.token, until=excluded.until, ended=0, at=excluded.at, batch=0"
        + (", snapshot=NULL, covers=0, covered=NULL, lines=0" if new else ""),
        (name, fence, owner, token, now + ttl, now),
    )
    db.execute("INSERT INTO claims VALUES (?,?,?,?)", (name, fence, owner, now))
    return Lease(session_id=name, owner=owner, token=token, fence=fence, ttl=ttl)


def _held(db: sqlite3.Connection, lease: Lease) -> tuple[int, int]:
    """The numbers of the last batch and the last line; raises where the lease is not the newest."""
    row = db.execute(
        "SELECT fence, token, batch, owner, lines FROM sessions WHERE id = ?", (lease.session_id,)
    ).fetchone()
    if row is None:
        raise StateLost(f"{lease.session_id}: the store no longer has it")
    fence, token, batch, owner, lines = row
    if (fence, token) != (lease.fence, lease.token) or owner is None:
        raise OwnershipLost(_lost(lease, owner, fence))
    return int(batch), int(lines)


def _lost(lease: Lease, owner: str | None, fence: int) -> str:
    return (
        f"{lease.session_id}: {lease.owner} held it with token {lease.fence}, and it is "
        f"{owner or 'nobody'}'s now, with token {fence}"
    )


def _last(db: sqlite3.Connection, name: str) -> int:
    found = db.execute("SELECT max(n) FROM events WHERE session = ?", (name,)).fetchone()
    return int(found[0] or 0)
