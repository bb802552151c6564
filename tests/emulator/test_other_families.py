"""Beside conversations: translation, transcription, calls, the HTTP half, and the beta shape."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from bench import append, appended, typed, update
from voxwire_protocol import LegacySession, RealtimeCallIncoming
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from voxwire.emulator import Emulator, Policy
from voxwire.emulator.speech_synthesis import tone
from voxwire.protocol.codec import REALTIME, TRANSLATION, validate

OFFER = (
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n"
)
SHORT = b'{"expires_after": {"seconds": 1}}'
CREATE = {"type": "response.create"}


@pytest.fixture
async def server() -> AsyncIterator[Emulator]:
    async with Emulator(clock=lambda: 1000.0) as server:
        yield server


@pytest.fixture
async def http(server: Emulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.http_url, trust_env=False) as client:
        yield client


async def send(socket: ClientConnection, *events: dict[str, Any]) -> None:
    for event in events:
        await socket.send(json.dumps(event))


async def until(socket: ClientConnection, name: str, codec: Any = REALTIME) -> list[Any]:
    events: list[Any] = []
    while not events or events[-1].type != name:
        events.append(codec.decode(await socket.recv(decode=False)))
        assert validate(events[-1]) == []
    return events


def code(response: httpx.Response) -> tuple[int, str | None]:
    return response.status_code, response.json()["error"]["code"]


# --- translation ----------------------------------------------------------------------------------


async def test_translation(server: Emulator) -> None:
    server.on("hello", reply="hola amigo")
    address = f"{server.url}/translations?model=gpt-realtime-translate"
    async with connect(address, proxy=None) as socket:
        (created,) = await until(socket, "session.created", TRANSLATION)
        assert created.session.type == "translation"
        audio = {"input": {"transcription": {"model": "whisper-1"}}, "output": {"language": "es"}}
        await send(socket, {"type": "session.update", "session": {"audio": audio}})
        updated = (await until(socket, "session.updated", TRANSLATION))[-1]
        assert updated.session.audio.output.language == "es"
        sound = bytes(9600) + server.speech("hello friend") + bytes(48000)
        chunks = [{**e, "type": f"session.{e['type']}"} for e in appended(sound, 9600)]
        await send(socket, *chunks, {"type": "session.close"})
        events = await until(socket, "session.closed", TRANSLATION)
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    assert socket.close_code == 1000

    def said(name: str) -> str:
        return "".join(event.delta for event in events if event.type == name)

    assert said("session.input_transcript.delta").strip() == "hello friend"
    assert said("session.output_transcript.delta") == "hola amigo"
    deltas = [event for event in events if event.type == "session.output_audio.delta"]
    assert b"".join(event.audio for event in deltas) == tone("hola amigo")
    elapsed = [event.elapsed_ms for event in deltas]
    assert elapsed == sorted(elapsed)
    assert all(ms % 200 == 0 for ms in elapsed)


async def test_translation_finishes_a_sentence_that_was_cut_off(server: Emulator) -> None:
    server.hear("half a sent")
    async with connect(f"{server.url}/translations?model=m", proxy=None) as socket:
        event = append(bytes(9600) + tone("half a sentence"))
        await send(socket, {**event, "type": f"session.{event['type']}"}, {"type": "session.close"})
        events = await until(socket, "session.closed", TRANSLATION)
    words = [e.delta for e in events if e.type == "session.output_transcript.delta"]
    assert "".join(words) == "half a sent"


async def test_translation_has_no_items(server: Emulator) -> None:
    async with connect(f"{server.url}/translations?model=m", proxy=None) as socket:
        await until(socket, "session.created", TRANSLATION)
        await send(socket, CREATE)
        (error,) = await until(socket, "error", TRANSLATION)
    assert (error.error.code, error.error.param) == ("invalid_value", "type")


# --- transcription --------------------------------------------------------------------------------


async def test_transcription(server: Emulator) -> None:
    async with connect(f"{server.url}?intent=transcription", proxy=None) as socket:
        (created,) = await until(socket, "session.created")
        assert created.session.type == "transcription"
        transcription = {"model": "gpt-transcribe", "language": "en"}
        changes = {"audio": {"input": {"transcription": transcription}}}
        session = {"type": "transcription", **changes}
        await send(socket, {"type": "session.update", "session": session})
        await send(socket, *appended(server.speech("one two") + bytes(48000)))
        name = "conversation.item.input_audio_transcription.completed"
        assert (await until(socket, name))[-1].transcript == "one two"


async def test_a_transcription_model_has_no_conversation(server: Emulator) -> None:
    async with connect(f"{server.url}?model=gpt-live-transcribe", proxy=None) as socket:
        (error,) = await until(socket, "error")
        assert error.error.code == "invalid_model"
        assert error.error.message.startswith(
            'Model "gpt-live-transcribe" is a transcription model and cannot be used as the '
        )
        await socket.wait_closed()
    assert socket.close_code == 4000


# --- secrets --------------------------------------------------------------------------------------


async def test_a_secret_opens_the_session_that_it_is_for(
    server: Emulator, http: httpx.AsyncClient
) -> None:
    session = {"type": "realtime", "model": "gpt-realtime", "instructions": "Be brief."}
    asked = {"session": session, "expires_after": {"anchor": "created_at", "seconds": 60}}
    response = await http.post("/realtime/client_secrets", json=asked)
    secret = response.json()
    assert response.status_code == 200
    assert (secret["expires_at"], secret["session"]["expires_at"]) == (1060, 0)
    assert secret["session"]["instructions"] == "Be brief."
    headers = {"Authorization": f"Bearer {secret['value']}"}
    async with connect(server.url, additional_headers=headers, proxy=None) as socket:
        (created,) = await until(socket, "session.created")
    assert (created.session.instructions, created.session.model) == ("Be brief.", "gpt-realtime")


async def test_secrets_of_the_other_families(server: Emulator, http: httpx.AsyncClient) -> None:
    wanted = {"model": "gpt-realtime-translate", "audio": {"output": {"language": "fr"}}}
    asked = await http.post("/realtime/translations/client_secrets", json={"session": wanted})
    protocols: Any = ["realtime", f"openai-insecure-api-key.{asked.json()['value']}"]
    async with connect(f"{server.url}/translations", subprotocols=protocols, proxy=None) as socket:
        (created,) = await until(socket, "session.created", TRANSLATION)
    assert socket.subprotocol == "realtime"
    assert created.session.audio.output.language == "fr"
    asked = await http.post("/realtime/client_secrets", json={"session": {"type": "transcription"}})
    assert asked.json()["session"]["type"] == "transcription"


async def test_an_expired_secret_is_refused() -> None:
    now = [1000.0]
    async with Emulator(clock=lambda: now[0]) as server:
        async with httpx.AsyncClient(trust_env=False) as http:
            secret = (await http.post(f"{server.http_url}/realtime/client_secrets")).json()
        now[0] += 601
        headers = {"Authorization": f"Bearer {secret['value']}"}
        async with connect(server.url, additional_headers=headers, proxy=None) as socket:
            assert (await until(socket, "error"))[-1].error.code == "invalid_api_key"
            with pytest.raises(ConnectionClosed):
                await socket.recv()
        assert socket.close_code == 3000


async def test_keys() -> None:
    async with Emulator(policy=Policy(api_keys=["sk-right"], models=["m"])) as server:
        for key, query, ended, reason in (
            (None, "?model=m", 3000, "invalid_request_error.missing_api_key"),
            ("sk-wrong", "?model=m", 3000, "invalid_request_error.invalid_api_key"),
            ("sk-right", "?model=x", 4000, "invalid_request_error.model_not_found"),
        ):
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            async with connect(
                server.url + query, additional_headers=headers, proxy=None
            ) as socket:
                await until(socket, "error")
                await socket.wait_closed()
            assert (socket.close_code, socket.close_reason) == (ended, reason)
        async with connect(
            f"{server.url}?model=m", additional_headers={"api-key": "sk-right"}, proxy=None
        ) as socket:
            await until(socket, "session.created")
        async with httpx.AsyncClient(base_url=server.http_url, trust_env=False) as http:
            refused = await http.post("/realtime/client_secrets")
            assert code(refused) == (401, "missing_api_key")
        assert "sk-" not in repr(server.connections)


async def test_legacy_sessions(http: httpx.AsyncClient) -> None:
    asked = {"model": "gpt-4o-realtime-preview", "modalities": ["text"], "voice": "sage"}
    session = (await http.post("/realtime/sessions", json=asked)).json()
    assert (session["modalities"], session["voice"]) == (["text"], "sage")
    assert session["client_secret"]["expires_at"] == 1600
    transcription = (await http.post("/realtime/transcription_sessions", json={})).json()
    assert transcription["client_secret"]["value"].startswith("ek_")


@pytest.mark.parametrize(
    ("path", "content", "status", "error"),
    [
        ("/realtime/client_secrets", b"{", 400, "invalid_json"),
        ("/realtime/client_secrets", b"[]", 400, "invalid_type"),
        ("/realtime/client_secrets", b'{"session":{}}', 400, "missing_required_parameter"),
        ("/realtime/client_secrets", SHORT, 400, "integer_below_min_value"),
        ("/realtime/sessions", b'{"speed":9}', 400, "decimal_above_max_value"),
        ("/realtime/nothing", b"", 404, "unknown_url"),
        ("/files", b"", 404, "unknown_url"),
        ("/realtime/calls", b"x", 400, "unsupported_content_type"),
        ("/realtime/calls/rtc_9/hangup", b"", 404, "call_id_not_found"),
        ("/realtime/calls/rtc_9/accept", b"{}", 404, "call_id_not_found"),
    ],
)
async def test_http_errors(
    http: httpx.AsyncClient, path: str, content: bytes, status: int, error: str
) -> None:
    response = await http.post(path, content=content)
    assert code(response) == (status, error)
    assert response.headers["x-request-id"].startswith("req_")


async def test_other_methods(http: httpx.AsyncClient) -> None:
    assert code(await http.delete("/realtime/client_secrets")) == (405, "method_not_allowed")
    assert (await http.get("/realtime")).status_code == 404
    origin = {"Origin": "http://localhost:3000"}
    preflight = await http.options("/realtime/client_secrets", headers=origin)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "http://localhost:3000"


async def test_a_body_in_pieces(http: httpx.AsyncClient) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'{"session": {"type":'
        yield b' "realtime", "instructions": "Piecemeal."}}'

    response = await http.post("/realtime/client_secrets", content=body())
    assert response.json()["session"]["instructions"] == "Piecemeal."


# --- calls ----------------------------------------------------------------------------------------


async def test_a_browser_call_with_a_sideband(server: Emulator, http: httpx.AsyncClient) -> None:
    session = {"type": "realtime", "model": "gpt-realtime", "instructions": "Call."}
    files = {
        "sdp": (None, OFFER, "application/sdp"),
        "session": (None, json.dumps(session), "application/json"),
    }
    response = await http.post("/realtime/calls", files=files)
    assert response.status_code == 201
    assert response.text.startswith("v=0\r\n")
    assert response.text.endswith("\r\n")
    assert "m=audio" in response.text
    call_id = response.headers["Location"].rpartition("/")[2]
    async with connect(f"{server.url}?call_id={call_id}", proxy=None) as socket:
        await send(socket, update(output_modalities=["audio"]))
        (updated,) = await until(socket, "session.updated")  # a sideband is not greeted
        assert updated.session.instructions == "Call."
        await send(socket, typed("hello there"), CREATE)
        names = [event.type for event in await until(socket, "output_audio_buffer.stopped")]
        assert "response.output_audio.delta" not in names
        assert names.index("output_audio_buffer.started") < names.index("response.done")
        assert (await http.post(f"/realtime/calls/{call_id}/hangup")).status_code == 200
        await socket.wait_closed()
    assert socket.close_code == 1000
    assert code(await http.post(f"/realtime/calls/{call_id}/hangup")) == (404, "call_id_not_found")


async def test_an_ephemeral_key_carries_the_session_of_a_call(
    server: Emulator, http: httpx.AsyncClient
) -> None:
    session = {"type": "realtime", "instructions": "From the secret."}
    secret = (await http.post("/realtime/client_secrets", json={"session": session})).json()
    headers = {
        "Authorization": f"Bearer {secret['value']}",
        "Content-Type": "application/sdp",
    }
    response = await http.post("/realtime/calls", content=OFFER.encode(), headers=headers)
    call_id = response.headers["Location"].rpartition("/")[2]
    async with connect(f"{server.url}?call_id={call_id}", proxy=None) as socket:
        await send(socket, update())
        (updated,) = await until(socket, "session.updated")
    assert updated.session.instructions == "From the secret."


async def test_a_phone_call(server: Emulator, http: httpx.AsyncClient) -> None:
    event = server.incoming_call(From="sip:+15550101@example.test")
    assert validate(RealtimeCallIncoming.from_dict(event)) == []
    call_id = event["data"]["call_id"]
    async with connect(f"{server.url}?call_id={call_id}", proxy=None) as socket:
        assert (await until(socket, "error"))[-1].error.code == "call_id_not_found"
    path = f"/realtime/calls/{call_id}"
    accepted = await http.post(f"{path}/accept", json={"type": "realtime", "instructions": "Hi."})
    assert accepted.status_code == 200
    assert (await http.post(f"{path}/accept", json={"type": "realtime"})).status_code == 404
    async with connect(f"{server.url}?call_id={call_id}", proxy=None) as socket:
        await send(socket, update())
        assert (await until(socket, "session.updated"))[-1].session.instructions == "Hi."
    assert (await http.post(f"{path}/refer", json={})).status_code == 400
    assert (await http.post(f"{path}/refer", json={"target_uri": "tel:+1"})).status_code == 200
    assert (await http.post(f"{path}/hangup")).status_code == 200
    rejected = server.incoming_call()["data"]["call_id"]
    response = await http.post(f"/realtime/calls/{rejected}/reject", json={"status_code": 486})
    assert response.status_code == 200


# --- the beta -------------------------------------------------------------------------------------


async def test_the_beta_shape() -> None:
    beta = {"OpenAI-Beta": "realtime=v1"}
    async with Emulator(policy=Policy(beta=True)) as server:
        server.on("table", call="book", arguments={"n": 2})
        address = f"{server.url}?model=gpt-4o-realtime-preview"
        async with connect(address, additional_headers=beta, proxy=None) as socket:

            async def turn(*events: dict[str, Any]) -> list[dict[str, Any]]:
                await send(socket, *events)
                frames: list[dict[str, Any]] = []
                while not frames or frames[-1]["type"] not in ("response.done", "error"):
                    frames.append(json.loads(await socket.recv()))
                return frames

            session = {
                "modalities": ["text"],
                "instructions": "Be brief.",
                "turn_detection": None,
                "input_audio_format": "g711_ulaw",
                "temperature": 0.7,
            }
            hello = typed("hello there")
            frames = await turn({"type": "session.update", "session": session}, hello, CREATE)
            names = list(dict.fromkeys(frame["type"] for frame in frames))
            assert names == [
                "session.created",
                "session.updated",
                "conversation.item.created",
                "response.created",
                "response.output_item.added",
                "response.content_part.added",
                "response.text.delta",
                "response.text.done",
                "response.content_part.done",
                "response.output_item.done",
                "response.done",
            ]
            updated = frames[1]["session"]
            assert validate(LegacySession.from_dict(updated)) == []
            assert updated["input_audio_format"] == "g711_ulaw"
            assert updated["turn_detection"] is None
            response = frames[-1]["response"]
            assert response["modalities"] == ["text"]
            assert response["output"][0]["content"] == [{"type": "text", "text": "hello there"}]
            call = (await turn(typed("a table"), CREATE))[-1]["response"]["output"][0]
            assert (call["object"], call["name"]) == ("realtime.item", "book")
            aloud = {"modalities": ["audio", "text"], "voice": "sage"}
            frames = await turn(typed("aloud"), {**CREATE, "response": aloud})
            assert "response.audio.delta" in [frame["type"] for frame in frames]
            assert frames[-1]["response"]["voice"] == "sage"
