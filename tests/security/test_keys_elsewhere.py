"""No log, repr, exception or report has a key in it: HTTP, webhooks, files, commands."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

import voxwire
from security.canaries import (
    ANSWERS,
    CANARY,
    EntraCredential,
    Parrot,
    Records,
    asynchronous_key,
    bad_upgrade,
    elsewhere,
    http,
    no_websocket,
    plain_key,
    shown,
)
from voxwire import McpTool, RealtimeSession
from voxwire.cli.app import app
from voxwire.emulator import Emulator
from voxwire.emulator.proxy import RecordingProxy
from voxwire.http import create_client_secret, webhooks

SHAPED = "sk-proj-Kanarienvogel0193"
"""One that looks like a key: to be found in what somebody else has written down."""


@pytest.fixture
def records() -> Iterator[Records]:
    with Records() as handler:
        yield handler


@pytest.fixture(autouse=True)
def no_keys_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_WEBHOOK_SECRET", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def nowhere(*told: str, key: str = CANARY) -> None:
    for text in told:
        at = text.find(key)
        assert at < 0, f"the key shows: …{text[max(0, at - 200) : at + 40]}…"


# --- HTTP ----------------------------------------------------------------------------------------

Carrier = Callable[[str, pytest.MonkeyPatch], dict[str, Any]]


def _in_environment(at: str, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    patch.setenv("OPENAI_BASE_URL", f"http://{at}/v1")
    patch.setenv("OPENAI_API_KEY", CANARY)
    return {}


CARRIERS: dict[str, Carrier] = {
    "argument": lambda at, _: {"base_url": f"http://{at}/v1", "api_key": CANARY},
    "environment": _in_environment,
    "function": lambda at, _: {"base_url": f"http://{at}/v1", "api_key": plain_key},
    "coroutine": lambda at, _: {"base_url": f"http://{at}/v1", "api_key": asynchronous_key},
    "header": lambda at, _: {"base_url": f"http://{at}/v1", "headers": {"X-Own-Token": CANARY}},
    "azure": lambda at, _: {
        "server": voxwire.Azure(f"http://{at}", deployment="d", api_key=CANARY)
    },
    "entra": lambda at, _: {
        "server": voxwire.Azure(f"http://{at}", deployment="d", credential=EntraCredential())
    },
}

SESSION = RealtimeSession(
    tools=[McpTool(server_label="s", server_url="https://tools.test/", authorization=CANARY)]
)


def no_json(head: bytes) -> bytes:
    return http("200 OK", b'{"value": "' + head, "Content-Type: application/json")


def no_secret(head: bytes) -> bytes:
    body = json.dumps({"value": 7, "session": {"tools": [{"authorization": CANARY}]}})
    return http("200 OK", body.encode(), "Content-Type: application/json")


def cut(head: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + head


def not_gzip(head: bytes) -> bytes:
    return http("200 OK", head, "Content-Encoding: gzip")


async def asked(face: str, given: dict[str, Any], **options: Any) -> list[str]:
    """Ask for a client secret, in vain; what can be seen of that."""

    def blocking() -> list[str]:
        with voxwire.Client(**given) as client, pytest.raises(voxwire.HttpError) as caught:
            client.client_secrets.create(session=SESSION, max_retries=1, **options)
        return [shown(caught.value), repr(caught.value.response), repr(client)]

    if face == "blocking":
        return await asyncio.to_thread(blocking)
    async with voxwire.AsyncClient(**given) as client:
        with pytest.raises(voxwire.HttpError) as caught:
            await client.client_secrets.create(session=SESSION, max_retries=1, **options)
        return [shown(caught.value), repr(caught.value.response), repr(client)]


@pytest.mark.parametrize(
    "answer",
    # Headers of an answer are logged by httpcore at DEBUG, which is not ours to change.
    [each for each in ANSWERS if each not in (elsewhere, no_websocket, bad_upgrade)]
    + [no_json, no_secret, cut, not_gzip],
    ids=lambda answer: answer.__name__,
)
@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("face", ["async", "blocking"])
async def test_an_answer_that_repeats_the_key(
    face: str, carrier: str, answer: Any, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voxwire.Backoff, "seconds", lambda *_: 0.0)
    async with Parrot(answer) as server:
        given = CARRIERS[carrier](f"127.0.0.1:{server.port}", monkeypatch)
        told = await asked(face, given)
    assert CANARY in server.heads[0], "the key was not sent at all"
    nowhere(*told, *records.told)


@pytest.mark.parametrize("face", ["async", "blocking"])
@pytest.mark.parametrize("carrier", CARRIERS)
async def test_nobody_there(
    face: str,
    carrier: str,
    records: Records,
    unused_tcp_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(voxwire.Backoff, "seconds", lambda *_: 0.0)
    given = CARRIERS[carrier](f"127.0.0.1:{unused_tcp_port}", monkeypatch)
    nowhere(*await asked(face, given), *records.told)


@pytest.mark.parametrize("face", ["async", "blocking"])
async def test_no_answer_in_time_and_headers_of_one_request(face: str, records: Records) -> None:
    async with Parrot(lambda head: head[:0], hold=True) as server:
        given = {"base_url": f"http://127.0.0.1:{server.port}/v1", "api_key": "another-key-1"}
        own = {"Authorization": f"Bearer {CANARY}", "X-Own-Token": CANARY}
        told = await asked(face, given, headers=own, timeout=0.2)
    assert "HttpTimeout" in told[0]
    nowhere(*told, *records.told)


async def test_an_answer_that_is_one(records: Records) -> None:
    async with Emulator() as server:
        given = {"base_url": server.http_url, "api_key": CANARY}
        async with voxwire.AsyncClient(**given) as client:
            raw = await client.client_secrets.create.raw(session=SESSION)
            operation = create_client_secret(session=SESSION)
            again = await client.send(operation)
        seen = [repr(raw), repr(raw.parsed), repr(again), repr(operation), repr(client)]
        nowhere(*seen, *records.told)
        nowhere(*seen, *records.told, key=raw.parsed.value)


def test_arguments_that_cannot_work() -> None:
    for kind in (voxwire.Client, voxwire.AsyncClient):
        for given in (
            {"api_key": f"{CANARY} with a space"},
            {"api_key": CANARY, "base_url": "http://elsewhere.test/v1"},
            {"api_key": CANARY, "base_url": "no address"},
            {"api_key": CANARY, "headers": {"X-Token": f"{CANARY}\n"}},
            {"api_key": CANARY, "server": voxwire.AzureVoiceLive("r", model="m")},
            {"api_key": CANARY, "base_url": f"https://user:{CANARY}@h.test/"},
        ):
            with pytest.raises(voxwire.InvalidOption) as caught:
                kind(**given)  # type: ignore[arg-type]
            nowhere(str(caught.value), repr(caught.value))
            if "user:" not in str(given.get("base_url")):
                nowhere(shown(caught.value))


async def test_a_proxy_with_a_password(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Parrot(lambda head: http("407 No", head)) as server:
        monkeypatch.setenv("all_proxy", f"http://user:{CANARY}@127.0.0.1:{server.port}")
        given = {"base_url": "http://elsewhere.test/v1", "api_key": CANARY, "insecure": True}
        nowhere(*await asked("async", given), *records.told)


async def test_clients_of_ones_own_are_left_as_they_are(records: Records) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(500, text=str(request.headers)))
    async with httpx.AsyncClient(transport=transport) as own:
        client = voxwire.AsyncClient(api_key=CANARY, http_client=own, max_retries=0)
        with pytest.raises(voxwire.InternalServerError) as caught:
            await client.client_secrets.create()
    nowhere(shown(caught.value), *records.told)


# --- webhooks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "secret", [f"whsec_{CANARY}", CANARY, [CANARY, "another"], f"whsec_{CANARY}A=="]
)
@pytest.mark.parametrize("damage", ["body", "headers", "time", "nothing"])
@pytest.mark.parametrize("where", ["argument", "environment"])
def test_webhooks_that_are_not_believed(
    secret: Any, damage: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b'{"type": "realtime.call.incoming"}'
    headers = {"webhook-id": "w", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
    headers.pop("webhook-id") if damage == "headers" else None
    clock = (lambda: 9e9) if damage == "time" else (lambda: 1.0)
    given = None
    if where == "environment":
        text = secret if isinstance(secret, str) else " ".join(secret)
        monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", text)
    else:
        given = secret
    with pytest.raises(voxwire.VoxwireError) as caught:
        webhooks.unwrap(body, headers, given, clock=clock)
    nowhere(shown(caught.value))


# --- files and commands --------------------------------------------------------------------------


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A recording that somebody else has made, with keys wherever one may be known by its looks or
    by where it stands."""
    tool = {"type": "mcp", "server_label": "s", "server_url": "https://t.test/?token=" + CANARY,
            "authorization": CANARY, "headers": {"X-Any": CANARY}}  # fmt: skip
    said = f"Incorrect API key provided: {SHAPED}."
    events: list[tuple[str, Any]] = [
        ("s2c", {"type": "session.created", "session": {"type": "realtime", "tools": [tool]}}),
        ("c2s", {"type": "session.update", "session": {"type": "realtime", "tools": [tool]}}),
        ("c2s", {"type": "session.update", "session": {"tools": [{**tool, "headers": 7}]}}),
        ("s2c", {"type": "unknown", "authorization": CANARY, "api_key": CANARY}),
        ("s2c", {"type": "error", "error": {"message": said, "code": SHAPED}}),
        ("c2s", {"type": "conversation.item.create", "item": {"type": "message", "role": "user",
                 "content": [{"type": "input_text", "text": f"Bearer {SHAPED}"}]}}),
    ]  # fmt: skip
    lines: list[Any] = [{"dir": "meta", "url": f"wss://user:{CANARY}@h.test/?api-key={CANARY}"}]
    lines += [{"dir": way, "event": event, "t": 1.0} for way, event in events]
    lines += [{"dir": "s2c", "raw": f"garbage {SHAPED}"}]
    lines += [{"dir": "close", "code": 3000, "reason": f"bad key {SHAPED}"}]
    path = tmp_path / "foreign.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def run(*arguments: Any) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.output + result.stderr


@pytest.mark.parametrize(
    "arguments",
    [["lint"], ["lint", "--json"], ["play", "--speed", "0"], ["report", "--json"]],
    ids=" ".join,
)
def test_what_commands_say_of_a_recording(arguments: list[str], foreign: Path) -> None:
    told = run(*arguments, foreign)
    assert told
    nowhere(told)
    nowhere(told, key=SHAPED)


def test_the_page_of_a_recording(foreign: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    run("report", foreign, "-o", out)
    page = out.read_text()
    packed = re.findall(r'<script type="text/plain"[^>]*>([^<]*)</script>', page)
    told = [gzip.decompress(base64.b64decode(text)).decode() for text in packed]
    assert "session.update" in "".join(told)
    nowhere(page, *told)
    nowhere(page, *told, key=SHAPED)


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_what_differs_between_two(flags: list[str], foreign: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text(foreign.read_text().replace("0193", "0194").replace("h.test", "i.test"))
    told = run("diff", *flags, foreign, other)
    assert told
    nowhere(told)
    nowhere(told, key="Kanarienvogel")


async def test_the_recording_of_a_proxy(tmp_path: Path, records: Records) -> None:
    path = tmp_path / "proxy.jsonl"
    async with Emulator() as server:
        to = f"{server.url}?model=m&token={CANARY}"
        headers = {"Authorization": f"Bearer {CANARY}", "X-Gateway-Token": CANARY}
        async with RecordingProxy(to, path, headers=headers) as proxy:
            async with voxwire.connect(url=proxy.url) as session:
                await session.update(session=SESSION)
            assert server.connections[0].query["token"] == "<redacted>"
        seen = [repr(proxy), repr(proxy.passages), repr(server.connections)]
    assert "session.update" in path.read_text()
    nowhere(path.read_text(), *seen, *records.told)
