"""The voice agent, through WAV files and with a server on this machine."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from served import EXAMPLES, example

import voxwire
from voxwire.audio import silence
from voxwire.emulator import Emulator


def files(folder: Path, sound: bytes, speed: float = 20) -> voxwire.FileAudio:
    question, answer = folder / "question.wav", folder / "answer.wav"
    voxwire.write_wav(question, sound)
    return voxwire.FileAudio(question, answer, silence_ms=600, speed=speed)


async def test_a_berth_is_booked_by_voice(
    server: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.on("for the Petrel", call="book_berth", arguments={"number": 3, "boat": "Petrel"})
    server.on(output_of="book_berth", reply="You have berth three.")
    module = example("voice_agent")
    await module.main(files(tmp_path, server.speech("Berth three, for the Petrel")))
    assert module.berths[3] == "Petrel"
    out = capsys.readouterr().out
    assert "you   Berth three, for the Petrel\n" in out
    assert 'book_berth {"number":3,"boat":"Petrel"}\n' in out
    assert "desk  You have berth three.\n" in out
    assert out.splitlines()[-1].startswith("2 answers, $0.")
    spoken = voxwire.read_wav(tmp_path / "answer.wav")
    assert len(spoken) == len(server.speech("You have berth three."))


async def test_a_berth_that_is_taken_is_not_booked(server: Emulator, tmp_path: Path) -> None:
    server.on("Berth two", call="book_berth", arguments={"number": 2, "boat": "Petrel"})
    module = example("voice_agent")
    await module.main(files(tmp_path, server.speech("Berth two, please")))
    assert module.berths[2] == "Gannet"
    (output,) = [
        event["item"]["output"]
        for event in server.connections[0].events
        if event["type"] == "conversation.item.create"
    ]
    assert "Berth 2 is taken." in output


async def test_what_was_heard_before_an_interruption_is_told(
    server: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.on("wind", reply="A fresh wind from the west until noon. " * 15)
    server.on("thanks", reply="Good bye.")
    speech = server.speech("And the wind?") + silence(5000) + server.speech("Fine, thanks")
    await example("voice_agent").main(files(tmp_path, speech, speed=5))
    out = capsys.readouterr().out
    assert "(you heard: 'A" in out
    assert "desk  Good bye.\n" in out


async def test_an_error_of_the_server_is_shown(
    server: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = example("voice_agent")
    async with voxwire.connect() as session:
        captions = asyncio.create_task(module.captions(session))
        await asyncio.sleep(0)
        async with session.expect(voxwire.ErrorEvent, timeout=5):
            await session.send(voxwire.ConversationItemDelete(item_id="item_nowhere"))
    await captions
    assert "item_nowhere" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["no.wav", "out.wav"], "voice_agent: no API key"),
        (["no.wav", "out.wav", "--url", "ws://127.0.0.1:1/"], "voice_agent: cannot reach ws://"),
    ],
)
def test_what_does_not_work_is_told_in_a_line(arguments: list[str], told: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    run = subprocess.run(
        [sys.executable, str(EXAMPLES / "voice_agent.py"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert told in run.stderr
    assert "Traceback" not in run.stderr


async def test_a_file_that_is_not_there_is_told(server: Emulator, tmp_path: Path) -> None:
    run = await asyncio.create_subprocess_exec(
        sys.executable,
        str(EXAMPLES / "voice_agent.py"),
        str(tmp_path / "nothing.wav"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await asyncio.wait_for(run.communicate(), 60)
    assert run.returncode == 1
    assert errors.startswith(b"voice_agent: ")
    assert b"nothing.wav" in errors
