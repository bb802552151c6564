"""How the emulator sounds: a tone of the right length, or espeak-ng where it is installed."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from bench import typed
from websockets.asyncio.client import connect

from voxwire.emulator import Emulator, espeak, tone
from voxwire.emulator.speech_synthesis import decoded, loudness, resampled, speak
from voxwire.protocol.audio_format import PCM16, PCMA, PCMU, Format

ESPEAK = """\
#!{python}
import sys, wave
with wave.open(sys.stdout.buffer, "wb") as sound:
    sound.setnchannels(1); sound.setsampwidth(2); sound.setframerate(22050)
    sound.writeframes(b"\\x10\\x27" * (2205 * len(sys.argv[-1])))
"""


def install(folder: Path, text: str) -> None:
    program = folder / "espeak-ng"
    program.write_text(text)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_a_tone_is_as_long_as_the_text() -> None:
    assert len(tone("hello there")) == 48 * 60 * 11
    assert tone("") == b""
    assert loudness(decoded(tone("hello"), PCM16)) > 10**6


@pytest.mark.parametrize("format", [PCM16, PCMU, PCMA], ids=lambda format: format.type)
@pytest.mark.parametrize("speed", [0.5, 1.0, 1.5])
def test_every_format_and_speed_has_the_right_length(format: Format, speed: float) -> None:
    assert abs(format.ms(len(speak("hello there", format, speed=speed))) - 660 / speed) <= 1


def test_other_rates() -> None:
    assert len(resampled(bytes(48000), 24000, 8000)) == 16000
    assert resampled(b"", 24000, 8000) == b""


def test_espeak_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert espeak("hello") == tone("hello")
    install(tmp_path, ESPEAK.format(python=sys.executable))
    assert len(espeak("hello")) == 48000 // 10 * 5
    install(tmp_path, "#!/bin/sh\nexit 3\n")
    assert espeak("hello") == tone("hello")
    install(tmp_path, "#!/bin/sh\necho no sound\n")
    assert espeak("hello") == tone("hello")


async def test_a_voice_of_ones_own_is_spoken_with() -> None:
    def voice(text: str) -> bytes:
        return b"\x01\x00" * 100 * len(text)

    async with Emulator(voice=voice) as server:
        async with connect(f"{server.url}?model=m", proxy=None) as socket:
            await socket.send(json.dumps(typed("hello")))
            await socket.send(json.dumps({"type": "response.create"}))
            events: list[Any] = []
            while not events or events[-1]["type"] != "response.done":
                events.append(json.loads(await socket.recv()))
    spoken = [e["delta"] for e in events if e["type"] == "response.output_audio.delta"]
    assert sum(len(delta) for delta in spoken) == -(-1000 // 3) * 4
