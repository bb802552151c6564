"""Proxies between here and a server: the same for WebSockets and HTTP, over real sockets."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from proxies import HttpProxy, ProxyServer, SocksProxy
from security.canaries import shown

import voxwire
from voxwire.emulator import Emulator, Policy
from voxwire.emulator.certificates import context_of, self_signed
from voxwire.emulator.proxy import RecordingProxy
from voxwire.transport import proxy as proxies
from voxwire.transport.proxy import proxy_of

KEY = "sk-test-0123456789abcdef"
PASSWORD = "hunter-22-s3cret"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "WS_PROXY", "WSS_PROXY")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, "SOCKS_PROXY", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
async def server() -> AsyncIterator[Emulator]:
    async with Emulator(policy=Policy(origins="*")) as running:
        yield running


def place(server: Emulator) -> tuple[str, int]:
    return "127.0.0.1", int(server.http_url.rpartition(":")[2].partition("/")[0])


def dead_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def talk(scheme: str = "ws", host: str = "api.test", **options: Any) -> str:
    """A session with a server that only the proxy knows."""
    url = f"{scheme}://{host}/v1/realtime"
    async with voxwire.connect(url=url, api_key=KEY, insecure=True, **options) as session:
        return str((await session.say("Hello")).status)


async def ask(scheme: str = "http", host: str = "api.test", **options: Any) -> str:
    """The same over HTTP."""
    base = f"{scheme}://{host}/v1"
    options = {"max_retries": 0, **options}
    async with voxwire.AsyncClient(base_url=base, api_key=KEY, insecure=True, **options) as client:
        return (await client.client_secrets.create()).value


async def ask_in_a_thread(scheme: str = "http", host: str = "api.test", **options: Any) -> str:
    """The same by the client that waits."""

    def asked() -> str:
        base = f"{scheme}://{host}/v1"
        given: dict[str, Any] = {"max_retries": 0, **options}
        with voxwire.Client(base_url=base, api_key=KEY, insecure=True, **given) as client:
            return client.client_secrets.create().value

    return await asyncio.to_thread(asked)


HALVES = pytest.mark.parametrize("reach", [talk, ask, ask_in_a_thread])


# --- which one it is ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "url", "expected"),
    [
        ({}, "wss://api.test/", None),
        ({"HTTPS_PROXY": "http://p:1"}, "wss://api.test/", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1"}, "https://api.test/", "http://p:1"),
        ({"https_proxy": "http://p:1"}, "https://api.test/", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1"}, "ws://api.test/", None),
        ({"HTTP_PROXY": "http://p:1"}, "ws://api.test/", "http://p:1"),
        ({"HTTP_PROXY": "http://p:1"}, "wss://api.test/", None),
        ({"ALL_PROXY": "http://p:1"}, "wss://api.test/", "http://p:1"),
        ({"ALL_PROXY": "http://p:1"}, "http://api.test/", "http://p:1"),
        ({"ALL_PROXY": "http://p:1", "HTTPS_PROXY": "http://q:2"}, "wss://api.test/", "http://q:2"),
        ({"WSS_PROXY": "http://p:1", "HTTPS_PROXY": "http://q:2"}, "wss://api.test/", "http://p:1"),
        ({"WSS_PROXY": "http://p:1", "HTTPS_PROXY": "http://q:2"}, "https://api.test/",
         "http://q:2"),
        ({"HTTPS_PROXY": "p:3128"}, "wss://api.test/", "http://p:3128"),
        ({"HTTPS_PROXY": "p"}, "wss://api.test/", "http://p:80"),
        ({"HTTPS_PROXY": "https://p"}, "wss://api.test/", "https://p:443"),
        ({"HTTPS_PROXY": "socks5://p"}, "wss://api.test/", "socks5h://p:1080"),
        ({"HTTPS_PROXY": "http://[::1]:3128"}, "wss://api.test/", "http://[::1]:3128"),
        ({"HTTPS_PROXY": ""}, "wss://api.test/", None),
        # What runs on this machine is not behind a proxy.
        ({"ALL_PROXY": "http://p:1"}, "ws://localhost:8/", None),
        ({"ALL_PROXY": "http://p:1"}, "http://127.0.0.1:8/", None),
        ({"ALL_PROXY": "http://p:1"}, "http://[::1]:8/", None),
        # Nor what NO_PROXY names.
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": "api.test"}, "wss://api.test/", None),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": ".test"}, "wss://api.test/", None),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": "other,*"}, "wss://api.test/", "http://p:1"),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": "*"}, "wss://api.test/", None),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": "api.test:443"}, "wss://api.test/", None),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": "api.test:8"}, "wss://api.test/", "http://p:1"),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": "other.test"}, "https://api.test/", "http://p:1"),
    ],
)  # fmt: skip
def test_which_proxy_the_environment_names(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], url: str, expected: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = proxy_of(url, True, socks="socksio")
    assert (None if found is None else found.url) == expected
    assert proxy_of(url, None, socks="socksio") is None
    given = proxy_of(url, "http://mine:9", socks="socksio")
    assert given is not None
    assert given.url == "http://mine:9"


def test_a_proxy_is_shown_without_its_user_and_password() -> None:
    found = proxy_of("wss://api.test/", f"http://me:{PASSWORD}@p:3128", socks="socksio")
    assert found is not None
    assert str(found) == "the proxy http://p:3128 (proxy=)"
    assert found.url == f"http://me:{PASSWORD}@p:3128"
    assert PASSWORD not in repr(found) + repr(found.url)
    alone = proxy_of("wss://api.test/", "http://me@p:3128", socks="socksio")
    assert alone is not None
    assert alone.url == "http://me:@p:3128"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("ftp://p:21", "unknown kind of proxy 'ftp': expected one of http, https, socks5, socks5h"),
        ("socks4://p:21", "unknown kind of proxy 'socks4'"),
        ("http://", "'http://' is no address of a proxy"),
        ("http://p:port", "'http://p:port' is no address of a proxy"),
        ("p:99999", "'http://p:99999' is no address of a proxy"),
        ("http://p:1/path", "is no address of a proxy"),
        ("http://p:1?a=b", "is no address of a proxy"),
        ("http://a..b:1", "is no address of a proxy"),
        (f"http://me:{PASSWORD}@p:port", "'p:port' is no address of a proxy"),
        (f"me:{PASSWORD}@:port", "':port' is no address of a proxy"),
        (f"me:pa/{PASSWORD}@p:1", "'p:1' is no address of a proxy"),
        (False, "proxy=False: give the address of a proxy, None for none, or True"),
        (3128, "proxy=3128"),
    ],
)
async def test_what_is_no_proxy_is_refused_by_both_halves_alike(
    monkeypatch: pytest.MonkeyPatch, given: Any, words: str
) -> None:
    def refused(**options: Any) -> list[str]:
        said: list[str] = []
        for make in (voxwire.Client, voxwire.AsyncClient):
            with pytest.raises(voxwire.InvalidOption) as caught:
                make(base_url="https://api.test/v1", api_key=KEY, **options)
            said.append(shown(caught.value))
        return said

    with pytest.raises(voxwire.InvalidOption) as caught:
        voxwire.connect(url="wss://api.test/", api_key=KEY, proxy=given)
    assert PASSWORD not in shown(caught.value)
    for said in (str(caught.value), *refused(proxy=given)):
        assert words in said
        assert PASSWORD not in said
    if isinstance(given, str):
        monkeypatch.setenv("HTTPS_PROXY", given)
        with pytest.raises(voxwire.InvalidOption) as caught:
            await voxwire.connect(url="wss://api.test/", api_key=KEY)
        assert PASSWORD not in shown(caught.value)
        for said in (str(caught.value), *refused()):
            assert "HTTPS_PROXY: " in said
            assert words in said
            assert PASSWORD not in said
        # Where it is not needed it does not matter.
        voxwire.Client(base_url="https://api.test/v1", api_key=KEY, proxy=None).close()


def test_every_way_to_connect_takes_a_proxy() -> None:
    wrong: dict[str, Any] = {"url": "wss://api.test/", "api_key": KEY, "proxy": "ftp://p"}
    for opening in (
        lambda: voxwire.connect(**wrong),
        lambda: voxwire.attach("rtc_1", **wrong),
        lambda: voxwire.connect_transcription(**wrong),
        lambda: voxwire.connect_translation(to="es", **wrong),
        lambda: voxwire.sync.connect(**wrong),
        lambda: voxwire.sync.connect_translation(to="es", **wrong),
    ):
        with pytest.raises(voxwire.InvalidOption, match="unknown kind of proxy"):
            opening()


def test_a_client_of_ones_own_has_its_own_proxy() -> None:
    import httpx

    with httpx.Client() as own, pytest.raises(voxwire.InvalidOption, match="exclude each other"):
        voxwire.Client(api_key=KEY, http_client=own, proxy="http://p:1")


async def test_a_missing_package_for_socks_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        return None

    monkeypatch.setattr(proxies, "find_spec", missing)
    monkeypatch.setenv("ALL_PROXY", "socks5h://127.0.0.1:9")
    with pytest.raises(voxwire.InvalidOption, match=r"pip install 'voxwire\[socks\]'"):
        await talk()
    with pytest.raises(voxwire.InvalidOption, match=r"pip install 'voxwire\[socks\]'"):
        await ask()


# --- through it -----------------------------------------------------------------------------------


@HALVES
@pytest.mark.parametrize("make", [HttpProxy, SocksProxy])
@pytest.mark.parametrize("named", ["by the program", "by the environment", "for all"])
async def test_what_only_the_proxy_knows_is_reached_through_it(
    server: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    reach: Any,
    make: type[ProxyServer],
    named: str,
) -> None:
    with make(place(server)) as proxy:
        options: dict[str, Any] = {}
        if named == "by the program":
            options["proxy"] = proxy.url
        elif named == "for all":
            monkeypatch.setenv("ALL_PROXY", proxy.url)
        else:
            # Without a scheme, as many companies write it.
            url = proxy.url if make is SocksProxy else proxy.url.removeprefix("http://")
            monkeypatch.setenv("HTTP_PROXY", url)
        assert await reach(**options)
        assert proxy.asked == ["api.test:80"]


@HALVES
async def test_a_proxy_is_told_who_asks(server: Emulator, reach: Any) -> None:
    with HttpProxy(place(server), login=f"me:{PASSWORD}") as proxy:
        url = proxy.url.replace("http://", f"http://me:{PASSWORD}@")
        assert await reach(proxy=url)
        assert proxy.asked == ["api.test:80"]


@HALVES
async def test_tls_goes_through_a_tunnel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reach: Any
) -> None:
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with Emulator(policy=Policy(origins="*"), tls=context_of(certificate)) as server:
        with HttpProxy(place(server)) as proxy:
            scheme = "wss" if reach is talk else "https"
            assert await reach(scheme, "localhost", proxy=proxy.url)
            assert proxy.asked == ["localhost:443"]


@HALVES
async def test_a_server_on_this_machine_needs_no_proxy(
    server: Emulator, monkeypatch: pytest.MonkeyPatch, reach: Any
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    host, port = place(server)
    assert await reach(host=f"{host}:{port}")
    monkeypatch.setenv("NO_PROXY", "elsewhere.invalid")
    assert await reach(host=f"{host}:{port}")


@HALVES
async def test_no_proxy_is_taken_where_the_program_wants_none(
    monkeypatch: pytest.MonkeyPatch, reach: Any
) -> None:
    with HttpProxy(status=500) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        with pytest.raises((voxwire.ConnectRefused, voxwire.HttpConnectionError)) as caught:
            await reach(host="no-such-host.invalid", proxy=None)
    assert "proxy" not in str(caught.value)
    assert not isinstance(caught.value, voxwire.HttpProxyError)


async def test_a_session_reconnects_through_the_proxy(server: Emulator) -> None:
    server.on("break", reply="One two three", fault="cut:2", times=1)
    server.on("break", reply="One two three")
    with HttpProxy(place(server)) as proxy:
        options: dict[str, Any] = {
            "url": "ws://api.test/v1/realtime",
            "api_key": KEY,
            "insecure": True,
            "proxy": proxy.url,
            "reconnect": voxwire.Reconnect(first_delay=0),
        }
        async with voxwire.connect(**options) as session:
            assert (await session.say("break")).status == "completed"
        assert proxy.asked == ["api.test:80"] * 2


# --- when it goes wrong ---------------------------------------------------------------------------


async def failure(reach: Any, **options: Any) -> Any:
    """What is raised, which shows neither the key nor the proxy's password."""
    kind = voxwire.ProxyError if reach is talk else voxwire.HttpProxyError
    with pytest.raises(kind) as caught:
        await reach(**options)
    assert PASSWORD not in shown(caught.value)
    assert KEY not in shown(caught.value)
    return caught.value


@HALVES
@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxy_that_is_not_there(reach: Any, scheme: str) -> None:
    url = f"{scheme}://me:{PASSWORD}@127.0.0.1:{dead_port()}"
    error = await failure(reach, proxy=url)
    assert "the proxy " in str(error)
    assert f"127.0.0.1:{url.rpartition(':')[2]} (proxy=)" in str(error)
    assert "api.test" in str(error)
    assert error.status is None


@HALVES
@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxy_that_nobody_knows(
    reach: Any, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://me:{PASSWORD}@no-such-proxy.invalid:3128")
    error = await failure(reach)
    assert "no-such-proxy.invalid:3128 (ALL_PROXY)" in str(error)


@HALVES
@pytest.mark.parametrize(
    ("status", "words"),
    [
        (407, "HTTP 407: give its user and password"),
        (403, "HTTP 403: it does not allow connections to this server"),
        (502, "HTTP 502: it cannot reach the server"),
    ],
)
async def test_a_proxy_that_refuses(reach: Any, status: int, words: str) -> None:
    with HttpProxy(status=status) as proxy:
        url = proxy.url.replace("http://", f"http://me:{PASSWORD}@")
        # In a tunnel: what a proxy says of a request without one, it may pass on from the server.
        scheme = "wss" if reach is talk else "https"
        error = await failure(reach, scheme=scheme, proxy=url)
        assert f"the proxy {proxy.url} (proxy=) refused the connection with {words}" in str(error)
        assert error.status == status


@HALVES
async def test_a_proxy_that_wants_a_password_says_so_without_tls_too(reach: Any) -> None:
    with HttpProxy(login="me:right") as proxy:
        url = proxy.url.replace("http://", f"http://me:{PASSWORD}@")
        error = await failure(reach, proxy=url)
        assert "HTTP 407: give its user and password" in str(error)
        assert error.status == 407


# httpcore leaves the socket of a SOCKS proxy that refuses to the collector.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@HALVES
async def test_socks_that_cannot_reach_the_server(reach: Any) -> None:
    with SocksProxy(("127.0.0.1", dead_port())) as proxy:
        error = await failure(reach, proxy=proxy.url)
        assert "the proxy socks5h://127.0.0.1" in str(error)
        assert "gave no connection" in str(error)
        del error
        gc.collect()


@HALVES
async def test_what_answers_in_the_place_of_a_proxy_is_none(reach: Any) -> None:
    with HttpProxy(garbage=b"220 mail.test ESMTP\r\n") as proxy:
        kinds = (voxwire.ProxyError, voxwire.HttpError)
        with pytest.raises(kinds, match=f"the proxy {proxy.url}"):
            await reach(scheme="wss" if reach is talk else "https", proxy=proxy.url)


@HALVES
async def test_a_certificate_behind_a_proxy_is_not_the_proxys_fault(
    tmp_path: Path, reach: Any
) -> None:
    async with Emulator(
        policy=Policy(origins="*"), tls=context_of(self_signed(tmp_path))
    ) as server:
        with HttpProxy(place(server)) as proxy:
            with pytest.raises((voxwire.ConnectRefused, voxwire.HttpConnectionError)) as caught:
                await reach("wss" if reach is talk else "https", proxy=proxy.url)
            assert not isinstance(caught.value, voxwire.HttpProxyError)
            assert f"through the proxy {proxy.url}" in str(caught.value)
            cause: BaseException | None = caught.value.__cause__
            while cause is not None and not isinstance(cause, ssl.SSLError):
                cause = cause.__cause__ or cause.__context__
            assert cause is not None


@HALVES
async def test_a_refusal_by_a_proxy_is_not_tried_again(reach: Any) -> None:
    with HttpProxy(status=407) as proxy:
        scheme = "wss" if reach is talk else "https"
        more: dict[str, Any] = {"max_retries": 2} if reach is not talk else {}
        error = await failure(reach, scheme=scheme, proxy=proxy.url, **more)
        assert getattr(error, "attempts", 1) == 1
        assert not getattr(error, "maybe_done", False)
    policy = voxwire.Reconnect()
    assert not policy.retries(voxwire.ProxyError("no", status=407), fresh_key=True)
    assert policy.retries(voxwire.ProxyError("no", status=502), fresh_key=False)
    assert policy.retries(voxwire.ProxyError("not there"), fresh_key=False)


async def test_a_recording_proxy_goes_through_the_proxy_of_the_environment(
    server: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with HttpProxy(place(server)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removeprefix("http://"))
        async with RecordingProxy("ws://api.test/v1/realtime", tmp_path / "a.jsonl") as between:
            async with voxwire.connect(url=between.url, api_key=KEY) as session:
                assert (await session.say("Hello")).status == "completed"
            assert proxy.asked == ["api.test:80"]
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{dead_port()}")
    async with RecordingProxy("ws://api.test/v1/realtime") as between:
        with pytest.raises(voxwire.UpgradeRejected) as caught:
            await voxwire.connect(url=between.url, api_key=KEY)
        assert "cannot reach the proxy" in caught.value.body
    monkeypatch.setenv("HTTP_PROXY", "ftp://p")
    with pytest.raises(voxwire.InvalidOption, match="unknown kind of proxy"):
        RecordingProxy("ws://api.test/v1/realtime", tmp_path / "b.jsonl")
    assert "b.jsonl" not in os.listdir(tmp_path)
