"""The HTTP half and sessions together, with a server that keeps keys and calls."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx
import pytest

import voxwire
from voxwire import RealtimeSession
from voxwire.emulator import Emulator, Policy

KEY = "sk-test-0123456789abcdef"
SECRET = "whsec_dGhlIGtleSBvZiB0aGUgaGFyYm91cg=="
OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Emulator]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", SECRET)
    async with Emulator(policy=Policy(api_keys={KEY})) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.http_url)
        yield server


async def test_a_phone_call_from_webhook_to_conversation(desk: Emulator) -> None:
    desk.on("Hello", reply="Front desk.")
    body = json.dumps(desk.incoming_call(From="sip:+15550100@localhost")).encode()
    headers = voxwire.webhooks.sign(body, SECRET)

    client = voxwire.AsyncClient()
    call = voxwire.webhooks.unwrap(body, headers)
    assert isinstance(call, voxwire.RealtimeCallIncoming)
    session = RealtimeSession(instructions="You are the front desk.", output_modalities=["text"])
    await client.calls.accept(call, session=session)
    async with voxwire.attach(call.data.call_id) as sideband:
        assert sideband.session.instructions == "You are the front desk."
        answer = await sideband.say("Hello")
        assert answer.text == "Front desk."
        assert await client.calls.refer(call, "tel:+15551234567") is None
        with pytest.raises(voxwire.NotFound):
            await client.calls.accept(call, session=session)  # it has been taken
        assert await client.calls.hangup(call) is True
        assert await client.calls.hangup(call) is False
    (kept,) = desk.host.desk.calls
    assert kept.referred_to == "tel:+15551234567"
    await client.close()


async def test_a_secret_opens_the_session_that_it_stands_for(desk: Emulator) -> None:
    async with voxwire.AsyncClient() as client:
        session = voxwire.realtime_session(voice="cedar", output_modalities=["text"])
        secret = await client.client_secrets.create(session=session, expires_after=60)
        async with voxwire.connect(api_key=secret.value, url=desk.url) as opened:
            assert opened.session.audio.output.voice == "cedar"
        async with voxwire.AsyncClient(api_key=secret.value) as browser:
            call = await browser.calls.create(OFFER)
        assert call.sdp.startswith("v=0\r\n")
        async with voxwire.attach(call.call_id) as sideband:
            assert sideband.session.audio.output.voice == "cedar"
        assert await client.calls.hangup(call.call_id)


async def test_a_call_without_settings_has_the_defaults(desk: Emulator) -> None:
    async with voxwire.AsyncClient(api_key=KEY) as client:
        call = await client.calls.create(OFFER)
        async with voxwire.attach(call.call_id) as sideband:
            assert sideband.session.model == "gpt-realtime-2.1"


async def test_an_offer_alone_is_for_client_secrets(desk: Emulator) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(
            f"{desk.http_url}/realtime/calls",
            content=OFFER,
            headers={**headers, "Content-Type": "application/sdp"},
        )
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "unsupported_content_type"


async def test_a_secret_for_translation(desk: Emulator) -> None:
    async with voxwire.AsyncClient() as client:
        session = {"model": "gpt-realtime-translate", "audio": {"output": {"language": "es"}}}
        secret = await client.translations.client_secrets.create(session=session)
        assert secret.session.audio.output.language == "es"


@pytest.mark.filterwarnings("ignore:.*which is the beta's:DeprecationWarning")
async def test_the_old_endpoints_and_the_way_from_them(desk: Emulator) -> None:
    async with voxwire.AsyncClient() as client:
        old = await client.sessions.create({"voice": "ash", "input_audio_format": "g711_ulaw"})
        session = voxwire.legacy.from_legacy(old)
        assert isinstance(session, RealtimeSession)
        assert session.audio.input.format == voxwire.PcmuAudioFormat()
        assert session.audio.output.voice == "ash"
        wanted = {"input_audio_transcription": {"model": "whisper-1"}}
        listening = await client.transcription_sessions.create(wanted)
        converted = voxwire.legacy.from_legacy(listening)
        assert isinstance(converted, voxwire.TranscriptionSession)
        assert converted.audio.input.transcription.model == "whisper-1"


async def test_a_mistake_that_only_the_server_sees_has_its_path(desk: Emulator) -> None:
    async with voxwire.AsyncClient() as client:
        with pytest.raises(voxwire.BadRequest) as caught:
            extra = {"/session/mood": "sunny"}
            await client.client_secrets.create(session={"type": "realtime"}, extra=extra)
    assert caught.value.param == "session.mood"
    assert caught.value.request_id
