"""Recorded sessions of other servers, played back through their profiles over a real socket."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from scripted import KEY

import voxwire
from voxwire import SessionCreated, UnknownEvent
from voxwire.emulator.replay import ReplayServer
from voxwire.recording.frames import Frame, read
from voxwire.transport.providers.profile import ServerProfile

VAD = {"type": "server_vad", "create_response": True, "interrupt_response": True}


def azure(url: str) -> ServerProfile:
    return voxwire.Azure(_base(url), deployment="gpt-realtime", api_key=KEY)


def voice_live(url: str) -> ServerProfile:
    own = {"input_audio_sampling_rate": 24000}
    return voxwire.AzureVoiceLive(_base(url), model="gpt-realtime", api_key=KEY, session=own)


def xai(url: str) -> ServerProfile:
    return voxwire.XAI(base_url=f"{_base(url)}/v1", api_key=KEY)


def gateway(url: str) -> ServerProfile:
    return voxwire.OpenAICompatible(url, api_key=KEY)


def _base(url: str) -> str:
    return url.removesuffix("/v1/realtime").replace("ws:", "http:")


@attrs.frozen
class Recorded:
    name: str
    profile: Callable[[str], ServerProfile]
    said: str
    transcriber: str
    tokens: tuple[int, int]
    """Read and written, over all responses."""
    unknown: tuple[str, ...] = ()
    modalities: tuple[str, ...] | None = ("audio",)


GREETINGS = [
    Recorded("azure_ws__text_in_audio_out_turn", azure, "Hello there! Great to meet you!",
             "gpt-realtime-whisper", (16, 98)),
    Recorded("azure_voice_live_ws__text_in_audio_out_turn", voice_live, "Hola, ¿qué tal?",
             "whisper-1", (16, 45)),
    Recorded("xai_ws__text_in_audio_out_turn", xai, "Hello there!", "grok-transcribe", (5, 42),
             ("ping",), None),
    Recorded("gateway_ws__gateway_openai_text_in_audio_out", gateway,
             "Hi there! Great to talk with you.", "gpt-realtime-whisper", (16, 63)),
]  # fmt: skip
TOOLS = [
    Recorded("azure_ws__tool_call_round", azure, "It is foggy and 12 degrees in London.",
             "gpt-realtime-whisper", (159, 35), modalities=("text",)),
    Recorded("xai_ws__tool_call_round", xai,
             "I'll check the weather for London right away.\n"
             "It is foggy and 12 degrees in London. The weather is foggy and 12 degrees.",
             "grok-transcribe", (7, 382), ("ping",), None),
]  # fmt: skip


def _frames(path: Path, direction: str) -> list[dict[str, Any]]:
    entries = [entry for entry in read(path) if isinstance(entry, Frame)]
    return [entry.event for entry in entries if entry.dir == direction]


def _plain(event: dict[str, Any]) -> dict[str, Any]:
    """What was asked for, without what tells one request from another."""
    event = {name: value for name, value in event.items() if name != "event_id"}
    if event["type"] == "response.create":
        event.pop("response", None)
    return event


def _settings(recorded: Recorded, instructions: str) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "instructions": instructions,
        "turn_detection": VAD,
        "transcription": recorded.transcriber,
        "input_format": "pcm",
        "output_format": "pcm",
    }
    if recorded.modalities is not None:
        settings["output_modalities"] = list(recorded.modalities)
    return settings


async def _play(
    recorded: Recorded, path: Path, text: str, **options: Any
) -> tuple[voxwire.Session, list[voxwire.Event], ReplayServer]:
    events: list[voxwire.Event] = []
    async with ReplayServer(path, timeout=10) as server:
        async with voxwire.connect(server=recorded.profile(server.url), **options) as session:
            response = await session.say(text)
            async for event in session:
                events.append(event)
    assert (response.text or response.transcript) == recorded.said
    assert response.status == "completed"
    return session, events, server


def _check(recorded: Recorded, path: Path, events: list[voxwire.Event]) -> None:
    served = _frames(path, "s2c")
    assert [event.type for event in events[:-1]] == [one["type"] for one in served]  # type: ignore[attr-defined]
    unknown = {event.type for event in events if isinstance(event, UnknownEvent)}
    assert unknown == set(recorded.unknown)
    assert isinstance(events[0], SessionCreated)


@pytest.mark.parametrize("recorded", GREETINGS, ids=lambda recorded: recorded.name)
async def test_a_spoken_turn(recordings_dir: Path, recorded: Recorded) -> None:
    path = recordings_dir / f"{recorded.name}.jsonl"
    settings = _settings(recorded, "Answer in two or three words.")
    session, events, server = await _play(recorded, path, "Say a short greeting.", **settings)
    _check(recorded, path, events)
    # What goes out is what their own clients sent, word for word.
    received = [_plain(frame.event) for frame in server.connections[0].received]
    assert received == [_plain(event) for event in _frames(path, "c2s")]
    assert server.deviations == []

    items = [(item.role, item.text or item.transcript) for item in session.conversation]
    assert items == [("user", "Say a short greeting."), ("assistant", recorded.said)]
    usage = session.usage.usage
    assert (usage.input.total, usage.output.total) == recorded.tokens
    # Whatever shape it is described in, the session reads the same.
    incoming = session.session.audio.input
    assert session.session.instructions == "Answer in two or three words."
    assert session.session.output_modalities == ["audio"]
    assert incoming.format.rate == 24000
    assert incoming.turn_detection.create_response is True
    assert incoming.transcription.model == recorded.transcriber
    assert session.session.audio.output.format.type == "audio/pcm"


@pytest.mark.parametrize("recorded", TOOLS, ids=lambda recorded: recorded.name)
async def test_a_tool(recordings_dir: Path, recorded: Recorded) -> None:
    asked: list[str] = []

    def get_weather(city: str) -> str:
        """Look up the weather for a city."""
        asked.append(city)
        return "It is foggy and 12 degrees in London."

    path = recordings_dir / f"{recorded.name}.jsonl"
    session, events, server = await _play(
        recorded,
        path,
        "What is the weather in London?",
        tools=[get_weather],
        **_settings(
            recorded,
            "Use the get_weather tool for any weather question, then answer in one short sentence.",
        ),
    )
    _check(recorded, path, events)
    assert asked == ["London"]
    outputs = [_plain(f.event) for f in server.connections[0].received][2:]
    expected = [_plain(event) for event in _frames(path, "c2s")][2:]
    assert sorted(outputs, key=str) == sorted(expected, key=str)
    usage = session.usage.usage
    assert usage.responses == 2
    assert (usage.input.total, usage.output.total) == recorded.tokens
    kinds = [item.type for item in session.conversation if item.type != "message"]
    assert kinds == ["function_call", "function_call_output"]
    assert session.session.tools[0].name == "get_weather"


async def test_an_interruption_of_xai_only_cancels(recordings_dir: Path) -> None:
    path = recordings_dir / "xai_ws__text_in_audio_out_turn.jsonl"
    async with ReplayServer(path, timeout=10, hold=True) as server:
        async with voxwire.connect(server=xai(server.url), instructions="Hi") as session:
            await session.say("Say a short greeting.")
            await session.interrupt(10)
        sent = [frame.type for frame in server.connections[0].received]
    assert "conversation.item.truncate" not in sent
    assert sent[:3] == ["session.update", "conversation.item.create", "response.create"]


async def test_a_call_is_attached_to(recordings_dir: Path) -> None:
    path = recordings_dir / "openai_ws_sideband__webrtc_sideband_text_turn.jsonl"
    async with ReplayServer(path, timeout=10) as server:
        attaching = voxwire.attach(
            "rtc_1",
            url=server.url,
            instructions="Answer in two words.",
            output_modalities=["text"],
            input_format="pcm",
            output_format="pcm",
            turn_detection=VAD,
            transcription="gpt-realtime-whisper",
        )
        async with attaching as session:
            assert session.session.id == "sess_u0_E4TeWIkEAnw5DOa1vyO18"
            response = await session.say("Say hello.")
            events = [event async for event in session]
    assert server.connections[0].query == {"call_id": "rtc_1"}
    received = [_plain(frame.event) for frame in server.connections[0].received]
    assert received == [_plain(event) for event in _frames(path, "c2s")]
    served = _frames(path, "s2c")
    assert [event.type for event in events[:-1]] == [one["type"] for one in served]  # type: ignore[attr-defined]
    assert not any(isinstance(event, UnknownEvent) for event in events)
    done = served[-1]["response"]
    assert response.text == done["output"][0]["content"][0]["text"]
    assert session.usage.usage.total == done["usage"]["total_tokens"]
