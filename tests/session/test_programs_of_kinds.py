"""Programs 11 to 13: calls, transcription and translation, any server. Against the emulator."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import voxwire
from voxwire import RealtimeSession
from voxwire.audio import silence
from voxwire.emulator import Emulator, Policy

KEY = "sk-test-0123456789abcdef"
WEBHOOK = "whsec_dGhlIGtleSBvZiB0aGUgaGFyYm91cg=="


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Emulator]:
    async with Emulator(policy=Policy(api_keys=[KEY])) as running:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", running.http_url)
        monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", WEBHOOK)
        yield running


async def test_program_11_a_key_for_a_browser_an_answer_for_a_phone_call(
    server: Emulator,
) -> None:
    body = json.dumps(server.incoming_call()).encode()
    headers = voxwire.webhooks.sign(body, WEBHOOK)
    async with voxwire.AsyncClient() as client:
        secret = await client.client_secrets.create(
            session=voxwire.realtime_session(voice="cedar"), expires_after=60
        )
        browser = voxwire.OpenAI(api_key=secret.value, subprotocol=True)
        async with voxwire.connect(server=browser) as session:
            assert session.session.audio.output.voice == "cedar"

        call = voxwire.webhooks.unwrap(body, headers)
        assert isinstance(call, voxwire.RealtimeCallIncoming)
        await client.calls.accept(
            call, session=RealtimeSession(instructions="You are the front desk.")
        )
        async with voxwire.attach(call) as session:
            assert session.session.instructions == "You are the front desk."
            assert (await session.say("Good morning")).status == "completed"
    assert server.connections[1].query == {"call_id": call.data.call_id}


async def test_program_12_transcribe(server: Emulator, tmp_path: Path) -> None:
    said = server.speech("the tide is high")
    voxwire.write_wav(tmp_path / "meeting.wav", silence(800) + said)
    lines = []
    async with voxwire.connect_transcription(language="en") as session:
        async for line in session.transcribe(tmp_path / "meeting.wav"):
            lines.append((line.start_ms, line.text))
    assert lines == [(800, "the tide is high")]


async def test_program_12_translate(server: Emulator) -> None:
    server.on("the tide", reply="la marea está alta")
    sound = silence(300) + server.speech("the tide is high")
    played = b""

    async def microphone() -> AsyncIterator[bytes]:
        for start in range(0, len(sound), 960):
            yield sound[start : start + 960]

    async with voxwire.connect_translation(to="es", speed=None) as session:
        async for chunk in session.translate(microphone()):
            played += chunk.audio
    assert len(played) > 48 * 500


def _servers(server: Emulator) -> Iterator[tuple[voxwire.Connect, str]]:
    base = server.http_url.removesuffix("/v1")

    async def token_provider() -> str:
        return KEY

    azure = voxwire.Azure(base, deployment="voice", credential=token_provider)
    yield voxwire.connect(server=azure), "/openai/v1/realtime"
    yield voxwire.connect(url=server.url, api_key=KEY), "/v1/realtime"
    compatible = voxwire.OpenAICompatible(f"{server.url}?model=m", api_key=KEY)
    yield voxwire.connect(server=compatible), "/v1/realtime"


async def test_program_13_any_server(server: Emulator) -> None:
    for connecting, path in _servers(server):
        async with connecting as session:
            answer = await session.say("Hello", output_modalities=["text"])
            assert answer.status == "completed"
        assert server.connections[-1].path == path


async def test_program_13_a_server_of_another_shape(server: Emulator) -> None:
    """What is written flat is taken by a server that reads the beta's sessions."""
    beta = Emulator(policy=Policy(api_keys=[KEY], beta=True))
    beta.on("Hello", reply="Good day.")
    async with beta as old:
        profile = voxwire.OpenAICompatible(f"{old.url}?model=m", api_key=KEY, flat=True)
        async with voxwire.connect(
            server=profile,
            headers={"OpenAI-Beta": "realtime=v1"},
            instructions="Be brief.",
            turn_detection=None,
            voice="cedar",
            output_modalities=["text"],
        ) as session:
            settings = session.session
            answer = await session.say("Hello")
        assert settings.instructions == "Be brief."
        assert settings.output_modalities == ["text"]
        assert settings.audio.input.turn_detection is None
        assert settings.audio.output.voice == "cedar"
        assert answer.text == "Good day."
