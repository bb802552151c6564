"""The file store: several processes, one of which dies, and files that cannot be used."""

from __future__ import annotations

import asyncio
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from voxwire.errors import StoreUnavailable
from voxwire.store import Batch, Entry, SQLiteStore

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
