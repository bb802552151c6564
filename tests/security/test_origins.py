"""Web pages from elsewhere cannot use what runs on this machine, also under a name of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from scripted import CREATED
from typer.testing import CliRunner
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from voxwire import InvalidOption
from voxwire.cli.app import app
from voxwire.emulator import Emulator, Policy, ReplayServer
from voxwire.emulator.origins import stranger
from voxwire.emulator.proxy import RecordingProxy

HERE = ["http://localhost", "http://localhost:3000", "https://127.0.0.1:8443", "http://[::1]:80"]
ELSEWHERE = ["https://evil.test", "http://localhost.evil.test", "null", "http://127.0.0.1.nip.test",
             "file://", "http://[bad", ""]  # fmt: skip


@asynccontextmanager
async def running(kind: str, origins: tuple[str, ...] = ()) -> AsyncIterator[str]:
    """A server of a kind that is met by a WebSocket: its address."""
    if kind == "replay":
        async with ReplayServer([CREATED], hold=True) as replay:
            yield replay.url
        return
    policy = Policy(origins=origins if kind == "emulator" else ())
    async with Emulator(policy=policy) as server:
        if kind == "emulator":
            yield f"{server.url}?model=m"
        else:
            async with RecordingProxy(f"{server.url}?model=m", origins=origins) as proxy:
                yield proxy.url


async def status(url: str, **headers: str) -> int:
    """What the upgrade is answered with; 101 is a welcome."""
    try:
        async with connect(url, additional_headers=headers, proxy=None) as socket:
            assert "session.created" in str(await socket.recv())
            return 101
    except InvalidStatus as error:
        return error.response.status_code


@pytest.mark.parametrize("kind", ["emulator", "replay", "proxy"])
async def test_only_pages_of_this_machine_open_a_socket(kind: str) -> None:
    async with running(kind) as url:
        assert await status(url) == 101, "a program has no origin"
        for origin in HERE[:2]:
            # The proxy hands the origin on, and the server behind it has its own mind.
            assert await status(url, Origin=origin) == 101
        for origin in ELSEWHERE:
            assert await status(url, Origin=origin) == 403


@pytest.mark.parametrize("kind", ["emulator", "replay", "proxy"])
async def test_another_name_for_this_machine_is_not_answered(kind: str) -> None:
    async with running(kind) as url:
        for host in ("evil.test", "evil.test:8765", "localhost.evil.test", "[bad", "127.0.0.1.x"):
            assert await _upgraded(url, host) == 403
        for host in ("localhost", "LOCALHOST:1", "127.0.0.1:8765", "[::1]:8765"):
            assert await _upgraded(url, host) == 101


async def _upgraded(url: str, host: str) -> int:
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==", "Host": host}  # fmt: skip
    async with httpx.AsyncClient(trust_env=False) as client:
        address = url.replace("ws://", "http://")
        async with client.stream("GET", address, headers=headers) as answer:
            return answer.status_code


async def test_origins_that_are_allowed() -> None:
    async with running("emulator", ("https://app.test",)) as url:
        assert await status(url, Origin="https://app.test") == 101
        assert await status(url, Origin="https://other.test") == 403
        assert await _upgraded(url, "app.test") == 101
    for kind in ("emulator", "proxy"):
        async with running(kind, ("*",)) as url:
            assert await _upgraded(url, "evil.test") == 101
    async with running("emulator", ("*",)) as url:
        assert await status(url, Origin="https://evil.test") == 101


@pytest.mark.parametrize("origins", ["app.test", "https://app.test/", "https://", "//app.test"])
def test_what_is_no_origin(origins: str) -> None:
    with pytest.raises(InvalidOption, match=r"https://app\.example"):
        Policy(origins=[origins])
    with pytest.raises(InvalidOption):
        RecordingProxy("ws://127.0.0.1:1", origins=[origins])


async def test_the_http_half_is_shared_with_the_same_pages() -> None:
    policy = Policy(origins=["https://app.test"])
    async with Emulator(policy=policy) as server, httpx.AsyncClient(trust_env=False) as client:
        url = f"{server.http_url}/realtime/client_secrets"

        async def ask(method: str, **headers: str) -> tuple[int, str | None]:
            answer = await client.request(method, url, headers=headers)
            return answer.status_code, answer.headers.get("access-control-allow-origin")

        assert await ask("POST") == (200, None)
        for origin in ("http://localhost:3000", "https://app.test"):
            assert await ask("OPTIONS", Origin=origin) == (204, origin)
            assert await ask("POST", Origin=origin) == (200, origin)
        for method in ("OPTIONS", "POST"):
            assert await ask(method, Origin="https://evil.test") == (403, None)
            assert await ask(method, Host="evil.test") == (403, None)
    assert len(server.host.desk.secrets) == 3


def test_a_server_for_other_machines_goes_by_any_name() -> None:
    headers: dict[str, Any] = {"host": "build-7.lan:8765"}
    assert stranger(headers, "0.0.0.0", ()) is None
    assert stranger(headers, "192.168.0.7", ()) is None
    assert stranger(headers, "127.0.0.1", ()) is not None
    assert stranger({**headers, "origin": "https://evil.test"}, "0.0.0.0", ()) is not None


@pytest.mark.parametrize("command", [["serve"], ["record", "--to", "ws://127.0.0.1:1/"]])
def test_the_commands_say_what_an_origin_is(command: list[str], tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "a.jsonl")] if command[0] == "record" else []
    result = CliRunner().invoke(app, [*command, *out, "--port", "0", "--origin", "app.test"])
    assert result.exit_code != 0
    assert "https://app.example" in result.stderr + str(result.exception)
