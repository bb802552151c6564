"""The file store: several processes, one of which dies, and files that cannot be used."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from voxwire.errors import StateLost, StoreError, StoreUnavailable
from voxwire.store import Batch, Entry, SQLiteStore
from voxwire.store.sqlite import VERSION

WRITER = """
import asyncio, sys, time
from voxwire.store import Batch, Entry, SQLiteStore

async def main():
    store = SQLiteStore(sys.argv[1])
    lease = await store.claim("call-1", "doomed", ttl=0.05, new=True)
    for number in range(1, 100_000):
        entries = [Entry(kind="s2c", data=b"%d" % number, at=1.0), Entry(kind="s2c", data=b"-", at=1.0)]
        await store.write(lease, Batch(number=number, entries=entries, snapshot=b"%d" % number))
        print(number, flush=True)

asyncio.run(main())
"""  # noqa: E501


async def test_what_was_written_survives_a_process_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, path, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    acknowledged = 0
    while acknowledged < 20:
        acknowledged = int(await process.stdout.readline())
    process.kill()
    acknowledged = [int(line) for line in (await process.stdout.read()).split()][-1:] or [
        acknowledged
    ]
    await process.wait()
    store = SQLiteStore(path)
    found = await store.read("call-1", limit=1_000_000)
    last = int(found[-2].data)
    assert last >= acknowledged[0]
    assert len(found) % 2 == 0  # a batch is there as a whole
    assert (await store.load("call-1")).snapshot == b"%d" % last
    await asyncio.sleep(0.05)
    lease = await store.claim("call-1", "heir", ttl=9.0)
    await store.write(lease, Batch(number=1, entries=[Entry(kind="note", data=b"!", at=1.0)]))
    await store.close()


async def test_only_its_owner_may_read_the_file(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "new" / "sessions.db")
    await store.sessions()
    await store.close()
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


async def test_a_file_that_is_no_store_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("this is no database\n" * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        await SQLiteStore(path).sessions()


async def test_a_file_in_the_way_of_a_folder_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="file"):
        await SQLiteStore(tmp_path / "file" / "sessions.db").sessions()


OLD_TABLES = """
CREATE TABLE sessions (
    id TEXT PRIMARY KEY, fence INTEGER NOT NULL, owner TEXT, until REAL NOT NULL,
    ended INTEGER NOT NULL, at REAL NOT NULL, batch INTEGER NOT NULL DEFAULT 0,
    lines INTEGER NOT NULL DEFAULT 0, snapshot BLOB, covers INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE events (
    n INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT NOT NULL, line INTEGER NOT NULL,
    fence INTEGER NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL, data BLOB NOT NULL
);
INSERT INTO sessions VALUES ('call-1', 3, NULL, 0, 0, 1.0, 2, 2, x'7b7d', 1);
INSERT INTO events VALUES (1, 'call-1', 1, 3, 1.0, 's2c', x'61');
INSERT INTO events VALUES (2, 'call-1', 2, 3, 1.0, 's2c', x'62');
"""


def version_of(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as database:
        return int(database.execute("PRAGMA user_version").fetchone()[0])


async def test_a_file_of_before_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript(OLD_TABLES)
    stores = [SQLiteStore(path) for _ in range(4)]
    loaded = await asyncio.gather(*(store.load("call-1") for store in stores))  # at the same time
    assert {(each.fence, each.lines, each.missing, each.snapshot) for each in loaded} == {
        (3, 2, 0, b"{}")
    }
    assert version_of(path) == VERSION
    lease = await stores[0].claim("call-1", "a", ttl=9.0)
    assert lease.fence > 3
    entries = [Entry(kind="note", data=b"!", at=1.0)]
    await stores[0].write(lease, Batch(number=1, entries=entries, snapshot=b"new"))
    assert len(await stores[1].read("call-1")) == 3
    assert (await stores[1].load("call-1")).missing == 0
    for store in stores:
        await store.close()


async def test_a_file_of_a_newer_release_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE sessions (id TEXT, something TEXT)")
        database.execute(f"PRAGMA user_version = {VERSION + 1}")
        database.commit()
    before = path.read_bytes()
    store = SQLiteStore(path)
    for _ in range(2):
        with pytest.raises(StoreError, match=f"version {VERSION + 1}.*newer voxwire") as info:
            await store.claim("call-1", "a", ttl=9.0, new=True)
        assert not isinstance(info.value, StoreUnavailable)  # to wait helps nobody
    await store.close()
    assert path.read_bytes() == before


class FullAtTheEnd:
    """A connection whose disk is full when it is to commit."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        self.full = 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self.database, name)

    def execute(self, statement: str, *given: Any) -> Any:
        if statement == "COMMIT" and self.full:
            self.full -= 1
            raise sqlite3.OperationalError("database or disk is full")
        return self.database.execute(statement, *given)


async def test_a_commit_that_fails_leaves_nothing_half_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SQLiteStore(tmp_path / "sessions.db")
    lease = await store.claim("call-1", "a", ttl=9.0, new=True)
    store._database = FullAtTheEnd(store._database)  # type: ignore[arg-type, assignment]
    first = Batch(number=1, entries=[Entry(kind="note", data=b"1", at=1.0)])
    with pytest.raises(StoreUnavailable, match="full"):
        await store.write(lease, first)
    assert await store.read("call-1") == []
    # Others may write, and so may it: the transaction is over.
    other = SQLiteStore(store.path, timeout=0.1)
    await other.claim("call-2", "b", ttl=9.0, new=True)
    await store.write(lease, first)
    assert len(await store.read("call-1")) == 1
    await store.close()
    await other.close()


@pytest.mark.parametrize("replaced", [False, True])
async def test_a_file_that_was_deleted_is_a_loss(tmp_path: Path, replaced: bool) -> None:
    """What is written to it nobody would read."""
    store = SQLiteStore(tmp_path / "sessions.db")
    lease = await store.claim("call-1", "a", ttl=9.0, new=True)
    for ending in ("", "-wal", "-shm"):
        store.path.with_name(store.path.name + ending).unlink()
    if replaced:
        other = SQLiteStore(store.path)
        await other.claim("call-2", "b", ttl=9.0, new=True)
        await other.close()
    with pytest.raises(StateLost):
        await store.write(lease, Batch(number=1))
    lease = await store.reclaim(lease)
    await store.write(lease, Batch(number=1))
    assert (await SQLiteStore(store.path).load("call-1")).owner == "a"
    await store.close()


FORKED = """
import asyncio, os, sys
from voxwire.store import Batch, Entry, SQLiteStore

store = SQLiteStore(sys.argv[1])

async def use(name):
    lease = await store.claim(name, "a", ttl=60.0, new=True)
    await store.write(lease, Batch(number=1, entries=[Entry(kind="note", data=b"{}", at=1.0)]))
    assert await store.asked(lease, wait=0.05) == []
    assert len(await store.read(name)) == 1

asyncio.run(use("parent"))
child = os.fork()
if child == 0:
    asyncio.run(use("child"))
    asyncio.run(store.close())
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
asyncio.run(use("parent-again"))
assert len(asyncio.run(store.sessions())) == 3
asyncio.run(store.close())
print("done")
"""


def test_a_forked_process_opens_the_file_itself(tmp_path: Path) -> None:
    """A fork copies no threads: it would have waited for that of its parent."""
    ran = subprocess.run(
        [sys.executable, "-c", FORKED, tmp_path / "sessions.db"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, "done\n"), ran.stderr
