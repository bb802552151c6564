"""Where speech starts and stops, in tones, in noise and in real speech."""

from __future__ import annotations

from typing import Any

import pytest
from speech import apart, beep, noisy, softer, spoken

from voxwire.audio import silence
from voxwire.audio.vad import EnergyDetector, SpeechEdge, loudness
from voxwire.errors import InvalidOption

PHRASES = [
    "Good morning everybody, and welcome to the harbour meeting.",
    "First, the budget for the northern quay has been approved by the council.",
    "She sells sea shells.",
    "Yes.",
    "How far is the ferry from the fishing fleet?",
    "Thank you.",
]


def edges(sound: bytes, chunk: int | None = None, **options: Any) -> list[tuple[int, int]]:
    """The pairs of start and stop that a detector finds."""
    detector = EnergyDetector(**options)
    found: list[SpeechEdge] = []
    for at in range(0, len(sound), chunk or len(sound) or 1):
        found += detector.feed(sound[at : at + (chunk or len(sound))])
    found += detector.end()
    assert not detector.speaking
    assert [edge.kind for edge in found] == ["started", "stopped"] * (len(found) // 2)
    return list(zip([e.ms for e in found[::2]], [e.ms for e in found[1::2]], strict=True))


def test_tones_between_silence() -> None:
    sound = silence(400) + beep(300) + silence(600) + beep(1000) + silence(1000)
    assert edges(sound) == [(400, 700), (1300, 2300)]


@pytest.mark.parametrize("chunk", [1, 7, 961, 4800])
def test_chunks_of_any_length_make_no_difference(chunk: int) -> None:
    sound = silence(400) + beep(300) + silence(600) + beep(200) + b"\0"
    assert edges(sound, chunk) == edges(sound) == [(400, 700), (1300, 1500)]


def test_a_stop_is_known_after_the_pause_and_a_start_after_some_speech() -> None:
    detector = EnergyDetector(pause_ms=300)
    assert detector.feed(silence(400) + beep(60)) == []
    assert detector.feed(beep(60)) == [SpeechEdge("started", 400)]
    assert detector.speaking
    assert detector.feed(silence(280)) == []
    assert detector.feed(silence(20)) == [SpeechEdge("stopped", 520)]
    assert detector.position_ms == 820
    assert detector.end() == []


def test_a_pause_within_speech_ends_nothing() -> None:
    sound = silence(400) + beep(300) + silence(450) + beep(300) + silence(800)
    assert edges(sound) == [(400, 1460)]  # to a frame
    assert len(edges(sound, pause_ms=300)) == 2


def test_a_click_is_no_speech_and_prolongs_none() -> None:
    click = beep(20, -6)
    assert edges(silence(500) + click + silence(500) + click + silence(500)) == []
    sound = silence(500) + beep(300) + silence(200) + click + silence(400)
    assert edges(sound) == [(500, 800)]


def test_speech_at_the_very_beginning_and_up_to_the_end() -> None:
    assert edges(beep(500)) == [(0, 500)]
    assert edges(silence(1000)) == edges(b"") == []


@pytest.mark.parametrize("noise", [-70, -60, -50, -40])
def test_the_threshold_follows_the_noise(noise: float) -> None:
    # A tone has no first sound that is softer: what is found is exact to a frame.
    sound = noisy(silence(1000) + beep(600) + silence(1000) + beep(600) + silence(1000), noise)
    found = edges(sound)
    assert len(found) == 2
    for (start, stop), wanted in zip(found, (1000, 2600), strict=True):
        assert abs(start - wanted) <= 20
        assert abs(stop - wanted - 600) <= 20


def test_noise_alone_is_no_speech_and_one_that_begins_becomes_the_floor() -> None:
    assert edges(noisy(silence(4000), -50)) == []
    detector = EnergyDetector()
    detector.feed(silence(3000))
    fan = noisy(silence(15_000), -40)
    assert [edge.kind for edge in detector.feed(fan)] == ["started", "stopped"]
    assert detector.threshold > -40
    assert [edge.kind for edge in detector.feed(noisy(beep(500), -40))] == ["started"]


def test_a_constant_offset_is_no_sound() -> None:
    assert loudness(b"\x00\x10" * 480) == -100
    assert loudness(b"") == -100
    assert -6.1 < loudness(beep(20, -6)) < -5.9
    assert edges(b"\x00\x10" * 24_000) == []


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_other_rates(rate: int) -> None:
    quiet = bytes(rate)
    sound = quiet + beep(300, rate=rate) + quiet
    assert edges(sound, rate=rate) == [(500, 800)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rate": 4000}, "rate=4000"),
        ({"pause_ms": 0}, "pause_ms=0: give 20 ms or more"),
        ({"min_speech_ms": -1}, "min_speech_ms=-1"),
    ],
)
def test_what_cannot_work_is_refused(options: Any, said: str) -> None:
    with pytest.raises(InvalidOption, match=said):
        EnergyDetector(**options)


@pytest.mark.parametrize("soft", [0, 15, 30])
@pytest.mark.parametrize("over_noise", [None, 40, 30, 22])
def test_real_speech_phrase_by_phrase(soft: float, over_noise: float | None) -> None:
    clips = [softer(spoken(phrase), soft) for phrase in PHRASES]
    sound, places = apart(clips, 800)
    if over_noise is not None:
        sound = noisy(sound, loudness(clips[0]) - over_noise)
    found = edges(sound)
    assert len(found) == len(places), found
    for (start, stop), (begins, ends) in zip(found, places, strict=True):
        # The loud part of each is inside; the softest sounds at the edges drown in the noise.
        assert -40 <= start - begins <= 120
        assert -150 <= stop - ends <= 40
