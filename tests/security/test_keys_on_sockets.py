"""No log, repr, exception or recording of a session has the key in it, however the key came in."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from scripted import CREATED, close
from websockets.asyncio.server import serve

import voxwire
from security.canaries import (
    ANSWERS,
    CANARY,
    EntraCredential,
    Parrot,
    Records,
    asynchronous_key,
    plain_key,
    shown,
)
from voxwire import McpTool, RealtimeSession
from voxwire.emulator import Emulator, Policy, ReplayServer

Carrier = Callable[[str, pytest.MonkeyPatch], dict[str, Any]]
"""Given ``host:port``, and the environment to change: the arguments of ``connect``."""


def _in_environment(place: str, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    patch.setenv("OPENAI_BASE_URL", f"http://{place}/v1")
    patch.setenv("OPENAI_API_KEY", CANARY)
    return {}


def _azure_environment(place: str, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    patch.setenv("AZURE_OPENAI_API_KEY", CANARY)
    server = voxwire.Azure(f"http://{place}", deployment="d", api_key=None)
    return {"server": server, "api_key": CANARY}


CARRIERS: dict[str, Carrier] = {
    "argument": lambda at, _: {"url": f"ws://{at}/v1/realtime", "api_key": CANARY},
    "environment": _in_environment,
    "function": lambda at, _: {"url": f"ws://{at}/v1/realtime", "api_key": plain_key},
    "coroutine": lambda at, _: {"url": f"ws://{at}/v1/realtime", "api_key": asynchronous_key},
    "authorization": lambda at, _: {
        "url": f"ws://{at}/v1/realtime",
        "headers": {"authorization": f"Bearer {CANARY}"},
    },
    "header of a gateway": lambda at, _: {
        "url": f"ws://{at}/v1/realtime",
        "headers": {"X-Gateway-Token": CANARY},
    },
    "subprotocol": lambda at, _: {
        "server": voxwire.OpenAI(api_key=CANARY, base_url=f"http://{at}/v1", subprotocol=True)
    },
    "azure key": _azure_environment,
    "azure entra function": lambda at, _: {
        "server": voxwire.Azure(f"http://{at}", deployment="d", credential=plain_key)
    },
    "azure entra credential": lambda at, _: {
        "server": voxwire.Azure(f"http://{at}", deployment="d", credential=EntraCredential())
    },
    "voice live": lambda at, _: {
        "server": voxwire.AzureVoiceLive(f"http://{at}", model="m", api_key=CANARY)
    },
    "xai": lambda at, _: {
        "server": voxwire.XAI(api_key=CANARY, base_url=f"http://{at}/v1"),
        "model": "m",
    },
    "compatible": lambda at, _: {
        "server": voxwire.OpenAICompatible(
            f"ws://{at}/?model=m", api_key=CANARY, key_form="api-key"
        )
    },
    "query": lambda at, _: {"url": f"ws://{at}/v1/realtime?model=m&api-key={CANARY}"},
    "user info": lambda at, _: {"url": f"ws://user:{CANARY}@{at}/v1/realtime"},
}


@pytest.fixture(autouse=True)
def no_keys_around(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = "OPENAI_API_KEY", "OPENAI_BASE_URL", "AZURE_OPENAI_API_KEY", "XAI_API_KEY"
    proxies = "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "all_proxy"
    for name in keys + proxies:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def records() -> Iterator[Records]:
    with Records() as handler:
        yield handler


def nowhere(*told: str) -> None:
    """The key is in none of these."""
    for text in told:
        at = text.find(CANARY)
        assert at < 0, f"the key shows: …{text[max(0, at - 200) : at + 40]}…"


async def fails(opening: Any) -> BaseException:
    with pytest.raises(voxwire.VoxwireError) as caught:
        async with opening:
            pass
    return caught.value


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.__name__)
@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_server_that_refuses_and_repeats_the_key(
    carrier: str,
    answer: Any,
    records: Records,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Parrot(answer) as server:
        given = CARRIERS[carrier](f"127.0.0.1:{server.port}", monkeypatch)
        path = tmp_path / "session.jsonl"
        opening = voxwire.connect(**given, record=path)
        error = await fails(opening)
    if "user" not in carrier:  # which travels as base64
        assert CANARY in server.heads[0], "the key was not sent at all"
    written = path.read_text() if path.exists() else ""
    nowhere(*records.told, shown(error), repr(opening), repr(given.get("server")), written)


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_nobody_there(
    carrier: str, records: Records, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = CARRIERS[carrier](f"127.0.0.1:{unused_tcp_port}", monkeypatch)
    error = await fails(voxwire.connect(**given))
    assert isinstance(error, voxwire.ConnectRefused)
    nowhere(*records.told, shown(error))


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_no_answer_in_time(
    carrier: str, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Emulator(faults=["hang"]) as server:
        given = CARRIERS[carrier](f"127.0.0.1:{server.port}", monkeypatch)
        error = await fails(voxwire.connect(**given, open_timeout=0.1))
    assert isinstance(error, voxwire.ConnectTimeout)
    nowhere(*records.told, shown(error))


FLAT = {"voice live", "xai"}
"""Their sessions have another shape, which the emulator does not take."""


@pytest.mark.parametrize("carrier", [name for name in CARRIERS if name not in FLAT])
async def test_a_session_that_is_held(
    carrier: str, records: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = McpTool(
        server_label="s",
        server_url="https://tools.test/",
        authorization=CANARY,
        headers={"X-Anything": CANARY},
    )
    path = tmp_path / "client.jsonl"
    async with Emulator(record=tmp_path / "server") as server:
        given = CARRIERS[carrier](f"127.0.0.1:{server.port}", monkeypatch)
        opening = voxwire.connect(**given, record=path)
        async with opening as session:
            await session.update(tools=[tool])
            await session.say("Hello")
            seen = [repr(session), repr(session.session), repr(session.conversation)]
            seen += [repr(session._core.last_error), repr(vars(session._core))]
        (guest,) = server.connections
        seen += [repr(opening), repr(guest), repr(guest.headers), repr(guest.query)]
        seen += [repr(server), repr(server.host), repr(server.host.policy)]
    written = [*_texts(tmp_path / "server"), path.read_text()]
    assert len(written) == 2
    assert all("session.update" in text for text in written)
    nowhere(*records.told, *seen, *written)


def _texts(folder: Path) -> list[str]:
    return [path.read_text() for path in sorted(folder.iterdir())]


async def test_an_error_event_and_a_close_that_repeat_the_key(
    records: Records, tmp_path: Path
) -> None:
    said = {"type": "error", "event_id": "e", "error": {
        "type": "invalid_request_error", "code": "invalid_api_key",
        "message": f"Incorrect API key provided: {CANARY}.", "param": None, "event_id": None,
    }}  # fmt: skip
    entries = [{"dir": "s2c", "event": said}, close(3000, f"bad.{CANARY}")]
    path = tmp_path / "session.jsonl"
    async with ReplayServer(entries) as server:
        error = await fails(voxwire.connect(url=server.url, api_key=CANARY, record=path))
    assert isinstance(error, voxwire.AuthenticationError)
    assert "Incorrect API key provided: <redacted>." in str(error)
    nowhere(*records.told, shown(error), path.read_text())


async def test_an_error_that_repeats_the_key_later_on(records: Records) -> None:
    async def handler(socket: Any) -> None:
        await socket.send(json.dumps(CREATED["event"]))
        sent = json.loads(await socket.recv())
        error = {"type": "x", "message": f"not with {CANARY}", "event_id": sent["event_id"]}
        await socket.send(json.dumps({"type": "error", "event_id": "e", "error": error}))
        await socket.close(4000, CANARY)

    own = logging.getLogger("the server's own, which is not ours")
    async with serve(handler, "127.0.0.1", 0, logger=own) as server:
        port = server.sockets[0].getsockname()[1]
        async with voxwire.connect(url=f"ws://127.0.0.1:{port}/", api_key=CANARY) as session:
            receipt = await session.send({"type": "input_audio_buffer.clear"})
            with pytest.raises(voxwire.ServerError) as caught:
                await receipt.acknowledged()
            with pytest.raises(voxwire.ConnectionClosedError) as ended:
                async for _ in session:
                    pass
            seen = [repr(session), repr(session.closed), repr(caught.value.event.raw)]
    assert "not with <redacted>" in str(caught.value)
    nowhere(*records.told, *seen, shown(caught.value), shown(ended.value))


@pytest.mark.parametrize("how", ["function", "before"])
async def test_the_keys_of_later_connections(how: str, records: Records, tmp_path: Path) -> None:
    """Each connection may have a key of its own; what the server repeats of any of them goes."""
    keys = [f"{CANARY}-{number}" for number in range(1, 9)]
    given: list[str] = []

    def key() -> str:
        given.append(keys[len(given)])
        return given[-1]

    async def handler(socket: Any) -> None:
        sent = socket.request.headers["Authorization"].removeprefix("Bearer ")
        await socket.send(json.dumps(CREATED["event"]))
        error = {"type": "x", "message": f"{sent}, after {CANARY}-1", "event_id": None}
        await socket.send(json.dumps({"type": "error", "event_id": "e", "error": error}))
        if sent == keys[2]:
            await socket.close(1000, f"enough of {sent}")
        else:
            socket.transport.abort()

    path = tmp_path / "session.jsonl"
    policy = voxwire.Reconnect(first_delay=0.0, before=lambda _: key() if how == "before" else None)
    own = logging.getLogger("the server's own, which is not ours")
    seen: list[str] = []
    async with serve(handler, "127.0.0.1", 0, logger=own) as server:
        port = server.sockets[0].getsockname()[1]
        opening = voxwire.connect(
            url=f"ws://127.0.0.1:{port}/",
            api_key=key() if how == "before" else key,
            reconnect=policy,
            record=path,
        )
        async with opening as session:
            try:
                async for event in session:
                    seen.append(repr(event))
            except voxwire.ConnectionClosedError as error:  # however it ends
                seen.append(shown(error))
            seen += [repr(session), repr(session.closed), repr(policy)]
    assert given == keys[:3]
    assert sum(event.startswith("ErrorEvent") for event in seen) == 3
    nowhere(*records.told, *seen, path.read_text())


@pytest.mark.parametrize(
    ("scheme", "proxy"),
    [("ws", "http://user:{0}@127.0.0.1:{1}"), ("ws", "wrong://user:{0}@127.0.0.1:{1}")],
)
async def test_a_proxy_that_wants_a_password(
    scheme: str, proxy: str, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Parrot(lambda head: b"HTTP/1.1 407 No\r\n\r\n" + head) as server:
        monkeypatch.setenv("all_proxy", proxy.format(CANARY, server.port))
        opening = voxwire.connect(
            url=f"{scheme}://elsewhere.test/", api_key=CANARY, insecure=True, open_timeout=5
        )
        error = await fails(opening)
    nowhere(*records.told, shown(error))


@pytest.mark.parametrize(
    "given",
    [
        {"api_key": f"{CANARY} with a space"},
        {"api_key": CANARY, "model": "m", "call_id": "rtc_1"},
        {"api_key": CANARY, "url": "ws://elsewhere.test/"},
        {"api_key": CANARY, "headers": {"X-Key": f"{CANARY}\r\nX-Other: 1"}},
        {"api_key": CANARY, "server": voxwire.XAI(api_key="other")},
        {"api_key": CANARY, "url": "not an address"},
        {"api_key": lambda: 7, "url": "ws://127.0.0.1:1/", "headers": {"X-Token": CANARY}},
    ],
    ids=range(7),
)
async def test_arguments_that_cannot_work(given: dict[str, Any], records: Records) -> None:
    with pytest.raises(voxwire.VoxwireError) as caught:
        await voxwire.connect(**given)
    nowhere(*records.told, shown(caught.value))


async def test_the_threaded_face(records: Records) -> None:
    def refused(port: int) -> str:
        with pytest.raises(voxwire.AuthenticationError) as caught:
            voxwire.sync.connect(url=f"ws://127.0.0.1:{port}/", api_key=CANARY).__enter__()
        return shown(caught.value)

    async with Parrot(ANSWERS[0]) as server:
        nowhere(await asyncio.to_thread(refused, server.port))
    nowhere(*records.told)


async def test_the_emulator_tells_no_key_of_those_it_wants(
    records: Records, tmp_path: Path
) -> None:
    policy = Policy(api_keys=[CANARY])
    async with Emulator(policy=policy, record=tmp_path) as server:
        wrong = await fails(voxwire.connect(url=f"{server.url}?model=m", api_key="another-key-1"))
        async with voxwire.connect(url=f"{server.url}?model=m", api_key=CANARY) as session:
            await session.say("Hi")
        async with voxwire.AsyncClient(base_url=server.http_url, api_key=CANARY) as client:
            tool = McpTool(server_label="s", server_url="https://t.test/", authorization=CANARY)
            minted = await client.client_secrets.create(session=RealtimeSession(tools=[tool]))
        secrets = server.host.desk.secrets
        seen = [repr(server.connections), repr(server), repr(policy), repr(secrets), repr(minted)]
        assert minted.value not in "".join([*seen[:2], repr(list(secrets.values())), seen[4]])
    written = _texts(tmp_path)
    nowhere(shown(wrong), *seen, *written, *records.told)
    assert "another-key-1" not in shown(wrong) + "".join(written) + "".join(seen)
