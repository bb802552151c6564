"""Sound in other formats, other rates, other containers."""

from __future__ import annotations

import io
import math
import struct
import sys
import wave
from array import array
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxwire.audio import Converter, chunks, convert, g711, level, pcm, silence
from voxwire.audio.files import read_wav, stream_wav, write_wav
from voxwire.audio.resample import Resampler
from voxwire.errors import InvalidOption
from voxwire.protocol.audio_format import PCM16, PCMA, PCMU, Format

PCM8K = Format("audio/pcm", 8000)


def samples(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}h", *values)


def values(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(data) // 2}h", data)


def sine(rate: int, ms: int, hz: float = 440, height: float = 0.5) -> bytes:
    count = rate * ms // 1000
    top = 32767 * height
    return samples(*(round(top * math.sin(2 * math.pi * hz * n / rate)) for n in range(count)))


# --- formats -------------------------------------------------------------------------------------


def test_formats_of_one_rate_need_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    sound = sine(8000, 20)
    assert convert(sound, PCM8K, PCMU) == g711.ulaw_encode(sound)
    assert convert(sound, PCM8K, PCMA) == g711.alaw_encode(sound)
    law = g711.ulaw_encode(sound)
    assert convert(law, PCMU, PCM8K) == g711.ulaw_decode(law)
    assert convert(law, PCMU, PCMA) == g711.ulaw_to_alaw(law)
    assert convert(g711.ulaw_to_alaw(law), PCMA, PCMU) == g711.alaw_to_ulaw(g711.ulaw_to_alaw(law))
    assert convert(sound, PCM16, PCM16) == sound


def test_another_rate_without_the_library_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    with pytest.raises(InvalidOption) as caught:
        Converter(PCMU, PCM16)
    assert str(caught.value) == (
        "audio at 8000 Hz cannot be turned into 24000 Hz without soxr: pip install "
        "'voxwire[audio]', or use audio at 24000 Hz"
    )


def test_samples_may_be_cut_anywhere() -> None:
    sound = sine(8000, 20)
    converter = Converter(PCM8K, PCMU)
    pieces = [converter.feed(sound[at : at + 7]) for at in range(0, len(sound), 7)]
    assert b"".join(pieces) + converter.finish() == g711.ulaw_encode(sound)


@pytest.mark.parametrize(("source", "target"), [(8000, 24000), (24000, 8000), (44100, 24000)])
@pytest.mark.parametrize("live", [True, False])
def test_another_rate_is_the_same_tone(source: int, target: int, live: bool) -> None:
    pytest.importorskip("soxr")
    resampler = Resampler(source, target, live=live)
    sound = sine(source, 1000)
    made = b"".join(resampler.feed(sound[at : at + 999]) for at in range(0, len(sound), 999))
    made += resampler.finish()
    expected = values(sine(target, 1000))
    assert abs(len(made) // 2 - len(expected)) <= 1
    middle = slice(target // 10, -target // 10)  # the ends have no neighbours to be made from
    errors = [a - b for a, b in zip(values(made)[middle], expected[middle], strict=False)]
    assert max(map(abs, errors)) < 32767 * 0.002


@pytest.mark.parametrize(("source", "target"), [(48000, 8000), (8000, 48000), (44100, 24000)])
def test_live_sound_lags_by_no_more_than_is_said(source: int, target: int) -> None:
    pytest.importorskip("soxr")
    resampler = Resampler(source, target)
    frame = sine(source, 20)
    made = sum(len(resampler.feed(frame)) for _ in range(50)) // 2
    assert made >= target * 0.95


def test_a_resampler_starts_anew_after_its_end() -> None:
    pytest.importorskip("soxr")
    resampler = Resampler(8000, 24000)
    first, second = (resampler.feed(sine(8000, 50)) + resampler.finish() for _ in range(2))
    differences = [a - b for a, b in zip(values(first), values(second), strict=True)]
    assert max(map(abs, differences)) <= 2  # noise is added below the last bit
    assert abs(len(first) - PCM16.size(ms=50)) <= 2


@pytest.mark.parametrize("rates", [(0, 8000), (8000, -1)])
def test_a_rate_is_more_than_zero(rates: tuple[int, int]) -> None:
    with pytest.raises(InvalidOption):
        Resampler(*rates)


# --- what programs have their sound in -----------------------------------------------------------


def test_bytes_and_arrays_are_samples() -> None:
    assert pcm(b"\x01\x02") == pcm(bytearray(b"\x01\x02")) == pcm(memoryview(b"\x01\x02"))
    assert pcm(array("h", [1, -2])) == samples(1, -2)


@pytest.mark.parametrize("sound", [[1, 2], "AAAA", None, array("f", [0.5]), 3])
def test_other_things_are_no_sound(sound: Any) -> None:
    with pytest.raises(InvalidOption):
        pcm(sound)


def test_numpy_arrays() -> None:
    numpy = pytest.importorskip("numpy")
    assert pcm(numpy.array([1, -2], dtype="int16")) == samples(1, -2)
    assert pcm(numpy.array([1, -2], dtype=">i2")) == samples(1, -2)
    assert pcm(numpy.array([[1], [-2]], dtype="int16")) == samples(1, -2)
    floats = numpy.array([0, 1, -1, 0.5, 7, -7, float("nan")], dtype="float32")
    assert pcm(floats) == samples(0, 32767, -32767, 16384, 32767, -32768, 0)
    for wrong in (numpy.zeros((10, 2), "int16"), numpy.zeros(10, "int32")):
        with pytest.raises(InvalidOption):
            pcm(wrong)


# --- silence, loudness, pieces -------------------------------------------------------------------


@pytest.mark.parametrize("fmt", [PCM16, PCMU, PCMA, PCM8K])
def test_silence_is_silent_in_every_format(fmt: Format) -> None:
    sound = silence(20, fmt)
    assert fmt.ms(len(sound)) == 20
    heard = convert(sound, fmt, Format("audio/pcm", fmt.rate))
    assert set(map(abs, values(heard))) <= {0, 8}  # the A-law has no zero


@pytest.mark.parametrize(
    ("sound", "dbfs"),
    [
        (samples(*[-32768, 32767] * 100), 0),
        (sine(24000, 100, height=1), -3.01),
        (sine(24000, 100, height=0.1), -23.01),
        (samples(0, 0), -math.inf),
        (b"", -math.inf),
        (b"\x01", -math.inf),
    ],
)
def test_loudness(sound: bytes, dbfs: float) -> None:
    assert level(sound) == pytest.approx(dbfs, abs=0.01)


def test_loudness_of_a_law() -> None:
    sound = sine(8000, 100)
    assert level(g711.ulaw_encode(sound), PCMU) == pytest.approx(level(sound), abs=0.1)


@given(st.lists(st.binary(max_size=400), max_size=8), st.sampled_from([1, 2, 5]))
def test_pieces_are_equal_and_nothing_is_lost(pieces: list[bytes], ms: int) -> None:
    whole = b"".join(pieces)
    made = list(chunks(pieces, ms=ms))
    assert b"".join(made) == whole
    assert all(len(piece) == 48 * ms for piece in made[:-1])
    assert all(0 < len(piece) <= 48 * ms for piece in made[-1:])
    assert list(chunks(whole, ms=ms)) == made


def test_a_piece_has_a_length() -> None:
    with pytest.raises(InvalidOption):
        list(chunks(b"1234", ms=0))


# --- WAV files -----------------------------------------------------------------------------------


def wav(frames: bytes, *, rate: int = 24000, width: int = 2, channels: int = 1) -> io.BytesIO:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((channels, width, rate, 0, "NONE", "not compressed"))
        writer.writeframes(frames)
    file.seek(0)
    return file


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    sound = sine(24000, 100)
    write_wav(tmp_path / "a.wav", sound)
    assert read_wav(tmp_path / "a.wav") == read_wav(str(tmp_path / "a.wav")) == sound
    write_wav(tmp_path / "b.wav", chunks(sound, ms=7))
    assert (tmp_path / "b.wav").read_bytes() == (tmp_path / "a.wav").read_bytes()


def test_a_law_is_written_as_samples(tmp_path: Path) -> None:
    law = g711.alaw_encode(sine(8000, 100))
    write_wav(tmp_path / "a.wav", law, PCMA)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (8000, 2, 1)
    assert read_wav(tmp_path / "a.wav", PCM8K) == g711.alaw_decode(law)
    assert read_wav(tmp_path / "a.wav", PCMA) == law


@pytest.mark.parametrize(
    ("width", "frames", "expected"),
    [
        (1, bytes([0, 128, 255]), (-32768, 0, 32512)),
        (2, samples(-32768, 0, 258), (-32768, 0, 258)),
        (3, bytes([0, 0, 128, 1, 0, 0, 255, 2, 1]), (-32768, 0, 258)),
        (4, bytes([0, 0, 0, 128, 9, 9, 2, 1]), (-32768, 258)),
    ],
)
def test_samples_of_any_width(width: int, frames: bytes, expected: tuple[int, ...]) -> None:
    assert values(read_wav(wav(frames, width=width))) == expected


def test_channels_are_mixed() -> None:
    assert values(read_wav(wav(samples(100, 200, -32768, 32766), channels=2))) == (150, -1)


def test_a_long_file_comes_in_pieces() -> None:
    sound = sine(24000, 2000)
    pieces = list(stream_wav(wav(sound)))
    assert len(pieces) > 1
    assert b"".join(pieces) == sound


def test_a_file_at_another_rate() -> None:
    pytest.importorskip("soxr")
    made = read_wav(wav(sine(16000, 500), rate=16000))
    assert abs(len(made) - PCM16.size(ms=500)) <= 2
    assert level(made) == pytest.approx(level(sine(24000, 500)), abs=0.1)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no sound at all, but text of some length"])
def test_a_file_that_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(InvalidOption, match=r"a\.wav cannot be read: .* \(save it as WAV"):
        read_wav(tmp_path / "a.wav")


def test_a_file_that_was_cut_short() -> None:
    sound = wav(samples(*range(100)), channels=2).getvalue()
    assert values(read_wav(io.BytesIO(sound[:-3])))[0] == 0
