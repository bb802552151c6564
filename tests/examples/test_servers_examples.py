"""The examples of other servers and of second lines run, against a local server."""

from __future__ import annotations

import asyncio
import sys
from types import ModuleType
from typing import Any

import pytest
from served import KEY, example

import voxwire
from voxwire.emulator import Emulator


async def test_azure_by_key_and_by_token(
    server: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server.on("duologue", reply="A play for two voices.")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", server.http_url.removesuffix("/v1"))
    monkeypatch.setenv("AZURE_OPENAI_DEPLOYMENT", "voice")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", KEY)
    module = example("azure_openai")
    await module.main("What is a duologue?")
    monkeypatch.delenv("AZURE_OPENAI_API_KEY")

    class Credential:
        def get_token(self, *scopes: str) -> Any:
            return type("AccessToken", (), {"token": KEY})()

    identity = ModuleType("azure.identity")
    identity.DefaultAzureCredential = Credential  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "azure", ModuleType("azure"))
    monkeypatch.setitem(sys.modules, "azure.identity", identity)
    await module.main("What is a duologue?")
    assert capsys.readouterr().out == "A play for two voices.\n" * 2
    by_key, by_token = server.connections
    assert by_key.path == by_token.path == "/openai/v1/realtime"
    assert by_key.query == by_token.query == {"model": "voice"}
    assert "api-key" in by_key.headers
    assert "authorization" not in by_key.headers
    assert "authorization" in by_token.headers


async def test_a_second_line_runs_the_tools_of_a_call(
    server: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    server.on("pier four", call="berth", arguments={"pier": 4})
    server.on(output_of="berth", reply="It is free until noon.")
    call = voxwire.RealtimeCallIncoming.from_dict(server.incoming_call())
    async with voxwire.AsyncClient() as client:
        await client.calls.accept(call, session=voxwire.realtime_session(instructions="Desk."))
        program = asyncio.create_task(example("sideband").main(call.data.call_id))
        try:
            async with asyncio.timeout(20):
                while not (server.connections and server.connections[0].events):
                    await asyncio.sleep(0.001)
                async with voxwire.attach(call) as user:
                    name = voxwire.ResponseOutputAudioTranscriptDone
                    async with user.expect(name, timeout=10):
                        user.say("Is pier four free?")
                    await client.calls.hangup(call)
                await program
        finally:
            program.cancel()
    out = capsys.readouterr().out
    assert 'tool: {"pier":4}' in out
    assert "desk: It is free until noon." in out
    assert out.endswith("the call is over\n")
