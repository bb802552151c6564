"""TLS is verified, keys do not travel in the open, and what comes over a socket has its limits."""

from __future__ import annotations

import gzip
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
from http_server import Answer, HttpServer
from websockets.asyncio.server import serve

import voxwire
from security.canaries import Parrot, http
from voxwire.emulator import Emulator
from voxwire.emulator.certificates import context_of, self_signed
from voxwire.transport import open as dialing

KEY = "sk-test-0123456789"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"))


async def test_a_certificate_that_nobody_vouches_for(certificate: Path) -> None:
    async with Emulator(tls=context_of(certificate)) as server:
        with pytest.raises(voxwire.ConnectRefused, match="cafile") as caught:
            await voxwire.connect(url=server.url, api_key=KEY)
        assert server.connections == []
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
        trusted = ssl.create_default_context(cafile=certificate)
        async with voxwire.connect(url=f"{server.url}?model=m", tls=trusted) as session:
            assert (await session.say("Hello")).status == "completed"


async def test_a_certificate_for_another_name(certificate: Path) -> None:
    async with Emulator(host="127.0.0.2", tls=context_of(certificate)) as server:
        trusted = ssl.create_default_context(cafile=certificate)
        with pytest.raises(voxwire.ConnectRefused, match="TLS with") as caught:
            await voxwire.connect(url=server.url, tls=trusted)
        assert "127.0.0.2" in str(caught.value.__cause__)
        assert server.connections == []


async def test_the_http_half_verifies_too(certificate: Path) -> None:
    async with Emulator(tls=context_of(certificate)) as server:
        async with voxwire.AsyncClient(base_url=server.http_url, api_key=KEY) as client:
            with pytest.raises(voxwire.HttpConnectionError, match=r"CERTIFICATE|certificate"):
                await client.client_secrets.create(max_retries=0)
        trusted = ssl.create_default_context(cafile=certificate)
        async with httpx.AsyncClient(verify=trusted, trust_env=False) as own:
            client = voxwire.AsyncClient(base_url=server.http_url, api_key=KEY, http_client=own)
            assert (await client.client_secrets.create()).value


@pytest.mark.parametrize(
    "given",
    [
        {"url": "ws://elsewhere.test/", "api_key": KEY},
        {"url": "http://elsewhere.test/", "api_key": lambda: KEY},
        {"url": "ws://elsewhere.test/", "headers": {"Authorization": f"Bearer {KEY}"}},
        {"url": "ws://elsewhere.test/", "headers": {"X-Gateway-Token": KEY}},
        {"url": f"ws://elsewhere.test/?api-key={KEY}", "api_key": KEY},
        {"url": "ws://localhost.elsewhere.test/", "api_key": KEY},
        {"server": voxwire.OpenAI(api_key=KEY, base_url="http://elsewhere.test/v1")},
        {"server": voxwire.Azure("http://elsewhere.test", deployment="d", credential=lambda: KEY)},
        {"server": voxwire.OpenAICompatible("ws://elsewhere.test/", api_key=KEY,
                                      key_form="subprotocol")},
    ],
)  # fmt: skip
def test_no_key_travels_in_the_open(given: dict[str, Any]) -> None:
    with pytest.raises(voxwire.InvalidOption, match=r"unencrypted|no API key"):
        voxwire.connect(**given)
    if "api_key" in given or "server" in given:
        voxwire.connect(**given, insecure=True)


def test_nor_over_http() -> None:
    for kind in (voxwire.Client, voxwire.AsyncClient):
        with pytest.raises(voxwire.InvalidOption, match="unencrypted"):
            kind(base_url="http://elsewhere.test/v1", api_key=KEY)
        with pytest.raises(voxwire.InvalidOption, match="unencrypted"):
            kind(base_url="http://elsewhere.test/v1", api_key=KEY, headers={"X-Own-Token": KEY})


async def test_no_redirect_is_followed() -> None:
    """Neither of the two halves takes the key to where an answer points."""
    async with Parrot(lambda _: http("200 OK", b"caught")) as trap:
        there = f"Location: http://127.0.0.1:{trap.port}/v1/realtime"
        async with Parrot(lambda _: http("307 Temporary Redirect", b"", there)) as server:
            with pytest.raises(voxwire.UpgradeRejected, match="redirects are not followed"):
                await voxwire.connect(url=f"ws://127.0.0.1:{server.port}/", api_key=KEY)
            async with voxwire.AsyncClient(
                base_url=f"http://127.0.0.1:{server.port}/v1", api_key=KEY
            ) as client:
                with pytest.raises(voxwire.HttpStatusError, match="redirects"):
                    await client.client_secrets.create()
        assert trap.heads == []
        assert len(server.heads) == 2


async def test_a_frame_beyond_the_limit_ends_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    async def handler(socket: Any) -> None:
        await socket.send('{"type":"session.created","session":{"type":"realtime"}}')
        await socket.send('{"type":"x","padding":"%s"}' % ("x" * 70_000))
        await socket.wait_closed()

    monkeypatch.setattr(dialing, "MAX_FRAME", 65536)
    async with serve(handler, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with voxwire.connect(url=f"ws://127.0.0.1:{port}/") as session:
            with pytest.raises(voxwire.ConnectionClosedError):
                async for _ in session:
                    pass
            assert session.closed is not None
            assert session.closed.code == 1009


async def test_nothing_compressed_is_offered_or_taken() -> None:
    """A small frame cannot become a large one."""
    offered: list[str | None] = []

    async def handler(socket: Any) -> None:
        offered.append(socket.request.headers.get("Sec-WebSocket-Extensions"))

    async with serve(handler, "127.0.0.1", 0, compression="deflate") as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(voxwire.VoxwireError):
            await voxwire.connect(url=f"ws://127.0.0.1:{port}/")
    assert offered == [None]


@pytest.mark.parametrize("size", [200_000, 2_000_000])
async def test_an_answer_to_the_upgrade_without_end(size: int) -> None:
    for endless in (b"HTTP/1.1 101 " + b"x" * size, b"HTTP/1.1 401 No\r\n" + b"A: b\r\n" * size):
        async with Parrot(lambda _, said=endless: said) as server:  # type: ignore[misc]
            with pytest.raises(voxwire.ConnectError) as caught:
                await voxwire.connect(url=f"ws://127.0.0.1:{server.port}/")
            assert len(str(caught.value)) < 500


def test_a_body_that_swells_is_not_taken_whole() -> None:
    """Forty megabytes of zeros are forty kilobytes on the wire."""
    bomb = gzip.compress(b'{"value": "' + b"0" * 40_000_000 + b'"}')
    assert len(bomb) < 60_000
    with HttpServer() as server:
        server.plan = [Answer(200, bomb, {"content-encoding": "gzip"})]
        with voxwire.Client(base_url=server.url, api_key=KEY) as client:
            with pytest.raises(voxwire.HttpError, match="more than"):
                client.client_secrets.create(max_retries=0)
    assert server.seen[0].headers["accept-encoding"] == "identity"
