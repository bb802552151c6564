"""The examples of the HTTP half run, against a server on this machine."""

from __future__ import annotations

import asyncio
import importlib
import io
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import voxwire
from voxwire.emulator import Emulator, Policy

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
KEY = "sk-test-0123456789abcdef"
SECRET = "whsec_dGhlIGtleSBvZiB0aGUgaGFyYm91cg=="
OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Emulator]:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", SECRET)
    async with Emulator(policy=Policy(api_keys={KEY})) as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.http_url)
        yield running


def example(name: str) -> ModuleType:
    return importlib.import_module(name)


async def until(true: Callable[[], Any]) -> None:
    """Let everything go on until something is so."""
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.001)


def calls(server: Emulator) -> list[Any]:
    return list(server.host.desk.calls)


# --- a key for a browser ------------------------------------------------------------------------


async def test_a_key_is_made_that_opens_its_session(
    server: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    await asyncio.to_thread(example("client_secret").main)
    printed = json.loads(capsys.readouterr().out)
    assert set(printed) == {"value", "expires_at"}
    async with voxwire.connect(api_key=printed["value"], url=server.url) as session:
        assert session.session.instructions == "You are the harbour desk. Be brief."
        assert session.session.audio.output.voice == "cedar"


async def test_a_key_that_cannot_be_made_is_told(
    server: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-nobody-at-all")
    with pytest.raises(SystemExit, match=r"no key: .*401") as caught:
        await asyncio.to_thread(example("client_secret").main)
    assert "sk-of" not in str(caught.value)


# --- a call over WebRTC -------------------------------------------------------------------------


async def test_an_offer_is_answered_and_the_call_accompanied(
    server: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(OFFER.encode())))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=spoken))
    server.on("tide", call="tide_at", arguments={"pier": 4})
    server.on(output_of="tide_at", reply="At 14:20.")
    program = asyncio.create_task(example("webrtc_call").main())
    try:
        await until(lambda: server.connections and server.connections[0].events)
        answer = spoken.getvalue().decode()
        assert answer.startswith("v=0\r\n")
        assert answer.count("\n") == answer.count("\r\n") > 5
        (call,) = calls(server)
        # What the browser's user says, said on a line of its own.
        async with voxwire.attach(call.id, url=server.url, api_key=KEY) as user:
            user.say("When is the tide?")
            await until(lambda: outputs(server))
            user.say("Thank you.")
            await until(lambda: call.state == "ended")
        await program
    finally:
        program.cancel()
    assert outputs(server) == [{"pier": 4, "high_water": ["01:55", "14:20"]}]


def outputs(server: Emulator) -> list[Any]:
    """What the first client sent as the outputs of its tools."""
    return [
        json.loads(event["item"]["output"])
        for event in server.connections[0].events
        if event["type"] == "conversation.item.create"
    ]


# --- a telephone call ---------------------------------------------------------------------------


async def post(app: Any, body: bytes, headers: dict[str, str]) -> int:
    """Post a webhook to an ASGI application, in two pieces; the status of its answer."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    pieces = [
        {"type": "http.request", "body": body[:10], "more_body": True},
        {"type": "http.request", "body": body[10:]},
    ]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return pieces.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    return int(sent[0]["status"])


async def test_the_telephone_is_answered(
    server: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "harbour")
    module = example("answer_call")
    body = json.dumps(server.incoming_call(From="sip:+15550100@localhost")).encode()
    assert await post(module.app, body, voxwire.webhooks.sign(body, SECRET)) == 200
    await until(lambda: "desk: " in caplog.text)
    (call,) = calls(server)
    assert call.state == "open"
    async with voxwire.AsyncClient() as client:
        assert await client.calls.hangup(call.id)
    await until(lambda: not module._answering)


async def test_the_telephone_is_not_answered_to_anybody(server: Emulator) -> None:
    module = example("answer_call")
    body = json.dumps(server.incoming_call(From="sip:anonymous@anonymous.invalid")).encode()
    assert await post(module.app, body, voxwire.webhooks.sign(body, SECRET)) == 200
    await until(lambda: not module._answering)
    (call,) = calls(server)
    assert (call.state, call.rejected_with) == ("ended", 603)


async def test_a_webhook_that_is_not_signed_is_not_believed(
    server: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    module = example("answer_call")
    body = json.dumps(server.incoming_call()).encode()
    assert await post(module.app, body, {}) == 400
    assert await post(module.app, body + b" ", voxwire.webhooks.sign(body, SECRET)) == 400
    assert not module._answering
    assert [call.state for call in calls(server)] == ["ringing"]
    assert "not believed" in caplog.text


async def test_a_call_that_is_lost_is_told(
    server: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    module = example("answer_call")
    event = server.incoming_call()
    event["data"]["call_id"] = "rtc_gone"
    body = json.dumps(event).encode()
    assert await post(module.app, body, voxwire.webhooks.sign(body, SECRET)) == 200
    await until(lambda: not module._answering)
    assert "the call is lost" in caplog.text


async def test_a_webhook_of_another_kind_is_acknowledged(server: Emulator) -> None:
    module = example("answer_call")
    body = b'{"type": "response.completed"}'
    assert await post(module.app, body, voxwire.webhooks.sign(body, SECRET)) == 200
    assert not module._answering
