"""Sizes of sound, and the names its formats go by."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from voxwire_protocol import (
    AudioInput,
    AudioOutput,
    LegacySession,
    PcmaAudioFormat,
    PcmAudioFormat,
    PcmuAudioFormat,
    RealtimeAudio,
    RealtimeResponse,
    RealtimeSession,
    ResponseAudio,
    ResponseAudioOutput,
)

from voxwire.errors import InvalidOption
from voxwire.protocol.audio_format import PCM16, PCMA, PCMU, Format, base64_size, format_of


@pytest.mark.parametrize(
    ("fmt", "size", "ms", "samples"),
    [
        (PCM16, 2400, 50, 1200),
        (PCM16, 4800, 100, 2400),
        (PCM16, 47, 0, 23),
        (PCMU, 400, 50, 400),
        (PCMA, 8000, 1000, 8000),
        (Format("audio/pcm", 16_000), 3200, 100, 1600),
    ],
)
def test_a_size_is_a_length(fmt: Format, size: int, ms: int, samples: int) -> None:
    assert fmt.ms(size) == ms
    assert fmt.samples(size) == samples


@pytest.mark.parametrize(
    ("fmt", "ms", "size"),
    [(PCM16, 1, 48), (PCM16, 0.05, 2), (PCM16, 0.04, 0), (PCMU, 20, 160), (PCMA, 0.3, 2)],
)
def test_a_length_is_a_size_of_whole_samples(fmt: Format, ms: float, size: int) -> None:
    assert fmt.size(ms=ms) == size


def test_a_count_of_samples_is_a_size() -> None:
    assert (PCM16.size(samples=1200), PCMU.size(samples=1200)) == (2400, 1200)


@pytest.mark.parametrize("given", [{}, {"ms": 1, "samples": 24}, {"ms": -1}, {"samples": -1}])
def test_a_length_is_given_once_and_is_not_negative(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption):
        PCM16.size(**given)


@given(st.sampled_from([PCM16, PCMU, PCMA]), st.integers(0, 10**9))
def test_milliseconds_never_claim_too_much(fmt: Format, size: int) -> None:
    assert 0 <= size - fmt.size(ms=fmt.ms(size)) < fmt.bytes_per_second / 1000 + 2


@pytest.mark.parametrize(
    ("source", "fmt"),
    [
        (None, PCM16),
        ("pcm16", PCM16),
        ("audio/pcmu", PCMU),
        ("g711_alaw", PCMA),
        (PCMA, PCMA),
        (PcmAudioFormat(), PCM16),
        (PcmuAudioFormat(), PCMU),
        (PcmaAudioFormat(), PCMA),
        ({"type": "audio/pcmu"}, PCMU),
        ({"type": "audio/pcm", "rate": 16_000}, Format("audio/pcm", 16_000)),
        (RealtimeSession(), PCM16),
        (LegacySession(output_audio_format="g711_ulaw"), PCMU),
        (LegacySession(input_audio_format="g711_ulaw"), PCM16),
        ({"type": "realtime", "audio": {"output": {"format": {"type": "audio/pcma"}}}}, PCMA),
        ({"output_audio_format": "g711_alaw"}, PCMA),
        (
            RealtimeResponse(
                audio=ResponseAudio(output=ResponseAudioOutput(format=PcmaAudioFormat()))
            ),
            PCMA,
        ),
    ],
)
def test_a_format_is_found_in(source: object, fmt: Format) -> None:
    assert format_of(source) == fmt


def test_a_session_has_a_format_in_each_direction() -> None:
    audio = RealtimeAudio(
        input=AudioInput(format=PcmuAudioFormat()), output=AudioOutput(format=PcmaAudioFormat())
    )
    session = RealtimeSession(audio=audio)
    assert (format_of(session, "input"), format_of(session, "output")) == (PCMU, PCMA)


@pytest.mark.parametrize("source", ["opus", {"type": "audio/opus"}, {"type": ["audio/pcm"]}])
def test_an_unknown_name_is_refused_or_gives_the_default(source: object) -> None:
    with pytest.raises(InvalidOption, match="no audio format: use one of 'audio/pcm'"):
        format_of(source)
    assert format_of(source, default=PCMU) is PCMU


@given(st.binary(max_size=100))
def test_base64_is_measured_without_decoding(data: bytes) -> None:
    text = base64.b64encode(data).decode()
    assert base64_size(text) == base64_size(text.rstrip("=")) == len(data)


def test_what_is_no_text_holds_nothing() -> None:
    assert base64_size(None) == base64_size(7) == 0
