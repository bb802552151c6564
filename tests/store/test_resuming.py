"""Taking a session over: what was said, what was being said, and tools that ran."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from crashing import crash
from websockets.asyncio.server import ServerConnection, serve

import voxwire
import voxwire.sync
from voxwire.emulator import Emulator, Reply
from voxwire.errors import InvalidOption, SessionOwned, UnknownSession
from voxwire.store import SQLiteStore, Store
from voxwire.store.options import Resumed, StoreOptions

SHORT = StoreOptions(lease=0.3)


@pytest.fixture
async def server() -> AsyncIterator[Emulator]:
    async with Emulator() as emulator:
        yield emulator


async def begin(server: Emulator, store: Store, **options: Any) -> voxwire.Session:
    return await voxwire.connect(
        url=server.url, store=store, session_id="call-42",
        **{"output_modalities": ["text"], "storing": SHORT, **options},
    )  # fmt: skip


def said(session: voxwire.Session) -> list[tuple[str | None, str]]:
    """What was said, and what tools gave, without ids."""
    return [
        (item.role or item.type, item.text or item.transcript or item.output or item.name or "")
        for item in session.conversation
    ]


async def resumed(store: Store, **options: Any) -> tuple[voxwire.Session, Resumed]:
    session = await voxwire.resume(store, "call-42", wait=20, storing=SHORT, **options)
    told: list[Resumed] = []
    session.on(Resumed, told.append, catch_up=True)
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        while not told:
            await asyncio.sleep(0.001)
    return session, told[0]


async def test_program_14(server: Emulator, store: Store, stores: Any) -> None:
    first = await begin(server, store, instructions="Be brief.")
    await first.say("My name is Ann.")
    await first.say("What is my name?")
    assert await first.kept.stored(20)
    before = said(first)
    await crash(first)
    async with voxwire.resume(stores(), "call-42", wait=20) as session:
        assert said(session) == before
        await session.say("Still there?")
        assert len(session.conversation) == 6
        # The server was told everything: it is another connection, and another session of its.
        told = server.connections[-1]
        assert len(server.connections) == 2
    assert session.session.instructions == "Be brief."
    assert session.kept.fence > first.kept.fence
    names = [frame.type for frame in told.received]
    assert names[:5] == ["session.update", *["conversation.item.create"] * 4]
    with pytest.raises(UnknownSession, match="was closed"):
        await voxwire.resume(store, "call-42")


async def test_a_session_that_lives_is_not_taken(server: Emulator, store: Store) -> None:
    session = await begin(server, store)
    with pytest.raises(SessionOwned):
        await voxwire.resume(store, "call-42")
    await session.close()
    with pytest.raises(UnknownSession):
        await voxwire.resume(store, "another")


async def test_a_drained_session_goes_on_elsewhere_at_once(
    server: Emulator, store: Store, stores: Any
) -> None:
    first = await begin(server, store, storing=StoreOptions(lease=600))
    answer = first.say("Hello")
    await first.hand_over()
    assert answer.status == "completed"  # what was being said was said to its end
    session, told = await resumed(stores())
    assert (told.owner, told.restored, told.asked_again) == (first.kept.owner, 2, 0)
    assert said(session) == said(first)
    await session.say("Again")
    await session.close()


async def test_what_was_being_said_is_said_again(server: Emulator, store: Store) -> None:
    long = "A long answer that will not come to its end."
    server.on("long", reply=Reply(text=long, hold=3), times=1)
    server.on("long", reply=long)
    first = await begin(server, store)
    async with first.expect(voxwire.ResponseOutputTextDelta, timeout=20):
        first.say("long")
    assert await first.kept.stored(20)
    await crash(first)
    session, told = await resumed(store)
    assert told.asked_again == 1
    async with asyncio.timeout(20):
        while not session._core.turns.idle or len(session.conversation) < 2:
            await asyncio.sleep(0.005)
    assert said(session) == [
        ("user", "long"), ("assistant", "A long answer that will not come to its end."),
    ]  # fmt: skip
    await session.close()


async def test_what_waited_for_its_turn_is_asked_in_order(server: Emulator, store: Store) -> None:
    gate = asyncio.Event()

    async def brain(turn: Any) -> str:
        if not gate.is_set():
            await asyncio.Event().wait()
        return f"to {turn.text}"

    server.script.brain = brain
    first = await begin(server, store)
    for text in ("one", "two", "three"):
        first.say(text)
    async with first.expect(voxwire.ResponseCreated, timeout=20):
        pass
    assert await first.kept.stored(20)
    await crash(first)
    gate.set()
    session, told = await resumed(store)
    assert told.asked_again == 3
    async with asyncio.timeout(20):
        while len(session.conversation) < 6 or not session._core.turns.idle:
            await asyncio.sleep(0.005)
    assert said(session) == [
        ("user", "one"), ("assistant", "to one"), ("user", "two"), ("assistant", "to two"),
        ("user", "three"), ("assistant", "to three"),
    ]  # fmt: skip
    await session.close()


class Tools:
    """A tool whose first run never ends, and one that may be repeated."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.running = asyncio.Event()
        self.stuck = True

    def given(self) -> list[Any]:
        @voxwire.tool
        async def book() -> str:
            """Book."""
            return await self._run("book")

        @voxwire.tool(idempotent=True)
        async def look() -> str:
            """Look."""
            return await self._run("look")

        return [book, look]

    async def _run(self, name: str) -> str:
        self.ran.append(name)
        self.running.set()
        if self.stuck:
            await asyncio.Event().wait()
        return f"{name} done"


@pytest.mark.parametrize("name", ["book", "look"])
async def test_a_tool_that_ran_on_a_dead_worker(server: Emulator, store: Store, name: str) -> None:
    server.on("go", call=name, arguments={})
    server.on(output_of=name, reply="All right.")
    tools = Tools()
    first = await begin(server, store, tools=tools.given())
    first.say("go")
    await asyncio.wait_for(tools.running.wait(), 20)
    assert await first.kept.stored(20)
    await crash(first)
    tools.stuck = False
    session, told = await resumed(store, tools=tools.given())
    async with asyncio.timeout(20):
        while said(session)[-1] != ("assistant", "All right."):
            await asyncio.sleep(0.005)
    output = said(session)[2][1]
    if name == "book":  # nobody knows whether it did what it does: it does not run twice
        assert tools.ran == ["book"]
        assert [call.name for call in told.unknown] == ["book"]
        assert told.run == ()
        assert "unknown_outcome" in output
    else:
        assert tools.ran == ["look", "look"]
        assert [call.name for call in told.run] == ["look"]
        assert output == "look done"
    await session.close()


async def test_a_tool_that_had_not_begun_is_run(server: Emulator, store: Store) -> None:
    server.on("go", call="book", arguments={})
    server.on(output_of="book", reply="All right.")
    tools = Tools()
    first = await begin(server, store, tools=tools.given())
    # Whatever runs tools stops before it has begun.
    first._core.around_tools.append(lambda call, work: asyncio.Event().wait())
    async with first.expect(voxwire.ResponseDone, timeout=20):
        first.say("go")
    assert await first.kept.stored(20)
    await crash(first)
    tools.stuck = False
    session, told = await resumed(store, tools=tools.given())
    assert [call.name for call in told.run] == ["book"]
    async with asyncio.timeout(20):
        while said(session)[-1] != ("assistant", "All right."):
            await asyncio.sleep(0.005)
    assert tools.ran == ["book"]
    await session.close()


async def test_a_tool_that_waited_for_its_approval_had_not_begun(
    server: Emulator, store: Store
) -> None:
    server.on("go", call="book", arguments={})
    server.on(output_of="book", reply="All right.")
    asked = asyncio.Event()
    ran: list[str] = []
    dead = True

    async def approve(call: voxwire.Call) -> bool:
        asked.set()
        if dead:
            await asyncio.Event().wait()
        return True

    @voxwire.tool(approve=approve)
    async def book() -> str:
        ran.append("book")
        return "booked"

    first = await begin(server, store, tools=[book])
    async with first.expect(voxwire.ResponseDone, timeout=20):
        first.say("go")
    await asyncio.wait_for(asked.wait(), 20)
    assert await first.kept.stored(20)
    await crash(first)
    dead = False
    session, told = await resumed(store, tools=[book])
    assert ([call.name for call in told.run], told.unknown) == (["book"], ())
    async with asyncio.timeout(20):
        while said(session)[-1] != ("assistant", "All right."):
            await asyncio.sleep(0.005)
    assert ran == ["book"]
    await session.close()


async def test_a_tool_whose_output_was_sent_is_not_run_and_the_model_goes_on(
    server: Emulator, store: Store
) -> None:
    gate = asyncio.Event()
    server.on("go", call="book", arguments={})

    async def brain(turn: Any) -> str:
        if not gate.is_set():
            await asyncio.Event().wait()
        return "All right."

    server.on(output_of="book", reply=brain)
    tools = Tools()
    tools.stuck = False
    first = await begin(server, store, tools=tools.given())
    first.say("go")
    async with asyncio.timeout(20):
        while len(first.conversation) < 3:
            await asyncio.sleep(0.005)
    assert await first.kept.stored(20)
    await crash(first)
    gate.set()
    session, told = await resumed(store, tools=tools.given())
    assert (told.run, told.unknown) == ((), ())
    async with asyncio.timeout(20):
        while said(session)[-1] != ("assistant", "All right."):
            await asyncio.sleep(0.005)
    assert tools.ran == ["book"]
    assert len(session.conversation) == 4
    await session.close()


async def test_a_session_is_taken_over_again_and_again(server: Emulator, store: Store) -> None:
    session = await begin(server, store)
    for number in range(4):
        await session.say(f"turn {number}")
        assert await session.kept.stored(20)
        await crash(session)
        session, told = await resumed(store)
        assert told.restored == 2 * (number + 1)
    assert [text for role, text in said(session) if role == "user"] == [
        f"turn {number}" for number in range(4)
    ]
    fences = [claim.fence for claim in (await store.load("call-42")).claims]
    assert fences == sorted(set(fences))
    assert len(fences) == 5
    await session.close()


async def test_who_dies_while_taking_over_leaves_all_to_the_next(
    server: Emulator, store: Store
) -> None:
    first = await begin(server, store)
    await first.say("Hello")
    assert await first.kept.stored(20)
    before = said(first)
    await crash(first)
    with pytest.raises(voxwire.ConnectError):
        await voxwire.resume(store, "call-42", wait=20, url="ws://127.0.0.1:9")
    session, told = await resumed(store)
    assert said(session) == before
    assert told.restored == 2
    await session.close()


async def test_spoken_conversations_are_taken_over_too(server: Emulator, store: Store) -> None:
    first = await begin(
        server, store, output_modalities=["audio"], turn_detection=None,
        transcription="gpt-4o-transcribe",
    )  # fmt: skip
    await first.append_audio(bytes(48_000))
    async with first.expect("conversation.item.input_audio_transcription.completed", timeout=20):
        await first.commit_audio()
    await first.respond()
    assert await first.kept.stored(20)
    before = [(i.role, i.transcript, i.audio_ms) for i in first.conversation]
    assert before[0][2] == 1000
    await crash(first)
    session, _ = await resumed(store)
    assert [(i.role, i.transcript, i.audio_ms) for i in session.conversation] == before
    await session.close()


async def test_settings_may_change_with_the_owner(server: Emulator, store: Store) -> None:
    first = await begin(server, store, instructions="Be brief.", voice="cedar")
    await first.hand_over()
    session, _ = await resumed(store, instructions="Be long.")
    assert session.session.instructions == "Be long."
    assert session.session.audio.output.voice == "cedar"
    await session.close()


async def test_what_cannot_work_is_told_at_once(tmp_path: Any) -> None:
    store = SQLiteStore(tmp_path / "s.db")
    with pytest.raises(InvalidOption, match="needs a store"):
        voxwire.resume(None, "call-1")  # type: ignore[arg-type]
    with pytest.raises(InvalidOption, match="unknown setting"):
        voxwire.resume(store, "call-1", instruction="x")  # type: ignore[call-arg]
    with pytest.raises(InvalidOption, match="letters"):
        voxwire.resume(store, "")


async def test_without_asyncio(server: Emulator, tmp_path: Any) -> None:
    def program() -> list[str]:
        path = tmp_path / "s.db"
        with pytest.raises(RuntimeError):
            with voxwire.sync.connect(
                url=server.url, store=SQLiteStore(path), session_id="call-1",
                output_modalities=["text"],
            ) as first:  # fmt: skip
                first.say("Hello").wait()
                raise RuntimeError("a fault of the program")
        with voxwire.sync.resume(SQLiteStore(path), "call-1", wait=20) as second:
            second.say("Again").wait()
            return [item.text for item in second.conversation]

    assert await asyncio.to_thread(program) == ["Hello", "Hello", "Again", "Again"]


# -- a worker that dies while it opens a session ------------------------------------------------


async def test_a_session_that_never_began_is_begun_and_not_resumed(
    server: Emulator, store: Store, stores: Any
) -> None:
    await store.claim("call-42", "dead", ttl=0.1, new=True)
    with pytest.raises(UnknownSession, match="never begun"):
        await voxwire.resume(stores(), "call-42", wait=20)
    async with await begin(server, stores()) as session:
        assert (await session.say("Hello")).text == "Hello"
        assert (await store.load("call-42")).claims[0].owner == "dead"


async def test_nothing_is_stored_before_the_session_has_its_settings(store: Store) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(socket: ServerConnection) -> None:
        await socket.send('{"type":"session.created","event_id":"event_1","session":{}}')
        update = json.loads(await socket.recv())
        asked.set()
        await answer.wait()
        await socket.send(json.dumps({**update, "type": "session.updated"}))
        await socket.wait_closed()

    async with serve(slow, "127.0.0.1", 0) as far:
        port = far.sockets[0].getsockname()[1]
        opening = asyncio.create_task(
            voxwire.connect(
                url=f"ws://127.0.0.1:{port}", store=store, session_id="call-42",
                instructions="Be brief.", storing=SHORT,
            ).open()
        )  # fmt: skip
        await asked.wait()
        await asyncio.sleep(0.5)  # longer than the lease, which is renewed meanwhile
        stored = await store.load("call-42")
        assert (stored.last, stored.owner is not None) == ("", True)
        answer.set()
        session = await opening
        assert await session.kept.stored(20)
        assert b"Be brief." in b"".join(entry.data for entry in await store.read("call-42"))
        await session.close()


async def test_a_resumed_session_keeps_as_many_items_as_before(
    server: Emulator, store: Store
) -> None:
    first = await begin(server, store, keep_items=5)
    for number in range(4):
        await first.say(str(number))
    assert await first.kept.stored(20)
    await crash(first)
    second, _ = await resumed(store)
    for number in range(4):
        await second.say(str(number))
    assert len(second.conversation) == 5
    await crash(second)
    third, _ = await resumed(store, keep_items=None)
    for number in range(3):
        await third.say(str(number))
    assert len(third.conversation) > 5
    await third.close()


@pytest.mark.parametrize("profile", ["flat", "xai", "voice live"])
async def test_settings_of_a_server_of_another_format_are_in_the_log(
    store: Store, profile: str
) -> None:
    update: dict[str, Any] = {}

    async def serve_one(socket: ServerConnection) -> None:
        described = {"id": "s", "object": "realtime.session", "model": "m", "modalities": ["text"]}
        event = {"type": "session.created", "event_id": "e", "session": described}
        await socket.send(json.dumps(event))
        async for frame in socket:
            asked = json.loads(frame)
            if asked["type"] == "session.update":
                update.update(asked["session"])
                session = {**described, **asked["session"]}
                await socket.send(
                    json.dumps({"type": "session.updated", "event_id": "e", "session": session})
                )

    async with serve(serve_one, "127.0.0.1", 0) as running:
        url = f"ws://127.0.0.1:{running.sockets[0].getsockname()[1]}/v1/realtime"
        base = url.removesuffix("/realtime")
        profiles: dict[str, voxwire.ServerProfile] = {
            "flat": voxwire.OpenAICompatible(url, flat=True),
            "xai": voxwire.XAI(api_key="not-a-key", base_url=base),
            "voice live": voxwire.AzureVoiceLive(base, api_key="not-a-key"),
        }
        session = await voxwire.connect(
            server=profiles[profile], store=store, session_id="call-42", storing=SHORT,
            model="m", instructions="Be kind.", voice="alloy", turn_detection=None,
        )  # fmt: skip
        assert await session.kept.stored(20)
        await crash(session)
        assert update["instructions"] == "Be kind."
        update.clear()
        again = await voxwire.resume(
            store, "call-42", wait=20, storing=SHORT, server=profiles[profile], model="m"
        )
        assert update["instructions"] == "Be kind."
        assert update["voice"]
        assert again.session.instructions == "Be kind."
        await again.close()
