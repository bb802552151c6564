"""The programs that people should be able to write, run against recorded sessions."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

import voxwire
from voxwire import (
    ConnectionClosed,
    ErrorEvent,
    InputAudioBufferSpeechStarted,
    ResponseOutputAudioDelta,
    UnknownEvent,
)
from voxwire.emulator.replay import ReplayServer
from voxwire.recording.frames import Frame, read, sessions

log = logging.getLogger(__name__)


class Speaker:
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
async def test_program_5_the_events_themselves(recordings_dir: Path, name: str) -> None:
    path = recordings_dir / name
    speaker = Speaker()
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
