"""Sessions whose connections break, over real sockets: what a program sees, and can decide."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import voxwire
from benchmarks.soak import clock
from benchmarks.soak.line import Cut, Line
from voxwire import (
    ConnectionClosed,
    ConnectionClosedError,
    InvalidOption,
    Reconnect,
    Reconnected,
    Reconnecting,
    ServerError,
)
from voxwire.emulator import Emulator, Policy
from voxwire.recording.frames import Frame, Meta, read, sessions

SOON: dict[str, Any] = {"first_delay": 0.005, "longest_delay": 0.02}
TEXT: dict[str, Any] = {"output_modalities": ["text"]}


@pytest.fixture
async def server() -> AsyncIterator[Emulator]:
    async with Emulator() as server:
        yield server


@asynccontextmanager
async def opened(
    server: Emulator,
    *cuts: Cut | None,
    connect: Any = voxwire.connect,
    policy: Reconnect | None = None,
    **options: Any,
) -> AsyncIterator[tuple[Any, Line]]:
    policy = Reconnect(**SOON) if policy is None else policy
    async with (
        asyncio.timeout(20),
        Line(server.url, list(cuts)) as line,
        connect(url=line.url, **{"reconnect": policy, **TEXT, **options}) as session,
    ):
        yield session, line


def texts(session: Any) -> list[str | None]:
    return [
        item.text or item.transcript or item.name or item.output for item in session.conversation
    ]


def moves(session: Any) -> list[Any]:
    told: list[Any] = []
    for kind in (Reconnecting, Reconnected, ConnectionClosed):
        session.on(kind, told.append)
    return told


async def test_a_session_goes_on_and_tells_of_it(server: Emulator, connect: Any) -> None:
    async with opened(server, connect=connect) as (session, line):
        told = moves(session)
        await session.say("before")
        first = session.session.id
        async with session.expect(Reconnected, timeout=10):
            line.cut()
        assert (await session.say("after")).text == "after"
        assert texts(session) == ["before", "before", "after", "after"]
        assert session.session.id != first
        assert session.closed is None
    lost, back, end = told
    assert (lost.attempt, lost.closed.code, lost.planned) == (1, 1006, False)
    assert (back.attempt, back.restored, back.left_out, back.asked_again) == (1, 2, (), 0)
    assert isinstance(end, ConnectionClosed)
    assert (end.code, end.clean, end.expected) == (1000, True, True)


async def test_the_changes_are_in_the_stream_of_all_events(server: Emulator, connect: Any) -> None:
    async with opened(server, connect=connect) as (session, line):
        async with session.expect(Reconnected, timeout=10):
            line.cut()
        await session.close()
        kinds = [type(event).__name__ for event in [event async for event in session]]
    assert [k for k in kinds if "onnect" in k] == [
        "Reconnecting",
        "Reconnected",
        "ConnectionClosed",
    ]


async def test_restored_items_are_not_told_as_news(server: Emulator) -> None:
    async with opened(server) as (session, line):
        seen: list[Any] = []
        session.on(voxwire.ConversationItemAdded, seen.append)
        session.on("conversation.item.appended", seen.append)
        await session.say("once")
        async with session.expect(Reconnected, timeout=10):
            line.cut()
        await session.say("twice")
        added = [e.item for e in seen if isinstance(e, voxwire.ConversationItemAdded)]
        assert [item.role for item in added] == ["user", "assistant"] * 2
        assert len(seen) == 8


async def test_what_is_sent_meanwhile_waits(server: Emulator, connect: Any) -> None:
    async with opened(server, connect=connect) as (session, line):
        line.refusing = True
        async with session.expect(Reconnecting, timeout=10):
            line.cut()
        sending = asyncio.create_task(session.add("kept for later"))
        answer = session.say("and this")
        await asyncio.sleep(0.02)
        assert not sending.done()
        line.refusing = False
        receipt = await sending
        assert await receipt.acknowledged(10) is not None
        assert (await answer).status == "completed"
    assert [item["content"][0]["text"] for item in server.conversation][:2] == [
        "kept for later", "and this",
    ]  # fmt: skip


async def test_settings_and_tools_come_along(server: Emulator) -> None:
    async with opened(server, instructions="First.", voice="cedar") as (session, line):
        await session.update(instructions="Second.", max_output_tokens=99)

        @session.tool
        def add(a: int, b: int) -> int:
            """Adds."""
            return a + b

        server.on("sum", call="add", arguments={"a": 2, "b": 3})
        server.on(output_of="add", reply="Five.")
        async with session.expect(Reconnected, timeout=10):
            line.cut()
        now = session.session
        assert (now.instructions, now.max_output_tokens) == ("Second.", 99)
        assert now.audio.output.voice == "cedar"
        assert (await session.say("sum")).text == "Five."


async def test_a_refused_update_is_not_repeated(server: Emulator) -> None:
    async with opened(server, instructions="Good.") as (session, line):
        with pytest.raises(ServerError):
            await session.update(prompt={"id": "pmpt_none"}, tracing={"group_id": "x" * 9})
            await session.update(tracing="auto")
            await session.update(tracing={"group_id": "changed"})
        async with session.expect(Reconnected, timeout=10) as back:
            line.cut()
        assert (await back).attempt == 1
        assert session.session.instructions == "Good."


async def test_a_slow_tool_answers_on_the_new_connection(server: Emulator, connect: Any) -> None:
    go, ran = asyncio.Event(), []

    async def wait(n: int) -> str:
        """Waits."""
        ran.append(n)
        await go.wait()
        return f"waited {n}"

    server.on("slowly", call="wait", arguments={"n": 7})
    server.on(output_of="wait", reply="Done waiting.")
    async with opened(server, connect=connect, tools=[wait]) as (session, line):
        answer = session.say("slowly")
        while not ran:
            await asyncio.sleep(0.005)
        async with session.expect(Reconnected, timeout=10):
            line.cut()
        go.set()
        assert (await answer).text == "Done waiting."
        assert ran == [7]
        assert texts(session) == ["slowly", "wait", "waited 7", "Done waiting."]
    assert [i["type"] for i in server.conversation] == [
        "message", "function_call", "function_call_output", "message",
    ]  # fmt: skip


async def test_a_response_may_be_reported_and_not_repeated(server: Emulator) -> None:
    server.on("long", reply="one two three four five", hold=3)
    policy = Reconnect(responses="report", **SOON)
    async with opened(server, policy=policy) as (session, line):
        answer = session.say("long")
        async for piece in answer.text:
            assert piece
            break
        async with session.expect(Reconnected, timeout=10) as back:
            line.cut()
        event = await back
        assert (await answer).status == "incomplete"
        assert event.interrupted == (answer.id,)
        assert event.asked_again == 0
        item = session.conversation[-1]
        assert item.role == "assistant"
        assert item.interrupted
        assert "one two three four five".startswith(item.text)
    assert server.conversation[-1]["content"][0]["text"] == item.text


async def test_what_was_heard_stays_and_the_answer_goes_on_behind_it(server: Emulator) -> None:
    words = " ".join(f"word{number}" for number in range(40))
    server.on("long", reply=words, hold=30)
    options = {"output_modalities": ["audio"]}
    async with opened(server, **options) as (session, line):
        answer = session.say("long")
        async with session.stream(voxwire.ResponseOutputAudioDelta) as sound:
            async for delta in sound:
                session.playback.played(ms=200, item_id=delta.item_id)
                break
        while session.conversation[-1].audio_ms < 300:
            await asyncio.sleep(0.005)
        async with session.expect(Reconnected, timeout=10):
            line.cut()
        server.release()
        await answer
        heard, anew = [i for i in session.conversation if i.role == "assistant"]
        assert heard.interrupted
        assert heard.audio_ms == 200
        assert anew.completed
        assert words.startswith(heard.heard.strip())
        restored = [i for i in server.conversation if i.get("role") == "assistant"]
        assert len(restored) == (2 if heard.heard else 1)


async def test_audio_that_is_spoken_meanwhile_is_heard(server: Emulator) -> None:
    options = {"transcription": "gpt-live-transcribe", "turn_detection": {"type": "server_vad"}}
    sound = server.speech("can you hear me") + bytes(48 * 1200)
    async with opened(server, **options) as (session, line):
        await session.append_audio(sound[:9600])
        line.refusing = True
        async with session.expect(Reconnecting, timeout=10):
            line.cut()
        for start in range(9600, len(sound), 9600):
            await session.append_audio(sound[start : start + 9600])
        line.refusing = False
        understood = voxwire.ConversationItemInputAudioTranscriptionCompleted
        async with session.expect(understood, timeout=10), session.expect(voxwire.ResponseDone):
            pass
        assert session.conversation[0].transcript == "can you hear me"
        assert len(session.conversation) == 2


async def test_audio_beyond_the_bound_is_told(server: Emulator) -> None:
    policy = Reconnect(audio_seconds=1.0, **SOON)
    async with opened(server, policy=policy, turn_detection=None) as (session, line):
        line.refusing = True
        async with session.expect(Reconnecting, timeout=10):
            line.cut()
        for _ in range(30):
            await session.append_audio(bytes(4800))
        async with session.expect(Reconnected, timeout=10) as back:
            line.refusing = False
        assert 1900 <= (await back).lost_audio_ms <= 2000


async def test_speech_nobody_wrote_down_is_restored_as_sound_or_left_out(server: Emulator) -> None:
    for seconds, left_out in ((60.0, 0), (0.0, 1)):
        policy = Reconnect(audio_seconds=seconds, **SOON)
        async with opened(server, policy=policy, turn_detection=None) as (session, line):
            await session.append_audio(server.speech("no transcription here"))
            await session.commit_audio()
            await session.respond()
            async with session.expect(Reconnected, timeout=10) as back:
                line.cut()
            event = await back
            assert len(event.left_out) == left_out
            assert event.restored == 2 - left_out
        kinds = [item["content"][0]["type"] for item in server.conversation]
        assert kinds == ["input_audio", "output_text"][left_out:]


async def test_a_reminder_goes_behind_the_items(server: Emulator) -> None:
    policy = Reconnect(
        reminder=lambda conversation: f"You were cut off after {len(conversation)} items.", **SOON
    )
    async with opened(server, policy=policy) as (session, line):
        await session.say("hello")
        async with session.expect(Reconnected, timeout=10):
            line.cut()
    last = server.conversation[-1]
    assert last["role"] == "system"
    assert last["content"][0]["text"] == "You were cut off after 2 items."


async def test_ids_that_a_client_may_not_use_are_shortened(server: Emulator) -> None:
    async with opened(server) as (session, line):
        await session.say("hello")
        # As other servers than OpenAI's give them.
        ledger = session._core.cache._ledger
        ledger.rename(ledger.items[ledger.order[0]], "item_" + "x" * 40)
        async with session.expect(Reconnected, timeout=10) as back:
            line.cut()
        event = await back
        [(old, new)] = event.renamed.items()
        assert old == "item_" + "x" * 40
        assert len(new) <= 32
        assert session.conversation[0].id == new == server.conversation[0]["id"]


async def test_a_regular_end_by_the_server_is_the_end(server: Emulator) -> None:
    server.faults.append("close:1000@6")  # type: ignore[arg-type]
    from voxwire.emulator.faults import CloseAfter

    server.faults[:] = [CloseAfter(6, 1000)]
    async with opened(server) as (session, _):
        told = moves(session)
        with pytest.raises(ConnectionClosedError):
            await session.say("hello")
        await asyncio.sleep(0)
        assert session.closed.code == 1000
    assert [type(event) for event in told] == [ConnectionClosed]


async def test_it_is_given_up_when_nothing_gets_better(server: Emulator) -> None:
    policy = Reconnect(attempts=3, **SOON)
    async with opened(server, policy=policy) as (session, line):
        told = moves(session)
        line.refusing = True
        line.cut()
        with pytest.raises(ConnectionClosedError) as caught:
            await session.say("into the void")
        assert isinstance(caught.value.__cause__, voxwire.ConnectError)
    assert [event.attempt for event in told[:-1]] == [1, 2, 3]
    assert told[0].error is None
    assert isinstance(told[1].error, voxwire.ConnectError)
    assert told[-1].code == 1006
    assert isinstance(told[-1].error, voxwire.ConnectError)


async def test_only_progress_renews_the_attempts(server: Emulator) -> None:
    # Each new connection opens, is restored, and breaks again.
    flapping = [Cut("s2c", 4)] * 9
    policy = Reconnect(attempts=4, **SOON)
    async with opened(server, *flapping, policy=policy) as (session, _):
        told = moves(session)
        with pytest.raises(ConnectionClosedError):
            await session.say("hello")
        assert [e.attempt for e in told if isinstance(e, Reconnecting)] == [1, 2, 3, 4]
    # Each of these has an answer before it breaks.
    useful = [None] * 9
    async with opened(server, *useful, policy=policy) as (session, line):
        told = moves(session)
        for number in range(6):
            await session.say(f"turn {number}")
            async with session.expect(Reconnected, timeout=10):
                line.cut()
        assert {e.attempt for e in told if isinstance(e, Reconnecting)} == {1}


async def test_a_callback_may_give_up(server: Emulator) -> None:
    asked: list[Reconnecting] = []

    async def no(event: Reconnecting) -> bool:
        asked.append(event)
        return event.attempt < 2

    policy = Reconnect(before=no, **SOON)
    async with opened(server, policy=policy) as (session, line):
        line.refusing = True
        line.cut()
        with pytest.raises(ConnectionClosedError):
            await session.say("hello")
    assert [event.attempt for event in asked] == [1, 2]


async def test_a_callback_that_fails_ends_the_session_and_says_why(server: Emulator) -> None:
    def broken(event: Reconnecting) -> bool:
        raise LookupError("no vault")

    async with opened(server, policy=Reconnect(before=broken, **SOON)) as (session, line):
        line.cut()
        with pytest.raises(ConnectionClosedError) as caught:
            await session.say("hello")
        assert isinstance(caught.value.__cause__, LookupError)


OLD, NEW = "sk-old-" + "a" * 24, "sk-new-" + "b" * 24


async def test_another_key_may_be_given_and_shows_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path = tmp_path / "moved.jsonl"
    policy = Reconnect(before=lambda event: NEW, **SOON)
    async with Emulator(policy=Policy(api_keys=[OLD, NEW])) as server:
        async with opened(server, policy=policy, api_key=OLD, record=path) as (session, line):
            await session.say(f"my key is {NEW}")
            async with session.expect(Reconnected, timeout=10) as back:
                line.cut()
            await session.say(f"again {NEW}")
            shown = repr(session) + repr(await back) + repr(policy)
    for key in (OLD, NEW):
        assert key not in shown
        assert key not in caplog.text
    after = path.read_text().split('"dir":"close"')[1]
    assert NEW not in after


async def test_a_key_that_is_a_function_is_asked_for_anew(server: Emulator) -> None:
    given: list[str] = []

    async def key() -> str:
        given.append(f"sk-{len(given)}-" + "c" * 24)
        return given[-1]

    async with opened(server, api_key=key) as (session, line):
        async with session.expect(Reconnected, timeout=10):
            line.cut()
    assert len(given) == 2


async def test_a_recording_has_both_connections(server: Emulator, tmp_path: Path) -> None:
    path = tmp_path / "two.jsonl"
    async with opened(server, record=path) as (session, line):
        await session.say("one")
        async with session.expect(Reconnected, timeout=10):
            line.cut()
        await session.say("two")
    first, second = sessions(read(path))
    for part in (first, second):
        assert any(isinstance(entry, Meta) and entry.begins for entry in part)
    created = [e for e in second if isinstance(e, Frame) and e.type == "conversation.item.create"]
    assert [entry.event["item"]["content"][0]["text"] for entry in created] == ["one", "one", "two"]


async def test_closing_ends_the_waiting(server: Emulator, connect: Any) -> None:
    policy = Reconnect(first_delay=3600.0, longest_delay=3600.0)
    async with opened(server, connect=connect, policy=policy) as (session, line):
        async with session.expect(Reconnecting, timeout=10):
            line.cut()
        sending = asyncio.create_task(session.add("never sent"))
        await asyncio.sleep(0)
        await session.close()
        with pytest.raises(ConnectionClosedError):
            await sending
        assert session.closed.expected


async def test_rotation_on_demand_loses_nothing(server: Emulator, connect: Any) -> None:
    async with opened(server, connect=connect, rotate=True) as (session, line):
        told = moves(session)
        await session.say("one")
        await session.rotate()
        await session.say("two")
        await session.rotate()
        assert texts(session) == ["one", "one", "two", "two"]
        assert len(line.connections) == 3
    assert [(type(e).__name__, getattr(e, "planned", None)) for e in told[:-1]] == [
        ("Reconnecting", True), ("Reconnected", True),
    ] * 2  # fmt: skip


async def test_rotation_waits_for_the_end_of_a_turn(server: Emulator) -> None:
    server.on("long", reply="one two three four", hold=2)
    async with opened(server, rotate=True) as (session, line):
        answer = session.say("long")
        async for _ in answer.text:
            break
        moving = asyncio.create_task(session.rotate())
        while len(line.connections) < 2:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        assert not moving.done()
        server.release()
        assert (await answer).text == "one two three four"
        await moving
        assert texts(session) == ["long", "one two three four"]


async def test_rotation_in_the_middle_of_speech(server: Emulator) -> None:
    options = {"transcription": "gpt-live-transcribe", "turn_detection": {"type": "server_vad"}}
    sound = server.speech("hear all of this") + bytes(48 * 1200)
    async with opened(server, rotate=True, **options) as (session, line):
        moving: asyncio.Task[None] | None = None
        for start in range(0, len(sound), 4800):
            if start == 4800 * 3:
                moving = asyncio.create_task(session.rotate())
            await session.append_audio(sound[start : start + 4800])
            await asyncio.sleep(0.005)
        assert moving is not None
        await moving
        while not any(item.role == "assistant" and item.completed for item in session.conversation):
            await asyncio.sleep(0.005)
        assert [i.transcript or i.text for i in session.conversation] == ["hear all of this"] * 2
        assert len(line.connections) == 2


async def test_a_rotation_that_cannot_be_is_told_and_harms_nothing(server: Emulator) -> None:
    async with opened(server, rotate=True) as (session, line):
        line.refusing = True
        with pytest.raises(voxwire.ConnectError):
            await session.rotate()
        assert (await session.say("still here")).text == "still here"


async def test_rotation_wants_to_be_asked_for_when_opening(server: Emulator) -> None:
    async with voxwire.connect(url=server.url, **TEXT) as session:
        with pytest.raises(InvalidOption, match="rotate=True"):
            await session.rotate()
    with pytest.raises(InvalidOption, match="rotate"):
        voxwire.connect(url=server.url, rotate=-1.0)


@pytest.mark.parametrize("rotate", [False, True])
def test_a_session_outlives_its_hours(rotate: bool) -> None:
    async def day() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with (
            Emulator() as server,
            voxwire.connect(
                url=server.url, reconnect=Reconnect(), rotate=rotate, **TEXT
            ) as session,
        ):
            told = moves(session)
            for number in range(25):
                assert (await session.say(f"turn {number}")).text == f"turn {number}"
                await asyncio.sleep(600)
            assert loop.time() - began > 4 * 3600
            assert len(session.conversation) == 50
            assert len(server.conversation) == 50
            planned = [event.planned for event in told if isinstance(event, Reconnected)]
            assert planned == [rotate] * 4

    clock.run(day())


async def test_a_line_beside_a_call_is_taken_up_again(server: Emulator) -> None:
    body = server.incoming_call()
    client = voxwire.AsyncClient(base_url=server.http_url, api_key="sk-" + "d" * 24)
    call_id = body["data"]["call_id"]
    await client.calls.accept(call_id, session=voxwire.realtime_session(instructions="Desk."))
    async with (
        asyncio.timeout(20),
        Line(server.url) as line,
        voxwire.attach(call_id, url=line.url, reconnect=Reconnect(**SOON)) as session,
    ):
        await session.add("noted")
        async with session.expect(Reconnected, timeout=10) as back:
            line.cut()
        assert (await back).restored == 0
        assert (await session.say("hello")).status == "completed"
    await client.close()
