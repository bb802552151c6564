"""A spoken conversation, with a microphone and a speaker that are made of memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from scripted import CLEAR, CREATED, cleared

import voxwire
from voxwire import (
    ConversationItemTruncated,
    InputAudioBufferClear,
    InputAudioBufferSpeechStarted,
    ResponseDone,
    ServerVad,
)
from voxwire.emulator import Emulator
from voxwire.emulator.faults import Drop
from voxwire.emulator.replay import ReplayServer
from voxwire.protocol.audio_format import Format
from voxwire.session.voice_loop import Audio

SILENCE = bytes(960)


class Microphone:
    """Hears what it is told to, and silence in between, without waiting for real time."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.ended = False

    def hear(self, audio: bytes) -> None:
        self._pieces += [audio[i : i + 960] for i in range(0, len(audio), 960)]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while not self.ended or self._pieces:
            await asyncio.sleep(0)
            yield self._pieces.pop(0) if self._pieces else SILENCE


class Speaker:
    """Plays when it is told to."""

    def __init__(self) -> None:
        self.written = b""
        self.heard = 0
        self.cleared = 0

    def write(self, data: bytes) -> None:
        self.written += data

    def flush(self) -> None: ...

    def play(self, ms: int) -> None:
        self.heard = min(len(self.written), self.heard + ms * 48)

    def clear(self) -> None:
        self.cleared += 1
        self.written = self.written[: self.heard]

    @property
    def played(self) -> float:
        return self.heard / 48

    @property
    def pending(self) -> float:
        return (len(self.written) - self.heard) / 48


class Desk:
    def __init__(self) -> None:
        self.microphone = Microphone()
        self.speaker = Speaker()
        self.formats: list[Format] = []
        self.closed = 0

    def open(self, input: Format, output: Format) -> None:
        self.formats += [input, output]

    def close(self) -> None:
        self.closed += 1


class Silent(Desk):
    """Hears nothing, and goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.microphone: Any = self._nothing()

    async def _nothing(self) -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""


@pytest.fixture
async def server() -> Any:
    async with Emulator() as server:
        yield server


def test_local_audio_is_what_a_conversation_is_held_through() -> None:
    assert isinstance(voxwire.LocalAudio(), Audio)


async def test_a_conversation_with_an_interruption(server: Emulator, connect: Any) -> None:
    server.hear("Tell me a story.", "Stop.")
    story = "Once upon a time there was a lighthouse that could not sleep at night. " * 2
    server.on("story", reply=story.strip())
    server.on("stop", reply="Fine.")
    desk = Desk()
    async with connect(
        url=server.url, voice="marin", transcription="gpt-live-transcribe"
    ) as session:
        talking = asyncio.create_task(session.talk(desk))
        async with session.expect(ResponseDone, timeout=20):
            desk.microphone.hear(server.speech("Tell me a story.") + bytes(48_000))
        whole = session.conversation[-1].audio_ms
        assert whole > 3000
        while len(desk.speaker.written) < whole * 48:
            await asyncio.sleep(0)
        desk.speaker.play(1500)
        async with (
            session.expect(ConversationItemTruncated, timeout=20) as truncated,
            session.expect(InputAudioBufferSpeechStarted, timeout=20),
            session.expect(ResponseDone, timeout=20),
        ):
            desk.microphone.hear(server.speech("Stop."))
        assert (await truncated).audio_end_ms == 1500
        assert desk.speaker.cleared == 2  # once for each time the user begins to speak
        # What is heard ends, and the last answer is still played to its end.
        desk.microphone.ended = True
        while desk.speaker.pending == 0:
            await asyncio.sleep(0)
        assert not talking.done()
        desk.speaker.play(60_000)
        await asyncio.wait_for(talking, 20)
        told = [item.heard if item.role == "assistant" else item.transcript
                for item in session.conversation]  # fmt: skip
        assert (told[0], told[2], told[3]) == ("Tell me a story.", "Stop.", "Fine.")
        assert story.startswith(told[1])
        assert 0 < len(told[1]) < len(story) / 2
    assert desk.closed == 1
    assert [form.rate for form in desk.formats] == [24_000, 24_000]


async def test_nobody_cuts_in_where_that_is_off(server: Emulator, connect: Any) -> None:
    server.hear("Tell me a story.", "Stop.")
    server.on("story", reply="Once upon a time there was a lighthouse that could not sleep.")
    server.on("stop", reply="Fine.")
    desk = Desk()
    async with connect(
        url=server.url, turn_detection=ServerVad(interrupt_response=False)
    ) as session:
        talking = asyncio.create_task(session.talk(desk))
        for words in ("Tell me a story.", "Stop."):
            async with session.expect(ResponseDone, timeout=20):
                desk.microphone.hear(server.speech(words) + bytes(48_000))
        both = [item for item in session.conversation if item.role == "assistant"]
        whole = sum(item.audio_ms for item in both) * 48
        assert desk.speaker.cleared == 0
        async with asyncio.timeout(20):
            while len(desk.speaker.written) < whole:
                await asyncio.sleep(0)
        assert [item.interrupted for item in both] == [False, False]
        talking.cancel()
    sent = [event["type"] for event in server.connections[0].events]
    assert not {"conversation.item.truncate", "response.cancel"} & set(sent)


async def test_it_ends_with_the_session(server: Emulator, connect: Any) -> None:
    desk = Desk()
    async with connect(url=server.url) as session:
        talking = asyncio.create_task(session.talk(desk))
        await asyncio.sleep(0.01)
        await session.close()
        with pytest.raises(voxwire.ConnectionClosedError):
            await session.append_audio(b"")
        assert await talking is None  # a regular close is a regular end
    assert desk.closed == 1


async def test_it_tells_when_the_session_broke(connect: Any) -> None:
    desk = Desk()
    async with (
        ReplayServer([CREATED, cleared(1)], fault=Drop(after=1), hold=True) as server,
        connect(url=server.url) as session,
    ):
        with pytest.raises(voxwire.ConnectionClosedError, match="1006"):
            await asyncio.wait_for(session.talk(desk), 20)
    assert desk.closed == 1


async def test_speech_cuts_off_what_runs_when_it_begins_and_not_its_own_answer() -> None:
    script = [CREATED, CLEAR]
    async with ReplayServer(script, hold=True) as server:
        async with voxwire.connect(url=server.url) as session:
            talking = asyncio.create_task(session.talk(Silent()))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            # All in one moment: the loop has no time for anybody who listens.
            for event in (
                {"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": "i"},
                {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 9, "item_id": "i"},
                {"type": "response.created", "response": {"id": "r", "status": "in_progress"}},
            ):
                session._core.received(json.dumps({"event_id": "e", **event}))
            await session.send(InputAudioBufferClear())
            await asyncio.sleep(0)
            talking.cancel()
            await asyncio.wait([talking])
        assert [frame.event["type"] for frame in server.connections[0].received] == [
            "input_audio_buffer.clear"
        ]


async def test_a_speaker_that_fails_is_told() -> None:
    class Deaf(Speaker):
        def clear(self) -> None:
            raise OSError("unplugged")

    desk = Silent()
    desk.speaker = Deaf()
    event = {"type": "input_audio_buffer.speech_started", "event_id": "e", "item_id": "i"}
    script = [CREATED, CLEAR, {"dir": "s2c", "event": {**event, "audio_start_ms": 0}}]
    async with (
        ReplayServer(script, hold=True) as server,
        voxwire.connect(url=server.url) as session,
    ):
        talking = asyncio.create_task(session.talk(desk))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await session.send(InputAudioBufferClear())
        with pytest.raises(OSError, match="unplugged"):
            await asyncio.wait_for(talking, 20)
    assert desk.closed == 1


async def test_cancelling_closes_the_devices(server: Emulator, connect: Any) -> None:
    desk = Desk()
    async with connect(url=server.url, output_format="pcmu") as session:
        talking = asyncio.create_task(session.talk(desk))
        await asyncio.sleep(0.01)
        talking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await talking
    assert desk.closed == 1
    assert desk.formats[1].type == "audio/pcmu"


async def test_a_device_that_fails_is_told(server: Emulator, connect: Any) -> None:
    class Broken(Desk):
        def open(self, input: Format, output: Format) -> None:
            raise voxwire.InvalidOption("no device")

    async with connect(url=server.url) as session:
        with pytest.raises(voxwire.InvalidOption):
            await session.talk(Broken())
