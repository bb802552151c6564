"""A talk is translated, from file to file and as it is heard, with a server on this machine."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from served import EXAMPLES, example

import voxwire
from voxwire.audio import silence
from voxwire.emulator import Emulator


@pytest.fixture
def talk(server: Emulator) -> bytes:
    server.on("good morning", reply="buenos días")
    return silence(300) + server.speech("good morning")


SHOWN = "  good morning\n> buenos días\n"


async def test_from_a_file_into_a_file(
    talk: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heard, out = tmp_path / "talk.wav", tmp_path / "out.wav"
    voxwire.write_wav(heard, talk)
    await example("translate_talk").convert("es", str(heard), str(out), speed=None)
    assert capsys.readouterr().out == SHOWN
    assert len(voxwire.read_wav(out)) > 24_000


async def test_as_it_is_heard(
    talk: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Desk:
        def __init__(self) -> None:
            self.microphone = [talk[at : at + 960] for at in range(0, len(talk), 960)]
            self.speaker = self
            desks.append(self)
            self.heard = b""

        def write(self, audio: bytes) -> None:
            self.heard += audio

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *exc: object) -> None: ...

    desks: list[Desk] = []
    real = voxwire.connect_translation
    monkeypatch.setattr(voxwire, "LocalAudio", Desk)
    monkeypatch.setattr(
        voxwire, "connect_translation", lambda **options: real(**options, speed=None)
    )
    await example("translate_talk").listen("es")
    assert capsys.readouterr().out == SHOWN
    assert len(desks[0].heard) > 24_000


async def test_the_program_as_one_calls_it(talk: bytes, tmp_path: Path) -> None:
    voxwire.write_wav(tmp_path / "talk.wav", talk)
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        str(EXAMPLES / "translate_talk.py"),
        *("es", "talk.wav", "out.wav"),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
    )
    printed, _ = await asyncio.wait_for(program.communicate(), 60)
    assert "buenos días" in printed.decode()
    assert (tmp_path / "out.wav").exists()


def test_a_line_ends_with_a_sentence_or_where_the_screen_does(server: Emulator) -> None:
    out = io.StringIO()
    captions = example("translate_talk").Captions(out, width=22)
    pieces = ("It is", "Son"), (" 2.", " 2."), ("8 now.", "8 ahora."), (" And how", " ¿Y cómo")
    for said, meant in pieces:
        captions.add(voxwire.Translated(source_text=said))
        captions.add(voxwire.Translated(text=meant))
    captions.add(voxwire.Translated(text=" está usted hoy"))
    captions.write()
    assert out.getvalue().splitlines() == [
        "  It is 2.8 now. And how",  # the two run apart in time
        "> Son 2.8 ahora.",
        "> ¿Y cómo",
        "> está usted hoy",
    ]
