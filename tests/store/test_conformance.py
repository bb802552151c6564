"""What every store does, whatever it is made of."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import attrs
import pytest

from voxwire.errors import (
    InvalidOption,
    NoOwner,
    OwnershipLost,
    SessionOwned,
    StateLost,
    StoreError,
    UnknownSession,
    WaitTimeout,
)
from voxwire.store import Batch, Entry, Store
from voxwire.store.lease import claimed
from voxwire.store.options import StoreOptions

TTL = 30.0


def entries(*texts: str) -> list[Entry]:
    return [Entry(kind="s2c", data=text.encode(), at=time.time()) for text in texts]


def texts(found: list[Entry]) -> list[str]:
    return [entry.data.decode() for entry in found]


async def test_what_was_written_is_read_in_order_from_any_place(store: Store, stores: Any) -> None:
    lease = await store.claim("call-1", "a", ttl=TTL, new=True)
    await store.write(lease, Batch(number=1, entries=entries("one", "two")))
    await store.write(lease, Batch(number=2, entries=entries("three")))
    other = stores()
    found = await other.read("call-1")
    assert texts(found) == ["one", "two", "three"]
    assert {entry.fence for entry in found} == {lease.fence}
    assert [entry.number for entry in found] == [1, 2, 3]
    assert all(entry.kind == "s2c" and entry.at > 1e9 for entry in found)
    assert texts(await other.read("call-1", found[0].position)) == ["two", "three"]
    assert texts(await other.read("call-1", limit=1)) == ["one"]
    assert await other.read("call-1", found[-1].position) == []
    assert await other.read("nothing-here") == []


async def test_bytes_of_any_kind_come_back_as_they_were(store: Store) -> None:
    lease = await store.claim("call-1", "a", ttl=TTL, new=True)
    data = bytes(range(256)) * 40
    batch = Batch(number=1, entries=[Entry(kind="note", data=data, at=1.5)], snapshot=data)
    await store.write(lease, batch)
    [entry] = await store.read("call-1")
    assert (entry.kind, entry.data, entry.at) == ("note", data, 1.5)
    assert (await store.load("call-1")).snapshot == data


async def test_a_batch_that_comes_again_is_stored_once(store: Store) -> None:
    lease = await store.claim("call-1", "a", ttl=TTL, new=True)
    for number in (1, 1, 2, 1, 2):
        await store.write(lease, Batch(number=number, entries=entries(f"of {number}")))
    assert texts(await store.read("call-1")) == ["of 1", "of 2"]


async def test_a_reader_waits_for_what_another_process_writes(store: Store, stores: Any) -> None:
    lease = await store.claim("call-1", "a", ttl=TTL, new=True)
    other = stores()
    reading = asyncio.create_task(other.read("call-1", wait=20.0))
    await asyncio.sleep(0.05)
    assert not reading.done()
    await store.write(lease, Batch(number=1, entries=entries("now")))
    assert texts(await reading) == ["now"]
    assert await store.read("call-1", (await reading)[-1].position, wait=0.05) == []


async def test_a_snapshot_tells_up_to_where_it_goes_and_lets_go_of_what_is_old(
    stores: Any,
) -> None:
    store = stores(history=3)
    lease = await store.claim("call-1", "a", ttl=TTL, new=True)
    empty = await store.load("call-1")
    assert (empty.snapshot, empty.covers, empty.first, empty.last) == (None, "", "", "")
    await store.write(lease, Batch(number=1, entries=entries(*"abcdef")))
    assert len(await store.read("call-1")) == 6  # all of them are needed without a snapshot
    await store.write(lease, Batch(number=2, entries=entries("g"), snapshot=b"{}"))
    await store.write(lease, Batch(number=3, entries=entries("h", "i")))
    stored = await store.load("call-1")
    assert stored.snapshot == b"{}"
    assert texts(await store.read("call-1", stored.covers)) == ["h", "i"]
    found = await store.read("call-1")
    assert texts(found) == ["e", "f", "g", "h", "i"]
    assert [entry.number for entry in found] == [5, 6, 7, 8, 9]
    assert (stored.first, stored.last) == (found[0].position, found[-1].position)
    # One that comes with no entry covers all that there are.
    await store.write(lease, Batch(number=4, snapshot=b"[]"))
    stored = await store.load("call-1")
    assert (stored.snapshot, stored.covers) == (b"[]", stored.last)
    assert await store.read("call-1", stored.covers) == []


async def test_one_owner_at_a_time(store: Store, stores: Any) -> None:
    lease = await store.claim("call-1", "worker a", ttl=TTL, new=True)
    other = stores()
    with pytest.raises(SessionOwned, match=r"held by worker a; its lease runs out in \d\d") as info:
        await other.claim("call-1", "worker b", ttl=TTL)
    assert 20 < info.value.free_in <= TTL
    with pytest.raises(SessionOwned):
        await other.claim("call-1", "worker b", ttl=TTL, new=True)
    stored = await other.load("call-1")
    assert stored.owner == "worker a"
    assert 20 < stored.free_in <= TTL
    await store.release(lease, ended=False)
    stored = await other.load("call-1")
    assert (stored.owner, stored.free_in, stored.ended) == (None, 0.0, False)
    second = await other.claim("call-1", "worker b", ttl=TTL)
    assert second.fence > lease.fence


async def test_a_lease_that_ran_out_is_anybodys_and_the_stale_owner_is_refused(
    store: Store, stores: Any
) -> None:
    stale = await store.claim("call-1", "a", ttl=0.05, new=True)
    await store.write(stale, Batch(number=1, entries=entries("mine"), snapshot=b"first"))
    await asyncio.sleep(0.1)
    assert (await store.load("call-1")).owner is None
    # Late, but nobody has taken it meanwhile: it is still the newest token.
    await store.write(stale, Batch(number=2, entries=entries("late")))
    await asyncio.sleep(0.1)
    other = stores()
    fresh = await other.claim("call-1", "b", ttl=TTL)
    for attempt in (
        store.write(stale, Batch(number=3, entries=entries("stale"), snapshot=b"stale")),
        store.asked(stale, wait=0.0),
        store.release(stale, ended=True),
    ):
        with pytest.raises(OwnershipLost, match=r"a held it with token \d+, and it is b's now"):
            await attempt
    await other.write(fresh, Batch(number=1, entries=entries("fresh")))
    found = await other.read("call-1")
    assert texts(found) == ["mine", "late", "fresh"]
    assert [entry.fence for entry in found] == [stale.fence, stale.fence, fresh.fence]
    stored = await other.load("call-1")
    assert (stored.snapshot, stored.owner, stored.ended) == (b"first", "b", False)
    assert [(claim.owner, claim.fence) for claim in stored.claims] == [
        ("a", stale.fence),
        ("b", fresh.fence),
    ]


async def test_of_many_who_claim_at_once_one_gets_it(stores: Any) -> None:
    first = stores()
    lease = await first.claim("call-1", "a", ttl=TTL, new=True)
    await first.release(lease, ended=False)

    async def attempt(name: str) -> str | None:
        try:
            await stores().claim("call-1", name, ttl=TTL)
        except SessionOwned:
            return None
        return name

    won = await asyncio.gather(*(attempt(f"w{number}") for number in range(8)))
    [winner] = [name for name in won if name is not None]
    assert (await first.load("call-1")).owner == winner


async def test_what_is_there_is_not_begun_anew_and_what_is_not_is_not_resumed(
    store: Store,
) -> None:
    with pytest.raises(UnknownSession, match="no session call-1"):
        await store.claim("call-1", "a", ttl=TTL)
    with pytest.raises(UnknownSession):
        await store.load("call-1")
    first = await store.claim("call-1", "a", ttl=TTL, new=True)
    await store.write(first, Batch(number=1, entries=entries("old"), snapshot=b"old"))
    await store.release(first, ended=False)
    with pytest.raises(StoreError, match="resume"):
        await store.claim("call-1", "a", ttl=TTL, new=True)
    second = await store.claim("call-1", "a", ttl=TTL)
    await store.release(second, ended=True)
    assert (await store.load("call-1")).ended
    with pytest.raises(UnknownSession, match="was closed"):
        await store.claim("call-1", "a", ttl=TTL)
    third = await store.claim("call-1", "a", ttl=TTL, new=True)
    assert third.fence > second.fence
    assert await store.read("call-1") == []
    stored = await store.load("call-1")
    assert (stored.snapshot, stored.ended) == (None, False)
    with pytest.raises(OwnershipLost):
        await store.write(second, Batch(number=9, entries=entries("stale")))
    await store.write(third, Batch(number=1, entries=entries("new")))
    assert texts(await store.read("call-1")) == ["new"]


async def test_what_was_claimed_and_never_begun_can_be_begun(store: Store, stores: Any) -> None:
    dead = await store.claim("call-1", "a", ttl=0.05, new=True)
    await asyncio.sleep(0.1)
    heir = await stores().claim("call-1", "b", ttl=TTL, new=True)
    assert heir.fence > dead.fence
    with pytest.raises(OwnershipLost):
        await store.write(dead, Batch(number=1, entries=entries("late")))
    await store.write(heir, Batch(number=1, entries=entries("first")))
    assert texts(await store.read("call-1")) == ["first"]
    await store.release(heir, ended=False)
    with pytest.raises(StoreError, match="resume"):
        await store.claim("call-1", "a", ttl=TTL, new=True)


async def test_no_fence_comes_twice_not_even_where_all_is_forgotten(store: Store) -> None:
    fences: list[int] = []
    for _ in range(5):
        lease = await store.claim("call-1", "a", ttl=TTL, new=True)
        fences.append(lease.fence)
        await store.forget("call-1")
    assert fences == sorted(set(fences))
    assert len({lease.token, (await store.claim("call-1", "a", ttl=TTL, new=True)).token}) == 2


async def test_the_owner_before_a_loss_is_refused_and_the_one_after_it_is_not(
    store: Store, stores: Any
) -> None:
    """The fence of the new owner was that of the old one, whose high batch number had all of the
    new one's batches taken for repeated ones."""
    old = await store.claim("call-1", "a", ttl=TTL, new=True)
    for number in range(1, 30):
        await store.write(old, Batch(number=number, entries=entries("old")))
    await store.forget("call-1")
    other = stores()
    new = await other.claim("call-1", "b", ttl=TTL, new=True)
    for attempt in (
        store.write(old, Batch(number=30, entries=entries("stale"), snapshot=b"stale")),
        store.asked(old, wait=0.0),
        store.asked(old, wait=5.0),
        store.release(old, ended=True),
        store.reclaim(old),
        # Whoever has guessed one of the two has not the other.
        store.write(attrs.evolve(old, fence=new.fence), Batch(number=1)),
        store.write(attrs.evolve(new, fence=old.fence), Batch(number=1)),
    ):
        with pytest.raises(OwnershipLost, match="it is b's now"):
            await attempt
    for number in range(1, 4):
        await other.write(new, Batch(number=number, entries=entries(f"new {number}")))
    assert texts(await other.read("call-1")) == ["new 1", "new 2", "new 3"]
    stored = await other.load("call-1")
    assert (stored.owner, stored.fence, stored.snapshot) == ("b", new.fence, None)


async def test_what_was_lost_is_claimed_again_by_its_owner(store: Store, stores: Any) -> None:
    lease = await store.claim("call-1", "a", ttl=TTL, new=True)
    await store.write(lease, Batch(number=1, entries=entries("old")))
    await stores().forget("call-1")
    for attempt in (
        store.write(lease, Batch(number=2, entries=entries("more"))),
        store.asked(lease, wait=0.0),
        store.asked(lease, wait=5.0),
        store.release(lease, ended=False),
    ):
        with pytest.raises(StateLost):
            await attempt
    with pytest.raises(UnknownSession):  # and nothing was stored
        await store.load("call-1")
    again = await store.reclaim(lease)
    assert (again.owner, again.token) == (lease.owner, lease.token)
    assert again.fence > lease.fence
    with pytest.raises(OwnershipLost):  # what was sent before comes too late
        await store.write(lease, Batch(number=2, entries=entries("late")))
    assert (await store.reclaim(lease)).fence > again.fence  # whose answer was not heard
    again = await store.reclaim(again)
    await store.write(again, Batch(number=1, entries=entries("new"), snapshot=b"whole"))
    with pytest.raises(SessionOwned):
        await stores().claim("call-1", "b", ttl=TTL)
    stored = await store.load("call-1")
    assert (stored.snapshot, stored.fence, stored.missing) == (b"whole", again.fence, 0)


async def test_what_another_has_had_meanwhile_is_not_claimed_again(store: Store) -> None:
    old = await store.claim("call-1", "a", ttl=TTL, new=True)
    await store.forget("call-1")
    new = await store.claim("call-1", "b", ttl=TTL, new=True)
    await store.release(new, ended=True)
    for attempt in (store.write(old, Batch(number=1)), store.reclaim(old)):
        with pytest.raises(OwnershipLost, match="nobody's now"):
            await attempt
    assert (await store.load("call-1")).ended


async def test_an_older_state_is_a_loss(store: Store) -> None:
    """As when a store comes back from a copy: it lacks batches that it had acknowledged."""
    lease = await store.claim("call-1", "a", ttl=TTL, new=True)
    await store.write(lease, Batch(number=1, entries=entries("one")))
    with pytest.raises(StateLost):
        await store.write(lease, Batch(number=3, entries=entries("three")))
    assert texts(await store.read("call-1")) == ["one"]
    again = await store.reclaim(lease)
    await store.write(again, Batch(number=1, entries=entries("three"), snapshot=b"whole"))
    assert texts(await store.read("call-1")) == ["one", "three"]


async def test_a_claim_that_is_cancelled_leaves_no_lease(store: Store) -> None:
    for _ in range(10):
        for delay in (0, 0.0005, 0.002):
            claiming = asyncio.create_task(claimed(store, "call-1", StoreOptions(), new=True))
            await asyncio.sleep(delay)
            claiming.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await store.release(await claiming, ended=True)  # it was quicker
            lease = await store.claim("call-1", "b", ttl=TTL, new=True)
            await store.release(lease, ended=True)


async def test_what_nobody_waits_for_any_more_is_not_asked(store: Store, stores: Any) -> None:
    lease = await store.claim("call-1", "a", ttl=TTL, new=True)
    asking = asyncio.create_task(stores().ask("call-1", b"?", timeout=20.0))
    number = 1
    while not await store.write(lease, Batch(number=number)):
        number += 1
        await asyncio.sleep(0.01)
    asking.cancel()
    await asyncio.wait([asking])
    assert await store.asked(lease, wait=0.0) == []


async def test_the_list_of_sessions(store: Store) -> None:
    assert await store.sessions() == []
    leases = {
        name: await store.claim(name, f"owner of {name}", ttl=TTL, new=True)
        for name in ("call-1", "call-2", "call-3")
    }
    await store.release(leases["call-1"], ended=True)
    await store.release(leases["call-2"], ended=False)
    listed = {each.session_id: each for each in await store.sessions()}
    assert set(listed) == {"call-1", "call-2", "call-3"}
    assert (listed["call-1"].owner, listed["call-1"].ended) == (None, True)
    assert (listed["call-2"].owner, listed["call-2"].ended) == (None, False)
    assert (listed["call-3"].owner, listed["call-3"].ended) == ("owner of call-3", False)
    assert all(abs(each.at - time.time()) < 60 for each in listed.values())
    await store.forget("call-1")
    await store.forget("call-1")
    assert {each.session_id for each in await store.sessions()} == {"call-2", "call-3"}
    with pytest.raises(UnknownSession):
        await store.load("call-1")


async def test_whoever_asks_gets_the_owners_answer(store: Store, stores: Any) -> None:
    lease = await store.claim("call-1", "a", ttl=TTL, new=True)
    assert await store.asked(lease, wait=0.0) == []
    waiting = asyncio.create_task(store.asked(lease, wait=20.0))
    await asyncio.sleep(0.05)
    other = stores()
    asking = [
        asyncio.create_task(other.ask("call-1", b"how are you?", timeout=20.0)),
    ]
    [first] = await waiting
    assert first.body == b"how are you?"
    asking.append(asyncio.create_task(other.ask("call-1", b"and now?", timeout=20.0)))
    [second] = await store.asked(lease, wait=20.0)
    assert await store.asked(lease, wait=0.0) == []  # nothing is handed out twice
    answers = {second.id: b"better", first.id: b"fine"}
    await store.write(lease, Batch(number=1, replies=answers))
    assert await asyncio.gather(*asking) == [b"fine", b"better"]


async def test_a_write_tells_that_somebody_has_asked(store: Store, stores: Any) -> None:
    lease = await store.claim("call-1", "a", ttl=TTL, new=True)
    assert not await store.write(lease, Batch(number=1))
    asking = asyncio.create_task(stores().ask("call-1", b"?", timeout=20.0))
    number = 2
    while not await store.write(lease, Batch(number=number)):
        number += 1
        await asyncio.sleep(0.01)
    [ask] = await store.asked(lease, wait=0.0)
    assert not await store.write(lease, Batch(number=number + 1, replies={ask.id: b"!"}))
    assert await asking == b"!"


async def test_nobody_answers_where_nobody_is(store: Store, stores: Any) -> None:
    with pytest.raises(NoOwner):
        await store.ask("call-1", b"?", timeout=5.0)
    lease = await store.claim("call-1", "a", ttl=TTL, new=True)
    with pytest.raises(WaitTimeout):
        await store.ask("call-1", b"?", timeout=0.05)
    assert await store.asked(lease, wait=0.0) == []  # whoever wanted it has gone
    await store.release(lease, ended=False)
    with pytest.raises(NoOwner):
        await store.ask("call-1", b"?", timeout=5.0)
    await store.claim("call-1", "b", ttl=0.02)
    await asyncio.sleep(0.05)
    with pytest.raises(NoOwner):
        await stores().ask("call-1", b"?", timeout=5.0)


async def test_what_was_asked_of_an_owner_who_died_its_successor_does(
    store: Store, stores: Any
) -> None:
    dead = await store.claim("call-1", "a", ttl=0.3, new=True)
    asking = asyncio.create_task(stores().ask("call-1", b"?", timeout=20.0))
    while not await store.write(dead, Batch(number=1)):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.35)
    lease = await store.claim("call-1", "b", ttl=TTL)
    [ask] = await store.asked(lease, wait=0.0)
    await store.write(lease, Batch(number=1, replies={ask.id: b"!"}))
    assert await asking == b"!"


@pytest.mark.parametrize("name", ["", "a b", "{x}", "-x", "x" * 201, "a/b", "ä", "a\n"])
async def test_a_session_has_a_name_that_fits_everywhere(store: Store, name: str) -> None:
    with pytest.raises(InvalidOption, match="session_id"):
        await store.claim(name, "a", ttl=TTL, new=True)


async def test_a_closed_store_opens_again(store: Store) -> None:
    lease = await store.claim("call-1", "a", ttl=TTL, new=True)
    await store.close()
    await store.close()
    await store.write(lease, Batch(number=1, entries=entries("again")))
    assert texts(await store.read("call-1")) == ["again"]
