"""Where a client goes and with which key: arguments, environment, and what is refused."""

from __future__ import annotations

import asyncio
import gc
import json
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from http_server import Answer, HttpServer

import voxwire
from voxwire import InvalidOption, RealtimeSession

KEY = "sk-test-0123456789abcdef"


class Kept(httpx.MockTransport):
    """Answers 404 to everything, and keeps the requests."""

    def __init__(self) -> None:
        self.seen: list[httpx.Request] = []
        super().__init__(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        return httpx.Response(404)


@pytest.fixture
def bare(api: Any) -> Any:
    """A client of which nothing is said."""
    api.options = {}
    return api


def hangup(api: Any, **options: Any) -> httpx.Request:
    """The request that a client set up in this way makes."""
    transport = Kept()
    api(lambda client: client.calls.hangup("rtc_1"), own={"transport": transport}, **options)
    return transport.seen[0]


def test_the_environment_says_where_and_who(bare: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "API_KEY": KEY,
        "BASE_URL": "https://gateway.example/openai/v1/",
        "ORG_ID": "org-1",
        "PROJECT_ID": "proj_1",
    }.items():
        monkeypatch.setenv(f"OPENAI_{name}", value)
    request = hangup(bare)
    assert str(request.url) == "https://gateway.example/openai/v1/realtime/calls/rtc_1/hangup"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["openai-organization"] == "org-1"
    assert request.headers["openai-project"] == "proj_1"


def test_arguments_win_over_the_environment(bare: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    request = hangup(bare, api_key=KEY, organization="org-2", project="proj_2")
    assert str(request.url) == "https://api.openai.com/v1/realtime/calls/rtc_1/hangup"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers.get_list("openai-organization") == ["org-2"]
    assert request.headers["openai-project"] == "proj_2"


def test_headers_of_ones_own_win(bare: Any) -> None:
    url = "https://res.openai.azure.com/openai/v1"
    request = hangup(bare, base_url=url, headers={"api-key": "azure", "user-agent": "mine"})
    assert request.headers["api-key"] == "azure"
    assert "authorization" not in request.headers
    assert request.headers["user-agent"] == "mine"


def test_a_key_may_be_asked_for_before_each_attempt(api: Any, server: HttpServer) -> None:
    keys = iter(["first", "second"])
    server.plan = [Answer(500), Answer(200)]
    assert api(lambda client: client.calls.hangup("rtc_1"), api_key=lambda: next(keys))
    sent = [seen.headers.get_list("authorization") for seen in server.seen]
    assert sent == [["Bearer first"], ["Bearer second"]]


def test_a_key_may_be_awaited(api: Any, server: HttpServer) -> None:
    async def token() -> str:
        return "awaited"

    server.plan = [Answer(200)]
    api(lambda client: client.calls.hangup("rtc_1"), api_key=token)
    assert server.seen[0].headers["authorization"] == "Bearer awaited"


async def test_a_key_is_awaited_for_a_waiting_client_inside_a_loop(server: HttpServer) -> None:
    async def token() -> str:
        return "awaited"

    server.plan = [Answer(200)]
    with voxwire.Client(api_key=token, base_url=server.url) as client:
        assert client.calls.hangup("rtc_1")
    assert server.seen[0].headers["authorization"] == "Bearer awaited"


# --- servers by their profiles ------------------------------------------------------------------


def test_azure_takes_its_own_key_and_its_deployment(bare: Any) -> None:
    server = voxwire.Azure("my-resource", deployment="voice", api_key="azure-key")
    request = hangup(bare, server=server)
    base = "https://my-resource.openai.azure.com/openai/v1/realtime"
    assert str(request.url) == f"{base}/calls/rtc_1/hangup"
    assert request.headers["api-key"] == "azure-key"
    assert "authorization" not in request.headers

    transport = Kept()
    session = RealtimeSession(instructions="Be brief.")
    with pytest.raises(voxwire.NotFound):
        bare(
            lambda client: client.client_secrets.create(session=session),
            own={"transport": transport},
            server=server,
        )
    assert str(transport.seen[0].url) == f"{base}/client_secrets"
    assert json.loads(transport.seen[0].content)["session"]["model"] == "voice"


def test_azure_takes_tokens_of_its_identity_package(bare: Any) -> None:
    class Credential:
        def get_token(self, scope: str) -> Any:
            assert scope == "https://cognitiveservices.azure.com/.default"
            return SimpleNamespace(token="a-token")

    request = hangup(bare, server=voxwire.Azure("my-resource", credential=Credential()))
    assert request.headers["authorization"] == "Bearer a-token"
    assert "api-key" not in request.headers


def test_other_servers_are_named_by_their_profiles(bare: Any) -> None:
    request = hangup(bare, server=voxwire.XAI(api_key="xai-key"))
    assert str(request.url) == "https://api.x.ai/v1/realtime/calls/rtc_1/hangup"
    assert request.headers["authorization"] == "Bearer xai-key"
    request = hangup(bare, server=voxwire.OpenAI(api_key=KEY, subprotocol=True, project="proj_1"))
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["openai-project"] == "proj_1"
    request = hangup(bare, server=voxwire.OpenAICompatible("ws://localhost:8/v1/realtime"))
    assert str(request.url) == "http://localhost:8/v1/realtime/calls/rtc_1/hangup"


def test_a_server_without_a_model_of_its_own_is_given_none(bare: Any) -> None:
    transport = Kept()
    with pytest.raises(voxwire.NotFound):
        bare(
            lambda client: client.client_secrets.create(session={"type": "realtime"}),
            own={"transport": transport},
            server=voxwire.OpenAICompatible("ws://localhost:8/v1/realtime"),
        )
    assert json.loads(transport.seen[0].content) == {"session": {"type": "realtime"}}


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["", "with space", "schlüssel", None])
def test_a_key_that_is_none_is_refused(api: Any, server: HttpServer, given: Any) -> None:
    with pytest.raises(InvalidOption, match=r"key|token"):
        api(lambda client: client.calls.hangup("rtc_1"), api_key=lambda: given)
    assert server.seen == []


def test_the_key_of_the_environment_does_not_go_to_what_runs_here(
    api: Any, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server.plan = [Answer(200)]
    api(lambda client: client.calls.hangup("rtc_1"), api_key=None)
    assert "authorization" not in server.seen[0].headers


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "no API key: .*, or connect to a local server with base_url="),
        ({"server": "xai"}, "or the address as base_url="),
        ({"api_key": "sk a"}, "API key"),
        ({"base_url": "api.openai.com/v1", "api_key": KEY}, "no address"),
        ({"base_url": "ftp://host/v1", "api_key": KEY}, "no address"),
        ({"base_url": "https://host:0/v1", "api_key": KEY}, "no address"),
        ({"base_url": "https://a..b/v1", "api_key": KEY}, "no address"),
        ({"base_url": f"https://{'a' * 64}.test/v1", "api_key": KEY}, "no address"),
        ({"base_url": "https://my host/v1", "api_key": KEY}, "no address"),
        ({"base_url": "https://host/v1?key=abc", "api_key": KEY}, "headers="),
        ({"base_url": "https://me:pass@host/v1", "api_key": KEY}, "headers="),
        ({"base_url": "http://host/v1", "api_key": KEY}, "use https://, or insecure=True"),
        ({"base_url": "http://host/v1", "api_key": lambda: KEY}, "use https://"),
        ({"base_url": "http://host/v1", "headers": {"api-key": KEY}}, "use https://"),
        ({"headers": {"X": "a\nb"}, "api_key": KEY}, "header 'X'"),
        ({"server": voxwire.OpenAI(api_key=KEY), "base_url": "https://h/v1"}, "exclude each other"),
        ({"server": voxwire.OpenAI(api_key=KEY), "api_key": KEY}, "two keys"),
        (
            {"server": voxwire.AzureVoiceLive("r", model="m", api_key=KEY)},
            "use server=voxwire.Azure",
        ),
        (
            {"server": voxwire.OpenAICompatible("wss://host/socket", api_key=KEY)},
            "give the address",
        ),
        ({"server": voxwire.OpenAICompatible("ws://host/realtime", api_key=KEY)}, "use https://"),
        ({"server": voxwire.Azure("no resource", api_key=KEY)}, "no Azure resource"),
        ({"api_key": KEY, "max_retries": -1}, "max_retries=-1"),
        ({"api_key": KEY, "max_retries": 1.5}, r"max_retries=1\.5"),
    ],
)
@pytest.mark.parametrize("kind", [voxwire.Client, voxwire.AsyncClient])
def test_what_cannot_work_is_refused_at_once(kind: Any, options: Any, words: str) -> None:
    with pytest.raises(InvalidOption, match=words) as caught:
        kind(**options)
    assert "sk-" not in str(caught.value)
    assert "pass@" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("http://host/v1", {"insecure": True}),
        ("http://localhost:8/v1", {}),
        ("http://127.0.0.1/v1", {}),
        ("http://[::1]:8/v1", {}),
        ("ws://localhost:8/v1", {}),
        ("wss://host/v1", {}),
    ],
)
def test_a_key_may_go_in_the_clear_where_it_is_safe_or_wanted(
    bare: Any, url: str, options: Any
) -> None:
    request = hangup(bare, base_url=url, api_key=KEY, **options)
    assert str(request.url).startswith(url.replace("ws", "http", 1))
    assert request.headers["authorization"] == f"Bearer {KEY}"


def test_a_proxy_of_the_environment_is_not_for_this_machine(
    api: Any, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    server.plan = [Answer(200)]
    assert api(lambda client: client.calls.hangup("rtc_1"))


def test_a_client_of_ones_own_is_used_and_left_open(server: HttpServer) -> None:
    server.plan = [Answer(200), Answer(200)]
    with httpx.Client(headers={"X-Mine": "1"}) as mine:
        with voxwire.Client(base_url=server.url, http_client=mine) as client:
            client.calls.hangup("rtc_1")
        assert not mine.is_closed
        del client
        gc.collect()
        assert not mine.is_closed
        voxwire.Client(base_url=server.url, http_client=mine).calls.hangup("rtc_1")
    assert [seen.headers["x-mine"] for seen in server.seen] == ["1", "1"]


def test_an_awaited_client_of_ones_own_is_left_open(server: HttpServer) -> None:
    async def main() -> None:
        async with httpx.AsyncClient() as mine:
            async with voxwire.AsyncClient(base_url=server.url, http_client=mine) as client:
                await client.calls.hangup("rtc_1")
            assert not mine.is_closed

    server.plan = [Answer(200)]
    asyncio.run(main())


def test_a_client_that_is_let_go_of_closes_its_connections(server: HttpServer) -> None:
    server.plan = [Answer(200)]
    # An open socket would be a ResourceWarning, and that an error.
    assert voxwire.Client(base_url=server.url).calls.hangup("rtc_1") is True
    client = voxwire.Client(base_url=server.url)
    http = client._line.http
    gc.disable()
    try:
        del client
        assert http.is_closed  # at once, without the collector of circles
    finally:
        gc.enable()
