"""A session that is kept in a store: what is written, and what goes on when the store does not."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest

import voxwire
from voxwire.emulator import Emulator, Reply
from voxwire.errors import InvalidOption, OwnershipLost, SessionOwned, StoreUnavailable
from voxwire.store import Batch, Lease, SQLiteStore, Store
from voxwire.store.event_log import ReplayedLog
from voxwire.store.options import (
    OwnerChanged,
    StoreFailed,
    StoreOptions,
    StoreRecovered,
    StoreReset,
)
from voxwire.store.snapshot import snapshot_of


@pytest.fixture
async def server() -> AsyncIterator[Emulator]:
    async with Emulator() as emulator:
        yield emulator


def lines(found: list[Any]) -> list[str]:
    """The names of what is in a log."""
    names = []
    for entry in found:
        fields = json.loads(entry.data)
        names.append(fields.get("note") or fields["type"])
    return names


class Moody(SQLiteStore):
    """A file store whose writes can be made to fail."""

    broken: Exception | None = None
    writes = 0

    async def write(self, lease: Lease, batch: Batch) -> bool:
        if self.broken is not None:
            raise self.broken
        self.writes += 1
        return await super().write(lease, batch)


async def test_a_session_is_in_the_store_while_it_runs_and_after(
    server: Emulator, store: Store, stores: Any
) -> None:
    async with voxwire.connect(
        url=server.url, store=store, session_id="call-42", output_modalities=["text"]
    ) as session:
        kept = session.kept
        assert (kept.session_id, kept.owned, kept.failing) == ("call-42", True, False)
        await session.say("Hello there")
        assert await kept.stored(timeout=20)
        other = stores()
        stored = await other.load("call-42")
        assert stored.owner == kept.owner
        names = lines(await other.read("call-42"))
        assert names[:2] == ["opened", "session.created"]
        for wanted in ("session.update", "session.updated", "conversation.item.create",
                       "response.create", "response.created", "response.done"):  # fmt: skip
            assert wanted in names
    stored = await other.load("call-42")
    assert (stored.owner, stored.ended) == (None, True)
    snapshot = json.loads(stored.snapshot or b"")
    said = [item["content"][0]["text"] for item in snapshot["conversation"]["items"]]
    assert said[0] == "Hello there"
    assert len(said) == 2


async def test_sound_is_counted_and_kept_only_if_asked_for(server: Emulator, store: Store) -> None:
    for audio in (False, True):
        async with voxwire.connect(
            url=server.url, store=store, session_id=f"call-{audio}", turn_detection=None,
            storing=StoreOptions(audio=audio),
        ) as session:  # fmt: skip
            await session.append_audio(bytes(24_000))
            await session.append_audio(bytes(24_001)[1:])
            await session.commit_audio()
            await session.respond()
        found = await store.read(f"call-{audio}", limit=10_000)
        whole = b"".join(entry.data for entry in found)
        names = lines(found)
        assert ("response.output_audio.delta" in names) is audio
        assert ("input_audio_buffer.append" in names) is audio
        assert ("audio" in names) is not audio
        sound = [json.loads(e.data) for e in found if lines([e]) == ["audio"]]
        if not audio:
            assert sum(each["size"] for each in sound if each["way"] == "in") == 48_000
            heard = session.conversation[-1].audio_ms
            assert sum(e["size"] for e in sound if e["way"] == "out") == heard * 48
            assert b"AAAAAAAA" not in whole
            assert len(found) < 60


async def test_keys_do_not_reach_the_store(server: Emulator, store: Store) -> None:
    mcp = {
        "type": "mcp", "server_label": "deep", "server_url": "https://x.example/mcp",
        "authorization": "very-secret-token",
    }  # fmt: skip
    async with voxwire.connect(
        url=server.url, api_key="sk-1234567890abcdef", store=store, session_id="call-1"
    ) as session:
        await session.update(tools=[mcp])
        await session.send({"type": "response.create", "response": {"tools": [mcp]}})
    found = await store.read("call-1")
    stored = await store.load("call-1")
    whole = b"".join(entry.data for entry in found) + (stored.snapshot or b"")
    assert b"deep" in whole
    assert b"very-secret-token" not in whole
    assert b"sk-1234" not in whole


async def test_a_long_session_is_stored_whole_now_and_then(server: Emulator, tmp_path: Any) -> None:
    store = SQLiteStore(tmp_path / "s.db", history=10)
    async with voxwire.connect(
        url=server.url, store=store, session_id="call-1", output_modalities=["text"],
        storing=StoreOptions(snapshot_after=20),
    ) as session:  # fmt: skip
        for number in range(6):
            await session.say(f"number {number}")
        await session.kept.stored()
        stored = await store.load("call-1")
        assert stored.snapshot is not None
        assert len(await store.read("call-1")) < 60
    await store.close()


async def test_the_call_goes_on_without_its_store(server: Emulator, tmp_path: Any) -> None:
    store = Moody(tmp_path / "s.db")
    told: list[Any] = []
    async with voxwire.connect(
        url=server.url, store=store, session_id="call-1", output_modalities=["text"]
    ) as session:
        session.on(StoreFailed, told.append)
        session.on(StoreRecovered, told.append)
        await session.kept.stored()
        store.broken = StoreUnavailable("out of order")
        for number in range(5):
            await session.say(f"number {number}")
        async with session.expect(StoreRecovered, timeout=20):
            assert session.kept.failing
            assert session.kept.buffered > 1000
            store.broken = None
        await session.kept.stored()
        assert not session.kept.failing
    assert [type(event) for event in told] == [StoreFailed, StoreRecovered]
    assert told[0].reason == "out of order"
    assert told[1].dropped == 0
    found = await store.read("call-1", limit=10_000)
    assert lines(found).count("response.done") == 5
    await store.close()


async def test_what_does_not_fit_is_dropped_and_told_and_the_whole_is_stored_again(
    server: Emulator, tmp_path: Any
) -> None:
    store = Moody(tmp_path / "s.db")
    failures: list[StoreFailed] = []
    async with voxwire.connect(
        url=server.url, store=store, session_id="call-1", output_modalities=["text"],
        storing=StoreOptions(buffer=20_000),
    ) as session:  # fmt: skip
        session.on(StoreFailed, failures.append)
        await session.kept.stored()
        store.broken = StoreUnavailable("full")
        for number in range(30):
            await session.say(f"number {number}")
        assert session.kept.buffered <= 20_000
        async with session.expect(StoreRecovered, timeout=20) as recovered:
            store.broken = None
        assert (await recovered).dropped > 0
        await session.kept.stored()
        stored = await store.load("call-1")
        snapshot = json.loads(stored.snapshot or b"")
        assert len(snapshot["conversation"]["items"]) == 60
        names = lines(await store.read("call-1", limit=10_000))
        assert "gap" in names
    await store.close()


async def test_a_store_that_hangs_holds_up_nothing(server: Emulator, tmp_path: Any) -> None:
    class Stuck(SQLiteStore):
        stuck = False

        async def write(self, lease: Lease, batch: Batch) -> bool:
            while self.stuck:
                await asyncio.sleep(0.01)
            return await super().write(lease, batch)

    store = Stuck(tmp_path / "s.db")
    async with voxwire.connect(
        url=server.url, store=store, session_id="call-1", output_modalities=["text"],
        drain_timeout=0.2,
    ) as session:  # fmt: skip
        store.stuck = True
        assert (await session.say("Hello")).status == "completed"
        failed: list[StoreFailed] = []
        session.on(StoreFailed, failed.append)
    assert "had not taken all" in failed[0].reason
    await store.close()


async def test_a_tool_begins_when_that_is_stored(server: Emulator, store: Store) -> None:
    server.on("book", call="book", arguments={})
    server.on(output_of="book", reply="Done.")
    seen: list[list[str]] = []

    @voxwire.tool
    async def book() -> str:
        seen.append(lines(await store.read("call-1", limit=10_000)))
        return "booked"

    async with voxwire.connect(
        url=server.url, store=store, session_id="call-1", tools=[book],
        output_modalities=["text"],
    ) as session:  # fmt: skip
        assert (await session.say("book")).text == "Done."
    assert len(seen) == 1
    assert "tool.started" in seen[0]
    assert "response.output_item.done" in seen[0]


async def test_without_its_store_a_tool_runs_only_where_nobody_else_can(
    server: Emulator, tmp_path: Any
) -> None:
    server.on("book", call="book", arguments={})
    server.on(output_of="book", reply=lambda turn: str(turn.text))
    ran: list[str] = []

    @voxwire.tool
    async def book() -> str:
        ran.append("book")
        return "booked"

    store = Moody(tmp_path / "s.db")
    async with voxwire.connect(
        url=server.url, store=store, session_id="call-1", tools=[book],
        output_modalities=["text"], storing=StoreOptions(patience=0.05, lease=30),
    ) as session:  # fmt: skip
        await session.kept.stored()
        store.broken = StoreUnavailable("gone")
        async with session.expect(StoreFailed, timeout=20):
            await session.add("hello")
        # The lease is this process's own, and no other knows of the call.
        await session.say("book")
        assert ran == ["book"]
        # With the lease run out another process may own the conversation by now.
        session.kept._keeper._valid_until = 0.0
        await session.say("book")
        assert ran == ["book"]
        output = [item for item in session.conversation if item.type == "function_call_output"][-1]
        assert "not_run" in (output.output or "")
        store.broken = None
    await store.close()


async def test_an_idempotent_tool_waits_for_no_store(server: Emulator, tmp_path: Any) -> None:
    server.on("look", call="look", arguments={})
    server.on(output_of="look", reply="Seen.")

    @voxwire.tool(idempotent=True)
    async def look() -> str:
        return "something"

    store = Moody(tmp_path / "s.db")
    async with voxwire.connect(
        url=server.url, store=store, session_id="call-1", tools=[look],
        output_modalities=["text"], storing=StoreOptions(patience=1000, lease=2000),
    ) as session:  # fmt: skip
        store.broken = StoreUnavailable("gone")
        assert (await session.say("look")).text == "Seen."
        store.broken = None
    await store.close()


async def test_who_has_lost_the_session_stops_at_once_and_runs_no_tool(
    server: Emulator, store: Store, stores: Any
) -> None:
    server.on("book", call="book", arguments={})
    ran: list[str] = []

    @voxwire.tool
    async def book() -> str:
        ran.append("book")
        return "booked"

    session = await voxwire.connect(
        url=server.url, store=store, session_id="call-1", tools=[book],
        output_modalities=["text"],
    )  # fmt: skip
    changed: list[OwnerChanged] = []
    session.on(OwnerChanged, changed.append)
    await session.kept.stored()
    other = stores()
    # As if the lease had run out while this process was asleep.
    await other.release(session.kept._keeper.lease, ended=False)
    lease = await other.claim("call-1", "thief", ttl=60)
    with pytest.raises(voxwire.ConnectionClosedError):
        await session.say("book")
    await session.close()
    assert ran == []
    assert len(changed) == 1
    assert not session.kept.owned
    await other.write(lease, Batch(number=1))
    with pytest.raises(OwnershipLost):
        await store.write(session.kept._keeper.lease, Batch(number=1000))


async def test_a_call_goes_on_where_the_store_has_lost_it(
    server: Emulator, store: Store, stores: Any
) -> None:
    told: list[Any] = []
    async with voxwire.connect(
        url=server.url, store=store, session_id="call-1", output_modalities=["text"]
    ) as session:
        for kind in (StoreReset, StoreFailed, OwnerChanged):
            session.on(kind, told.append)
        await session.say("one")
        assert await session.kept.stored(20)
        fence = session.kept.fence
        for number in range(2):
            await stores().forget("call-1")
            await session.say(f"after loss {number}")
            assert await session.kept.stored(20)
        assert session.kept.owned
        stored = await store.load("call-1")
        assert stored.fence == session.kept.fence > fence
        replay = ReplayedLog.of(stored)
        for entry in await store.read("call-1", stored.covers, limit=10_000):
            replay.apply(entry)
        assert replay.cache.conversation == session.conversation
        # Others find it, control it, and may not have it.
        await voxwire.remote(stores(), "call-1").update(instructions="Be kind.")
        with pytest.raises(SessionOwned):
            await voxwire.resume(stores(), "call-1")
        # Also what is lost before it is closed.
        await stores().forget("call-1")
    assert [type(event) for event in told] == [StoreReset] * 3
    assert [event.dropped for event in told] == [0, 0, 0]
    assert told[-1].fence == session.kept.fence
    stored = await store.load("call-1")
    assert (stored.ended, stored.owner) == (True, None)
    assert b"after loss 1" in (stored.snapshot or b"")


async def test_who_began_meanwhile_has_it_and_the_old_owner_hears_of_it(
    server: Emulator, store: Store, stores: Any
) -> None:
    async def opened(where: Store) -> voxwire.Session:
        return await voxwire.connect(
            url=server.url, store=where, session_id="call-1", output_modalities=["text"]
        )

    old = await opened(store)
    for number in range(5):
        await old.say(f"old {number}")
    assert await old.kept.stored(20)
    changed: list[Any] = []
    old.on(OwnerChanged, changed.append)
    old.on(StoreReset, changed.append)
    other = stores()
    await other.forget("call-1")
    new = await opened(other)
    await new.say("new")
    assert await new.kept.stored(20)
    with contextlib.suppress(voxwire.ConnectionClosedError):  # it is told with its next write
        await old.say("old again")
        await old.wait_for(voxwire.ConnectionClosed, timeout=20)
    await old.close()
    assert [type(event) for event in changed] == [OwnerChanged]
    assert not old.kept.owned
    await new.say("new again")
    assert await new.kept.stored(20)
    assert new.kept.owned
    log = b"".join(entry.data for entry in await store.read("call-1", limit=10_000))
    assert b"new again" in log
    assert b'"old' not in log
    await new.close()
    assert (await store.load("call-1")).ended


async def test_an_owner_whose_lease_had_run_out_lets_a_later_one_go_first(
    server: Emulator, tmp_path: Any
) -> None:
    """Frozen for longer than its lease, it cannot know whether it is alone. The later owner lives,
    and stores the session again before the other may."""

    class Frozen(SQLiteStore):
        frozen = False

        async def write(self, lease: Lease, batch: Batch) -> bool:
            while self.frozen:
                await asyncio.sleep(0.01)
            return await super().write(lease, batch)

    short = StoreOptions(lease=2.0)
    store = Frozen(tmp_path / "s.db")
    old = await voxwire.connect(
        url=server.url, store=store, session_id="call-1", output_modalities=["text"],
        storing=short,
    )  # fmt: skip
    await old.say("one")
    assert await old.kept.stored(20)
    store.frozen = True
    other = SQLiteStore(store.path)
    new = await voxwire.resume(other, "call-1", storing=short, wait=20)
    assert await new.kept.stored(20)
    reset: list[Any] = []
    new.on(StoreReset, reset.append)
    await other.forget("call-1")
    store.frozen = False
    await old.wait_for(voxwire.ConnectionClosed, timeout=20)
    assert not old.kept.owned
    assert new.kept.owned
    assert len(reset) == 1
    await old.close()
    await new.close()
    # Alone, it waits for a lease, and goes on.
    short = StoreOptions(lease=0.5)
    alone = await voxwire.connect(
        url=server.url, store=store, session_id="call-2", output_modalities=["text"],
        storing=short,
    )  # fmt: skip
    await alone.say("one")
    assert await alone.kept.stored(20)
    async with alone.expect(StoreReset, timeout=20):
        async with alone.expect(StoreFailed, timeout=20):
            store.frozen = True
            await alone.add("two")
            await asyncio.sleep(0.6)
            await other.forget("call-2")
            store.frozen = False
    assert await alone.kept.stored(20)
    assert alone.kept.owned
    assert b"two" in ((await store.load("call-2")).snapshot or b"")
    await alone.close()
    await store.close()
    await other.close()


async def test_a_log_that_is_too_long_is_left_out_where_all_is_stored_again(
    server: Emulator, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voxwire.store.owner.WHOLE", 2_000)
    store = Moody(tmp_path / "s.db")
    async with voxwire.connect(
        url=server.url, store=store, session_id="call-1", output_modalities=["text"],
        storing=StoreOptions(lease=60),
    ) as session:  # fmt: skip
        await session.kept.stored()
        store.broken = StoreUnavailable("gone")
        for number in range(10):
            await session.say(f"number {number}")
        await SQLiteStore(store.path).forget("call-1")
        async with session.expect(StoreReset, timeout=20) as reset:
            store.broken = None
        assert await session.kept.stored(20)
        names = lines(await store.read("call-1", limit=10_000))
        dropped = (await reset).dropped
        assert dropped > 20
        assert names[0] == "reset"
        snapshot = json.loads((await store.load("call-1")).snapshot or b"")
        assert len(snapshot["conversation"]["items"]) == 20
    await store.close()


async def test_what_is_stored_beside_a_session_comes_with_it(
    server: Emulator, store: Store
) -> None:
    state = {"left": 1}
    first = await voxwire.connect(
        url=server.url, store=store, session_id="call-1", output_modalities=["text"]
    )
    first.kept.set_extra("mine", state)
    await first.say("Hello")
    state["left"] = 2
    await first.hand_over()
    second = await voxwire.resume(store, "call-1")
    assert second.kept.extra["mine"] == {"left": 2}
    await second.hand_over()  # who does not know it keeps it
    async with voxwire.resume(store, "call-1") as third:
        assert third.kept.extra["mine"] == {"left": 2}


async def test_a_successor_is_not_asked_to_leave_in_the_place_of_the_one_before(
    server: Emulator, store: Store, stores: Any
) -> None:
    short = StoreOptions(lease=0.3)
    first = await voxwire.connect(
        url=server.url, store=store, session_id="call-1", output_modalities=["text"],
        storing=short,
    )  # fmt: skip
    await first.say("Hello")
    await first.kept.stored(20)
    # A worker that hangs: it neither answers nor writes.
    assert first.kept._serving is not None
    await first.kept._serving.close()
    first.kept._keeper._writer.cancel()
    asking = asyncio.create_task(voxwire.remote(stores(), "call-1", timeout=20).hand_over())
    async with voxwire.resume(store, "call-1", wait=20) as second:
        await asking
        await second.say("Still here")
        assert second.kept.owned
        assert second.closed is None
    await first.close()


async def test_how_it_ends_decides_whether_somebody_may_go_on(
    server: Emulator, store: Store
) -> None:
    async def opened(name: str) -> voxwire.Session:
        return await voxwire.connect(url=server.url, store=store, session_id=name)

    async def ended(name: str) -> bool:
        stored = await store.load(name)
        assert stored.owner is None
        return stored.ended

    await (await opened("closed")).close()
    assert await ended("closed")
    with pytest.raises(RuntimeError):
        async with await opened("failed"):
            raise RuntimeError("a fault of the program")
    assert not await ended("failed")
    await (await opened("handed-over")).hand_over()
    assert not await ended("handed-over")
    session = await opened("broken")
    session._wire._socket.transport.abort()
    await session.wait_for(voxwire.ConnectionClosed, timeout=20)
    await session.close()
    assert not await ended("broken")


async def test_a_session_that_cannot_be_opened_leaves_nothing_behind(store: Store) -> None:
    for _ in range(2):  # the name is free again
        with pytest.raises(voxwire.ConnectError):
            await voxwire.connect(url="ws://127.0.0.1:9", store=store, session_id="call-1")
    assert (await store.load("call-1")).ended


async def test_what_cannot_be_kept_is_told_before_anything_is_opened(tmp_path: Any) -> None:
    with pytest.raises(InvalidOption, match="store="):
        voxwire.connect(url="ws://x", session_id="call-1", api_key="k")
    with pytest.raises(InvalidOption, match="no store"):
        voxwire.connect(url="ws://x", store="redis://x", api_key="k")  # type: ignore[arg-type]
    with pytest.raises(InvalidOption, match="letters"):
        voxwire.connect(
            url="ws://x", store=SQLiteStore(tmp_path / "s"), session_id="{}", api_key="k"
        )
    with pytest.raises(InvalidOption, match="above 0"):
        StoreOptions(lease=0)


async def test_a_session_in_no_store_says_so(server: Emulator) -> None:
    async with voxwire.connect(url=server.url) as session:
        with pytest.raises(InvalidOption, match="connect\\(store="):
            await session.hand_over()


async def test_requests_that_wait_are_stored_too(server: Emulator, store: Store) -> None:
    async def slow(turn: Any) -> Reply:
        await asyncio.sleep(0)
        return Reply(text="One thing after the other.")

    server.script.brain = slow
    async with voxwire.connect(
        url=server.url, store=store, session_id="call-1", output_modalities=["text"]
    ) as session:
        first, second = session.say("first"), session.say("second")
        third = session.say("third")
        await third.cancel()
        await first
        await second
    names = lines(await store.read("call-1", limit=10_000))
    assert names.count("asked") == 3
    assert names.count("withdrawn") == 1
    assert json.loads((await store.load("call-1")).snapshot or b"")["progress"] == {
        "requests": [], "open": [], "asked": [],
    }  # fmt: skip


async def test_what_follows_a_snapshot_is_read_as_the_session_was(
    server: Emulator, store: Store
) -> None:
    """By the model and the formats of the session, which stand before it in the log."""
    async with voxwire.connect(
        url=server.url, store=store, session_id="call-42", turn_detection=None,
        input_format="pcmu", output_format="pcmu",
        transcription="gpt-4o-transcribe", storing=StoreOptions(audio=True, snapshot_after=10_000),
    ) as session:  # fmt: skip
        await session.say("first")
        assert await session.kept.stored(20)
        covers = (await store.load("call-42")).last
        snapshot = snapshot_of(session._core, session.kept._keeper.journal.progress)
        await session.append_audio(bytes(8_000))
        await session.commit_audio()
        await session.respond()
        async with asyncio.timeout(20):
            while len(session.conversation.spent) < 3:
                await asyncio.sleep(0.01)
        assert await session.kept.stored(20)
        stored = attrs.evolve(await store.load("call-42"), snapshot=snapshot, covers=covers)
        replay = ReplayedLog.of(stored)
        for entry in await store.read("call-42", covers, limit=10_000):
            replay.apply(entry)
        assert replay.cache.conversation == session.conversation
        models = {each.kind: each.model for each in replay.cache.conversation.spent}
        assert models == {"response": "gpt-realtime-2.1", "transcription": "gpt-4o-transcribe"}
        assert replay.cache.conversation[-1].audio_ms > 0
