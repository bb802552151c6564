from __future__ import annotations

import pytest

from voxwire.errors import InvalidOption
from voxwire.transport.providers import DEFAULT_MODEL, target

KEY = "sk-" + "k" * 40


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)


def test_defaults_are_the_service_and_a_current_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    where = target()
    assert where.url == f"wss://api.openai.com/v1/realtime?model={DEFAULT_MODEL}"
    assert where.headers == {"Authorization": f"Bearer {KEY}"}
    assert where.greets


def test_the_environment_names_base_url_organization_and_project(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", "https://gateway.test/openai/v1/")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj_1")
    where = target(model="m")
    assert where.url == "wss://gateway.test/openai/v1/realtime?model=m"
    assert where.headers["OpenAI-Organization"] == "org-1"
    assert where.headers["OpenAI-Project"] == "proj_1"


@pytest.mark.parametrize(
    ("given", "dialled"),
    [
        ("http://localhost:8123/v1/realtime", "ws://localhost:8123/v1/realtime?model=m"),
        ("https://h.test/x?a=1", "wss://h.test/x?a=1&model=m"),
        ("wss://h.test/x?model=other", "wss://h.test/x?model=m"),
    ],
)
def test_addresses_become_sockets(given: str, dialled: str) -> None:
    assert target(url=given, model="m", api_key=KEY).url == dialled


def test_a_query_that_names_what_to_open_is_left_alone() -> None:
    assert target(url="wss://h.test/?intent=x", api_key=KEY).url == "wss://h.test/?intent=x"


def test_a_call_has_no_model_and_no_greeting() -> None:
    where = target(call_id="rtc_1", url="wss://h.test/r?model=x", api_key=KEY)
    assert where.url == "wss://h.test/r?call_id=rtc_1"
    assert not where.greets


def test_the_key_of_the_environment_stays_away_from_local_servers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for url in ("ws://localhost:1/", "ws://127.0.0.1:1/", "ws://127.8.9.1/", "ws://[::1]:1/"):
        assert target(url=url).headers == {}
    assert target(url="ws://localhost:1/", api_key=KEY).headers


def test_own_headers_win() -> None:
    where = target(api_key=KEY, headers={"authorization": "Bearer other", "X": "y"})
    assert where.headers == {"authorization": "Bearer other", "X": "y"}
    assert target(url="wss://h.test/", headers={"api-key": "k"}).headers == {"api-key": "k"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "no API key"),
        ({"url": "wss://h.test/"}, "no API key"),
        ({"model": "m", "call_id": "c", "api_key": KEY}, "exclude each other"),
        ({"url": "ftp://h.test/", "api_key": KEY}, "no address"),
        ({"url": "h.test/realtime", "api_key": KEY}, "no address"),
        ({"url": "wss://h.test:99999/", "api_key": KEY}, "no address"),
        ({"url": "wss:///realtime", "api_key": KEY}, "no address"),
        ({"api_key": "sk-a b"}, "the API key has a space"),
        ({"api_key": KEY + "\n"}, "a line end"),
        ({"url": "ws://h.test/", "api_key": KEY}, "unencrypted to h.test"),
        ({"url": "ws://localhost.test/", "api_key": KEY}, "unencrypted"),
        ({"url": "ws://h.test/", "headers": {"API-Key": KEY}}, "unencrypted"),
    ],
)
def test_what_cannot_work_is_refused(arguments: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidOption, match=message) as caught:
        target(**arguments)  # type: ignore[arg-type]
    assert KEY not in str(caught.value)


def test_plain_ws_with_a_key_can_be_asked_for() -> None:
    assert target(url="ws://h.test/", api_key=KEY, insecure=True).headers


def test_no_key_shows() -> None:
    where = target(url=f"wss://user:{KEY}@h.test/?api-key={KEY}", api_key=KEY, model="m")
    assert KEY not in repr(where)
    assert where.secrets == (KEY,)
