"""What must not go wrong when other things do: two closes at once, a server that stops reading,
a handler that hangs, a caller that gives up in the middle."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from scripted import CLEAR, CREATED, UPDATE, UPDATED, added, cleared, close
from voxwire_protocol import (
    ConversationItemAdded,
    ConversationItemCreate,
    FunctionCallOutput,
    InputAudioBufferClear,
    InputAudioBufferCleared,
    ResponseCreate,
    ResponseDone,
    ServerEvent,
    SessionCreated,
    SessionUpdated,
)
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed as ConnectionClosedOnWire

import voxwire
from voxwire.emulator import Call, Emulator
from voxwire.emulator.replay import ReplayServer
from voxwire.errors import (
    ConnectionClosedError,
    ConnectTimeout,
    InvalidEvent,
    InvalidOption,
    ServerError,
    WaitTimeout,
)
from voxwire.session.local_events import ConnectionClosed, HandlerFailed
from voxwire.tools.deferred import DeferredResult
from voxwire.transport import open as dialing


@asynccontextmanager
async def opened(
    connect: Any, *script: dict[str, Any], hold: bool = True, **options: Any
) -> AsyncIterator[Any]:
    async with (
        ReplayServer([CREATED, *script], hold=hold) as server,
        connect(url=server.url, **options) as session,
    ):
        session.server = server
        yield session


@asynccontextmanager
async def serving(talk: Callable[[ServerConnection], Any]) -> AsyncIterator[str]:
    """A server that does what it is told to after its greeting."""

    async def handle(socket: ServerConnection) -> None:
        await socket.send(json.dumps(CREATED["event"]))
        await talk(socket)

    async with serve(
        handle, "127.0.0.1", 0, max_size=None, max_queue=1, close_timeout=0.1, compression=None
    ) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/"


def settled(work: Any) -> Any:
    return asyncio.wait_for(work, 20)


def own_tasks() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if "voxwire" in task.get_name()]


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


def sent(session: Any) -> list[str]:
    return [frame.event["type"] for frame in session.server.connections[0].received]


# -- the end --------------------------------------------------------------------------------------


async def test_two_handlers_that_close_do_not_wait_for_each_other(
    connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    closing: list[str] = []
    closed: list[str] = []
    async with opened(connect, CLEAR, cleared(1)) as session:

        async def one(event: InputAudioBufferCleared) -> None:
            closing.append("one")
            await until(lambda: len(closing) == 2)
            await session.close()
            closed.append("one")

        async def other(event: InputAudioBufferCleared) -> None:
            closing.append("other")
            await until(lambda: len(closing) == 2)
            await session.close()
            closed.append("other")

        session.on(InputAudioBufferCleared, one)
        session.on(InputAudioBufferCleared, other)
        await session.send(InputAudioBufferClear())
        await until(lambda: session.closed)
    assert sorted(closed) == ["one", "other"]
    assert "did not finish" not in caplog.text


async def test_a_session_that_only_its_handler_closes_leaves_nothing_behind(connect: Any) -> None:
    async with ReplayServer([CREATED, CLEAR, cleared(1)], hold=True) as server:
        session = await connect(url=server.url)

        @session.on(InputAudioBufferCleared)
        async def end(event: InputAudioBufferCleared) -> None:
            await session.close()

        session.on(HandlerFailed, print)
        await session.send(InputAudioBufferClear())
        await until(lambda: session.closed and not own_tasks())
        await until(lambda: not any(t.name.startswith("voxwire") for t in threading.enumerate()))


async def test_many_closes_at_once_are_one(connect: Any) -> None:
    async with opened(connect) as session:
        await settled(asyncio.gather(*[session.close(3000 + n) for n in range(5)]))
    assert session.closed.expected
    assert 3000 <= session.closed.code < 3005
    assert own_tasks() == []


async def test_a_close_that_is_cancelled_goes_on() -> None:
    release = asyncio.Event()
    async with opened(voxwire.connect, CLEAR, cleared(1)) as session:

        @session.on(InputAudioBufferCleared)
        async def slow(event: InputAudioBufferCleared) -> None:
            await release.wait()

        async with session.expect(InputAudioBufferCleared):
            await session.send(InputAudioBufferClear())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(session.close(), 0.01)
        release.set()
        await until(lambda: not own_tasks())
    assert session.closed.code == 1000


async def test_a_close_that_cannot_be_sent_is_told_and_closes_nothing(connect: Any) -> None:
    async with opened(connect, CLEAR, cleared(1)) as session:
        for code in (999, 1006, 1005, 5000):
            with pytest.raises(InvalidOption, match="close code"):
                await session.close(code)
        with pytest.raises(InvalidOption, match="123 bytes"):
            await session.close(1000, "é" * 62)
        async with session.expect(InputAudioBufferCleared, timeout=10):
            await session.send(InputAudioBufferClear())
        await session.close(4001, "done")
    assert session.closed == ConnectionClosed(code=4001, reason="done", clean=True, expected=True)


async def test_giving_up_while_connecting_leaves_nothing_behind() -> None:
    silent = asyncio.Event()

    async def say_nothing(socket: ServerConnection) -> None:
        await silent.wait()

    async with serve(say_nothing, "127.0.0.1", 0, close_timeout=0.1) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(
                voxwire.connect(url=f"ws://127.0.0.1:{port}/", close_timeout=0.1).open(), 0.05
            )
        silent.set()
        assert own_tasks() == []


async def test_the_end_is_not_held_up_by_a_thread_that_hangs(
    connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    release, held = threading.Event(), threading.Event()

    def hangs(event: InputAudioBufferCleared) -> None:
        held.set()
        release.wait()

    async with opened(connect, CLEAR, cleared(1), drain_timeout=0.05) as session:
        session.on(InputAudioBufferCleared, hangs, thread=True)
        await session.send(InputAudioBufferClear())
        await until(held.is_set)
        await settled(session.close())
        assert not release.is_set()
        release.set()
    assert "1 handlers did not finish" in caplog.text


async def test_the_end_is_not_held_up_by_what_does_not_let_itself_be_cancelled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    release = asyncio.Event()
    kept: list[Any] = []

    async def stubborn() -> str:
        """Stays."""
        kept.append(asyncio.current_task())
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return ""

    async with Emulator() as server:
        server.on("go", call="stubborn")
        async with voxwire.connect(
            url=server.url, tools=[stubborn], output_modalities=["text"], drain_timeout=0.05
        ) as session:
            session.say("go")
            await until(lambda: kept)
            await settled(session.close())
        release.set()
        await asyncio.wait(kept)
    assert "did not end within" in caplog.text


async def test_after_the_end_what_is_over_can_still_be_read(connect: Any) -> None:
    async with Emulator() as server:
        async with connect(url=server.url, output_modalities=["text"]) as session:
            response = session.say("Good day")
            await settled(response)
        assert (await response).text == "Good day"
        assert "".join([piece async for piece in response.text]) == "Good day"
        events = [event async for event in session]
        assert isinstance(events[0], SessionCreated)
        assert isinstance(events[-1], ConnectionClosed)
        assert [event async for event in session.stream(ServerEvent)] == []
        await session.interrupt(10)
        await session.cancel()
        await response.cancel()
        await session.close()
        for refused in (
            lambda: session.send(InputAudioBufferClear()),
            lambda: session.wait_for(ResponseDone),
            lambda: session.append_audio(b""),
        ):
            with pytest.raises(ConnectionClosedError):
                await refused()
        with pytest.raises(ConnectionClosedError):
            session.say("more")


async def test_a_handler_that_comes_too_late_leaves_no_task() -> None:
    async with opened(voxwire.connect) as session:
        pass
    session.on(HandlerFailed, print)
    session.on(SessionCreated, print)
    await until(lambda: not own_tasks())


# -- those who listen -----------------------------------------------------------------------------


async def test_a_handler_that_loses_a_task_goes_on(connect: Any) -> None:
    heard: list[str] = []
    failures: list[HandlerFailed] = []
    async with opened(connect, CLEAR, cleared(1), cleared(2), hold=False) as session:

        @session.on(InputAudioBufferCleared)
        async def loses(event: InputAudioBufferCleared) -> None:
            heard.append(event.event_id)
            lost = asyncio.create_task(asyncio.sleep(10))
            lost.cancel()
            await lost

        session.on(HandlerFailed, failures.append)
        await session.send(InputAudioBufferClear())
        await until(lambda: session.closed)
    assert heard == ["event_c1", "event_c2"]
    assert len(failures) == 2


async def test_the_first_handler_may_have_a_small_queue(connect: Any) -> None:
    heard: list[Any] = []
    overflows: list[voxwire.Overflow] = []
    async with opened(connect, added("a"), added("b"), added("c")) as session:
        await until(lambda: len(session.conversation) == 3)
        session.on(ConversationItemAdded, heard.append, limit=1, catch_up=True)
        session.on(voxwire.Overflow, overflows.append, catch_up=True)
        await until(lambda: heard)
    assert [event.item.id for event in heard] == ["c"]
    assert overflows[0].dropped == 1


async def test_two_who_iterate_share_the_events_and_both_end(connect: Any) -> None:
    async def read(session: Any) -> list[Any]:
        return [event async for event in session]

    async with opened(connect, *[added(f"i{n}") for n in range(20)], hold=False) as session:
        one, other = await settled(asyncio.gather(read(session), read(session)))
    assert len(one) + len(other) == 22


async def test_what_nobody_waits_for_any_more_is_forgotten(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with opened(voxwire.connect, CLEAR, close(4321, "gone"), hold=False) as session:
        subscriptions = session._core.router._subscriptions
        before = len(subscriptions)

        async def first() -> Any:
            async for event in session.stream(voxwire.ClientEvent):
                return event
            return None

        reading = asyncio.create_task(first())
        await asyncio.sleep(0)
        assert len(subscriptions) == before + 1
        await session.send_raw("{}")
        await reading
        await until(lambda: len(subscriptions) == before)
        for _ in range(3):
            with pytest.raises(WaitTimeout):
                await session.expect(SessionUpdated, timeout=0.001)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(session.expect(SessionUpdated).wait(), 0.001)
        assert len(subscriptions) == before
        abandoned = session.expect(SessionUpdated)
        await session.send(InputAudioBufferClear())
        await until(lambda: session.closed)
    assert abandoned.done
    del abandoned
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_a_handler_is_taken_off_by_any_name_of_its_event(connect: Any) -> None:
    async with opened(connect) as session:
        heard: list[Any] = []
        session.on(ConversationItemAdded, heard.append)
        assert session.off("conversation.item.added", heard.append)
        session.on("response.text.delta", heard.append)
        assert session.off(voxwire.ResponseOutputTextDelta, heard.append)
        assert not session.off("response.output_text.delta", heard.append)


# -- those who send -------------------------------------------------------------------------------


@asynccontextmanager
async def stuck(**options: Any) -> AsyncIterator[tuple[Any, asyncio.Event, list[str]]]:
    """A session whose server has stopped reading while audio was sent, an event that has it go on,
    and what it reads then."""
    read, got = asyncio.Event(), list[str]()

    async def talk(socket: ServerConnection) -> None:
        socket.transport.pause_reading()
        closing = asyncio.create_task(socket.wait_closed())
        going_on = asyncio.create_task(read.wait())
        await asyncio.wait([closing, going_on], timeout=20, return_when=asyncio.FIRST_COMPLETED)
        going_on.cancel()
        socket.transport.resume_reading()
        with contextlib.suppress(ConnectionClosedOnWire):
            async for frame in socket:
                got.append(json.loads(frame)["type"])

    async with serving(talk) as url, voxwire.connect(url=url, **options) as session:
        # More than the system takes in for a server that does not read.
        sending = asyncio.create_task(session.append_audio(bytes(2 * 11_000_000)))
        transport = session._wire._socket.transport
        await until(lambda: transport.get_write_buffer_size() > 2_000_000)
        sending.cancel()
        await asyncio.wait([sending])
        assert sending.cancelled()
        try:
            yield session, read, got
        finally:
            read.set()


async def test_a_server_that_stops_reading_holds_up_neither_the_caller_nor_the_end() -> None:
    async with stuck(close_timeout=0.1) as (session, _, _):
        response = session.say("Are you there?")
        await settled(session.close())
        with pytest.raises(ConnectionClosedError):
            await response
    assert session.closed.expected
    assert not session.closed.clean
    assert own_tasks() == []


async def test_who_gives_up_sending_loses_nothing_of_the_others() -> None:
    async with stuck() as (session, read, got):
        session.say("one")
        # This one sends what was asked for before it, and is cancelled in the middle of that.
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(session.send(InputAudioBufferClear()), 0.01)
        read.set()
        await until(lambda: "response.create" in got)
    assert [name for name in got if name != "input_audio_buffer.append"][:2] == [
        "conversation.item.create",
        "response.create",
    ]


async def test_an_event_of_ours_that_is_wrong_stops_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with opened(voxwire.connect) as session:
        session._core.outbox.append(ResponseCreate(response=5))  # type: ignore[arg-type]
        session._core.outbox.append(InputAudioBufferClear())
        session._flush_soon()
        await until(lambda: sent(session))
        assert sent(session) == ["input_audio_buffer.clear"]
    assert "was refused" in caplog.text


async def test_a_wrong_policy_sends_nothing(connect: Any) -> None:
    async with Emulator() as server:
        async with connect(url=server.url, output_modalities=["text"]) as session:
            with pytest.raises(InvalidOption, match="policy"):
                session.say("wrong", policy="mrge")
            assert (await settled(session.say("right"))).text == "right"
            assert [item.text for item in session.conversation] == ["right", "right"]


async def test_settings_that_are_wrong_or_refused_leave_the_tools_as_they_were(
    connect: Any,
) -> None:
    def old() -> str:
        """Old."""
        return "old"

    def new() -> str:
        """New."""
        return "new"

    async with Emulator() as server:
        server.on("call", call="old")
        server.on(output_of="old", reply="It works.")
        async with connect(
            url=server.url, tools=[old], output_modalities=["text"], voice="marin"
        ) as session:
            with pytest.raises(InvalidOption):
                await session.update(tools=[new], temperature=1)
            with pytest.raises(InvalidEvent):
                await session.update(tools=[new], max_output_tokens=-5)
            await settled(session.respond(output_modalities=["audio"]))
            with pytest.raises(ServerError):
                await session.update(tools=[new], voice="cedar")
            assert (await settled(session.say("call"))).text == "It works."


async def test_an_answer_by_hand_brings_the_next_response_at_once(connect: Any) -> None:
    def own() -> str:
        """Runs here."""
        return "41"

    hand = {"type": "function", "name": "hand", "parameters": {"type": "object"}}
    calls = [
        {"type": "function_call", "id": f"item_{name}", "call_id": f"call_{name}", "name": name,
         "arguments": "{}", "status": "completed"}
        for name in ("own", "hand")
    ]  # fmt: skip
    begun = {"id": "resp_1", "status": "in_progress"}
    over = {"id": "resp_1", "status": "completed", "output": calls}
    script = [
        UPDATE,
        UPDATED,
        {"dir": "s2c", "event": {"type": "response.created", "event_id": "e", "response": begun}},
        {"dir": "s2c", "event": {"type": "response.done", "event_id": "e", "response": over}},
    ]
    async with opened(connect, *script, tools=[own, hand]) as session:
        await until(lambda: len(sent(session)) == 2)
        output = FunctionCallOutput(call_id="call_hand", output="42")
        await session.send(ConversationItemCreate(item=output))
        await until(lambda: len(sent(session)) == 4)  # this server acknowledges none of it
        assert sent(session)[1:] == [
            "conversation.item.create",
            "conversation.item.create",
            "response.create",
        ]


async def test_a_session_is_used_on_its_own_loop_only() -> None:
    async with opened(voxwire.connect) as session:

        def elsewhere(use: Callable[[], Any]) -> None:
            async def called() -> None:
                made = use()
                if asyncio.iscoroutine(made):
                    await made

            with pytest.raises(RuntimeError, match="belongs to the event loop"):
                asyncio.run(called())

        for use in (
            lambda: session.send(InputAudioBufferClear()),
            lambda: session.send_raw("{}"),
            lambda: session.append_audio(b"\0\0"),
            lambda: session.say("hi"),
            lambda: session.respond(),
            lambda: session.on(SessionCreated, print),
            lambda: session.stream(SessionCreated),
            lambda: session.expect(SessionCreated),
            lambda: session.close(),
        ):
            await asyncio.to_thread(elsewhere, use)
        with pytest.raises(RuntimeError, match="belongs to the event loop"):
            await asyncio.to_thread(session.say, "hi")
        assert session.closed is None
        assert sent(session) == []
        assert not session._core.outbox


# -- large frames, and faults of our own ----------------------------------------------------------


def large(size: int) -> str:
    start = '{"type":"vendor.large","event_id":"e","pad":"'
    return start + "x" * (size - len(start) - 2) + '"}'


async def test_a_frame_of_32_mib_is_read(connect: Any) -> None:
    async def send(socket: ServerConnection) -> None:
        await socket.send(large(dialing.MAX_FRAME))
        await socket.close()

    async with serving(send) as url, connect(url=url) as session:
        events = [event async for event in session]
    assert [event.type for event in events[:-1]] == ["session.created", "vendor.large"]
    assert len(events[1].raw) == dialing.MAX_FRAME


async def test_a_larger_frame_ends_the_session_with_a_reason(connect: Any) -> None:
    async def send(socket: ServerConnection) -> None:
        await socket.send(large(dialing.MAX_FRAME + 1))
        await socket.wait_closed()

    async with serving(send) as url, connect(url=url) as session:
        with pytest.raises(ConnectionClosedError) as caught:
            async for _ in session:
                pass
    assert caught.value.code == session.closed.code == 1009
    assert not session.closed.expected


async def test_who_looks_on_and_fails_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def client(self, frame: str | bytes) -> None:
            raise ValueError("broken")

        server = client

        def closed(self, code: Any, reason: Any, *, by: Any) -> None:
            raise ValueError("broken")

    async with opened(voxwire.connect, CLEAR, cleared(1)) as session:
        session._core.taps.append(Broken())
        async with session.expect(InputAudioBufferCleared, timeout=10):
            await session.send(InputAudioBufferClear())
        session._core.taps.append(Broken())
        waiting = asyncio.create_task(session.wait_for(SessionUpdated))
    with pytest.raises(ConnectionClosedError):
        await settled(waiting)
    assert "is told nothing more" in caplog.text


async def test_a_fault_in_one_event_does_not_end_the_session(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(voxwire.connect, CLEAR, cleared(1), cleared(2)) as session:
        apply = session._core.acks.apply

        def fails_once(event: Any) -> Any:
            monkeypatch.setattr(session._core.acks, "apply", apply)
            raise AssertionError("a fault")

        monkeypatch.setattr(session._core.acks, "apply", fails_once)
        async with session.expect(InputAudioBufferCleared, timeout=10) as event:
            await session.send(InputAudioBufferClear())
        assert (await event).event_id == "event_c2"
    assert "could not be taken in" in caplog.text


async def test_work_that_cancels_itself_is_a_failure_that_the_model_hears_of(connect: Any) -> None:
    async def lost() -> str:
        task = asyncio.current_task()
        assert task is not None
        inner = asyncio.create_task(asyncio.sleep(10))
        inner.cancel()
        await inner
        return "never"

    def start() -> DeferredResult:
        """Starts something."""
        return DeferredResult(lost())

    async with Emulator() as server:
        server.on("start", call=[Call("start", {})])
        async with connect(url=server.url, tools=[start], output_modalities=["text"]) as session:
            await settled(session.say("start"))
            await until(
                lambda: any(item.type == "function_call_output" for item in session.conversation)
            )
            (output,) = [i for i in session.conversation if i.type == "function_call_output"]
            assert "CancelledError" in output.output


async def test_a_connection_that_the_system_gives_up_is_a_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def timed_out(*args: Any, **options: Any) -> Any:
        raise TimeoutError(110, "Connection timed out")

    monkeypatch.setattr(dialing, "_Opener", timed_out)
    with pytest.raises(ConnectTimeout, match="did not answer"):
        await voxwire.connect(url="ws://127.0.0.1:9/", open_timeout=None)
