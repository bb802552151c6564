"""Browsers and other clients through a relay, on real sockets, and in a real browser."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from redis_servers import free_ports, redis_server
from starlette.websockets import WebSocketState
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

import voxwire
from voxwire.emulator import Emulator
from voxwire.relay import Relay
from voxwire.relay.browser_session import BrowserSession
from voxwire.relay.limits import Allowance, Limits
from voxwire.relay.rules import SAFE, Rules
from voxwire.store import RedisStore, SQLiteStore

KEY = "sk-test-0123456789abcdef"


@pytest.fixture
async def server() -> AsyncIterator[Emulator]:
    async with Emulator() as emulator:
        yield emulator


@asynccontextmanager
async def served(relay: Relay) -> AsyncIterator[str]:
    """The relay on a free port; gives its address."""
    running = uvicorn.Server(uvicorn.Config(relay, port=0, log_level="critical"))
    serving = asyncio.create_task(running.serve())
    async with asyncio.timeout(20):
        while not running.started:
            await asyncio.sleep(0.005)
    try:
        yield f"127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}"
    finally:
        running.should_exit = True
        await serving


def relay_to(server: Emulator, **options: Any) -> Relay:
    session = {"url": server.url, "api_key": KEY, "output_modalities": ["text"],
               "instructions": "A secret recipe."}  # fmt: skip
    return Relay(session=session, **options)


async def events(socket: Any, until: str) -> list[dict[str, Any]]:
    """What comes, up to an event of that name."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        while not found or found[-1]["type"] != until:
            found.append(json.loads(await socket.recv()))
    return found


async def say(socket: Any, text: str) -> list[dict[str, Any]]:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    await socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
    await socket.send(json.dumps({"type": "response.create"}))
    return await events(socket, "response.done")


async def test_a_page_speaks_the_protocol_and_never_sees_the_key(
    server: Emulator, tmp_path: Path
) -> None:
    relay = relay_to(server, record=tmp_path / "records")
    async with served(relay) as where, connect(f"ws://{where}/realtime") as socket:
        greeting = await events(socket, "voxwire.relay.session")
        assert greeting[0]["type"] == "session.created"
        assert greeting[0]["session"]["output_modalities"] == ["text"]
        answer = await say(socket, "Hello")
        spoken = [event["text"] for event in answer if event["type"] == "response.output_text.done"]
        assert spoken == ["Hello"]
        whole = json.dumps([greeting, answer])
        assert KEY not in whole
        assert "secret recipe" not in whole
    assert server.connections[0].headers["authorization"].startswith("Bearer ")
    [record] = (tmp_path / "records").iterdir()
    assert KEY not in record.read_text()
    assert "response.done" in record.read_text()


async def test_what_may_not_pass_is_refused_and_does_not_arrive(server: Emulator) -> None:
    async with served(relay_to(server)) as where, connect(f"ws://{where}/realtime") as socket:
        await events(socket, "voxwire.relay.session")
        before = len(server.connections[0].received)
        for frame, why in (
            ('{"type":"session.update","session":{},"event_id":"e1"}', "not allowed"),
            ("{", "not JSON"),
            ('{"type":"input_audio_buffer.append","audio":"%"}', ""),
            ('{"type":"input_audio_buffer.append"}', ""),
            ('{"type":"response.cancel","response_id":7}', "response_id"),
        ):
            await socket.send(frame)
            [error] = await events(socket, "error")
            assert error["error"]["code"] == "relay_refused"
            assert why in error["error"]["message"]
            assert error["error"].get("event_id") == ("e1" if "e1" in frame else None)
        assert len(server.connections[0].received) == before
        assert (await say(socket, "Still here"))[-1]["response"]["status"] == "completed"


async def test_sound_goes_up(server: Emulator) -> None:
    async with served(relay_to(server)) as where, connect(f"ws://{where}/realtime") as socket:
        await events(socket, "voxwire.relay.session")
        audio = {"type": "input_audio_buffer.append", "audio": "AAAA" * 1200}
        await socket.send(json.dumps(audio))
        await socket.send('{"type":"input_audio_buffer.clear"}')
        await events(socket, "input_audio_buffer.cleared")
        names = [frame.type for frame in server.connections[0].received]
        assert "input_audio_buffer.append" in names


async def test_who_may_come_in(server: Emulator) -> None:
    async def authorize(socket: Any) -> str | None:
        return socket.query_params.get("who")

    async with served(relay_to(server, authorize=authorize)) as where:
        for address, origin in (
            (f"ws://{where}/realtime?who=ann", "https://evil.example"),
            (f"ws://{where}/realtime", f"http://{where}"),
        ):
            with pytest.raises(InvalidStatus):
                async with connect(address, origin=origin):  # type: ignore[arg-type]
                    pass
        async with connect(f"ws://{where}/realtime?who=ann", origin=f"http://{where}") as socket:  # type: ignore[arg-type]
            name = (await events(socket, "voxwire.relay.session"))[-1]["session_id"]
        # Nobody else comes back to her session, even who knows its name.
        async with connect(f"ws://{where}/realtime?who=bob&session={name}") as socket:
            [error] = await events(socket, "error")
            assert "UnknownSession" in error["error"]["message"]
        async with connect(f"ws://{where}/realtime?who=ann&session={name}") as socket:
            assert (await events(socket, "voxwire.relay.session"))[-1]["resumed"]
    assert len(server.connections) == 1


async def test_too_many_too_much_and_too_long(server: Emulator) -> None:
    limits = Limits(sessions_of_one=1, frame=1000, events=5, seconds=3600)
    async with served(relay_to(server, limits=limits)) as where:
        async with connect(f"ws://{where}/realtime") as first:
            await events(first, "voxwire.relay.session")
            async with connect(f"ws://{where}/realtime") as second:
                with pytest.raises(ConnectionClosed) as closed:
                    await second.recv()
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 1013
            with contextlib.suppress(ConnectionClosed):  # it may be closed before all is sent
                for _ in range(60):
                    await first.send('{"type":"input_audio_buffer.clear"}')
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    await asyncio.wait_for(first.recv(), 20)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4429
    async with served(relay_to(server, limits=Limits(seconds=0.3), linger=0.4)) as where:
        async with connect(f"ws://{where}/realtime") as socket:
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    await asyncio.wait_for(socket.recv(), 20)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4410


async def closing(socket: Any) -> tuple[int, str]:
    """How the relay closes a socket."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            await asyncio.wait_for(socket.recv(), 20)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason


async def test_another_socket_brings_no_more(server: Emulator) -> None:
    """A page that uses up its limit and comes back to its session finds it used up."""
    async with served(relay_to(server, limits=Limits(events=5))) as where:
        address = f"ws://{where}/realtime"
        async with connect(address) as socket:
            name = (await events(socket, "voxwire.relay.session"))[-1]["session_id"]
        for _ in range(10):
            async with connect(f"{address}?session={name}") as socket:
                await events(socket, "voxwire.relay.session")
                with contextlib.suppress(ConnectionClosed):  # as soon as it is too much
                    for _ in range(60):
                        await socket.send('{"type":"input_audio_buffer.clear"}')
                assert (await closing(socket))[0] == 4429
        names = [frame.type for frame in server.connections[0].received]
        assert 50 <= names.count("input_audio_buffer.clear") < 150  # 600 were sent


async def test_limits_count_bytes(server: Emulator) -> None:
    async with served(relay_to(server, limits=Limits(frame=1000))) as where:
        for text, fits in (("\N{EURO SIGN}" * 200, True), ("\N{EURO SIGN}" * 400, False)):
            frame = f'{{"type":"nothing","text":"{text}"}}'
            assert len(frame) < 1000
            async with connect(f"ws://{where}/realtime") as socket:
                await events(socket, "voxwire.relay.session")
                await socket.send(frame)
                if fits:
                    [error] = await events(socket, "error")
                    assert "not allowed" in error["error"]["message"]
                else:
                    assert (await closing(socket))[0] == 4429


async def test_what_is_nested_too_deeply_is_refused_and_no_fault(
    server: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(relay_to(server)) as where, connect(f"ws://{where}/realtime") as socket:
        await events(socket, "voxwire.relay.session")
        before = len(server.connections[0].received)
        for depth in (40, 900, 5_000, 100_000):
            for frame in (
                "[" * depth + "]" * depth,
                '{"type":"response.create","x":' * depth + "0" + "}" * depth,
                "[" * depth,
            ):
                await socket.send(frame[: 250 * 1024])
                [error] = await events(socket, "error")
                assert error["error"]["code"] == "relay_refused"
        assert len(server.connections[0].received) == before
        assert (await say(socket, "Still here"))[-1]["response"]["status"] == "completed"
    assert [record for record in caplog.records if record.exc_info] == []


async def test_a_page_whose_name_leads_here_is_turned_away(server: Emulator) -> None:
    """DNS rebinding: for the browser such a page comes from the relay's own host."""
    async with served(relay_to(server)) as where:
        port = int(where.rpartition(":")[2])

        async def come(name: str, origin: str | None) -> None:
            async with connect(
                f"ws://{name}:{port}/realtime", host="127.0.0.1", port=port,
                origin=origin,  # type: ignore[arg-type]
            ) as socket:  # fmt: skip
                await events(socket, "voxwire.relay.session")

        with pytest.raises(InvalidStatus):
            await come("rebound.example", f"http://rebound.example:{port}")
        with pytest.raises(InvalidStatus):
            await come("rebound.example", None)
        await come("localhost", f"http://localhost:{port}")
        await come("localhost", None)
    async with served(relay_to(server, hosts=["voice.example"])) as where:
        port = int(where.rpartition(":")[2])
        with pytest.raises(InvalidStatus):
            await come("rebound.example", f"http://rebound.example:{port}")
        await come("voice.example", f"http://voice.example:{port}")
    assert len(server.connections) == 3


@pytest.mark.parametrize("others", [False, True], ids=["one worker", "two workers"])
async def test_pages_that_come_back_at_once_hear_at_once(
    server: Emulator, tmp_path: Path, others: bool
) -> None:
    stores = [SQLiteStore(tmp_path / "s.db") for _ in range(3)]
    storing = voxwire.StoreOptions(lease=60.0)  # nobody gets it by waiting for its end
    relays = [relay_to(server, store=store, storing=storing) for store in stores]
    async with (
        served(relays[0]) as first, served(relays[1]) as second, served(relays[2]) as third,
    ):  # fmt: skip
        async with connect(f"ws://{first}/realtime") as socket:
            name = (await events(socket, "voxwire.relay.session"))[-1]["session_id"]
            await say(socket, "Hello")

        async def back(where: str) -> str:
            async with connect(f"ws://{where}/realtime?session={name}") as socket:
                try:
                    await events(socket, "voxwire.relay.session")
                    return (await say(socket, "Still there?"))[-1]["type"]
                except ConnectionClosed as closed:  # another one speaks
                    return str(closed.rcvd and closed.rcvd.code)

        async with asyncio.timeout(40):  # less than a lease
            heard = await asyncio.gather(
                *(back(third if others and n % 2 else second) for n in range(4))
            )
        assert "response.done" in heard
        assert set(heard) <= {"response.done", "4410"}
    for store in stores:
        await store.close()


@pytest.mark.parametrize("kind", ["file", "redis"])
async def test_another_worker_brings_no_more(server: Emulator, tmp_path: Path, kind: str) -> None:
    """Neither a higher rate nor more time: both are kept with the session."""
    with contextlib.ExitStack() as servers:
        url = servers.enter_context(redis_server()).url if kind == "redis" else ""
        stores: list[Any] = [
            RedisStore(url) if url else SQLiteStore(tmp_path / "s.db") for _ in range(2)
        ]
        limits = Limits(events=5, seconds=4)
        relays = [relay_to(server, store=store, limits=limits) for store in stores]
        async with served(relays[0]) as one, served(relays[1]) as other:
            began = time.monotonic()
            codes, name = [], None
            for number in range(1000):
                where = (one, other)[number % 2]
                address = f"ws://{where}/realtime" + (f"?session={name}" if name else "")
                try:
                    async with connect(address) as socket:
                        name = (await events(socket, "voxwire.relay.session"))[-1]["session_id"]
                        with contextlib.suppress(ConnectionClosed):  # as soon as it is too much
                            for _ in range(60):
                                await socket.send('{"type":"input_audio_buffer.clear"}')
                        codes.append((await closing(socket))[0])
                except ConnectionClosed as closed:
                    codes.append(closed.rcvd.code if closed.rcvd else 1006)
                if {4410, 1011} & {*codes}:
                    break
            lasted = time.monotonic() - began
        assert codes[-1] in (4410, 1011)  # it is over, while a page is there or not
        passed = sum(
            frame.type == "input_audio_buffer.clear"
            for connection in server.connections
            for frame in connection.received
        )
        assert 0 < passed <= 50 + 5 * (lasted + 1)
        assert (await stores[0].load(name)).ended
        for store in stores:
            await store.close()


async def test_a_worker_that_stops_tells_its_pages_to_come_back(
    server: Emulator, tmp_path: Path
) -> None:
    store = SQLiteStore(tmp_path / "s.db")
    relay = relay_to(server, store=store)
    async with served(relay) as where, connect(f"ws://{where}/realtime") as socket:
        name = (await events(socket, "voxwire.relay.session"))[-1]["session_id"]
        await relay.drain()
        assert (await closing(socket))[0] == 1012
    assert not (await store.load(name)).ended
    await store.close()


class StuckSocket:
    """A browser that is there and reads nothing."""

    application_state = WebSocketState.CONNECTED

    def __init__(self) -> None:
        self.closed: list[tuple[int, str]] = []

    async def send_text(self, text: str) -> None:
        await asyncio.Event().wait()

    async def receive(self) -> Any:
        await asyncio.Event().wait()

    async def close(self, code: int, reason: str) -> None:
        self.closed.append((code, reason))


async def test_a_page_that_reads_nothing_is_let_go(server: Emulator) -> None:
    limits = Limits(waiting=5_000)
    async with voxwire.connect(url=server.url, output_modalities=["text"]) as session:
        line = BrowserSession(session, "x", "ann", Rules(SAFE, ()), limits, (), Allowance(limits))
        stuck = StuckSocket()
        serving = asyncio.create_task(line.serve(stuck, resumed=False))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        for number in range(10):
            await session.say(f"number {number}")
        await asyncio.wait_for(serving, 20)
        assert stuck.closed == [(4408, "this page reads too slowly")]
        assert not line.attended


async def test_a_session_waits_for_its_page_and_then_ends(server: Emulator, tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "s.db")
    async with served(relay_to(server, store=store, linger=0.2)) as where:
        async with connect(f"ws://{where}/realtime") as socket:
            name = (await events(socket, "voxwire.relay.session"))[-1]["session_id"]
            await say(socket, "Hello")
        async with connect(f"ws://{where}/realtime?session={name}") as socket:
            again = (await events(socket, "voxwire.relay.session"))[-1]
            assert [m["content"] for m in again["messages"]] == ["Hello", "Hello"]
        async with asyncio.timeout(20):
            while not (await store.load(name)).ended:
                await asyncio.sleep(0.01)
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"http://{where}/healthz")).json() == {"sessions": 0}
    assert len(server.connections) == 1
    await store.close()


async def test_a_page_that_lands_on_another_worker_has_its_session_there(
    server: Emulator, tmp_path: Path
) -> None:
    stores = [SQLiteStore(tmp_path / "s.db") for _ in range(2)]
    async with (
        served(relay_to(server, store=stores[0])) as one,
        served(relay_to(server, store=stores[1])) as other,
    ):
        async with connect(f"ws://{one}/realtime") as socket:
            name = (await events(socket, "voxwire.relay.session"))[-1]["session_id"]
            await say(socket, "Hello")
        async with connect(f"ws://{other}/realtime?session={name}") as socket:
            again = (await events(socket, "voxwire.relay.session"))[-1]
            assert (again["resumed"], len(again["messages"])) == (True, 2)
            await say(socket, "Still there?")
    for store in stores:
        await store.close()


async def test_without_a_server_a_page_is_told_little(tmp_path: Path) -> None:
    relay = Relay(session={"url": "ws://127.0.0.1:9/secret-path", "api_key": KEY})
    async with served(relay) as where, connect(f"ws://{where}/realtime") as socket:
        [error] = await events(socket, "error")
        assert error["error"]["message"] == "the session could not be opened (ConnectRefused)"


@pytest.fixture
async def workers(server: Emulator, tmp_path: Path) -> AsyncIterator[tuple[str, Path]]:
    """Two uvicorn workers over a store; gives where they listen, and the store's file."""
    [port] = free_ports(1)
    here = Path(__file__).parent
    store = tmp_path / "relay.db"
    environment = {
        **os.environ, "RELAY_SERVER": server.url, "RELAY_STORE": str(store),
        "PYTHONPATH": os.pathsep.join([str(here), *filter(None, sys.path)]),
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "uvicorn", "relay_app:app", "--workers", "2",
        "--port", str(port), "--log-level", "critical", env=environment,
    )  # fmt: skip
    try:
        async with asyncio.timeout(60), httpx.AsyncClient() as client:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    await client.get(f"http://127.0.0.1:{port}/healthz")
                    break
                await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}", store
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 20)


async def test_in_a_browser_a_conversation_survives_its_worker(
    workers: tuple[str, Path], browser: Any, pytestconfig: Any
) -> None:
    where, path = workers
    page = await browser.page()
    await page.open(where)
    await page.until("document.querySelector('#state').textContent === 'connected'")

    async def speak(text: str, lines: int) -> None:
        await page.click("#text")
        await page.type(text)
        await page.press("Enter")
        await page.until(
            f"document.querySelectorAll('#log li').length === {lines} && "
            f"document.querySelector('#log li:last-child').textContent === {text!r}"
        )

    await speak("Hello from the page", 2)
    store = SQLiteStore(path)
    [listed] = await store.sessions()
    assert listed.owner is not None
    async with asyncio.timeout(20):  # what a worker has not stored yet goes with it
        while not any(b"response.done" in e.data for e in await store.read(listed.session_id)):
            await asyncio.sleep(0.01)
    os.kill(int(listed.owner.rpartition(":")[2]), signal.SIGKILL)
    await page.until("document.querySelector('#state').textContent === 'connected again'")
    assert await page.run("document.querySelectorAll('#log li').length") == 2
    await speak("Still there after a crash?", 4)
    [again] = await store.sessions()
    assert again.session_id == listed.session_id
    assert again.owner not in (None, listed.owner)
    shot = os.environ.get("VOXWIRE_SHOTS")
    if shot:
        await page.screenshot(Path(shot) / "relay.png")
    await store.close()


def test_what_cannot_be_is_told() -> None:
    with pytest.raises(voxwire.InvalidOption, match="lists"):
        Relay(origins="https://example.com")
