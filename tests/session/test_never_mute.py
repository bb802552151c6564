"""A session goes on whatever a server leaves out: the beginning of a response, its end, or both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

import voxwire
from voxwire.emulator import Call, Emulator, LoseBeginning, LoseEnd, Reply

TEXT: Any = {"output_modalities": ["text"]}


@pytest.fixture
async def server() -> AsyncIterator[Emulator]:
    async with Emulator() as running:
        yield running


async def within(work: Any, seconds: float = 20.0) -> Any:
    return await asyncio.wait_for(work, seconds)


@pytest.mark.parametrize(
    ("fault", "way"),
    [
        (LoseBeginning(), "session cancel"),
        (LoseBeginning(), "interrupt"),
        (LoseBeginning(), "abandon"),
        (LoseEnd(), "cancel"),
        (LoseEnd(), "session cancel"),
        (LoseEnd(), "interrupt"),
        (LoseEnd(), "abandon"),
    ],
)
async def test_a_response_that_a_server_loses_can_be_ended(
    server: Emulator, fault: Any, way: str
) -> None:
    server.faults.append(fault)
    async with voxwire.connect(url=server.url, **TEXT) as session:
        lost, waiting = session.say("hello"), session.say("still there?")
        if isinstance(fault, LoseEnd):
            async for _ in lost.text:
                break
        await asyncio.sleep(0.05)
        server.faults.clear()
        if way == "cancel":
            await lost.cancel()
        elif way == "abandon":
            await lost.abandon()
        elif way == "interrupt":
            await session.interrupt()
        else:
            await session.cancel()
        assert (await within(lost)).status == "cancelled"
        if way != "abandon":  # the faults are of the connection, and go on in it
            return
        assert not waiting.done
        await waiting.abandon()
        assert (await within(waiting)).status == "cancelled"
        await within(session.close())


@pytest.mark.parametrize("fault", [LoseBeginning(1), LoseEnd(1)], ids=["beginning", "end"])
async def test_a_time_limit_ends_what_a_server_loses(server: Emulator, fault: Any) -> None:
    server.faults.append(fault)
    late: list[voxwire.ResponseTimedOut] = []
    async with voxwire.connect(url=server.url, response_timeout=0.4, **TEXT) as session:
        session.on(voxwire.ResponseTimedOut, late.append)
        assert (await within(session.say("one"))).status == "completed"
        lost = session.say("two")
        with pytest.raises(voxwire.ResponseTimeoutError, match=r"within 0\.4 s"):
            await within(lost)
        assert lost.status == "failed"
        again = session.say("three")
        with pytest.raises(voxwire.ResponseTimeoutError):
            await within(again)
    assert [event.seconds for event in late] == [0.4, 0.4]


async def test_a_response_that_goes_on_is_not_ended_by_the_limit(server: Emulator) -> None:
    server.on("count", reply=Reply(text="one two three four five six seven eight"))
    server.faults.append(voxwire.emulator.Delay(0.1, "response.output_text.delta"))
    async with voxwire.connect(url=server.url, response_timeout=0.6, **TEXT) as session:
        assert (await within(session.say("count"))).status == "completed"


@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan")])
def test_a_time_limit_is_a_number_of_seconds(value: float) -> None:
    with pytest.raises(voxwire.InvalidOption, match="response_timeout"):
        voxwire.connect(url="ws://127.0.0.1:1", response_timeout=value)


async def test_an_interruption_stops_what_has_not_begun(server: Emulator) -> None:
    server.on("hi", reply=Reply(text="a long answer that nobody wants", hold=1))
    async with voxwire.connect(url=server.url, **TEXT) as session:
        response = session.say("hi")
        await asyncio.sleep(0)
        await session.interrupt()
        assert (await within(response)).status == "cancelled"
        assert (await within(session.say("and now"))).status == "completed"


async def test_an_interruption_stops_what_follows_a_tool(server: Emulator) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def look_up() -> str:
        begun.set()
        await go_on.wait()
        return "found"

    server.on("find", call="look_up", arguments={})
    async with voxwire.connect(url=server.url, tools=[look_up], **TEXT) as session:
        response = session.say("find it")
        await within(begun.wait())
        await session.interrupt()
        assert (await within(response)).status == "cancelled"
        go_on.set()
        assert (await within(session.say("and now"))).status == "completed"
        outputs = [item for item in session.conversation if item.type == "function_call_output"]
        assert [item.output for item in outputs] == ["found"]


async def test_a_model_that_never_stops_calling_is_asked_for_a_last_word(server: Emulator) -> None:
    asked: list[Any] = []

    def look_up() -> str:
        """Look it up."""
        return "nothing yet"

    def brain(turn: Any) -> Reply:
        return Reply(calls=[Call("look_up")])

    exceeded: list[voxwire.ToolRoundsExceeded] = []
    async with (
        Emulator(brain=brain) as endless,
        voxwire.connect(url=endless.url, tools=[look_up], tool_rounds=3, **TEXT) as session,
    ):
        session.on(voxwire.ToolRoundsExceeded, exceeded.append)
        session.on(voxwire.ResponseCreate, asked.append)
        response = await within(session.say("go"))
    assert [event.rounds for event in exceeded] == [3]
    choices = [getattr(event.response, "tool_choice", None) for event in asked]
    assert choices[-1] == "none"
    assert len(asked) == 4
    assert response.status in ("completed", "incomplete")


async def test_who_gives_up_waiting_ends_the_rounds(server: Emulator) -> None:
    rounds = 0

    async def look_up() -> str:
        nonlocal rounds
        rounds += 1
        await asyncio.sleep(0.05)
        return "nothing yet"

    def brain(turn: Any) -> Reply:
        return Reply(calls=[Call("look_up")])

    async with (
        Emulator(brain=brain) as endless,
        voxwire.connect(url=endless.url, tools=[look_up], tool_rounds=10_000, **TEXT) as session,
    ):
        response = session.say("go")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(response, 0.3)
        await within(session.idle())
        before = rounds
        await asyncio.sleep(0.2)
        assert rounds == before
        assert response.status == "cancelled"


@pytest.mark.parametrize("rounds", [0, -3])
def test_a_limit_of_rounds_is_at_least_one(rounds: int) -> None:
    with pytest.raises(voxwire.InvalidOption, match="tool_rounds"):
        voxwire.connect(url="ws://127.0.0.1:1", tool_rounds=rounds)


async def test_the_words_of_an_answer_are_its_text_however_they_came(server: Emulator) -> None:
    server.on("hi", reply="Hello there.")
    async with voxwire.connect(url=server.url) as session:
        spoken = await within(session.say("hi"))
        written = await within(session.say("hi", output_modalities=["text"]))
    assert spoken.text == written.text == "Hello there."
    assert (spoken.transcript, written.transcript) == ("Hello there.", "")
    assert f"{spoken.text}" == "Hello there."


async def test_printing_an_answer_that_has_not_ended_warns(server: Emulator) -> None:
    async with voxwire.connect(url=server.url, **TEXT) as session:
        response = session.say("hi")
        with pytest.warns(RuntimeWarning, match="await the response first"):
            print(response.text)
        with pytest.warns(RuntimeWarning, match="has not ended"):
            assert f"{response.text}" == ""
        await within(response)


async def test_a_failed_response_can_raise(server: Emulator) -> None:
    async with voxwire.connect(url=server.url, **TEXT) as session:
        good = await within(session.say("hi"))
        assert good.raise_for_status() is good
        cancelled = session.say("never mind")
        await cancelled.abandon()
        assert cancelled.raise_for_status() is cancelled
    async with Emulator(faults=[voxwire.emulator.RateLimited()]) as limited:
        async with voxwire.connect(url=limited.url, **TEXT) as session:
            failed = await within(session.say("hi"))
            with pytest.raises(voxwire.ResponseFailedError, match="rate_limit") as caught:
                failed.raise_for_status()
    assert (caught.value.status, caught.value.response_id) == ("failed", failed.id)
