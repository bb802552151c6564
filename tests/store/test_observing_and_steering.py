"""A session heard and steered by other processes, through its store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from crashing import crash

import voxwire
from voxwire.emulator import Emulator, Reply
from voxwire.errors import InvalidOption, NoOwner, SteeringRefused, UnknownSession, WaitTimeout
from voxwire.store import SQLiteStore, Store
from voxwire.store.options import OwnerChanged, StoreOptions


@pytest.fixture
async def server() -> AsyncIterator[Emulator]:
    async with Emulator() as emulator:
        yield emulator


async def begin(server: Emulator, store: Store, **options: Any) -> voxwire.Session:
    return await voxwire.connect(
        url=server.url, store=store, session_id="call-42",
        **{"output_modalities": ["text"], **options},
    )  # fmt: skip


async def all_of(observation: Any) -> list[Any]:
    return [event async for event in observation]


def names(events: list[Any]) -> list[str]:
    return [getattr(event, "type", type(event).__name__) for event in events]


async def test_who_observes_hears_what_the_session_hears(
    server: Emulator, store: Store, stores: Any
) -> None:
    heard: list[Any] = []
    async with await begin(server, store) as session:
        for key in (voxwire.ServerEvent, voxwire.ClientEvent, voxwire.ConnectionClosed):
            session.on(key, heard.append)
        observation = voxwire.observe(stores(), "call-42", start="beginning")
        observing = asyncio.create_task(all_of(observation))
        await session.say("Hello")
        await session.say("Goodbye")
        conversation = session.conversation
    events = await asyncio.wait_for(observing, 30)
    assert names(events)[0] == "session.created"
    start = "conversation.item.create"  # before it, handlers were not there yet
    since, there = names(heard).index(start), names(events).index(start)
    assert names(events)[there:] == names(heard)[since:]
    assert events[-1] == heard[-1]
    done = [event for event in events if isinstance(event, voxwire.ResponseDone)]
    assert done == [event for event in heard if isinstance(event, voxwire.ResponseDone)]
    assert observation.conversation == conversation


async def test_from_now_and_from_a_place(server: Emulator, store: Store, stores: Any) -> None:
    async with await begin(server, store) as session:
        await session.say("before")
        await session.kept.stored(20)
        from_now = voxwire.observe(stores(), "call-42")
        events: Any = aiter(from_now)
        first = asyncio.create_task(anext(events))
        while from_now.position == "":
            await asyncio.sleep(0.005)
        # The conversation has a past, also for who comes late.
        while len(from_now.conversation) < 2:
            await asyncio.sleep(0.005)
        await session.say("after")
        event = await asyncio.wait_for(first, 20)
        assert event.type in ("conversation.item.create", "response.create")
        place = from_now.position
        again = voxwire.observe(stores(), "call-42", after=place)
        following: Any = aiter(again)
        assert await asyncio.wait_for(anext(following), 20) != event
        await events.aclose()
        await following.aclose()
        assert again.position != place


async def test_an_owner_that_changes_is_told(server: Emulator, store: Store, stores: Any) -> None:
    short = StoreOptions(lease=0.3)
    first = await begin(server, store, storing=short)
    observing = asyncio.create_task(all_of(voxwire.observe(stores(), "call-42", start="beginning")))
    await first.say("one")
    await first.kept.stored(20)
    await crash(first)
    async with voxwire.resume(store, "call-42", wait=20, storing=short) as second:
        await second.say("two")
    events = await asyncio.wait_for(observing, 30)
    [changed] = [event for event in events if isinstance(event, OwnerChanged)]
    assert (changed.owner, changed.fence) == (second.kept.owner, second.kept.fence)
    said = [e.text for e in events if isinstance(e, voxwire.ResponseOutputTextDone)]
    assert len(said) == 2


async def test_sound_is_heard_where_it_is_stored(
    server: Emulator, store: Store, stores: Any
) -> None:
    for name, audio in (("with", True), ("without", False)):
        async with voxwire.connect(
            url=server.url, store=store, session_id=name, storing=StoreOptions(audio=audio)
        ) as session:
            answer = session.say("Hello")
            whole = b"".join([piece async for piece in answer.audio])
        observation = voxwire.observe(stores(), name, start="beginning")
        events = await asyncio.wait_for(all_of(observation), 30)
        deltas = [e for e in events if isinstance(e, voxwire.ResponseOutputAudioDelta)]
        assert b"".join(each.audio for each in deltas) == (whole if audio else b"")
        assert observation.conversation[-1].audio_ms == session.conversation[-1].audio_ms > 0


async def test_a_reader_that_is_too_slow_is_told_what_it_missed(
    server: Emulator, tmp_path: Any
) -> None:
    store = SQLiteStore(tmp_path / "s.db", history=30)
    storing = StoreOptions(snapshot_after=20)
    async with await begin(server, store, storing=storing) as session:
        await session.say("first")
        await session.kept.stored(20)
        slow = voxwire.observe(SQLiteStore(store.path), "call-42", start="beginning")
        events = aiter(slow)
        await anext(events)
        for number in range(40):
            await session.say(f"number {number}")
        await session.kept.stored(20)
        found: list[Any] = []
        async with asyncio.timeout(20):
            while slow.conversation != session.conversation:
                found.append(await anext(events))
        assert sum(e.dropped for e in found if isinstance(e, voxwire.Overflow)) > 100
        assert slow.conversation == session.conversation
        await events.aclose()  # type: ignore[attr-defined]


async def test_a_second_process_steers(server: Emulator, store: Store, stores: Any) -> None:
    server.on("name", reply="Her name is Ann.")
    async with await begin(server, store) as session:
        remote = voxwire.remote(stores(), "call-42")
        answer = await remote.say("What is her name?")
        assert (answer.text, answer.status) == ("Her name is Ann.", "completed")
        assert answer.id == session.conversation[-1].response_id
        await remote.update(instructions="Be kind.", tools=None)  # type: ignore[call-arg]
        assert session.session.instructions == "Be kind."
        server.on("long", reply=Reply(text="One two three four five", hold=2))
        async with session.expect(voxwire.ResponseOutputTextDelta, timeout=20):
            begun = await remote.say("long", wait=False, metadata={"by": "the supervisor"})
            assert begun.status in ("queued", "in_progress")
        async with session.expect(voxwire.ResponseDone, timeout=20) as done:
            await remote.interrupt()
        assert (await done).response.status == "cancelled"
        await remote.close()
        await asyncio.wait_for(asyncio.shield(session.reading), 20)
        await session.close()
    assert (await store.load("call-42")).ended
    with pytest.raises(NoOwner):
        await remote.say("Anybody?")


async def test_what_the_owner_cannot_do_comes_back_with_the_reason(
    server: Emulator, store: Store, stores: Any
) -> None:
    async with await begin(server, store):
        remote = voxwire.remote(stores(), "call-42", timeout=20)
        with pytest.raises(SteeringRefused, match=r"call-42: \$\.response\.max_output_tokens"):
            await remote.say("x", max_output_tokens="many")  # type: ignore[arg-type]
        with pytest.raises(SteeringRefused, match="does not know how"):
            await remote._ask("explode")
        with pytest.raises(InvalidOption):  # what can be told here, is
            await remote.update(instruction="x")  # type: ignore[call-arg]


async def test_an_owner_that_does_not_answer(server: Emulator, store: Store, stores: Any) -> None:
    async with await begin(server, store) as session:
        session.kept._serving._listener.cancel()
        with pytest.raises(WaitTimeout):
            await voxwire.remote(stores(), "call-42", timeout=0.1).interrupt()


async def test_another_process_may_ask_for_the_session(
    server: Emulator, store: Store, stores: Any
) -> None:
    first = await begin(server, store)
    await first.say("Hello")
    other = stores()
    await voxwire.remote(other, "call-42").hand_over()
    async with voxwire.resume(other, "call-42", wait=20) as second:
        assert len(second.conversation) == 2
        assert first.closed is not None
    await first.close()


async def test_what_is_not_there_is_told(store: Store) -> None:
    with pytest.raises(UnknownSession):
        await all_of(voxwire.observe(store, "nothing"))
    with pytest.raises(NoOwner):
        await voxwire.remote(store, "nothing").interrupt()
    with pytest.raises(InvalidOption, match="beginning"):
        voxwire.observe(store, "x", start="yesterday")  # type: ignore[arg-type]


async def test_an_observer_hears_of_a_loss_and_goes_on(
    server: Emulator, store: Store, stores: Any
) -> None:
    async with await begin(server, store) as session:
        await session.say("one")
        await session.kept.stored(20)
        observation = voxwire.observe(stores(), "call-42", start="beginning")
        found: list[Any] = []

        async def observe() -> None:
            async for event in observation:
                found.append(event)

        observing = asyncio.create_task(observe())
        async with asyncio.timeout(30):
            while observation.conversation != session.conversation:
                await asyncio.sleep(0.01)
            await stores().forget("call-42")
            await session.say("two")
            while not any(isinstance(event, voxwire.StoreReset) for event in found):
                await asyncio.sleep(0.01)
            await session.say("three")
            while observation.conversation != session.conversation:
                await asyncio.sleep(0.01)
    await asyncio.wait_for(observing, 30)
    [reset] = [event for event in found if isinstance(event, voxwire.StoreReset)]
    assert reset.fence == session.kept.fence
    assert not any(isinstance(event, OwnerChanged) for event in found)
    said = [e.text for e in found if isinstance(e, voxwire.ResponseOutputTextDone)]
    assert len(said) >= 2
    assert said[-1] == "three"


async def test_an_observer_of_what_was_forgotten_for_good_is_told(
    server: Emulator, store: Store, stores: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voxwire.store.observer.GONE", 0.3)
    monkeypatch.setattr("voxwire.store.observer.WAIT", 0.2)
    session = await begin(server, store)
    await session.say("one")
    await session.hand_over()
    events = aiter(voxwire.observe(stores(), "call-42", start="beginning"))
    await anext(events)
    await store.forget("call-42")
    with pytest.raises(voxwire.UnknownSession):
        async with asyncio.timeout(20):
            while True:
                await anext(events)
