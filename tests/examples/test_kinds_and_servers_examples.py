"""The examples of other kinds of sessions and of other servers run, against a local server."""

from __future__ import annotations

import asyncio
import importlib
import sys
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import voxwire
from voxwire.audio import silence
from voxwire.emulator import Emulator, Policy

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
KEY = "sk-test-0123456789abcdef"


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Emulator]:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    async with Emulator(policy=Policy(api_keys=[KEY])) as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.http_url)
        yield running


def example(name: str) -> ModuleType:
    return importlib.import_module(name)


async def test_a_meeting_is_transcribed(
    server: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "meeting.wav"
    said = [server.speech("good morning all"), server.speech("let us begin")]
    voxwire.write_wav(path, silence(61_300) + said[0] + silence(1200) + said[1])
    module = example("transcribe_meeting")
    await module.main(str(path), "en")
    assert capsys.readouterr().out == "0:01:01  good morning all\n0:01:03  let us begin\n"
    assert module.clock(3_723_000) == "1:02:03"
    settings = server.connections[0].events[0]["session"]["audio"]["input"]
    assert settings["transcription"] == {"model": "gpt-live-transcribe", "language": "en"}


async def test_a_talk_is_translated_into_a_file(
    server: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.on("good morning", reply="buenos días")
    talk, out = tmp_path / "talk.wav", tmp_path / "out.wav"
    voxwire.write_wav(talk, silence(300) + server.speech("good morning"))
    await example("translate_talk").convert("es", str(talk), str(out), speed=None)
    assert capsys.readouterr().out == "buenos días\n"
    with wave.open(str(out)) as file:
        assert file.getframerate() == 24_000
        assert file.getnframes() > 12_000


async def test_a_talk_is_translated_as_it_is_heard(
    server: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server.on("good morning", reply="buenos días")
    sound = silence(300) + server.speech("good morning")

    class Desk:
        def __init__(self) -> None:
            self.microphone = [sound[at : at + 960] for at in range(0, len(sound), 960)]
            self.speaker = self
            desks.append(self)
            self.heard = b""

        def write(self, audio: bytes) -> None:
            self.heard += audio

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *exc: object) -> None: ...

    desks: list[Desk] = []
    real = voxwire.connect_translation
    monkeypatch.setattr(voxwire, "LocalAudio", Desk)
    monkeypatch.setattr(
        voxwire, "connect_translation", lambda **options: real(**options, speed=None)
    )
    await example("translate_talk").listen("es")
    assert capsys.readouterr().out == "buenos días"
    assert len(desks[0].heard) > 24_000


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
