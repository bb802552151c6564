"""Ends, failures and moves that meet a session between two of its connections."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from voxwire_protocol import ConversationItemCreate, FunctionCallOutput

import voxwire
from benchmarks.soak.line import Line
from voxwire import ConnectionClosedError, HandlerFailed, Reconnect, Reconnected, Reconnecting
from voxwire.conversation.migration import short_id
from voxwire.emulator import Emulator
from voxwire.session.reconnect.reconnector import LEAD_SECONDS, until_move

SOON: dict[str, Any] = {"first_delay": 0.0, "longest_delay": 0.0}
TEXT: dict[str, Any] = {"output_modalities": ["text"]}


@pytest.fixture
async def server() -> Any:
    async with Emulator() as server:
        yield server


def through(line: Line, **options: Any) -> Any:
    return voxwire.connect(url=line.url, **{"reconnect": Reconnect(**SOON), **TEXT, **options})


@pytest.mark.parametrize("steps", range(8))
async def test_a_close_in_the_moment_of_another_connection(server: Emulator, steps: int) -> None:
    async with asyncio.timeout(10), Line(server.url) as line:
        session = await through(line)
        renewal = session._renewal
        dial, dialed = renewal._dial, []

        async def slow(key: str | None) -> Any:
            dialed.append(await dial(key))
            closing.append(asyncio.create_task(session.close()))
            try:
                for _ in range(steps):
                    await asyncio.sleep(0)
            except asyncio.CancelledError:  # not handed over yet, as in the dialing itself
                await dialed[-1].close()
                raise
            return dialed[-1]

        closing: list[asyncio.Task[None]] = []
        renewal._dial = slow
        line.cut()
        await session.reading
        await asyncio.gather(*closing)
        assert session.closed.expected
        for socket in dialed:
            await socket.wait_closed()


async def test_a_close_while_it_moves_is_no_cancelling(server: Emulator) -> None:
    server.on("long", reply="one two three four", hold=2)
    async with asyncio.timeout(10), Line(server.url) as line, through(line) as session:
        async for _ in session.say("long").text:
            break
        moving = asyncio.create_task(session.rotate())
        while len(line.connections) < 2:
            await asyncio.sleep(0.005)
        await session.close()
        with pytest.raises(ConnectionClosedError):
            await moving


async def test_to_move_while_it_is_down_is_to_wait_for_the_connection(server: Emulator) -> None:
    async with asyncio.timeout(10), Line(server.url) as line, through(line) as session:
        async with session.expect(Reconnecting, timeout=10):
            line.cut()
        await session.rotate()
        assert len(line.connections) == 2
        assert not session._core.down


async def test_a_spare_that_is_closed_is_no_reason_to_end(server: Emulator) -> None:
    async with asyncio.timeout(10), Line(server.url) as line, through(line) as session:
        renewal = session._renewal
        dial = renewal._dial

        async def closed(key: str | None) -> Any:
            renewal._dial = dial
            socket = await dial(key)
            await socket.close()
            return socket

        renewal._dial = closed
        await session.rotate()
        assert (await session.say("still here")).text == "still here"
        assert len(line.connections) == 3


async def test_a_judgement_that_fails_ends_the_session_and_says_why(server: Emulator) -> None:
    def worth(failure: object) -> bool:
        raise LookupError("no rule")

    policy = Reconnect(worth=worth, **SOON)
    async with (
        asyncio.timeout(10),
        Line(server.url) as line,
        through(line, reconnect=policy) as session,
    ):
        line.cut()
        await session.reading
        assert isinstance(session.closed.error, LookupError)


@pytest.mark.parametrize("wrong", [ZeroDivisionError("none"), 7])
async def test_a_reminder_that_fails_costs_no_conversation(server: Emulator, wrong: Any) -> None:
    def reminder(conversation: object) -> Any:
        if isinstance(wrong, Exception):
            raise wrong
        return wrong

    policy = Reconnect(reminder=reminder, **SOON)
    async with (
        asyncio.timeout(10),
        Line(server.url) as line,
        through(line, reconnect=policy) as session,
    ):
        await session.say("hello")
        async with (
            session.expect(HandlerFailed, timeout=5) as failed,
            session.expect(Reconnected, timeout=5) as back,
        ):
            line.cut()
        assert (await failed).handler.endswith("reminder")
        assert (await back).attempt == 1
        assert len(server.conversation) == 2


async def test_what_waits_speaks_of_a_call_by_its_new_name(server: Emulator) -> None:
    name = "call_" + "x" * 60
    async with asyncio.timeout(10), Line(server.url) as line, through(line) as session:
        line.refusing = True
        async with session.expect(Reconnecting, timeout=10):
            line.cut()
        item = FunctionCallOutput(call_id=name, output="{}")
        sending = asyncio.create_task(session.send(ConversationItemCreate(item=item)))
        await asyncio.sleep(0)
        session._core.short_calls[name] = short_id(name)  # as the restored call is known
        line.refusing = False
        receipt = await sending
        with pytest.raises(voxwire.ServerError) as refused:
            await receipt.acknowledged(5)  # the emulator knows no such call
        assert short_id(name) in str(refused.value)


def test_a_short_session_does_not_move_all_the_time() -> None:
    assert until_move(3600.0, LEAD_SECONDS) == 3300.0
    assert until_move(200.0, LEAD_SECONDS) == 100.0
    assert until_move(-5.0, LEAD_SECONDS) == 0.0
