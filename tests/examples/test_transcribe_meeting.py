"""The minutes of a meeting, from files and from a microphone, with a server on this machine."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import pytest
from served import EXAMPLES, example

import voxwire
from voxwire.audio import chunks, silence
from voxwire.emulator import Emulator


@pytest.fixture
def meeting(server: Emulator) -> bytes:
    said = server.speech("good morning all"), server.speech("let us begin")
    return silence(6_300) + said[0] + silence(1200) + said[1]


@pytest.fixture
def program(server: Emulator) -> Iterator[ModuleType]:
    before = signal.getsignal(signal.SIGINT)
    yield example("transcribe_meeting")
    signal.signal(signal.SIGINT, before)


def run(folder: Path, *arguments: str) -> Any:
    """The program, as one calls it."""
    return asyncio.create_subprocess_exec(
        sys.executable,
        str(EXAMPLES / "transcribe_meeting.py"),
        *arguments,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


MARKDOWN = "- **0:00:06** good morning all\n- **0:00:08** let us begin\n"
PLAIN = "0:00:06  good morning all\n0:00:08  let us begin\n"


@pytest.mark.parametrize("name", ["captions.srt", None])
async def test_a_file_is_written_down(
    server: Emulator, meeting: bytes, tmp_path: Path, name: str | None
) -> None:
    voxwire.write_wav(tmp_path / "meeting.wav", meeting)
    more = [] if name is None else ["-o", name]
    program = await run(tmp_path, "meeting.wav", "-l", "en", *more)
    printed, told = await asyncio.wait_for(program.communicate(), 60)
    assert told.decode() == "2 lines, 4 s of audio\n"
    assert printed.decode() == PLAIN  # also where it goes into a file
    if name is not None:
        written = (tmp_path / name).read_text()
        first, second, rest = written.split("\n\n")
        assert rest == ""
        assert first.splitlines()[0::2] == ["1", "good morning all"]
        assert second.splitlines()[0::2] == ["2", "let us begin"]
        start, end = first.splitlines()[1].split(" --> ")
        assert start.startswith("00:00:06,")
        assert start < end < "00:00:08,"
    settings = server.connections[0].events[0]["session"]["audio"]["input"]
    assert settings["transcription"] == {"model": "gpt-live-transcribe", "language": "en"}
    assert settings["turn_detection"] is None


async def test_a_meeting_longer_than_a_session_goes_on_in_another(
    server: Emulator,
    meeting: bytes,
    program: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    voxwire.write_wav(tmp_path / "meeting.wav", meeting)
    monkeypatch.setattr(program, "PART_MS", 6_800)  # in the middle of a word: not there, then
    out = io.StringIO()
    await program.main(str(tmp_path / "meeting.wav"), out, program.markdown)
    assert out.getvalue() == MARKDOWN
    assert len(server.connections) == 2


async def test_a_part_ends_in_time_where_it_is_never_silent(
    program: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "PART_MS", 200)
    monkeypatch.setattr(program, "LATEST_MS", 300)

    async def noise() -> AsyncIterator[bytes]:
        for _ in range(7):
            yield b"\x00\x40" * 2400

    parts = program.Parts(noise())
    assert [len([piece async for piece in parts.part()]) for _ in range(3)] == [3, 3, 1]
    assert (parts.over, parts.begins_ms) == (True, 700)


async def test_ctrl_c_ends_the_microphone_and_not_the_minutes(
    server: Emulator,
    program: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sound = server.speech("good morning all")

    class Microphone:
        closed = asyncio.Event()

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *exc: object) -> None: ...

        def close(self) -> None:
            self.closed.set()

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for piece in chunks(sound, ms=20):
                yield piece
            os.kill(os.getpid(), signal.SIGINT)
            await self.closed.wait()

    monkeypatch.setattr(program, "Microphone", Microphone)
    await program.main(None, sys.stdout, program.plain)
    assert capsys.readouterr().out == "0:00:00  good morning all\n"


async def test_a_file_that_is_none_is_told(server: Emulator, tmp_path: Path) -> None:
    (tmp_path / "meeting.wav").write_bytes(b"no sound")
    program = await run(tmp_path, "meeting.wav")
    _, told = await asyncio.wait_for(program.communicate(), 60)
    assert program.returncode == 1
    assert told.startswith(b"transcribe_meeting: meeting.wav cannot be read")


def test_a_line_that_was_not_understood_says_so(program: ModuleType) -> None:
    error = voxwire.TranscriptionError(message="too quiet")
    line = voxwire.TranscriptLine(item_id="item", text="", start_ms=3_723_004, error=error)
    assert program.plain(1, line, 0) == "1:02:03  (not understood: too quiet)\n"
    assert program.srt(7, line, 3_600_000) == (
        "7\n02:02:03,004 --> 02:02:05,004\n(not understood: too quiet)\n\n"
    )
