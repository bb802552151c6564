"""The recording proxy: nobody notices it, and what passed is on record."""

from __future__ import annotations

import asyncio
import contextlib
import http
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from scripted import KEY
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

import voxwire
from voxwire.emulator import Emulator, ReplayServer
from voxwire.emulator.frame_pump import FramePump
from voxwire.emulator.proxy import RecordingProxy
from voxwire.errors import InvalidOption, RecordingError
from voxwire.recording.frames import Close, Frame, Meta, read, sessions

Handler = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def server(handler: Handler, **options: Any) -> AsyncIterator[str]:
    async with serve(handler, "127.0.0.1", 0, **options) as running:
        port = next(iter(running.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}/v1/realtime"


async def echo(socket: ServerConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for message in socket:
            await socket.send(message)


def frames(path: Path) -> list[tuple[str, Any]]:
    entries = [entry for entry in read(path) if isinstance(entry, Frame)]
    return [(e.dir, e.event if e.raw is None else e.raw) for e in entries]


def parts(folder: Path) -> int:
    return len(list(folder.glob("*.part")))


async def ended(proxy: RecordingProxy, number: int = 1) -> FramePump:
    """The passage of a client that has left, once both sides have ended."""
    passage = proxy.passages[number - 1]
    while passage.closed is None or passage.seconds == 0:
        await asyncio.sleep(0.001)
    return passage


async def test_messages_pass_byte_for_byte_and_are_on_record(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    messages: list[str | bytes] = [
        '{ "type" :  "a",\n "n": 1.0, "s": "Gr\\u00fc\\u00dfe ü 😀" }',
        b'{"type": "binary"}',
        b"\x00\xff",
        "not json",
        "",
        json.dumps({"type": "input_audio_buffer.append", "audio": "AAAA" * 500_000}),
    ]
    async with server(echo, max_size=None) as to, RecordingProxy(to, path) as proxy:
        async with connect(proxy.url, max_size=None) as client:
            for message in messages:
                await client.send(message)
                assert await client.recv() == message
        passage = await ended(proxy)
    assert (passage.sent, passage.received) == (len(messages), len(messages))
    assert passage.closed == Close(code=1000, reason="", by="client")
    parsed = [json.loads(messages[0]), messages[1], messages[2], "not json", ""]
    kept = frames(path)
    assert kept[:10] == [(way, m) for m in parsed for way in ("c2s", "s2c")]
    assert kept[10][1] == json.loads(messages[5])
    meta, *_, close = read(path)
    assert isinstance(meta, Meta)
    assert meta.fields["url"] == to
    assert close == Close(t=close.t, code=1000, reason="", by="client")


async def test_fragments_arrive_as_the_message_they_make() -> None:
    async with server(echo) as to, RecordingProxy(to) as proxy, connect(proxy.url) as client:
        await client.send(["one ", "two ", "three"])
        assert await client.recv() == "one two three"


async def test_the_handshake_goes_through_but_for_what_is_not_the_message() -> None:
    seen: list[Any] = []

    async def look(socket: ServerConnection) -> None:
        seen.append(socket.request)
        await echo(socket)

    def answer(socket: ServerConnection, request: Any, response: Any) -> None:
        response.headers["X-Request-Id"] = "r1"
        response.headers["Set-Cookie"] = "a=1"
        response.headers["Set-Cookie"] = "b=2"

    options: dict[str, Any] = {"subprotocols": ["realtime"], "process_response": answer}
    async with server(look, **options) as to:
        origins = ["https://example.com"]
        async with RecordingProxy(f"{to}?model=default&extra=1", origins=origins) as proxy:
            url = proxy.url.replace("/v1/realtime", "/v2/other%20path?model=mine&x=a+b%2Fc")
            headers = [
                ("Authorization", f"Bearer {KEY}"),
                ("OpenAI-Beta", "realtime=v1"),
                ("X-Twice", "1"),
                ("X-Twice", "2"),
                ("Connection", "X-Hop"),
                ("X-Hop", "1"),
                ("Proxy-Authorization", "Basic abcdef"),
            ]
            async with connect(
                url,
                additional_headers=headers,
                subprotocols=["other", "realtime"],  # type: ignore[list-item]
                origin="https://example.com",  # type: ignore[arg-type]
                user_agent_header="mine/1.0",
            ) as client:
                assert client.subprotocol == "realtime"
                assert client.response is not None
                assert client.response.headers["X-Request-Id"] == "r1"
                assert client.response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    (request,) = seen
    assert request.path == "/v2/other%20path?model=mine&x=a+b%2Fc&extra=1"
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["OpenAI-Beta"] == "realtime=v1"
    assert request.headers.get_all("X-Twice") == ["1", "2"]
    assert request.headers["User-Agent"] == "mine/1.0"
    assert request.headers["Origin"] == "https://example.com"
    assert request.headers["Host"] == urlsplit(to).netloc
    assert request.headers["Sec-WebSocket-Protocol"] == "other, realtime"
    assert "X-Hop" not in request.headers
    assert "Proxy-Authorization" not in request.headers
    assert request.headers.get_all("Sec-WebSocket-Key") == [request.headers["Sec-WebSocket-Key"]]


async def test_who_asks_for_no_path_gets_that_of_the_server() -> None:
    paths: list[str] = []

    async def look(socket: ServerConnection) -> None:
        assert socket.request is not None
        paths.append(socket.request.path)

    async with server(look) as to, RecordingProxy(f"{to}?model=m") as proxy:
        for url in (proxy.url, proxy.url.removesuffix("/v1/realtime")):
            async with connect(url) as client:
                await client.wait_closed()
    assert paths == ["/v1/realtime?model=m"] * 2


ENDS = [(1000, "bye"), (1001, ""), (3000, "invalid_api_key"), (4000, "a.b ü"), (None, "")]


@pytest.mark.parametrize(("code", "reason"), ENDS)
async def test_the_server_closes_and_the_client_learns_how(
    tmp_path: Path, code: int | None, reason: str
) -> None:
    async def close(socket: ServerConnection) -> None:
        await socket.send("1")
        await socket.close(code, reason)  # type: ignore[arg-type]

    path = tmp_path / "a.jsonl"
    async with server(close) as to, RecordingProxy(to, path) as proxy:
        async with connect(proxy.url) as client:
            assert await client.recv() == "1"
            with pytest.raises(ConnectionClosed):
                await client.recv()
            assert (client.close_code, client.close_reason) == (code or 1005, reason)
        await ended(proxy)
    *_, last = read(path)
    assert last == Close(t=last.t, code=code or 1005, reason=reason, by="server")


@pytest.mark.parametrize(("code", "reason"), ENDS)
async def test_the_client_closes_and_the_server_learns_how(
    tmp_path: Path, code: int | None, reason: str
) -> None:
    ends: list[Any] = []

    async def look(socket: ServerConnection) -> None:
        await echo(socket)
        ends.append((socket.close_code, socket.close_reason))

    path = tmp_path / "a.jsonl"
    async with server(look) as to, RecordingProxy(to, path) as proxy:
        async with connect(proxy.url) as client:
            await client.send("1")
            await client.recv()
            await client.close(code, reason)  # type: ignore[arg-type]
        await ended(proxy)
    assert ends == [(code or 1005, reason)]
    *_, last = read(path)
    assert last == Close(t=last.t, code=code or 1005, reason=reason, by="client")


@pytest.mark.parametrize("who", ["client", "server"])
async def test_a_side_that_breaks_off_breaks_the_other(tmp_path: Path, who: str) -> None:
    ends: list[Any] = []

    async def serving(socket: ServerConnection) -> None:
        await socket.send("1")
        if who == "server":
            await socket.recv()
            socket.transport.abort()
        await socket.wait_closed()
        ends.append(socket.close_code)

    path = tmp_path / "a.jsonl"
    async with server(serving) as to, RecordingProxy(to, path) as proxy:
        async with connect(proxy.url) as client:
            await client.recv()
            if who == "client":
                client.transport.abort()
            else:
                await client.send("go")
            await client.wait_closed()
            assert client.close_code == 1006
        await ended(proxy)
    assert ends == [1006]
    *_, last = read(path)
    assert last == Close(t=last.t, code=None, reason="", by=who)


async def test_all_that_was_said_before_the_end_arrives() -> None:
    async def flood(socket: ServerConnection) -> None:
        for number in range(300):
            await socket.send(f"{number:>20000}")
        await socket.close(4001, "over")

    async with server(flood) as to, RecordingProxy(to) as proxy:
        async with connect(proxy.url) as client:
            got: list[int] = []
            with pytest.raises(ConnectionClosed):
                while True:
                    got.append(int(await client.recv()))
            assert got == list(range(300))
            assert client.close_code == 4001


async def test_who_does_not_read_is_not_read_for() -> None:
    total = 400
    sent: list[int] = []

    async def flood(socket: ServerConnection) -> None:
        for number in range(total):
            await socket.send(bytes(2**18))
            sent.append(number)

    async with server(flood) as to, RecordingProxy(to) as proxy:
        async with connect(proxy.url) as client:
            count, quiet = 0, 0
            while quiet < 20:
                await asyncio.sleep(0.01)
                count, quiet = len(sent), quiet + 1 if count == len(sent) > 0 else 0
            assert len(sent) < total  # 100 MB do not fit into what is buffered on the way
            got = 0
            with contextlib.suppress(ConnectionClosed):
                async for message in client:
                    got += len(message)
            assert got == total * 2**18


async def test_a_refusal_is_passed_on_with_status_headers_and_body() -> None:
    def refuse(socket: ServerConnection, request: Any) -> Any:
        response = socket.respond(http.HTTPStatus(401), '{"error": "wrong key"}')
        response.headers["WWW-Authenticate"] = "Bearer"
        return response

    async with server(echo, process_request=refuse) as to, RecordingProxy(to) as proxy:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(proxy.url):
                pass
        response = refused.value.response
    assert response.status_code == 401
    assert response.body == b'{"error": "wrong key"}'
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert [passage.status for passage in proxy.passages] == [401]


async def test_a_redirect_is_the_clients_to_follow() -> None:
    followed: list[str] = []

    def refuse(socket: ServerConnection, request: Any) -> Any:
        followed.append(request.path)
        response = socket.respond(http.HTTPStatus(307), "")
        response.headers["Location"] = "/elsewhere"
        return response

    async with server(echo, process_request=refuse) as to, RecordingProxy(to) as proxy:
        with pytest.raises(voxwire.UpgradeRejected) as refused:
            async with voxwire.connect(url=proxy.url):
                pass
    assert refused.value.status == 307
    assert len(followed) == 1


async def test_a_server_that_is_not_there_is_a_502(
    unused_tcp_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[FramePump] = []
    to = f"ws://127.0.0.1:{unused_tcp_port}/v1/realtime"
    async with RecordingProxy(to, ended=told.append) as proxy:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(proxy.url, additional_headers={"Authorization": f"Bearer {KEY}"}):
                pass
    assert refused.value.response.status_code == 502
    assert refused.value.response.body is not None
    assert b"cannot be reached" in refused.value.response.body
    assert [(passage.status, "reached" in passage.refusal) for passage in told] == [(502, True)]
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


async def test_a_server_that_does_not_answer_is_a_504() -> None:
    async with ReplayServer([], fault=voxwire.emulator.Hang()) as to:  # type: ignore[attr-defined]
        async with RecordingProxy(to.url, open_timeout=0.05) as proxy:
            with pytest.raises(InvalidStatus) as refused:
                async with connect(proxy.url):
                    pass
    assert refused.value.response.status_code == 504


async def test_a_browser_that_looks_in_is_told_what_is_missing() -> None:
    import httpx

    async with server(echo) as to, RecordingProxy(to) as proxy:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(proxy.url.replace("ws:", "http:"))
    assert answer.status_code == 426
    assert proxy.passages == []


async def test_clients_at_once_are_sections_in_order_of_start(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    async with server(echo) as to, RecordingProxy(to, path) as proxy:
        clients = [await connect(proxy.url) for _ in range(5)]
        for turn in range(3):
            for number, client in enumerate(clients):
                await client.send(json.dumps({"type": "x", "client": number, "turn": turn}))
                await client.recv()
        for number in (3, 1, 0):
            await clients[number].close()
            await ended(proxy, number + 1)
        late = await connect(proxy.url)
        await late.send('{"type": "x", "client": 5, "turn": 0}')
        await late.recv()
        for client in (late, clients[4]):
            await client.close()
        await ended(proxy, 6)
        # Number 2 still runs: what came after it waits beside the file.
        assert parts(tmp_path) == 4
        await clients[2].close()
        await ended(proxy, 3)
        assert parts(tmp_path) == 0
    sections = [[e for e in s if isinstance(e, Frame)] for s in sessions(read(path))]
    assert [{frame.event["client"] for frame in section} for section in sections] == [
        {0}, {1}, {2}, {3}, {4}, {5},
    ]  # fmt: skip
    assert [len(section) for section in sections] == [6, 6, 6, 6, 6, 2]


async def test_no_key_is_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    odd = "custom-Credential-0123"  # a key that looks like none
    path = tmp_path / "a.jsonl"
    told: list[FramePump] = []
    async with server(echo) as to, RecordingProxy(to, path, ended=told.append) as proxy:
        async with connect(
            f"{proxy.url}?model=m&api-key={odd}q",
            additional_headers={"Authorization": f"Bearer {KEY}", "X-My-Token": odd},
            subprotocols=["realtime", f"openai-insecure-api-key.{odd}p"],  # type: ignore[list-item]
            logger=logging.getLogger("client"),
        ) as client:
            await client.send(json.dumps({"type": "x", "said": f"{odd} {odd}q {odd}p {KEY}"}))
            await client.recv()
        await ended(proxy)
    written = path.read_text()
    ours = "".join(r.getMessage() for r in caplog.records if r.name.startswith("voxwire"))
    for secret in (KEY, odd):
        assert secret not in written
        assert secret not in str(told)
        assert secret not in ours
    assert "redacted" in written


async def test_headers_are_added_where_the_client_sends_none(tmp_path: Path) -> None:
    seen: list[str] = []
    path = tmp_path / "a.jsonl"

    async def look(socket: ServerConnection) -> None:
        assert socket.request is not None
        seen.append(socket.request.headers["Authorization"])
        await socket.send("the key is added-key")

    added = {"Authorization": "Bearer added-key"}
    async with server(look) as to, RecordingProxy(to, path, headers=added) as proxy:
        for headers in ({}, {"authorization": "Bearer own"}):
            async with connect(proxy.url, additional_headers=headers) as client:
                await client.wait_closed()
    assert seen == ["Bearer added-key", "Bearer own"]
    assert "added-key" not in path.read_text()


async def test_audio_is_left_out_of_the_record_and_not_of_the_session(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    append = '{"type":"input_audio_buffer.append","audio":"AAAA"}'
    async with server(echo) as to, RecordingProxy(to, path, audio=False) as proxy:
        async with connect(proxy.url) as client:
            await client.send(append)
            assert await client.recv() == append
        await ended(proxy)
    assert [event["audio"] for _, event in frames(path)] == ["", ""]


async def test_stopping_ends_both_sides_and_the_record(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    ends: list[Any] = []

    async def look(socket: ServerConnection) -> None:
        await echo(socket)
        ends.append(socket.close_code)

    async with server(look) as to:
        async with RecordingProxy(to, path) as proxy:
            clients = [await connect(proxy.url) for _ in range(3)]
            for client in clients:
                await client.send('{"type": "x"}')
                await client.recv()
        for client in clients:
            await client.wait_closed()
            assert client.close_code == 1001
    assert ends == [1001] * 3
    assert parts(tmp_path) == 0
    closes = [section[-1] for section in sessions(read(path))]
    assert closes == [Close(t=c.t, code=1001, reason="", by=None) for c in closes]
    assert len(closes) == 3


async def test_a_client_that_leaves_early_leaves_nothing_behind() -> None:
    arrived, gone = asyncio.Event(), asyncio.Event()

    async def look(socket: ServerConnection) -> None:
        await socket.wait_closed()
        gone.set()

    async def slow(socket: ServerConnection, request: Any) -> None:
        arrived.set()
        await asyncio.sleep(0.05)

    async with server(look, process_request=slow) as to, RecordingProxy(to) as proxy:
        leaving = asyncio.create_task(connect(proxy.url).__aenter__())
        await arrived.wait()
        leaving.cancel()
        await asyncio.wait_for(gone.wait(), 5)


def test_what_cannot_work_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="no address of a server"):
        RecordingProxy("api.openai.com")
    with pytest.raises(RecordingError, match="cannot be written"):
        RecordingProxy("wss://host/v1/realtime", tmp_path)


# --- real clients, real servers ------------------------------------------------------------------


async def test_our_client_against_a_replayed_session(tmp_path: Path) -> None:
    harbour = Path(__file__).parents[2] / "examples" / "recordings" / "harbour.jsonl"
    path = tmp_path / "again.jsonl"
    sent = [e for e in read(harbour) if isinstance(e, Frame)]
    async with ReplayServer(harbour, matching="strict") as behind:
        async with RecordingProxy(behind.url, path) as proxy:
            async with voxwire.connect(url=proxy.url) as session:
                events = aiter(session)
                for frame in sent:
                    if frame.dir == "c2s":
                        await session.send_raw(frame.data)
                    else:
                        await anext(events)
            await ended(proxy)
    assert behind.deviations == []
    again = [e for e in read(path) if isinstance(e, Frame)]
    assert [(e.dir, e.event) for e in again] == [(e.dir, e.event) for e in sent]


async def test_our_client_against_the_emulator(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    async with Emulator() as behind, RecordingProxy(behind.url, path) as proxy:
        async with voxwire.connect(url=proxy.url, output_modalities=["text"]) as session:
            assert (await session.say("Hello there")).text == "Hello there"
        await ended(proxy)
    assert [event["type"] for _, event in frames(path)][-1] == "response.done"


async def test_the_openai_client(tmp_path: Path) -> None:
    openai = pytest.importorskip("openai", reason="the openai package is not installed")
    path = tmp_path / "a.jsonl"
    async with Emulator() as behind, RecordingProxy(behind.url, path) as proxy:
        base = proxy.url.removesuffix("/realtime")
        client = openai.AsyncOpenAI(
            api_key=KEY, base_url=base.replace("ws:", "http:"), websocket_base_url=base
        )
        async with client.realtime.connect(model="gpt-realtime") as connection:
            await connection.session.update(
                session={"type": "realtime", "output_modalities": ["text"]}
            )
            await connection.conversation.item.create(
                item={
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "Hi"}],
                }
            )
            await connection.response.create()
            async for event in connection:
                if event.type == "response.done":
                    break
        await client.close()
        assert event.response.output[0].content[0].text == "Hi"
        await ended(proxy)
        assert behind.connections[0].headers["authorization"] == "Bearer <redacted>"
    assert KEY not in path.read_text()
    assert [event["type"] for way, event in frames(path) if way == "c2s"] == [
        "session.update",
        "conversation.item.create",
        "response.create",
    ]
