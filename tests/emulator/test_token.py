"""A server that other machines can reach asks who comes, in both of its halves."""

from __future__ import annotations

import json

import httpx
import pytest
from websockets.asyncio.client import connect

import voxwire
from voxwire.emulator import Emulator, Policy
from voxwire.emulator.admission import Secret, secret_of

TOKEN = "open-sesame-123"


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "", "::", "192.0.2.1", "voice.example", "127.0.0.1.nip"]
)
def test_refuses_to_let_others_in_without_a_token(host: str) -> None:
    with pytest.raises(voxwire.InvalidOption, match=r"--token or VOXWIRE_TOKEN"):
        Emulator(host=host)
    Emulator(host=host, token=TOKEN)
    Emulator(host=host, policy=Policy(api_keys=[TOKEN]))
    with pytest.raises(voxwire.InvalidOption, match="asks nobody"):
        Emulator(host=host, policy=Policy(api_keys=[]))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1", "[::1]"])
def test_this_machine_needs_none(host: str) -> None:
    Emulator(host=host)


@pytest.mark.parametrize("token", ["", "a b", "schl\u00fcssel", "a\n"])
def test_what_no_client_could_send_is_no_token(token: str) -> None:
    with pytest.raises(voxwire.InvalidOption) as refused:
        Emulator(token=token)
    assert not token or token not in str(refused.value)


async def test_the_token_is_the_key_of_both_halves() -> None:
    async with Emulator(token=TOKEN) as server:
        assert TOKEN not in repr(server.host)
        async with voxwire.connect(
            url=server.url, api_key=TOKEN, output_modalities=["text"]
        ) as session:
            assert (await session.say("Hello")).text == "Hello"
        for key in (None, "", TOKEN[:-1], TOKEN + "4", TOKEN.upper(), "\u00e9"):
            headers = (
                {} if key is None else {"Authorization": f"Bearer {key}".encode().decode("latin-1")}
            )
            async with connect(
                f"{server.url}?model=m", additional_headers=headers, proxy=None
            ) as ws:
                assert json.loads(await ws.recv())["type"] == "error"
                await ws.wait_closed()
            assert ws.close_code == 3000
        with pytest.raises(voxwire.AuthenticationError):
            await voxwire.connect(url=server.url)
        async with voxwire.AsyncClient(base_url=server.http_url) as client:
            with pytest.raises(voxwire.Unauthorized):
                await client.client_secrets.create()


async def test_a_browser_sends_it_as_a_subprotocol() -> None:
    async with Emulator(token=TOKEN) as server:
        offered = ["realtime", f"openai-insecure-api-key.{TOKEN}"]
        async with connect(f"{server.url}?model=m", subprotocols=offered, proxy=None) as socket:  # type: ignore[arg-type]
            assert json.loads(await socket.recv())["type"] == "session.created"


async def test_a_client_secret_opens_a_session_and_makes_no_more_secrets() -> None:
    now = [1000.0]
    async with Emulator(token=TOKEN, clock=lambda: now[0]) as server:
        async with voxwire.AsyncClient(base_url=server.http_url, api_key=TOKEN) as client:
            secret = (await client.client_secrets.create(expires_after=60)).value
            another = (await client.client_secrets.create(expires_after=60)).value
        async with Emulator(token=TOKEN) as same_seed:
            async with voxwire.AsyncClient(base_url=same_seed.http_url, api_key=TOKEN) as client:
                assert (await client.client_secrets.create()).value not in (secret, another)
        async with voxwire.connect(url=server.url, api_key=secret) as session:
            assert session.session.type == "realtime"
        where = f"{server.http_url}/realtime"
        headers = {"Authorization": f"Bearer {secret}"}
        offer = (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 96\r\n"
        )
        sdp = {**headers, "Content-Type": "application/sdp"}
        async with httpx.AsyncClient(trust_env=False) as http:
            refused = await http.post(f"{where}/client_secrets", headers=headers)
            assert refused.status_code == 401
            called = await http.post(f"{where}/calls", content=offer, headers=sdp)
            assert called.status_code == 201
            ended = await http.post(
                where + called.headers["Location"][12:] + "/hangup", headers=headers
            )
            assert ended.status_code == 401
            now[0] += 61
            late = await http.post(f"{where}/calls", content=offer, headers=sdp)
            assert late.status_code == 401


def test_a_secret_is_found_by_all_of_its_value() -> None:
    secret = Secret(value="ek_1", expires_at=0, family="realtime", session={}, wanted={})
    assert secret_of("ek_1", {"ek_1": secret}) is secret
    for key in ("ek_", "ek_12", "", None, "\udcff"):
        assert secret_of(key, {"ek_1": secret}) is None
