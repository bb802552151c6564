"""Where each server is, what it is told as proof, and what is refused."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from scripted import CREATED, KEY

import voxwire
from voxwire.emulator import Emulator, Policy
from voxwire.emulator.replay import ReplayServer
from voxwire.errors import AuthenticationError, ConnectTimeout, InvalidOption
from voxwire.transport.providers.profile import ServerProfile, located

VARIABLES = (
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "OPENAI_ORG_ID",
    "OPENAI_PROJECT_ID",
    "AZURE_OPENAI_API_KEY",
    "AZURE_VOICELIVE_API_KEY",
    "XAI_API_KEY",
)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


AZURE = "wss://my-resource.openai.azure.com/openai/v1/realtime"


@pytest.mark.parametrize(
    ("server", "kind", "arguments", "url"),
    [
        (voxwire.OpenAI(api_key=KEY), "realtime", {"model": "m"},
         "wss://api.openai.com/v1/realtime?model=m"),
        (voxwire.OpenAI(api_key=KEY), "call", {"call_id": "rtc_1"},
         "wss://api.openai.com/v1/realtime?call_id=rtc_1"),
        (voxwire.OpenAI(api_key=KEY), "transcription", {},
         "wss://api.openai.com/v1/realtime?intent=transcription"),
        (voxwire.OpenAI(api_key=KEY), "translation", {},
         "wss://api.openai.com/v1/realtime/translations?model=gpt-realtime-translate"),
        (voxwire.OpenAI(api_key=KEY, base_url="https://gateway.test/v1/"), "realtime", {},
         "wss://gateway.test/v1/realtime?model=gpt-realtime-2.1"),
        (voxwire.Azure("my-resource", deployment="voice", api_key=KEY), "realtime", {},
         f"{AZURE}?model=voice"),
        (voxwire.Azure("my-resource", api_key=KEY), "realtime", {"model": "voice"},
         f"{AZURE}?model=voice"),
        (voxwire.Azure("my-resource", api_key=KEY), "transcription", {},
         f"{AZURE}?intent=transcription"),
        (voxwire.Azure("my-resource", deployment="voice", api_key=KEY), "call", {"call_id": "c"},
         f"{AZURE}?call_id=c"),
        (voxwire.Azure("https://own.test/ignored", deployment="v", api_key=KEY), "realtime", {},
         "wss://own.test/openai/v1/realtime?model=v"),
        (voxwire.Azure("own.test", deployment="v", api_key=KEY), "realtime", {},
         "wss://own.test/openai/v1/realtime?model=v"),
        (voxwire.AzureVoiceLive("my-resource", model="gpt-realtime", api_key=KEY), "realtime", {},
         "wss://my-resource.services.ai.azure.com/voice-live/realtime"
         "?api-version=2026-07-15&model=gpt-realtime"),
        (voxwire.AzureVoiceLive("r", query={"agent-id": "a"}, api_key=KEY), "realtime", {},
         "wss://r.services.ai.azure.com/voice-live/realtime?api-version=2026-07-15&agent-id=a"),
        (voxwire.XAI(api_key=KEY), "realtime", {}, "wss://api.x.ai/v1/realtime"),
        (voxwire.XAI(api_key=KEY), "realtime", {"model": "grok"},
         "wss://api.x.ai/v1/realtime?model=grok"),
        (voxwire.OpenAICompatible("https://h.test/rt"), "realtime", {}, "wss://h.test/rt"),
        (voxwire.OpenAICompatible("wss://h.test/rt?a=1"), "transcription", {},
         "wss://h.test/rt?a=1&intent=transcription"),
        (voxwire.OpenAICompatible("wss://h.test/rt"), "translation", {"model": "t"},
         "wss://h.test/rt/translations?model=t"),
    ],
)  # fmt: skip
def test_addresses(server: ServerProfile, kind: Any, arguments: dict[str, str], url: str) -> None:
    where = server.target(kind, **arguments)
    assert where.url == url
    assert where.greets is (kind != "call")


@pytest.mark.parametrize(
    ("server", "headers", "subprotocols"),
    [
        (voxwire.OpenAI(api_key=KEY), {"Authorization": f"Bearer {KEY}"}, ()),
        (voxwire.OpenAI(api_key=KEY, subprotocol=True), {},
         ("realtime", f"openai-insecure-api-key.{KEY}")),
        (voxwire.Azure("r", deployment="d", api_key=KEY), {"api-key": KEY}, ()),
        (voxwire.XAI(api_key=KEY), {"Authorization": f"Bearer {KEY}"}, ()),
        (voxwire.OpenAICompatible("wss://h.test/"), {}, ()),
        (voxwire.OpenAICompatible("wss://h.test/", api_key=KEY, key_form="api-key"),
         {"api-key": KEY}, ()),
        (voxwire.OpenAICompatible("wss://h.test/", api_key=KEY, key_form="subprotocol"), {},
         ("realtime", f"openai-insecure-api-key.{KEY}")),
    ],
)  # fmt: skip
def test_proofs(
    server: ServerProfile, headers: dict[str, str], subprotocols: tuple[str, ...]
) -> None:
    where = server.target("realtime")
    assert where.headers == headers
    assert where.subprotocols == subprotocols
    assert where.secrets == ((KEY,) if headers or subprotocols else ())
    assert KEY not in repr(server) + repr(where)


@pytest.mark.parametrize(
    ("variable", "make"),
    [
        ("OPENAI_API_KEY", lambda: voxwire.OpenAI()),
        ("AZURE_OPENAI_API_KEY", lambda: voxwire.Azure("r", deployment="d")),
        ("AZURE_VOICELIVE_API_KEY", lambda: voxwire.AzureVoiceLive("r", model="m")),
        ("XAI_API_KEY", lambda: voxwire.XAI()),
    ],
)
def test_each_server_has_its_own_key_in_the_environment(
    variable: str, make: Callable[[], ServerProfile], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in VARIABLES:
        if name.endswith("_KEY") and name != variable:
            monkeypatch.setenv(name, "sk-of-somebody-else")
    with pytest.raises(InvalidOption, match=variable):
        make().target("realtime")
    monkeypatch.setenv(variable, KEY)
    assert make().target("realtime").secrets == (KEY,)


def test_the_key_and_the_account_of_openai_are_offered_to_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    for url in ("wss://h.test/v1/realtime", "wss://api.openai.com.h.test/", "wss://x.ai/"):
        with pytest.raises(InvalidOption, match="for OpenAI and for the host of OPENAI_BASE_URL"):
            located("realtime", url=url)
        assert voxwire.OpenAICompatible(url).target("realtime").secrets == ()
    with pytest.raises(InvalidOption, match="no API key"):
        voxwire.OpenAI(base_url="https://h.test/v1").target("realtime")
    elsewhere = voxwire.OpenAI(base_url="https://h.test/v1", api_key=KEY).target("realtime")
    assert "OpenAI-Organization" not in elsewhere.headers
    here = voxwire.OpenAI(safety_identifier="u1").target("realtime")
    assert here.headers["OpenAI-Organization"] == "org-1"
    assert here.headers["OpenAI-Safety-Identifier"] == "u1"
    monkeypatch.setenv("OPENAI_BASE_URL", "https://gateway.test/openai/v1")
    for _, where in (
        located("realtime", url="wss://gateway.test/other"),
        located("realtime", server=voxwire.OpenAI()),
    ):
        assert where.secrets == (KEY,)


PLAIN = voxwire.OpenAICompatible("ws://h.test/v1/realtime", api_key=KEY)
VOICE = voxwire.Azure("r", deployment="d", api_key=KEY)


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("realtime", {"server": VOICE, "url": "wss://h.test/"}, "voxwire.OpenAICompatible"),
        ("realtime", {"server": VOICE, "api_key": "k2"}, "two keys"),
        ("realtime", {"server": VOICE, "model": "other"}, "leave model= out"),
        ("call", {"server": VOICE, "model": "d", "call_id": "c"}, "leave model out"),
        ("realtime", {"server": "azure"}, "give a profile"),
        ("realtime", {"server": voxwire.Azure("r", api_key=KEY)}, "deployment="),
        ("realtime", {"server": voxwire.Azure("a b", deployment="d", api_key=KEY)},
         "no Azure resource"),
        ("realtime", {"server": voxwire.Azure("r", deployment="d")}, "api_key= or credential="),
        ("realtime", {"server": voxwire.Azure("r", deployment="d", api_key=KEY, credential=str)},
         "exclude each other"),
        ("realtime", {"server": voxwire.Azure("r", deployment="d", credential=KEY)},
         "a key goes into api_key="),
        ("realtime", {"server": voxwire.AzureVoiceLive("r", api_key=KEY)}, "wants a model"),
        ("realtime", {"server": voxwire.AzureVoiceLive("r", deployment="d", api_key=KEY)},
         "no deployments"),
        ("realtime",
         {"server": voxwire.AzureVoiceLive("r", model="a", api_key=KEY), "model": "b"},
         "leave one of them out"),
        ("transcription", {"server": voxwire.XAI(api_key=KEY)}, "has no transcription sessions"),
        ("translation", {"server": voxwire.AzureVoiceLive("r", model="m", api_key=KEY)},
         "has no translation sessions"),
        ("call", {"server": voxwire.XAI(api_key=KEY), "call_id": "c"}, "no calls to attach to"),
        ("realtime", {"server": PLAIN}, "insecure=True"),
        ("realtime", {"server": voxwire.OpenAICompatible("h.test")}, "no address of a server"),
        ("transcription", {"server": voxwire.OpenAICompatible("wss://h.test/", flat=True)},
         "flat=True"),
        ("realtime", {"server": voxwire.XAI(api_key=KEY + " ")}, "no key has"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_with_its_cure(
    kind: Any, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidOption, match=message) as caught:
        located(kind, **arguments)
    assert KEY not in str(caught.value)


def test_a_token_provider_is_not_asked_for_an_unsafe_address() -> None:
    with pytest.raises(InvalidOption, match="unencrypted"):
        located("realtime", url="ws://h.test/", api_key=lambda: pytest.fail("asked"))


def test_an_unknown_alias_is_refused() -> None:
    server = voxwire.OpenAICompatible("wss://h.test/", aliases={"x.done": "response.finished"})
    with pytest.raises(InvalidOption, match=r"no server event 'response\.finished'"):
        server.codec("realtime")


# -- over a socket --------------------------------------------------------------------------------


async def _async_token() -> str:
    return KEY


class Entra:
    """A credential as azure-identity has them."""

    def __init__(self) -> None:
        self.scopes: list[str] = []

    def get_token(self, *scopes: str) -> Any:
        self.scopes += scopes
        return type("AccessToken", (), {"token": KEY, "expires_on": 0})()


class AsyncEntra(Entra):
    async def get_token(self, *scopes: str) -> Any:  # type: ignore[override]
        return super().get_token(*scopes)


@pytest.mark.parametrize("credential", [lambda: KEY, _async_token, Entra(), AsyncEntra()])
async def test_tokens_are_asked_for_when_the_connection_is_opened(credential: Any) -> None:
    async with Emulator(policy=Policy(api_keys=[KEY])) as server:
        azure = voxwire.Azure(server.http_url, deployment="voice", credential=credential)
        assert KEY not in repr(azure)
        async with voxwire.connect(server=azure) as session:
            assert session.session.model == "voice"
        guest = server.connections[0]
    assert guest.path == "/openai/v1/realtime"
    assert guest.query == {"model": "voice"}
    assert guest.headers["authorization"].startswith("Bearer ")
    assert "api-key" not in guest.headers
    if isinstance(credential, Entra):
        assert credential.scopes == ["https://cognitiveservices.azure.com/.default"]


async def test_a_fresh_token_for_each_connection() -> None:
    tokens = iter(["token-number-1", "token-number-2"])
    async with Emulator(policy=Policy(api_keys=["token-number-1", "token-number-2"])) as server:
        for _ in range(2):
            async with voxwire.connect(url=server.url, api_key=lambda: next(tokens)):
                pass
    assert next(tokens, None) is None


async def test_a_token_provider_that_hangs_is_a_timeout() -> None:
    async def never() -> str:
        await asyncio.Event().wait()
        return ""

    with pytest.raises(ConnectTimeout, match="no key for ws://localhost:9/"):
        await voxwire.connect(url="ws://localhost:9/", api_key=never, open_timeout=0.01)


async def test_what_a_token_provider_raises_is_the_callers_to_see() -> None:
    def broken() -> str:
        raise LookupError("no such vault")

    with pytest.raises(LookupError, match="no such vault"):
        await voxwire.connect(url="ws://localhost:9/", api_key=broken)
    with pytest.raises(InvalidOption, match="no text but NoneType"):
        await voxwire.connect(url="ws://localhost:9/", api_key=lambda: None)  # type: ignore[arg-type,return-value]


async def test_a_browsers_key_goes_as_a_subprotocol() -> None:
    async with Emulator(policy=Policy(api_keys=[KEY])) as server:
        profile = voxwire.OpenAI(base_url=server.http_url, api_key=KEY, subprotocol=True)
        async with voxwire.connect(server=profile) as session:
            assert session.session.id
        assert "authorization" not in server.connections[0].headers
        with pytest.raises(AuthenticationError) as caught:
            await voxwire.connect(
                server=voxwire.OpenAI(base_url=server.http_url, api_key=KEY + "2", subprotocol=True)
            )
    assert KEY not in f"{caught.value!r} {caught.value}"


@pytest.mark.parametrize("form", ["bearer", "api-key", "subprotocol"])
async def test_no_log_shows_a_key(form: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("websockets.server").setLevel(logging.INFO)  # the other side's own
    async with ReplayServer([CREATED], hold=True) as server:
        profile = voxwire.OpenAICompatible(server.url, api_key=lambda: KEY, key_form=form)
        async with voxwire.connect(server=profile):
            pass
    assert "SessionCreated" in caplog.text
    assert KEY not in caplog.text


async def test_a_token_stays_out_of_recordings(tmp_path: Any) -> None:
    path = tmp_path / "r.jsonl"
    token = "plain words of a token"
    token = token.replace(" ", "-")
    async with ReplayServer([CREATED], hold=True) as server:
        async with voxwire.connect(url=server.url, api_key=lambda: token, record=path) as session:
            await session.send_raw(f'{{"type": "vendor.echo", "said": "{token}"}}')
    assert "vendor.echo" in path.read_text()
    assert token not in path.read_text()


async def test_what_a_server_cannot_do_is_not_waited_for() -> None:
    silent = voxwire.Capabilities(greets=False, acknowledges=False)
    async with ReplayServer([], hold=True) as server:
        profile = voxwire.OpenAICompatible(server.url, abilities=silent)
        async with asyncio.timeout(2):
            async with voxwire.connect(server=profile, instructions="Hi") as session:
                assert session.session is None
        assert server.connections[0].received[0].event["session"]["instructions"] == "Hi"
