"""Browsers and other clients through a relay, on real sockets, and in a real browser."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from redis_servers import free_ports
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

import voxwire
from voxwire.emulator import Emulator
from voxwire.relay import Relay
from voxwire.relay.limits import Limits
from voxwire.store import SQLiteStore

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
