"""A conversation through WAV files, with a clock that is wound by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

import voxwire
from voxwire import ConversationItemTruncated, FileAudio, InvalidOption
from voxwire.audio import silence
from voxwire.emulator import Emulator
from voxwire.protocol.audio_format import PCM16, PCMU
from voxwire.session.voice_loop import Audio


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    path = tmp_path / "in.wav"
    voxwire.write_wav(path, b"\x01\x00" * 24_00)  # 100 ms
    return path


class Clock:
    now = 5.0

    def __call__(self) -> float:
        return self.now


async def test_the_file_is_heard_and_then_silence(wav: Path) -> None:
    audio = FileAudio(wav, silence_ms=50, speed=1000)
    assert isinstance(audio, Audio)
    pieces = [piece async for piece in audio.microphone]
    assert [len(piece) for piece in pieces] == [960] * 7 + [480]
    assert b"".join(pieces) == b"\x01\x00" * 2400 + bytes(2400)


async def test_the_file_is_heard_in_the_formats_of_the_session(tmp_path: Path) -> None:
    path = tmp_path / "in.wav"
    voxwire.write_wav(path, b"\xff" * 800, PCMU)
    audio = FileAudio(path, silence_ms=20, speed=1000)
    audio.open(PCMU, PCM16)
    assert b"".join([piece async for piece in audio.microphone]) == b"\xff" * 960


def test_the_speaker_plays_by_the_clock_and_keeps_what_was_heard(wav: Path, tmp_path: Path) -> None:
    clock, out = Clock(), tmp_path / "out.wav"
    audio = FileAudio(wav, out, clock=clock)
    audio.open()
    speaker = audio.speaker
    speaker.write(b"\x01\x00" * 4800)
    speaker.write(b"\x02\x00" * 4800)
    assert (speaker.played, speaker.pending) == (0, 400)
    clock.now += 0.25
    assert (speaker.played, speaker.pending) == pytest.approx((250, 150), abs=0.1)
    speaker.clear()
    clock.now += 10  # in which nothing is played
    assert (speaker.played, speaker.pending) == (pytest.approx(250, abs=0.1), 0)
    speaker.write(b"\x03\x00" * 4800)
    clock.now += 0.1
    assert speaker.played == pytest.approx(350, abs=0.1)
    audio.close()
    heard = voxwire.read_wav(out)
    assert len(heard) == pytest.approx(350 * 48, abs=8)
    assert heard[:2] == b"\x01\x00"
    assert heard[-2:] == b"\x03\x00"
    assert heard.count(b"\x02\x00") == pytest.approx(50 * 24, abs=4)


def test_time_goes_by_as_fast_as_one_says(wav: Path) -> None:
    clock = Clock()
    speaker = FileAudio(wav, speed=10, clock=clock).speaker
    speaker.write(bytes(48 * 1000))
    clock.now += 0.05
    assert speaker.played == pytest.approx(500, abs=0.1)


def test_time_does_not_stand_still(wav: Path) -> None:
    with pytest.raises(InvalidOption, match="1 is the pace of speech"):
        FileAudio(wav, speed=0)


async def test_a_conversation_from_file_to_file(tmp_path: Path) -> None:
    question, answer = tmp_path / "question.wav", tmp_path / "answer.wav"
    async with Emulator() as server:
        server.on("weather", reply="A fresh wind from the west.")
        voxwire.write_wav(question, silence(100) + server.speech("And the weather?"))
        audio = FileAudio(question, answer, silence_ms=600, speed=40)
        async with voxwire.connect(url=server.url) as session:
            await session.talk(audio)
            said = session.conversation[-1]
            assert said.heard == "A fresh wind from the west."
            assert len(voxwire.read_wav(answer)) == said.audio_ms * 48


async def test_who_speaks_in_the_file_while_the_answer_plays_cuts_in(tmp_path: Path) -> None:
    talk, out = tmp_path / "talk.wav", tmp_path / "out.wav"
    async with Emulator() as server:
        server.on("weather", reply="A fresh wind from the west until noon. " * 15)
        server.on("thanks", reply="Good bye.")
        speech = server.speech("And the weather?") + silence(5000) + server.speech("Fine, thanks")
        voxwire.write_wav(talk, speech)
        async with voxwire.connect(url=server.url) as session:
            async with session.expect(ConversationItemTruncated, timeout=20) as cut:
                await session.talk(FileAudio(talk, out, silence_ms=600, speed=5))
            heard = (await cut).audio_end_ms
            assert 0 < heard < 6000
            last = session.conversation[-1].audio_ms
            # A millisecond may lie between the last look at the clock and the one before it.
            assert len(voxwire.read_wav(out)) / 48 == pytest.approx(heard + last, abs=1)
