"""The replay server: what it sends, what it notices, and how it ends a connection."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from voxwire.emulator import Deviation, Drop, ErrorThenClose, Garbage, Hang, Refuse, ReplayServer
from voxwire.emulator.replay_client import ReplayPace
from voxwire.recording.frames import Close, Frame, read, sessions

Entry: TypeAlias = dict[str, Any]

CREATED: Entry = {"dir": "s2c", "event": {"type": "session.created", "event_id": "e1"}}
UPDATED: Entry = {"dir": "s2c", "event": {"type": "session.updated", "event_id": "e2"}}
DONE: Entry = {"dir": "s2c", "event": {"type": "response.done", "event_id": "e3"}}
APPEND: dict[str, Any] = {
    "dir": "c2s",
    "event": {"type": "input_audio_buffer.append", "audio": "AAAA"},
}
UPDATE: Entry = {
    "dir": "c2s",
    "event": {"type": "session.update", "session": {"instructions": "a"}},
}
CREATE: Entry = {"dir": "c2s", "event": {"type": "response.create", "event_id": "c2"}}
TURN = [CREATED, UPDATE, UPDATED, CREATE, DONE]


@asynccontextmanager
async def client(server: ReplayServer, **options: Any) -> AsyncIterator[ClientConnection]:
    async with connect(options.pop("url", server.url), proxy=None, **options) as socket:
        yield socket


async def receive(socket: ClientConnection, count: int) -> list[str]:
    return [json.loads(await socket.recv())["type"] for _ in range(count)]


async def until_closed(socket: ClientConnection) -> tuple[list[Any], int, str]:
    frames: list[Any] = []
    try:
        while True:
            frames.append(await socket.recv())
    except ConnectionClosed:
        assert socket.close_code is not None
        return frames, socket.close_code, socket.close_reason or ""


async def send(socket: ClientConnection, *events: dict[str, Any]) -> None:
    for event in events:
        await socket.send(json.dumps(event))


async def test_answers_each_frame_of_the_client_with_what_was_recorded() -> None:
    async with ReplayServer(TURN) as server, client(server) as socket:
        assert await receive(socket, 1) == ["session.created"]
        await send(socket, {"type": "session.update", "session": {"instructions": "other"}})
        assert await receive(socket, 1) == ["session.updated"]
        await send(socket, {"type": "response.create"})
        assert await receive(socket, 1) == ["response.done"]
        assert await until_closed(socket) == ([], 1000, "")
    assert server.deviations == []
    assert [frame.type for frame in server.connections[0].received] == [
        "session.update",
        "response.create",
    ]


async def test_does_not_answer_before_the_client_has_sent() -> None:
    async with ReplayServer(TURN) as server, client(server) as socket:
        await receive(socket, 1)
        pong = await socket.ping()  # what comes back after it was sent after it
        await pong
        early = asyncio.ensure_future(socket.recv())
        await asyncio.sleep(0)
        assert not early.done()
        await send(socket, {"type": "session.update"})
        assert json.loads(await early)["type"] == "session.updated"


async def test_frames_that_come_early_are_kept() -> None:
    async with ReplayServer(TURN) as server, client(server) as socket:
        await send(socket, {"type": "session.update"}, {"type": "response.create"})
        assert await receive(socket, 3) == ["session.created", "session.updated", "response.done"]
    assert server.deviations == []


async def test_strict_matching_takes_equal_events_but_for_id_audio_and_keys() -> None:
    secret = {"type": "x", "authorization": "<redacted>"}
    recording = [APPEND, CREATE, {"dir": "c2s", "event": secret}, DONE]
    async with ReplayServer(recording, matching="strict") as server, client(server) as socket:
        await send(
            socket,
            {"audio": "BBBBBBBB", "type": "input_audio_buffer.append"},
            {"type": "response.create", "event_id": "mine"},
            {"type": "x", "authorization": "a secret"},
        )
        assert await receive(socket, 1) == ["response.done"]
    assert server.deviations == []


async def test_strict_matching_takes_the_ids_that_a_client_makes_up() -> None:
    def created(item_id: str, previous: str | None) -> dict[str, Any]:
        item = {"id": item_id, "type": "message", "role": "user", "content": []}
        return {"type": "conversation.item.create", "item": item, "previous_item_id": previous}

    def asked(**metadata: str) -> dict[str, Any]:
        return {"type": "response.create", "response": {"metadata": metadata}}

    def said(event: dict[str, Any]) -> Entry:
        return {"dir": "c2s", "event": event}

    token = {"topic": "a", "voxwire_request": "old-1"}
    answer = {"type": "response.created", "response": {"id": "r1", "metadata": token}}
    recording = [
        said(created("old_1", "item_s")),
        said(created("old_2", "old_1")),
        said(asked(**token)),
        {"dir": "s2c", "event": answer},
    ]
    async with ReplayServer(recording, matching="strict") as server:
        async with client(server) as socket:
            await send(socket, created("new_1", "item_s"), created("new_2", "new_1"))
            await send(socket, asked(topic="a", voxwire_request="new-1"))
            got = json.loads(await socket.recv())
        assert got["response"]["metadata"] == {"topic": "a", "voxwire_request": "new-1"}
        assert server.deviations == []
        async with client(server) as socket:
            await send(socket, created("new_1", "item_s"), created("new_2", "item_s"))
            _, _, reason = await until_closed(socket)
        assert "$.previous_item_id is 'item_s', recorded is 'new_1'" in reason
        async with client(server) as socket:
            await send(socket, created("new_1", "item_s"), created("new_2", "new_1"))
            await send(socket, asked(topic="b", voxwire_request="new-1"))
            _, _, reason = await until_closed(socket)
        assert "$.response.metadata.topic is 'b', recorded is 'a'" in reason


async def test_tolerant_matching_gives_a_client_its_own_metadata_back() -> None:
    def response(kind: str, topic: str) -> dict[str, Any]:
        return {"type": kind, "response": {"metadata": {"topic": topic, "kept": "a"}}}

    recording = [
        {"dir": "c2s", "event": response("response.create", "a")},
        {"dir": "s2c", "event": response("response.created", "a")},
    ]
    async with ReplayServer(recording) as server, client(server) as socket:
        await send(socket, response("response.create", "b"))
        assert json.loads(await socket.recv()) == response("response.created", "b")


async def test_strict_matching_closes_and_names_the_path() -> None:
    async with ReplayServer(TURN, matching="strict") as server, client(server) as socket:
        await send(socket, {"type": "session.update", "session": {"instructions": "b"}})
        frames, code, reason = await until_closed(socket)
    assert len(frames) == 1
    assert code == 4409
    assert reason == (
        "session.update is not as recorded: $.session.instructions is 'b', recorded is 'a'"
    )
    assert [str(deviation) for deviation in server.deviations] == [reason]


@pytest.mark.parametrize(
    ("session", "detail"),
    [
        ({}, "$.session.instructions is missing"),
        ({"instructions": "a", "x": 1}, "$.session.x is not in the recording"),
        (None, "$.session is None, recorded is {'instructions': 'a'}"),
        ({"instructions": ["a" * 99]}, "$.session.instructions is ['aaaaaaaaaa"),
        ({"instructions": True}, "$.session.instructions is True, recorded is 'a'"),
    ],
)
async def test_strict_matching_tells_differences_apart(session: Any, detail: str) -> None:
    async with ReplayServer(TURN, matching="strict") as server, client(server) as socket:
        await send(socket, {"type": "session.update", "session": session})
        await until_closed(socket)
    assert server.deviations[0].kind == "different"
    assert server.deviations[0].detail.startswith(detail)


async def test_strict_matching_counts_list_entries_and_tells_true_from_one() -> None:
    recording = [{"dir": "c2s", "event": {"type": "x", "tools": [1, {"a": 1}]}}]
    for tools, detail in [
        ([1], "$.tools has 1 entries, recorded are 2"),
        ([True, {"a": 1}], "$.tools[0] is True, recorded is 1"),
        ([1.0, {"a": 2}], "$.tools[1].a is 2, recorded is 1"),
    ]:
        async with ReplayServer(recording, matching="strict") as server, client(server) as socket:
            await send(socket, {"type": "x", "tools": tools})
            await until_closed(socket)
        assert server.deviations[0].detail == detail


async def test_strict_matching_refuses_another_event() -> None:
    async with ReplayServer(TURN, matching="strict") as server, client(server) as socket:
        await send(socket, {"type": "response.create"})
        _, code, _ = await until_closed(socket)
    assert code == 4409
    assert server.deviations == [
        Deviation(connection=0, kind="unexpected", expected="session.update", got="response.create")
    ]


async def test_tolerant_matching_passes_over_what_was_not_recorded() -> None:
    async with ReplayServer(TURN) as server, client(server) as socket:
        await send(socket, {"type": "response.cancel"}, {"type": "session.update"})
        assert await receive(socket, 2) == ["session.created", "session.updated"]
    assert [str(deviation) for deviation in server.deviations] == [
        "the client sent response.cancel where session.update was recorded",
        "the client closed before it sent response.create",
    ]


async def test_tolerant_matching_goes_on_where_the_client_is() -> None:
    async with ReplayServer(TURN) as server, client(server) as socket:
        await send(socket, {"type": "response.create"})
        assert await receive(socket, 3) == ["session.created", "session.updated", "response.done"]
    assert [(d.kind, d.expected) for d in server.deviations] == [("missing", "session.update")]


async def test_tolerant_matching_does_not_count_audio_frames() -> None:
    recording = [CREATED, APPEND, APPEND, APPEND, UPDATED, APPEND, CREATE, DONE]
    async with ReplayServer(recording) as server, client(server) as socket:
        await send(socket, *[APPEND["event"]] * 9, {"type": "response.create"})
        assert (await until_closed(socket))[1] == 1000
    assert server.deviations == []
    async with ReplayServer(recording) as server, client(server) as socket:
        await send(socket, APPEND["event"])
        assert await receive(socket, 2) == ["session.created", "session.updated"]


@pytest.mark.parametrize(("matching", "code"), [("tolerant", 1000), ("strict", 4409)])
async def test_a_client_that_never_sends_is_noticed(matching: Any, code: int) -> None:
    recording = [CREATED, CREATE, DONE]
    async with (
        ReplayServer(recording, matching=matching, timeout=0.01) as server,
        client(server) as socket,
    ):
        frames, closed, _ = await until_closed(socket)
    assert closed == code
    assert len(frames) == (2 if matching == "tolerant" else 1)
    assert [(d.kind, d.expected) for d in server.deviations] == [("missing", "response.create")]
    assert "0.01 seconds" in str(server.deviations[0])


async def test_what_the_client_sends_after_the_end_is_noticed() -> None:
    async with ReplayServer([CREATED], hold=True) as server, client(server) as socket:
        await receive(socket, 1)
        await send(socket, {"type": "response.create"}, {"type": "input_audio_buffer.append"})
        await socket.close()
    assert [str(deviation) for deviation in server.deviations] == [
        "the client sent response.create at the end"
    ]


async def test_the_recorded_close_is_played() -> None:
    close = {"dir": "close", "code": 3000, "reason": "invalid_request_error.invalid_api_key"}
    async with ReplayServer([CREATED, close, DONE]) as server, client(server) as socket:
        frames, code, reason = await until_closed(socket)
    assert len(frames) == 1
    assert (code, reason) == (3000, "invalid_request_error.invalid_api_key")
    assert server.connections[0].closed == Close(code=3000, reason=reason)


@pytest.mark.parametrize(
    ("recorded", "seen"), [(None, 1006), (1006, 1006), (1005, 1000), (1001, 1001)]
)
async def test_codes_that_cannot_be_sent(recorded: int | None, seen: int) -> None:
    close = {"dir": "close", "code": recorded, "reason": None}
    async with ReplayServer([CREATED, close]) as server, client(server) as socket:
        frames, code, _ = await until_closed(socket)
    assert (len(frames), code) == (1, seen)


async def test_waits_for_a_client_that_was_the_one_to_close() -> None:
    close = {"dir": "close", "code": 1000, "reason": "", "by": "client"}
    async with ReplayServer([CREATED, close]) as server, client(server) as socket:
        await receive(socket, 1)
        await socket.close(4001, "done here")
    assert server.connections[0].closed == Close(code=4001, reason="done here")
    assert server.deviations == []


async def test_a_client_that_goes_while_the_server_talks_and_owes_a_frame() -> None:
    async with (
        ReplayServer([*[CREATED] * 50, CREATE]) as server,
        client(server, max_queue=None) as socket,
    ):
        await socket.close()
    assert [(d.kind, d.expected) for d in server.deviations] == [("left", "response.create")]


async def test_ids_that_the_client_chose_come_back_in_the_answers() -> None:
    item = {"id": "item_old", "type": "message"}
    recording = [
        {
            "dir": "c2s",
            "event": {"type": "conversation.item.create", "event_id": "c1", "item": item},
        },
        {
            "dir": "s2c",
            "event": {"type": "conversation.item.added", "event_id": "s1", "item": item},
        },
        {"dir": "s2c", "event": {"type": "x", "items": [{"previous_item_id": "item_old"}]}},
        {"dir": "s2c", "event": {"type": "error", "error": {"event_id": "c1", "message": "c1"}}},
    ]
    async with ReplayServer(recording) as server, client(server) as socket:
        await send(
            socket, {"type": "conversation.item.create", "event_id": "m1", "item": {"id": "new"}}
        )
        frames, _, _ = await until_closed(socket)
    assert [json.loads(frame) for frame in frames] == [
        {
            "type": "conversation.item.added",
            "event_id": "s1",
            "item": {"id": "new", "type": "message"},
        },
        {"type": "x", "items": [{"previous_item_id": "new"}]},
        {"type": "error", "error": {"event_id": "m1", "message": "c1"}},
    ]


async def test_audio_that_was_left_out_is_played_as_silence() -> None:
    entry = {
        "dir": "s2c",
        "event": {"type": "response.output_audio.delta", "delta": ""},
        "left_out": {"/delta": 8},
    }
    async with ReplayServer([entry]) as server, client(server) as socket:
        frames, _, _ = await until_closed(socket)
    assert base64.b64decode(json.loads(frames[0])["delta"]) == bytes(6)


async def test_frames_that_are_no_json_are_played_and_matched() -> None:
    recording = [
        {"dir": "c2s", "raw": "hello"},
        {"dir": "s2c", "raw": "not json"},
        {"dir": "c2s", "raw": "/wA=", "encoding": "base64"},
        {"dir": "s2c", "raw": "/wA=", "encoding": "base64"},
    ]
    async with ReplayServer(recording, matching="strict") as server, client(server) as socket:
        await socket.send("hello")
        await socket.send(b"\xff\x00")
        assert await until_closed(socket) == (["not json", b"\xff\x00"], 1000, "")
    assert server.deviations == []


async def test_several_clients_at_once_each_play_their_own() -> None:
    async with ReplayServer(TURN) as server, client(server) as one, client(server) as two:
        await send(two, {"type": "session.update"})
        assert await receive(two, 2) == ["session.created", "session.updated"]
        assert await receive(one, 1) == ["session.created"]
        await send(one, {"type": "response.cancel"})
        await send(two, {"type": "response.create"})
        assert await receive(two, 1) == ["response.done"]
        await one.close()
    assert {deviation.connection for deviation in server.deviations} == {0}


async def test_a_recording_of_several_connections_gives_each_client_the_next() -> None:
    meta = {"dir": "meta", "format": 1}
    recording = [meta, CREATED, meta, UPDATED]
    async with ReplayServer(recording) as server:
        seen = []
        for _ in range(3):
            async with client(server) as socket:
                seen += await receive(socket, 1)
    assert seen == ["session.created", "session.updated", "session.created"]


async def test_remembers_who_connected_without_their_keys() -> None:
    async with ReplayServer([CREATED]) as server:
        url = server.url.replace("/v1/realtime", "/any/path?model=m&api-key=0123abcd")
        headers = {"Authorization": "Bearer sk-abcdefgh12345678", "X-Mine": "yes"}
        async with client(server, url=url, additional_headers=headers) as socket:
            await until_closed(socket)
    (connection,) = server.connections
    assert connection.path == "/any/path"
    assert connection.query == {"model": "m", "api-key": "<redacted>"}
    assert connection.headers["authorization"] == "Bearer <redacted>"
    assert connection.headers["x-mine"] == "yes"
    assert "sk-abc" not in repr(connection)
    assert "0123abcd" not in repr(connection)


def test_the_pace_is_that_of_the_recording_over_speed() -> None:
    pace = ReplayPace(2.0)
    assert pace.delay(1.0, 100.0) == 0  # the first frame does not wait
    assert pace.delay(5.0, 100.0) == 2.0
    assert pace.delay(5.0, 101.5) == 0.5
    assert pace.delay(None, 100.0) == 0
    pace.mark(6.0, 200.0)  # the client took its time
    assert pace.delay(7.0, 200.25) == 0.25
    assert pace.delay(7.0, 300.0) == 0
    assert ReplayPace(None).delay(9.0, 0.0) == 0


async def test_waiting_for_the_recorded_moment_ends_with_the_connection() -> None:
    recording = [{**CREATED, "t": 0.0}, {**DONE, "t": 3600.0}, CREATE]
    async with ReplayServer(recording, speed=1.0) as server, client(server) as socket:
        await receive(socket, 1)
        await socket.close()
    assert [(d.kind, d.expected) for d in server.deviations] == [("left", "response.create")]


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_fault_refuses_the_upgrade(status: int) -> None:
    async with ReplayServer([CREATED], fault=Refuse(status, '{"error": {}}')) as server:
        with pytest.raises(InvalidStatus) as refused:
            await connect(server.url, proxy=None)
    assert refused.value.response.status_code == status
    assert refused.value.response.body == b'{"error": {}}'
    assert len(server.connections) == 1


async def test_fault_redirects() -> None:
    fault = Refuse(302, headers={"Location": "ws://elsewhere.invalid/", "Content-Type": "x/y"})
    async with ReplayServer([CREATED], fault=fault) as server:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", int(server.url.split(":")[2].split("/")[0])
        )
        writer.write(
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 302")
    assert b"Location: ws://elsewhere.invalid/" in answer
    assert answer.count(b"Content-Type") == 1


async def test_fault_error_and_close_at_once() -> None:
    fault = ErrorThenClose({"type": "invalid_request_error", "code": "invalid_api_key"}, 3000, "no")
    async with ReplayServer([CREATED], fault=fault) as server, client(server) as socket:
        frames, code, reason = await until_closed(socket)
    assert (code, reason) == (3000, "no")
    assert json.loads(frames[0])["error"]["code"] == "invalid_api_key"
    assert len(frames) == 1


async def test_fault_garbage_comes_before_the_recording() -> None:
    fault = Garbage(("not json", b"\x00\xff"))
    async with ReplayServer([CREATED], fault=fault) as server, client(server) as socket:
        frames, code, _ = await until_closed(socket)
    assert frames[:2] == ["not json", b"\x00\xff"]
    assert json.loads(frames[2])["type"] == "session.created"
    assert code == 1000


async def test_fault_drop_breaks_the_connection() -> None:
    async with ReplayServer(TURN, fault=Drop(after=1)) as server, client(server) as socket:
        await send(socket, {"type": "session.update"})
        frames, code, _ = await until_closed(socket)
    assert (len(frames), code) == (1, 1006)


async def test_fault_hang_never_answers_and_does_not_hold_the_server_up() -> None:
    async with ReplayServer([CREATED], fault=Hang()) as server:
        with pytest.raises(TimeoutError):
            await connect(server.url, proxy=None, open_timeout=0.05)
        waiting = asyncio.ensure_future(connect(server.url, proxy=None).__aenter__())
        while len(server.connections) < 2:
            await asyncio.sleep(0)
    with pytest.raises((OSError, InvalidMessage)):
        await waiting


async def test_faults_one_after_the_other() -> None:
    async with ReplayServer([CREATED], fault=[Refuse(503), None]) as server:
        with pytest.raises(InvalidStatus):
            await connect(server.url, proxy=None)
        for _ in range(2):
            async with client(server) as socket:
                assert await receive(socket, 1) == ["session.created"]


async def test_stopping_ends_open_connections() -> None:
    async with ReplayServer(TURN, timeout=60) as server:
        socket = await connect(server.url, proxy=None)
        await receive(socket, 1)
    assert (await until_closed(socket))[1] == 1001


async def test_an_empty_recording_closes_at_once() -> None:
    async with ReplayServer([]) as server, client(server) as socket:
        assert await until_closed(socket) == ([], 1000, "")


def test_the_url_is_known_only_while_it_runs() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        _ = ReplayServer([]).url


async def test_every_shared_recording_can_be_replayed_to_its_own_client(
    recorded: list[Path], recorded_live: list[Path]
) -> None:
    for path in recorded + recorded_live:
        async with ReplayServer(path, matching="strict") as server:
            for entries in sessions(read(path)):
                frames = [entry for entry in entries if isinstance(entry, Frame)]
                async with client(server, max_size=None) as socket:
                    for frame in frames:
                        if frame.dir == "c2s":
                            await socket.send(frame.data)
                    received, _, _ = await until_closed(socket)
                assert [json.loads(one) for one in received] == [
                    frame.event for frame in frames if frame.dir == "s2c"
                ], path.name
        assert server.deviations == [], path.name
