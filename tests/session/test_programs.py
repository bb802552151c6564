"""The programs that people should be able to write, each as it is promised: 1 to 10.

Key and address come from the environment and sound from a pretended device; what a program prints
is what is checked.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest

import voxwire
import voxwire.sync
from voxwire import (
    ConnectionClosed,
    ConversationItemCompleted,
    ErrorEvent,
    InputAudioBufferSpeechStarted,
    McpApprovalRequested,
    ResponseDone,
    ResponseOutputAudioDelta,
    SessionUpdated,
    UnknownEvent,
)
from voxwire.emulator import Emulator, Policy
from voxwire.emulator.replay import ReplayServer
from voxwire.recording.frames import Frame, read, sessions
from voxwire.testing import RealtimeServer

log = logging.getLogger(__name__)

KEY = "sk-test-" + "q" * 20


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Emulator]:
    async with Emulator(policy=Policy(api_keys=[KEY])) as running:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", running.http_url)
        yield running


class Device:
    """The part of the sounddevice module that is used, on a machine that hears and plays what the
    test says."""

    class PortAudioError(Exception): ...

    def __init__(self) -> None:
        self.streams: dict[str, Any] = {}

    def query_devices(self, device: Any, kind: str) -> dict[str, float]:
        return {"default_samplerate": 24000.0}

    def RawInputStream(self, **options: Any) -> Any:
        return self._stream("microphone", options)

    def RawOutputStream(self, **options: Any) -> Any:
        return self._stream("speaker", options)

    def _stream(self, name: str, options: dict[str, Any]) -> Any:
        self.streams[name] = SimpleNamespace(
            callback=options["callback"],
            time=0.0,
            start=lambda: None,
            close=lambda: self.streams.pop(name, None),
        )
        return self.streams[name]

    def hear(self, audio: bytes) -> None:
        """The microphone hears this."""
        for start in range(0, len(audio), 960):
            piece = audio[start : start + 960]
            self.streams["microphone"].callback(memoryview(piece), len(piece) // 2, None, None)

    def play(self, ms: int) -> bytes:
        """The speaker plays for a while, at once."""
        data = bytearray(48 * ms)
        stream = self.streams["speaker"]
        times = SimpleNamespace(outputBufferDacTime=stream.time)
        stream.callback(memoryview(data), len(data) // 2, times, None)
        stream.time += ms / 1000
        return bytes(data)


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    device = Device()
    monkeypatch.setitem(sys.modules, "sounddevice", device)  # type: ignore[arg-type]
    return device


async def test_program_1_hello(server: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    server.on("duologue", reply="A play for two.")
    async with voxwire.connect(instructions="Be brief.", output_modalities=["text"]) as session:
        response = await session.say("What is a duologue?")
        async for text in response.text:
            print(text, end="", flush=True)
    assert capsys.readouterr().out == "A play for two."


def test_program_2_without_asyncio(
    realtime_server: RealtimeServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", realtime_server.http_url)
    with voxwire.sync.connect(output_modalities=["text"]) as session:
        print(session.say("Hello").wait().text)
    assert capsys.readouterr().out == "Hello\n"


async def test_program_3_a_voice_agent_at_the_desk(server: Emulator, device: Device) -> None:
    server.hear("Tell me a story.", "Stop.")
    server.on("story", reply="Once upon a time there was a lighthouse that could not sleep.")
    server.on("stop", reply="Fine.")
    truncated: list[voxwire.ConversationItemTruncated] = []

    async def person(session: voxwire.Session) -> None:
        while "microphone" not in device.streams:
            await asyncio.sleep(0)
        async with session.expect(ResponseDone, timeout=10):
            device.hear(server.speech("Tell me a story.") + bytes(48_000))
        while not any(device.play(1)):
            await asyncio.sleep(0)
        device.play(999)
        async with session.expect(ResponseDone, timeout=10):
            device.hear(server.speech("Stop.") + bytes(48_000))

    async with voxwire.connect(voice="marin", transcription="gpt-live-transcribe") as session:
        session.on(voxwire.ConversationItemTruncated, truncated.append)
        talking = asyncio.create_task(_desk(session))
        await person(session)
        talking.cancel()  # Ctrl-C
        await asyncio.wait([talking])
        said = [item.transcript or item.heard for item in session.conversation]
    assert (said[0], said[2], said[3]) == ("Tell me a story.", "Stop.", "Fine.")
    assert said[1].startswith("Once upon")
    assert len(truncated) == 1
    assert 0 < truncated[0].audio_end_ms <= 1000
    assert device.streams == {}


async def _desk(session: voxwire.Session) -> None:
    await session.talk(voxwire.LocalAudio())


async def test_program_4_tools_are_functions(
    server: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    @voxwire.tool
    async def get_weather(
        city: str, unit: Literal["celsius", "fahrenheit"] = "celsius"
    ) -> dict[str, Any]:
        """The weather in a city, now."""
        return {"city": city, "unit": unit, "rain": True}

    server.on("Umbrella", call="get_weather", arguments={"city": "Oslo"})
    server.on(output_of="get_weather", reply="Yes, take one.")
    async with voxwire.connect(tools=[get_weather], output_modalities=["text"]) as session:
        print((await session.say("Umbrella in Oslo?")).text)  # the answer after the tools
        (output,) = [i.output for i in session.conversation if i.type == "function_call_output"]
    assert capsys.readouterr().out == "Yes, take one.\n"
    assert output == '{"city":"Oslo","unit":"celsius","rain":true}'


async def test_program_5_the_events_themselves(
    server: Emulator, device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger=__name__)
    server.on("story", reply="Once upon a time there was a lighthouse that could not sleep.")
    server.hear("Stop.")
    speaker = voxwire.LocalAudio().speaker
    truncated: list[voxwire.ConversationItemTruncated] = []
    async with voxwire.connect() as session:
        session.on(voxwire.ConversationItemTruncated, truncated.append)

        async def person() -> None:
            try:
                await session.say("Tell me a story.")
                while "speaker" not in device.streams or not any(device.play(1)):
                    await asyncio.sleep(0)
                device.play(699)
                async with session.expect(voxwire.ConversationItemTruncated, timeout=10):
                    await session.append_audio(server.speech("Stop."))
                delete = {"type": "conversation.item.delete", "item_id": "nothing"}
                async with session.expect(ErrorEvent, timeout=10):
                    await session.send_raw(json.dumps(delete))
                session._core.received(b'{"type":"vendor.news","event_id":"e"}')
            finally:
                await session.close()

        talking = asyncio.create_task(person())
        async for event in session:
            match event:
                case ResponseOutputAudioDelta():
                    speaker.write(event.audio)  # bytes
                case InputAudioBufferSpeechStarted():
                    await session.interrupt(speaker.played)
                case ErrorEvent(error=problem):
                    log.warning("%s: %s", problem.code, problem.message)
                case UnknownEvent(type=name):
                    log.info("new event %s", name)
                case _:
                    pass
        await talking
    speaker.close()
    assert 0 < truncated[0].audio_end_ms <= 700
    assert "item_delete_invalid_item_id" in caplog.text
    assert "new event vendor.news" in caplog.text


async def test_program_6_handlers_by_class(
    server: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    async with voxwire.connect() as session:

        @session.on(ConversationItemCompleted)
        def show(event: ConversationItemCompleted) -> None:
            print(event.item.role, event.item.transcript or event.item.text)

        await session.say("Good day")
    assert capsys.readouterr().out == "user Good day\nassistant Good day\n"


async def test_program_7_subscribe_then_act(
    server: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    async with voxwire.connect() as session:
        async with session.expect(SessionUpdated, timeout=5) as updated:
            await session.send(
                {"type": "session.update", "session": {"type": "realtime", "tools": []}}
            )  # a typed dict
        print((await updated).session.model)
    assert capsys.readouterr().out == "gpt-realtime-2.1\n"


async def test_program_8_what_was_said(
    server: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    async with voxwire.connect() as session:
        await session.say("One two three")
        for item in session.conversation:
            print(item.role, item.status, item.text or item.transcript, item.audio_ms)
        print(session.usage.cost())  # by modality, cached apart
        heard = session.conversation[-1].audio_ms
    first, second, *bill = capsys.readouterr().out.splitlines()
    assert first == "user completed One two three 0"
    assert second == f"assistant completed One two three {heard}"
    assert any("audio output" in line for line in bill)


async def test_program_9_side_by_side(server: Emulator) -> None:
    server.script.brain = lambda turn: f"answer to {turn.response['instructions']}"
    async with voxwire.connect() as session:
        verdict, summary = await asyncio.gather(
            session.respond(
                conversation="none",
                instructions="Is the caller angry? yes or no",
                output_modalities=["text"],
            ),
            session.respond(
                conversation="none", instructions="Summarise in a line", output_modalities=["text"]
            ),
        )
        assert len(session.conversation) == 0
    assert verdict.text == "answer to Is the caller angry? yes or no"
    assert summary.text == "answer to Summarise in a line"


@pytest.mark.parametrize("allowed", [True, False])
async def test_program_10_hosted_mcp_with_a_person_in_the_loop(allowed: bool) -> None:
    request = {
        "type": "mcp_approval_request",
        "id": "mcpr_1",
        "server_label": "desk",
        "name": "book",
        "arguments": '{"seats":2}',
    }
    created = {"type": "session.created", "event_id": "e1", "session": {"type": "realtime"}}
    whole = {"type": "response.output_item.done", "event_id": "e2", "response_id": "resp_1"}
    script = [
        {"dir": "s2c", "event": created},
        {"dir": "s2c", "event": {**whole, "output_index": 0, "item": request}},
        {"dir": "c2s", "event": {"type": "conversation.item.create", "item": {}}},
    ]

    async def confirm(name: str, arguments: str) -> bool:
        assert (name, arguments) == ("book", '{"seats":2}')
        return allowed

    async with ReplayServer(script) as server:
        async with voxwire.connect(url=server.url) as session:

            @session.on(McpApprovalRequested, catch_up=True)
            async def ask(event: McpApprovalRequested) -> None:
                await (
                    event.approve()
                    if await confirm(event.name, event.arguments)
                    else event.reject("not now")
                )

            async for _ in session:
                pass
        (sent,) = server.connections[0].received
    answer = sent.event["item"]
    assert (answer["type"], answer["approve"]) == ("mcp_approval_response", allowed)
    assert answer.get("reason") == (None if allowed else "not now")


class Counter:
    """Plays nothing, and counts."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, audio: bytes) -> None:
        self.written += audio

    @property
    def played(self) -> float:
        return len(self.written) / 48


def _first(path: Path) -> list[Frame]:
    """The frames of the first session of a recording."""
    first = next(iter(sessions(read(path))))
    return [entry for entry in first if isinstance(entry, Frame)]


async def _say_again(session: voxwire.Session, path: Path) -> None:
    """Send what the recording's client sent."""
    for entry in _first(path):
        if entry.dir == "c2s":
            await session.send_raw(entry.data)


@pytest.mark.parametrize(
    "name",
    [
        "openai_ws__audio_in_server_vad_turn.jsonl",
        "openai_ws__text_in_audio_out_turn.jsonl",
        "openai_ws__tool_call_round.jsonl",
        "azure_ws__text_in_audio_out_turn.jsonl",
        "xai_ws__tool_call_round.jsonl",
        "server_aimock.jsonl",
    ],
)
async def test_program_5_through_recordings(recordings_dir: Path, name: str) -> None:
    path = recordings_dir / name
    speaker = Counter()
    seen = 0
    async with ReplayServer(path) as server:
        async with voxwire.connect(url=server.url) as session:
            sending = asyncio.create_task(_say_again(session, path))
            async for event in session:
                seen += 1
                match event:
                    case ResponseOutputAudioDelta():
                        speaker.write(event.audio)  # bytes
                    case InputAudioBufferSpeechStarted():
                        await session.interrupt(speaker.played)
                    case ErrorEvent(error=problem):
                        log.warning("%s: %s", problem.code, problem.message)
                    case UnknownEvent(type=unknown):
                        log.info("new event %s", unknown)
                    case ConnectionClosed():
                        break
                    case _:
                        pass
            await sending
    served = [entry for entry in _first(path) if entry.dir == "s2c"]
    assert seen == len(served) + 1
