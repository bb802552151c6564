"""The examples of the HTTP half run, against a server on this machine."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from served import KEY, example, until

import voxwire
from voxwire.emulator import Emulator

OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"


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
