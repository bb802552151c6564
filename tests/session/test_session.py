"""The asyncio session against a real WebSocket server on loopback."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from scripted import CLEAR, CREATED, KEY, UPDATE, UPDATED, added, cleared, close
from voxwire_protocol import (
    ClientEvent,
    ConversationItemAdded,
    ErrorEvent,
    Event,
    InputAudioBufferClear,
    InputAudioBufferCleared,
    RealtimeSession,
    ServerEvent,
    SessionCreated,
    SessionUpdate,
    SessionUpdated,
    UnknownEvent,
)

import voxwire
from voxwire.emulator.faults import Drop, ErrorThenClose, Garbage, Hang, Refuse
from voxwire.emulator.replay import ReplayServer
from voxwire.errors import (
    AuthenticationError,
    ConnectError,
    ConnectionClosedError,
    ConnectRefused,
    ConnectTimeout,
    InvalidEvent,
    InvalidOption,
    PermissionDenied,
    SessionExpired,
    UpgradeRejected,
    WaitTimeout,
)
from voxwire.protocol.local_event import Overflow
from voxwire.recording.frames import Frame, read
from voxwire.session.local_events import ConnectionClosed, HandlerFailed


@asynccontextmanager
async def opened(
    connect: Any, *script: dict[str, Any], hold: bool = True, **options: Any
) -> AsyncIterator[Any]:
    async with (
        ReplayServer([CREATED, *script], hold=hold) as server,
        connect(url=server.url, **options) as session,
    ):
        yield session


@pytest.fixture
def live(connect: Any) -> Any:
    """A session with a server that plays a script, over either face."""
    return functools.partial(opened, connect)


async def ended(session: Any) -> None:
    """The connection has come to its end."""
    while session.closed is None:
        await asyncio.sleep(0.001)


# -- connecting -----------------------------------------------------------------------------------


async def test_the_greeting_is_there_and_is_the_first_event(live: Any) -> None:
    async with live(hold=False) as session:
        assert session.session.id == "sess_1"
        events = [event async for event in session]
    assert isinstance(events[0], SessionCreated)
    assert events[0].raw is not None
    assert events[-1] == ConnectionClosed(code=1000, reason="", clean=True, expected=False)


async def test_it_can_be_opened_with_await(connect: Any) -> None:
    async with ReplayServer([CREATED], hold=True) as server:
        session = await connect(url=server.url)
        await session.close()
        assert session.closed is not None
        assert session.closed.expected


async def test_the_key_and_the_model_reach_the_server(connect: Any) -> None:
    async with ReplayServer([CREATED]) as server:
        async with connect(url=server.url, model="m-1", api_key=KEY, headers={"X-A": "b"}):
            pass
        connection = server.connections[0]
    assert connection.query == {"model": "m-1"}
    assert "authorization" in connection.headers
    assert connection.headers["x-a"] == "b"
    assert "openai-beta" not in connection.headers


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, AuthenticationError), (403, PermissionDenied), (404, UpgradeRejected)],
)
async def test_a_refused_upgrade_is_typed_and_shows_no_key(
    status: int, kind: type[UpgradeRejected], connect: Any
) -> None:
    fault = Refuse(status, body=f"Incorrect API key provided: {KEY}")
    async with ReplayServer([CREATED], fault=fault) as server:
        with pytest.raises(kind) as caught:
            await connect(url=server.url, api_key=KEY)
    assert caught.value.status == status
    assert "Incorrect API key" in caught.value.body
    assert KEY not in f"{caught.value} {caught.value.body} {caught.value!r}"


async def test_a_redirect_is_not_followed(connect: Any) -> None:
    async with ReplayServer([CREATED]) as other:
        fault = Refuse(307, headers={"Location": other.url})
        async with ReplayServer([CREATED], fault=fault) as server:
            with pytest.raises(UpgradeRejected, match="redirects are not followed"):
                await connect(url=server.url, api_key=KEY)
        assert other.connections == []


async def test_no_answer_is_a_timeout(connect: Any) -> None:
    async with ReplayServer([CREATED], fault=Hang()) as server:
        with pytest.raises(ConnectTimeout, match=r"0\.2 s"):
            await connect(url=server.url, open_timeout=0.2)


async def test_nobody_there_is_refused(connect: Any) -> None:
    with pytest.raises(ConnectRefused, match=r"cannot reach ws://127\.0\.0\.1:9/"):
        await connect(url="ws://127.0.0.1:9/")


async def test_what_is_no_websocket_server_is_told(connect: Any) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.test ready\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(ConnectError, match="no WebSocket server"):
            await connect(url=f"ws://127.0.0.1:{port}/")


@pytest.mark.parametrize(("code", "kind"), [(3000, AuthenticationError), (4000, UpgradeRejected)])
async def test_an_error_with_a_close_at_once_is_a_refusal(
    code: int, kind: type[UpgradeRejected], connect: Any
) -> None:
    error = {"type": "invalid_request_error", "code": "invalid_api_key", "message": "Wrong key."}
    fault = ErrorThenClose(error, code=code, reason="invalid_request_error.invalid_api_key")
    async with ReplayServer([CREATED], fault=fault) as server:
        with pytest.raises(kind, match=f"code {code} .*Wrong key") as caught:
            await connect(url=server.url, api_key=KEY)
    assert caught.value.close_code == code
    assert isinstance(caught.value.event, ErrorEvent)
    assert caught.value.event.error.code == "invalid_api_key"


async def test_an_error_as_the_first_event_is_only_an_event(connect: Any) -> None:
    error = {
        "dir": "s2c",
        "event": {"type": "error", "event_id": "e", "error": {"type": "t", "message": "m"}},
    }
    async with (
        ReplayServer([error, cleared(1)], hold=True) as server,
        connect(url=server.url) as session,
    ):
        events = [await anext(aiter(session)), await anext(aiter(session))]
    assert [type(event) for event in events] == [ErrorEvent, InputAudioBufferCleared]


async def test_wrong_arguments_are_told_before_anything_is_dialled(connect: Any) -> None:
    with pytest.raises(InvalidOption):
        connect(model="m", call_id="c", api_key=KEY)


# -- sending --------------------------------------------------------------------------------------


async def test_subscribe_then_act(live: Any) -> None:
    async with live(UPDATE, UPDATED) as session:
        async with session.expect(SessionUpdated, timeout=5) as updated:
            sent = await session.send(
                {"type": "session.update", "session": {"type": "realtime", "instructions": "Hi"}}
            )
        assert (await updated).session.model == "m"
        assert session.session.instructions == "Hi"
    assert isinstance(sent.event, SessionUpdate)
    assert sent.event_id


async def test_an_instance_is_sent_and_its_event_id_kept(live: Any) -> None:
    async with live(UPDATE, UPDATED) as session:
        event = SessionUpdate(event_id="mine", session=RealtimeSession(instructions="Hi"))
        async with session.expect(SessionUpdated, timeout=5):
            assert (await session.send(event)).event == event


@pytest.mark.parametrize(
    ("event", "path"),
    [
        ({"type": "session.update", "session": {"type": "realtime", "instruction": "x"}},
         r"\$\.session\.instruction"),
        ({"type": "session.updat"}, r"\$\.type"),
        ({"type": "session.created"}, r"\$\.type"),
        ({}, r"\$\.type"),
        (InputAudioBufferCleared(event_id="e"), r"\$"),
    ],
)  # fmt: skip
async def test_what_breaks_the_protocol_is_not_sent(event: Any, path: str, connect: Any) -> None:
    async with ReplayServer([CREATED], hold=True) as server:
        async with connect(url=server.url) as session:
            with pytest.raises(InvalidEvent, match=path):
                await session.send(event)
        assert server.connections[0].received == []


async def test_undeclared_keys_can_be_sent_on_purpose(connect: Any) -> None:
    async with ReplayServer([CREATED], hold=True) as server:
        async with connect(url=server.url) as session:
            await session.send(InputAudioBufferClear(), extra={"x_vendor": 1})
            await session.send_raw('{"type": "vendor.thing"}')
        frames = server.connections[0].received
    assert frames[0].event["x_vendor"] == 1
    assert frames[1].event == {"type": "vendor.thing"}


async def test_nothing_can_be_sent_after_the_end(live: Any) -> None:
    async with live(close(1001, "session_expired"), hold=False) as session:
        await ended(session)
        for _ in range(2):
            with pytest.raises(SessionExpired, match="1001: session_expired"):
                await session.send(InputAudioBufferClear())
        with pytest.raises(ConnectionClosedError):
            await session.send_raw("{}")


# -- listening ------------------------------------------------------------------------------------


async def test_handlers_by_class_base_and_name_sync_and_async(live: Any) -> None:
    heard: list[tuple[str, type[Event]]] = []
    async with live(cleared(1), CLEAR, cleared(2), hold=False) as session:

        @session.on(InputAudioBufferCleared)
        async def by_class(event: InputAudioBufferCleared) -> None:
            await asyncio.sleep(0)
            heard.append(("class", type(event)))

        @session.on("input_audio_buffer.cleared")
        def by_name(event: Event) -> None:
            heard.append(("name", type(event)))

        session.on(ClientEvent, lambda event: heard.append(("client", type(event))))
        session.once(ServerEvent, lambda event: heard.append(("once", type(event))))
        session.on(
            InputAudioBufferCleared, lambda e: heard.append(("thread", type(e))), thread=True
        )
        await session.send({"type": "input_audio_buffer.clear"})
        await ended(session)
    assert heard.count(("client", InputAudioBufferClear)) == 1
    assert heard.count(("class", InputAudioBufferCleared)) >= 1
    assert heard.count(("class", InputAudioBufferCleared)) == heard.count(
        ("name", InputAudioBufferCleared)
    )
    assert ("thread", InputAudioBufferCleared) in heard
    assert len([entry for entry in heard if entry[0] == "once"]) == 1


async def test_a_handler_gets_what_came_before_it_only_where_it_asks(live: Any) -> None:
    heard: list[str] = []
    async with live(added("item_1"), CLEAR, cleared(2)) as session:
        while not len(session.conversation):
            await asyncio.sleep(0.001)
        session.on(ServerEvent, lambda event: heard.append(event.type))
        session.on(SessionCreated, lambda event: heard.append("created"), catch_up=True)
        session.once(
            ConversationItemAdded, lambda event: heard.append(event.item.id), catch_up=True
        )
        while len(heard) < 2:
            await asyncio.sleep(0.001)
        async with session.expect(InputAudioBufferCleared, timeout=5):
            await session.send(InputAudioBufferClear())
        with pytest.raises(InvalidOption, match="no longer kept"):
            session.on(ServerEvent, print, catch_up=True)
    assert sorted(heard) == [
        "created", "input_audio_buffer.cleared", "item_1",
    ]  # fmt: skip


async def test_off_ends_a_handler(live: Any) -> None:
    heard: list[Event] = []
    async with live(CLEAR, cleared(1), hold=False) as session:
        session.on(InputAudioBufferCleared, heard.append)
        assert session.off(InputAudioBufferCleared, heard.append)
        assert not session.off(InputAudioBufferCleared, heard.append)
        await session.send(InputAudioBufferClear())
        await ended(session)
    assert heard == []


async def test_a_slow_handler_stops_neither_the_socket_nor_another_handler(live: Any) -> None:
    quick: list[Event] = []
    release = asyncio.Event()
    async with live(CLEAR, *[cleared(n) for n in range(50)], hold=False) as session:

        @session.on(InputAudioBufferCleared)
        async def slow(event: InputAudioBufferCleared) -> None:
            await release.wait()

        session.on(InputAudioBufferCleared, quick.append)
        await session.send(InputAudioBufferClear())
        await ended(session)
        while len(quick) < 50:
            await asyncio.sleep(0.001)
        release.set()
    assert [event.event_id for event in quick] == [f"event_c{n}" for n in range(50)]  # type: ignore[attr-defined]


async def test_a_failing_handler_is_an_event_and_a_log_and_stops_nothing(
    caplog: pytest.LogCaptureFixture, live: Any
) -> None:
    failures: list[HandlerFailed] = []
    heard: list[Event] = []
    async with live(CLEAR, cleared(1), cleared(2), hold=False) as session:

        @session.on(InputAudioBufferCleared)
        def fails(event: InputAudioBufferCleared) -> None:
            raise ValueError("no")

        @session.on(HandlerFailed)
        def fails_too(event: HandlerFailed) -> None:
            failures.append(event)
            raise ValueError("never")

        session.on(InputAudioBufferCleared, heard.append)
        await session.send(InputAudioBufferClear())
        await ended(session)
    assert len(heard) == len(failures) == 2
    assert "fails" in failures[0].handler
    assert isinstance(failures[0].exception, ValueError)
    assert "failed on InputAudioBufferCleared" in caplog.text


async def test_a_handler_that_blocks_the_loop_is_named(caplog: pytest.LogCaptureFixture) -> None:
    import time

    async with opened(voxwire.connect, CLEAR, cleared(1), hold=False) as session:
        session.on(InputAudioBufferCleared, lambda event: time.sleep(0.15))
        await session.send(InputAudioBufferClear())
        await ended(session)
    assert "kept the event loop" in caplog.text


async def test_a_handler_may_close_the_session(live: Any) -> None:
    async with live(CLEAR, cleared(1)) as session:

        @session.on(InputAudioBufferCleared)
        async def end(event: InputAudioBufferCleared) -> None:
            await session.close()

        await session.send(InputAudioBufferClear())
        events = [event async for event in session]
    assert isinstance(events[-1], ConnectionClosed)
    assert events[-1].expected


async def test_a_handler_that_hangs_is_cancelled_at_the_end(
    caplog: pytest.LogCaptureFixture, live: Any
) -> None:
    async with live(CLEAR, cleared(1), drain_timeout=0.05) as session:

        @session.on(InputAudioBufferCleared)
        async def hangs(event: InputAudioBufferCleared) -> None:
            await asyncio.Event().wait()

        async with session.expect(InputAudioBufferCleared):
            await session.send(InputAudioBufferClear())
        await asyncio.sleep(0)
    assert "did not finish" in caplog.text


async def test_async_only_handlers_take_no_thread() -> None:
    async def handler(event: Event) -> None: ...

    async with opened(voxwire.connect) as session:
        with pytest.raises(InvalidOption, match="plain functions"):
            session.on(SessionCreated, handler, thread=True)


async def test_streams_hear_what_they_ask_for_and_end_with_the_session(live: Any) -> None:
    async with live(CLEAR, cleared(1), cleared(2), hold=False) as session:
        async with session.stream(InputAudioBufferCleared) as stream:
            await session.send(InputAudioBufferClear())
            ids = [event.event_id async for event in stream if not isinstance(event, Overflow)]
        late = session.stream(ServerEvent)
        assert [event async for event in late] == []
    assert ids == ["event_c1", "event_c2"]


async def test_a_slow_reader_is_told_what_it_lost(live: Any) -> None:
    async with live(CLEAR, *[cleared(n) for n in range(10)], hold=False) as session:
        overflows: list[Overflow] = []
        session.on(Overflow, overflows.append)
        stream = session.stream("input_audio_buffer.cleared", limit=4)
        await session.send(InputAudioBufferClear())
        await ended(session)
        first = await anext(stream)
        rest = [event async for event in stream]
    assert first == Overflow(queue="stream of input_audio_buffer.cleared", dropped=6)
    assert len(rest) == 4
    assert len(overflows) == 1


async def test_wait_for_and_its_timeout(live: Any) -> None:
    async with live(CLEAR, cleared(1), cleared(2)) as session:
        with pytest.raises(WaitTimeout, match=r"no InputAudioBufferCleared within 0\.01 s"):
            await session.wait_for(InputAudioBufferCleared, timeout=0.01)
        waiting = asyncio.create_task(
            session.wait_for(InputAudioBufferCleared, where=lambda e: e.event_id == "event_c2")
        )
        await asyncio.sleep(0)
        await session.send(InputAudioBufferClear())
        assert (await waiting).event_id == "event_c2"


async def test_a_failing_predicate_is_the_callers_to_see(live: Any) -> None:
    async with live(CLEAR, cleared(1)) as session:
        with pytest.raises(ZeroDivisionError):
            async with session.expect(InputAudioBufferCleared, where=lambda e: 1 / 0 > 1):
                await session.send(InputAudioBufferClear())


async def test_a_block_that_raises_does_not_wait(live: Any) -> None:
    async with live() as session:
        with pytest.raises(KeyError):
            async with session.expect(InputAudioBufferCleared):
                raise KeyError


async def test_everything_that_waits_ends_with_the_session_and_the_reason(live: Any) -> None:
    async with live(CLEAR, close(4321, "gone"), hold=False) as session:
        stream = session.stream(InputAudioBufferCleared)
        waiting = asyncio.create_task(session.wait_for(InputAudioBufferCleared))
        await asyncio.sleep(0)
        await session.send(InputAudioBufferClear())
        with pytest.raises(ConnectionClosedError, match="4321: gone"):
            await waiting
        with pytest.raises(ConnectionClosedError, match="4321"):
            await anext(stream)
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        with pytest.raises(ConnectionClosedError, match="4321"):
            await session.wait_for(InputAudioBufferCleared)
        closes = []
        with pytest.raises(ConnectionClosedError):
            async for event in session:
                if isinstance(event, ConnectionClosed):
                    closes.append(event)
    assert closes == [ConnectionClosed(code=4321, reason="gone", clean=True, expected=False)]


async def test_a_broken_connection_is_1006(connect: Any) -> None:
    async with ReplayServer([CREATED, cleared(1)], fault=Drop(after=1), hold=True) as server:
        async with connect(url=server.url) as session:
            with pytest.raises(ConnectionClosedError) as caught:
                async for _ in session:
                    pass
        assert session.closed == ConnectionClosed(code=1006, reason="", clean=False, expected=False)
    assert caught.value.code == 1006


async def test_frames_that_are_no_events_are_unknown_events(connect: Any) -> None:
    fault = Garbage()
    async with (
        ReplayServer([CREATED], fault=fault) as server,
        connect(url=server.url) as session,
    ):
        events = [event async for event in session]
    unknown = [event for event in events if isinstance(event, UnknownEvent)]
    assert len(unknown) == len(fault.frames)
    assert all(event.reason for event in unknown)
    assert session.session.id == "sess_1"


# -- recording and logging ------------------------------------------------------------------------


async def test_a_session_is_recorded_whole_and_without_its_key(
    tmp_path: Path, connect: Any
) -> None:
    path = tmp_path / "session.jsonl"
    async with ReplayServer([CREATED, UPDATE, UPDATED], hold=True) as server:
        async with connect(url=server.url, api_key=KEY, record=path) as session:
            async with session.expect(SessionUpdated):
                await session.send(SessionUpdate(session=RealtimeSession(instructions=KEY)))
            later = session.record(tmp_path / "later.jsonl")
            await session.send(InputAudioBufferClear())
            later.close()
            await session.send(InputAudioBufferClear())
    frames = [entry for entry in read(path) if isinstance(entry, Frame)]
    assert [frame.event["type"] for frame in frames] == [
        "session.created", "session.update", "session.updated",
        "input_audio_buffer.clear", "input_audio_buffer.clear",
    ]  # fmt: skip
    assert KEY not in path.read_text()
    assert len([e for e in read(tmp_path / "later.jsonl") if isinstance(e, Frame)]) == 1


async def test_both_directions_are_logged_without_audio_and_keys(
    caplog: pytest.LogCaptureFixture, live: Any
) -> None:
    caplog.set_level(logging.DEBUG, logger="voxwire")
    audio = "QUJD" * 100
    async with live(api_key=KEY) as session:
        await session.send({"type": "input_audio_buffer.append", "audio": audio})
    lines = [record.getMessage() for record in caplog.records if record.name == "voxwire"]
    assert any(line.startswith("<- SessionCreated(") for line in lines)
    assert any(line.startswith("-> InputAudioBufferAppend(") for line in lines)
    assert audio not in caplog.text
    assert KEY not in caplog.text


async def test_a_session_shows_its_id_and_state() -> None:
    async with opened(voxwire.connect) as session:
        assert repr(session) == "<voxwire.Session sess_1 open>"
    assert "closed with 1000" in repr(session)


async def test_many_items_in_order(live: Any) -> None:
    async with live(*[added(f"i{n}") for n in range(500)], hold=False) as session:
        seen = [
            event.item.id async for event in session if isinstance(event, ConversationItemAdded)
        ]  # type: ignore[union-attr]
    assert seen == [f"i{n}" for n in range(500)]
