"""The Redis store: what it costs, and Redis gone, slow, full or without its scripts."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from redis_servers import RedisServer, free_ports, redis_server

import voxwire
from voxwire.emulator import Emulator
from voxwire.errors import InvalidOption, StateLost, StoreError, StoreUnavailable
from voxwire.store import Ask, Batch, Entry, RedisStore
from voxwire.store.redis_scripts import CLAIM


def batch(number: int, size: int = 10) -> Batch:
    return Batch(number=number, entries=[Entry(kind="s2c", data=b"x" * size, at=1.0)])


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture
async def own_store(own_redis: RedisServer) -> AsyncIterator[RedisStore]:
    store = RedisStore(own_redis.url, timeout=0.2)
    yield store
    await store.close()


def commands(server: RedisServer) -> int:
    info = server.cli("INFO", "stats")
    return int(info.split("total_commands_processed:")[1].split()[0])


async def test_all_that_is_written_at_once_is_one_round_trip(
    own_redis: RedisServer, own_store: RedisStore
) -> None:
    lease = await own_store.claim("call-1", "a", ttl=9.0, new=True)
    await own_store.write(lease, batch(1))  # the script is known from here on
    own_redis.cli("CONFIG", "RESETSTAT")
    entries = [Entry(kind="s2c", data=b"x", at=1.0)] * 50
    await own_store.write(
        lease, Batch(number=2, entries=entries, snapshot=b"{}", replies={"1-1": b"!"})
    )
    calls = own_redis.cli("INFO", "commandstats")
    assert "cmdstat_evalsha:calls=1," in calls
    assert "cmdstat_xadd:calls=50," in calls
    # What is not called by the script came over the wire.
    assert "cmdstat_eval:" not in calls


async def test_keys_of_a_session_share_a_shard(cluster: list[RedisServer]) -> None:
    store = RedisStore(cluster[1].url, cluster=True, prefix="shards")
    names = [f"call-{number}" for number in range(30)]
    for name in names:
        lease = await store.claim(name, "a", ttl=9.0, new=True)
        await store.write(lease, batch(1))
    sizes = [int(node.cli("DBSIZE")) for node in cluster]
    assert all(size >= 6 for size in sizes)  # and they are spread over all of them
    assert {each.session_id for each in await store.sessions()} == set(names)
    for name in names:
        await store.forget(name)
    assert await store.sessions() == []
    await store.close()


async def test_redis_may_forget_the_scripts(own_redis: RedisServer, own_store: RedisStore) -> None:
    lease = await own_store.claim("call-1", "a", ttl=9.0, new=True)
    own_redis.cli("SCRIPT", "FLUSH")
    await own_store.write(lease, batch(1))
    assert len(await own_store.read("call-1")) == 1


async def test_redis_gone_and_back(own_redis: RedisServer, own_store: RedisStore) -> None:
    lease = await own_store.claim("call-1", "a", ttl=9.0, new=True)
    await own_store.write(lease, batch(1))
    own_redis.stop()
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=str(own_redis.port)):
            await own_store.write(lease, batch(2))
    with pytest.raises(StoreUnavailable):
        await own_store.load("call-1")
    own_redis.start()
    await own_store.write(lease, batch(2))
    assert len(await own_store.read("call-1")) == 2


async def test_a_redis_that_does_not_answer_is_unavailable(
    own_redis: RedisServer, own_store: RedisStore
) -> None:
    lease = await own_store.claim("call-1", "a", ttl=9.0, new=True)
    own_redis.freeze()
    with pytest.raises(StoreUnavailable, match=r"no answer within 0\.2 s"):
        await own_store.write(lease, batch(1))
    own_redis.thaw()
    # Whether the first attempt arrived or not, it is there once.
    await own_store.write(lease, batch(1))
    assert len(await own_store.read("call-1")) == 1


async def test_a_redis_that_refuses_to_write_is_unavailable(
    own_redis: RedisServer, own_store: RedisStore
) -> None:
    lease = await own_store.claim("call-1", "a", ttl=9.0, new=True)
    own_redis.cli("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(StoreUnavailable, match=r"(?i)oom|maxmemory"):
        await own_store.write(lease, batch(1))
    own_redis.cli("CONFIG", "SET", "maxmemory", "0")
    own_redis.cli("REPLICAOF", "127.0.0.1", str(free_ports(1)[0]))
    with pytest.raises(StoreUnavailable, match=r"(?i)read.?only|master"):
        await own_store.write(lease, batch(1))
    own_redis.cli("REPLICAOF", "NO", "ONE")
    await own_store.write(lease, batch(1))
    assert len(await own_store.read("call-1")) == 1


async def test_what_is_old_goes_by_itself(own_redis: RedisServer) -> None:
    store = RedisStore(own_redis.url, keep=0.05)
    await store.claim("call-1", "a", ttl=9.0, new=True)
    while own_redis.cli("EXISTS", "voxwire:{call-1}:state") == "1":
        pass
    assert await store.sessions() == []
    keys = [f"voxwire:{{call-1}}:{name}" for name in ("events", "asks", "claims")]
    assert own_redis.cli("EXISTS", *keys, "voxwire:sessions") == "0"
    await store.close()


async def test_a_password_is_in_no_message() -> None:
    [port] = free_ports(1)
    store = RedisStore(f"redis://user:hunter2@127.0.0.1:{port}/0", timeout=0.2)
    with pytest.raises(StoreUnavailable) as info:
        await store.sessions()
    assert "hunter2" not in str(info.value) + repr(store)
    await store.close()


@pytest.mark.parametrize(
    "given", [{}, {"url": "http://x"}, {"url": "redis://x", "client": object()}]
)
def test_what_cannot_be_a_redis_is_told_at_once(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption):
        RedisStore(**given)


def test_without_redis_py_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(InvalidOption, match=r"voxwire\[redis\]"):
        RedisStore("redis://localhost")


async def test_a_client_of_ones_own_stays_open(own_redis: RedisServer) -> None:
    from redis.asyncio import Redis

    client = Redis.from_url(own_redis.url)
    store = RedisStore(client=client)
    await store.claim("call-1", "a", ttl=9.0, new=True)
    await store.close()
    assert await client.ping()
    await client.aclose()


@pytest.mark.parametrize("how", ["gone", "silent", "full"])
async def test_a_call_goes_on_while_redis_does_not(
    own_redis: RedisServer, own_store: RedisStore, how: str
) -> None:
    told: list[Any] = []
    async with (
        Emulator() as server,
        voxwire.connect(
            url=server.url, store=own_store, session_id="call-1", output_modalities=["text"]
        ) as session,
    ):
        session.on(voxwire.StoreFailed, told.append)
        session.on(voxwire.StoreRecovered, told.append)
        await session.say("before")
        assert await session.kept.stored(20)
        harm, cure = {
            "gone": (own_redis.stop, own_redis.start),
            "silent": (own_redis.freeze, own_redis.thaw),
            "full": (
                lambda: own_redis.cli("CONFIG", "SET", "maxmemory", "1"),
                lambda: own_redis.cli("CONFIG", "SET", "maxmemory", "0"),
            ),
        }[how]
        async with session.expect(voxwire.StoreFailed, timeout=20):
            harm()
            assert (await session.say("meanwhile")).status == "completed"
        assert (await session.say("and still")).status == "completed"
        async with session.expect(voxwire.StoreRecovered, timeout=20):
            cure()
        assert await session.kept.stored(20)
        names = [json.loads(e.data).get("type") for e in await own_store.read("call-1")]
        assert names.count("response.done") == 3
    assert [type(event) for event in told] == [voxwire.StoreFailed, voxwire.StoreRecovered]
    assert told[1].dropped == 0


@pytest.mark.parametrize("before", ["XREVRANGE", "XREAD"])
async def test_what_is_asked_while_the_owner_begins_to_listen_is_heard(
    redis: RedisServer, before: str
) -> None:
    prefix = f"begins-{before}"
    owner, other = RedisStore(redis.url, prefix=prefix), RedisStore(redis.url, prefix=prefix)
    lease = await owner.claim("call-1", "a", ttl=60.0, new=True)
    await owner.write(lease, batch(1))
    asking: list[asyncio.Task[bytes]] = []
    do = owner._connections.do

    async def interrupted(*command: Any, **options: Any) -> Any:
        if command[0] == before and not asking:
            asking.append(asyncio.create_task(other.ask("call-1", b"?", timeout=20.0)))
            while int(redis.cli("XLEN", owner._inbox)) == 0:
                await asyncio.sleep(0.01)
        return await do(*command, **options)

    owner._connections.do = interrupted  # type: ignore[method-assign]
    asks: list[Ask] = []
    async with asyncio.timeout(4.0):  # less than it takes until the owner looks by itself
        while not asks:
            asks = await owner.asked(lease, wait=20.0)
    await owner.write(lease, Batch(number=2, replies={asks[0].id: b"!"}))
    assert await asking[0] == b"!"
    await owner.close()
    await other.close()


@pytest.mark.parametrize("how", ["flushed", "restarted empty", "evicted", "log evicted"])
async def test_a_call_goes_on_where_redis_has_lost_it(
    own_redis: RedisServer, own_store: RedisStore, how: str
) -> None:
    told: list[Any] = []
    async with (
        Emulator() as server,
        voxwire.connect(
            url=server.url, store=own_store, session_id="call-1", output_modalities=["text"]
        ) as session,
    ):
        session.on(voxwire.StoreReset, told.append)
        session.on(voxwire.OwnerChanged, told.append)
        await session.say("before")
        assert await session.kept.stored(20)
        async with session.expect(voxwire.StoreReset, timeout=20):
            match how:
                case "flushed":
                    own_redis.cli("FLUSHALL")
                case "restarted empty":
                    own_redis.stop()
                    own_redis.wipe()
                    assert (await session.say("meanwhile")).status == "completed"
                    own_redis.start()
                case "evicted":
                    own_redis.cli("DEL", "voxwire:{call-1}:state")
                case _:
                    own_redis.cli("DEL", "voxwire:{call-1}:events")
            await session.say("after")
        assert await session.kept.stored(20)
        assert session.closed is None
        assert session.kept.owned
        stored = await own_store.load("call-1")
        assert stored.missing == 0
        assert b"before" in (stored.snapshot or b"")
        [listed] = await own_store.sessions()
        assert listed.owner == session.kept.owner
        await session.hand_over()
        async with voxwire.resume(own_store, "call-1") as again:
            said = [item.text for item in again.conversation if item.role == "user"]
            assert (said[0], said[-1]) == ("before", "after")
    assert [type(event) for event in told] == [voxwire.StoreReset]


async def test_a_call_goes_on_where_redis_came_back_with_an_older_state(
    own_redis: RedisServer, own_store: RedisStore
) -> None:
    from redis.asyncio import Redis

    client = Redis.from_url(own_redis.url)
    async with (
        Emulator() as server,
        voxwire.connect(
            url=server.url, store=own_store, session_id="call-1", output_modalities=["text"]
        ) as session,
    ):
        await session.say("before")
        assert await session.kept.stored(20)
        names = [f"voxwire:{{call-1}}:{name}" for name in ("state", "events", "claims")]
        copies = [await client.dump(name) for name in names]
        await session.say("lost")
        assert await session.kept.stored(20)
        for name, copy in zip(names, copies, strict=True):
            assert copy is not None
            await client.restore(name, 0, copy, replace=True)
        async with session.expect(voxwire.StoreReset, timeout=20):
            await session.say("after")
        assert await session.kept.stored(20)
        await session.hand_over()
        async with voxwire.resume(own_store, "call-1") as again:
            said = [item.text for item in again.conversation if item.role == "user"]
            assert said == ["before", "lost", "after"]
    await client.aclose()


async def test_what_was_evicted_of_a_session_that_nobody_holds_is_told(
    own_redis: RedisServer, own_store: RedisStore
) -> None:
    async with Emulator() as server:
        for name, snapshots in (("some", True), ("all", False)):
            session = await voxwire.connect(
                url=server.url, store=own_store, session_id=name, output_modalities=["text"],
                storing=voxwire.StoreOptions(lease=0.3),
            )  # fmt: skip
            if snapshots:
                await session.say("in the snapshot")
                session.kept._keeper.snapshot_soon()
                assert await session.kept.stored(20)
                while (await own_store.load(name)).snapshot is None:
                    await asyncio.sleep(0.01)
            await session.say("in the log")
            assert await session.kept.stored(20)
            session.kept._keeper._writer.cancel()  # as if the worker had died
            lines = (await own_store.load(name)).lines
            assert lines > 5
            own_redis.cli("DEL", f"voxwire:{{{name}}}:events")
            stored = await own_store.load(name)
            assert stored.lines == lines
            assert 0 < stored.missing <= lines
            if snapshots:
                async with voxwire.resume(own_store, name, wait=20) as again:
                    told: list[voxwire.Resumed] = []
                    again.on(voxwire.Resumed, told.append, catch_up=True)
                    await again.say("more")
                    assert told[0].missing == stored.missing
                    assert again.conversation[0].text == "in the snapshot"
            else:
                with pytest.raises(StateLost, match=f"all {lines} lines"):
                    await voxwire.resume(own_store, name, wait=20)
            await session.close()


@pytest.mark.parametrize("name", ["state", "events", "asks", "claims"])
async def test_a_key_of_another_program_is_told_and_leaves_no_lease(
    own_redis: RedisServer, own_store: RedisStore, name: str
) -> None:
    key = f"voxwire:{{call-1}}:{name}"
    own_redis.cli("SET", key, "something else")
    with pytest.raises(StoreError, match=r"call-1.*is a string.*prefix="):
        await own_store.claim("call-1", "a", ttl=60.0, new=True)
    assert own_redis.cli("GET", key) == "something else"
    own_redis.cli("DEL", key)
    lease = await own_store.claim("call-1", "b", ttl=60.0, new=True)
    await own_store.write(lease, batch(1))


async def test_a_claim_that_cannot_be_listed_leaves_no_lease(
    own_redis: RedisServer, own_store: RedisStore
) -> None:
    own_redis.cli("SET", "voxwire:sessions", "something else")
    with pytest.raises(StoreUnavailable, match="WRONGTYPE"):
        await own_store.claim("call-1", "a", ttl=60.0, new=True)
    own_redis.cli("DEL", "voxwire:sessions")
    await own_store.claim("call-1", "b", ttl=60.0, new=True)


async def test_a_claim_whose_answer_is_lost_leaves_no_lease(own_store: RedisStore) -> None:
    run = own_store._connections.run

    async def deaf(script: str, *given: Any) -> Any:
        answer = await run(script, *given)
        if script == CLAIM:
            raise StoreUnavailable("the answer was lost")
        return answer

    own_store._connections.run = deaf  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable, match="answer"):
        await own_store.claim("call-1", "a", ttl=60.0, new=True)
    own_store._connections.run = run  # type: ignore[method-assign]
    await own_store.claim("call-1", "b", ttl=60.0, new=True)


async def test_a_list_that_was_evicted_is_there_again(
    own_redis: RedisServer, own_store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = await own_store.claim("call-1", "a", ttl=60.0, new=True)
    own_redis.cli("DEL", "voxwire:sessions")
    await own_store.write(lease, batch(1))
    assert await own_store.sessions() == []
    monkeypatch.setattr("voxwire.store.redis.LISTED", 0.0)
    await own_store.write(lease, batch(2))
    assert [each.session_id for each in await own_store.sessions()] == ["call-1"]


async def test_a_fence_is_a_whole_number_in_lua_too(own_store: RedisStore) -> None:
    """Lua writes numbers with 14 digits by itself."""
    before = time.time() * 1e6
    lease = await own_store.claim("call-1", "a", ttl=60.0, new=True)
    assert before - 60e6 < lease.fence < time.time() * 1e6 + 60e6
    await own_store.release(lease, ended=False)
    fences = [lease.fence]
    for _ in range(20):
        lease = await own_store.claim("call-1", "a", ttl=60.0)
        fences.append(lease.fence)
        await own_store.write(lease, batch(1))
        await own_store.release(lease, ended=False)
    assert fences == sorted(set(fences))
    stored = await own_store.load("call-1")
    assert [claim.fence for claim in stored.claims] == fences
    assert [entry.fence for entry in await own_store.read("call-1")] == fences[1:]


def test_a_forked_process_opens_connections_of_its_own(redis: RedisServer) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FORKED, redis.url], capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, "done\n"), ran.stderr


FORKED = """
import asyncio, os, sys
from voxwire.store import Batch, Entry, RedisStore

store = RedisStore(sys.argv[1], prefix=f"fork-{os.getpid()}")

async def use(name):
    lease = await store.claim(name, "a", ttl=60.0, new=True)
    await store.write(lease, Batch(number=1, entries=[Entry(kind="note", data=b"{}", at=1.0)]))
    assert await store.asked(lease, wait=0.05) == []
    assert len(await store.read(name)) == 1

async def main():
    await use("parent")
    child = os.fork()
    if child == 0:
        return "child"
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        await asyncio.sleep(0.01)
    await use("parent-again")
    assert {each.session_id for each in await store.sessions()} == {
        "parent", "child", "parent-again"
    }
    await store.close()
    return "parent"

async def child():
    await use("child")
    await store.close()

loop = asyncio.new_event_loop()
if loop.run_until_complete(main()) == "child":
    asyncio.set_event_loop(None)
    asyncio.events._set_running_loop(None)
    asyncio.new_event_loop().run_until_complete(child())
    os._exit(0)
print("done")
"""
