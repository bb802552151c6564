"""Where speech is found in a stream, and where a long one is split."""

from __future__ import annotations

import itertools
import math
import random
import shutil
import subprocess
from array import array
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import voxwire
from voxwire.audio import convert, silence
from voxwire.audio.vad import EnergyDetector, Utterance, utterances
from voxwire.errors import InvalidOption
from voxwire.protocol.audio_format import PCM16, PCMU

CHANCE = random.Random(7)


def tone(ms: int, db: float = -20.0) -> bytes:
    height = 32767 * 10 ** (db / 20)
    samples = (int(height * math.sin(i * 0.06)) for i in range(24 * ms))
    return array("h", samples).tobytes()


def noise(ms: int, db: float) -> bytes:
    height = 32767 * 10 ** (db / 20)
    return array("h", (int(CHANCE.gauss(0, 1) * height) for _ in range(24 * ms))).tobytes()


def mixed(*sounds: bytes) -> bytes:
    rows = [array("h", sound) for sound in sounds]
    return array("h", (max(-32768, min(32767, sum(s))) for s in zip(*rows, strict=True))).tobytes()


def edges(sound: bytes, size: int = 1000, **options: int) -> list[tuple[str, int]]:
    detector = EnergyDetector(**options)  # type: ignore[arg-type]
    found = [e for at in range(0, len(sound), size) for e in detector.feed(sound[at : at + size])]
    return [(edge.kind, edge.ms) for edge in found]


@pytest.mark.parametrize("size", [2, 959, 960, 48_000])
def test_speech_is_found_whatever_the_chunks(size: int) -> None:
    sound = silence(400) + tone(600) + silence(800) + tone(400) + silence(800)
    if size == 2:
        sound = sound[: len(sound) // 2]
    found = edges(sound, size)
    assert found[:2] == [("started", 400), ("stopped", 1000)]
    if size > 2:
        assert found[2:] == [("started", 1800), ("stopped", 2200)]


def test_a_click_is_no_speech_and_a_short_pause_no_end() -> None:
    assert edges(silence(400) + tone(40) + silence(900)) == []
    sound = silence(400) + tone(300) + silence(300) + tone(300) + silence(900)
    assert edges(sound) == [("started", 400), ("stopped", 1300)]


@pytest.mark.parametrize("db", [-60.0, -45.0, -38.0])
def test_the_floor_follows_the_noise_of_a_room(db: float) -> None:
    before, after = noise(8000, db), noise(2000, db)
    sound = before + mixed(tone(600, -18), noise(600, db)) + after
    found = [edge for edge in edges(sound) if edge[1] >= 6000]
    assert [kind for kind, _ in found] == ["started", "stopped"]
    assert abs(found[0][1] - 8000) <= 40
    assert abs(found[1][1] - 8600) <= 60


def test_audio_of_a_phone_line() -> None:
    sound = convert(silence(400) + tone(600) + silence(800), PCM16, PCMU)
    detector = EnergyDetector(PCMU)
    assert [edge.kind for edge in detector.feed(sound)] == ["started", "stopped"]


def test_lengths_below_a_frame_are_refused() -> None:
    with pytest.raises(InvalidOption, match="onset_ms"):
        EnergyDetector(onset_ms=5)


async def stream(sound: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(sound), 4800):
        yield sound[at : at + 4800]


async def split(sound: bytes, **options: int) -> tuple[list[Utterance], bytes]:
    found: list[Utterance] = []
    audio = b""
    async for part in utterances(stream(sound), EnergyDetector(), **options):
        if isinstance(part, bytes):
            audio += part
        else:
            found.append(part)
    return found, audio


async def test_silence_is_left_out_and_nothing_of_what_is_said() -> None:
    one, two = tone(700), tone(500)
    sound = silence(3000) + one + silence(4000) + two + silence(3000)
    found, audio = await split(sound)
    assert [(u.start_ms <= 3000 <= u.end_ms, u.end_ms >= 3700) for u in found[:1]] == [(True, True)]
    assert len(found) == 2
    assert one in audio
    assert two in audio
    assert len(audio) < len(sound) / 2
    assert await split(silence(5000)) == ([], b"")


async def test_a_long_speech_is_split_at_its_quietest_place() -> None:
    words = b"".join(tone(380) + tone(120, -34) for _ in range(30))
    found, audio = await split(silence(500) + words + silence(900), longest_ms=5000, window_ms=2000)
    assert len(found) >= 3
    assert words in audio
    for before, after in itertools.pairwise(found):
        assert before.end_ms == after.start_ms
        place = (before.end_ms - 500) % 500
        assert place == 0 or place >= 380, "in the middle of a word"


async def test_speech_that_goes_on_to_the_end_is_not_lost() -> None:
    found, audio = await split(silence(500) + tone(1010))
    assert len(found) == 1
    assert tone(1010) in audio


@pytest.fixture
def spoken(tmp_path: Path) -> tuple[bytes, list[int]]:
    """Three sentences with pauses, and where each ends."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    sentences = ["Good morning, everybody.", "Let us begin with the minutes.", "Thank you."]
    sound, ends = silence(700), list[int]()
    for number, sentence in enumerate(sentences):
        path = tmp_path / f"{number}.wav"
        subprocess.run(["espeak-ng", "-w", str(path), sentence], check=True)
        sound += voxwire.read_wav(path)
        ends.append(PCM16.ms(len(sound)))
        sound += silence(900)
    return sound, ends


async def test_real_speech_is_split_between_its_sentences(spoken: tuple[bytes, list[int]]) -> None:
    sound, ends = spoken
    found, _ = await split(sound)
    assert len(found) == 3
    for utterance, end in zip(found, ends, strict=True):
        assert abs(utterance.end_ms - end) < 700
