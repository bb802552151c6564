"""Audio cut into segments: nothing lost, at pauses, and not within words."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from speech import apart, beep, noisy, softer, spoken

from voxwire.audio import Bytes, convert, silence
from voxwire.audio.segments import Cut, FixedSegmenter, PauseSegmenter, Segment, Segmenter
from voxwire.audio.vad import SpeechEdge
from voxwire.protocol.audio_format import PCMU, Format

WORDS = (
    "the quick harbour master walked along a better northern quay and counted seven little wooden "
    "boats before breakfast because nobody expected any ferry until after sunset"
)


def cut(segmenter: Segmenter, sound: bytes, chunk: int = 4801) -> tuple[list[bytes], list[Cut]]:
    """The audio of each segment, and the cut behind it."""
    segments, cuts = [bytearray()], list[Cut]()

    def take(parts: Iterable[Segment]) -> None:
        for part in parts:
            if isinstance(part, Cut):
                cuts.append(part)
                segments.append(bytearray())
            else:
                assert part
                segments[-1].extend(part)

    for at in range(0, len(sound), chunk):
        take(segmenter.feed(sound[at : at + chunk]))
    take(segmenter.end())
    assert not segments.pop(), "audio behind the last cut"
    return [bytes(segment) for segment in segments], cuts


@pytest.mark.parametrize("chunk", [999, 4801, 10**7])
def test_a_cut_at_each_pause_and_no_silence_in_between(chunk: int) -> None:
    one, two, three = beep(500), beep(300), beep(200) + b"\x01"
    sound = silence(400) + one + silence(7000) + two + silence(700) + three
    segments, cuts = cut(PauseSegmenter(), sound, chunk)
    assert cuts == [
        Cut(start_ms=400, end_ms=900),
        Cut(start_ms=7900, end_ms=8200),
        Cut(start_ms=8900, end_ms=9100),
    ]
    assert segments[0].startswith(silence(300) + one + silence(300))
    assert segments[1].startswith(silence(300) + two + silence(300))
    assert segments[2].endswith(silence(200) + three)
    assert sum(map(len, segments)) < 48 * 3000


def test_silence_and_noise_are_no_segment_and_soft_sound_is_one() -> None:
    for sound in (b"", silence(3000), noisy(silence(3000), -50)):
        assert cut(PauseSegmenter(), sound) == ([], [])
    noise = noisy(silence(500) + beep(400) + silence(3000), -50)
    segments, cuts = cut(PauseSegmenter(), noise)
    assert len(cuts) == 1
    assert len(segments[0]) < 48 * 1400
    # It may be speech that is too soft, or too short, to tell: it is not dropped.
    soft = beep(60, -50)
    segments, cuts = cut(PauseSegmenter(), silence(1000) + soft + silence(2000))
    assert cuts == [Cut(start_ms=0, end_ms=3060, speech=False)]
    assert soft in segments[0]
    segments, cuts = cut(PauseSegmenter(), silence(1000) + soft + silence(2000) + beep(500))
    assert cuts == [Cut(start_ms=3060, end_ms=3560)]
    assert soft in segments[0]


def test_sound_that_may_be_speech_is_cut_from_time_to_time() -> None:
    sound = (beep(40, -50) + silence(460)) * 260
    segments, cuts = cut(PauseSegmenter(), sound, 48_000)
    assert len(cuts) == 3
    assert not any(found.speech for found in cuts)
    assert b"".join(segments) == sound


def test_speech_without_a_pause_is_cut_where_it_is_quietest() -> None:
    gap = silence(150)
    sound = beep(5_500) + gap + beep(3_000) + gap + beep(2_500) + gap + beep(900) + silence(600)
    segments, (first, last) = cut(PauseSegmenter(longest_ms=10_000), sound)
    assert 8_650 < first.end_ms < 8_800  # in the second gap: the last one within the limit
    assert last == Cut(start_ms=first.end_ms, end_ms=12_360)
    assert sound.startswith(b"".join(segments))


def test_a_tone_without_end_is_cut_all_the_same() -> None:
    sound = beep(7_000)
    segments, cuts = cut(PauseSegmenter(longest_ms=2_000), sound)
    assert b"".join(segments) == sound
    assert len(cuts) >= 4
    assert all(found.end_ms - found.start_ms <= 2_000 for found in cuts)
    assert cuts[0].start_ms == 0
    assert cuts[-1].end_ms == 7_000
    assert all(a.end_ms == b.start_ms for a, b in pairwise(cuts))


def test_a_phone_line() -> None:
    sound = convert(beep(400, rate=8000), Format("audio/pcm", 8000), PCMU)
    sound = silence(300, PCMU) + sound + silence(700, PCMU) + sound
    _, cuts = cut(PauseSegmenter(PCMU), sound, 160)
    assert cuts == [Cut(start_ms=300, end_ms=700), Cut(start_ms=1400, end_ms=1800)]


def test_any_detector_will_do() -> None:
    class Told:
        """Finds what it was told, a second after it was there; the last of it never was."""

        def __init__(self) -> None:
            self.ms = 0

        def feed(self, pcm: Bytes, /) -> list[SpeechEdge]:
            self.ms += len(pcm) // 48
            told = {
                1200: SpeechEdge("started", 200),
                2000: SpeechEdge("stopped", 1000),
                2400: SpeechEdge("started", 9000),
                3000: SpeechEdge("stopped", 9500),
            }
            return [told[self.ms]] if self.ms in told else []

        def end(self) -> list[SpeechEdge]:
            return []

    segments, cuts = cut(PauseSegmenter(detector=Told()), silence(4000), 4800)
    assert cuts[0] == Cut(start_ms=200, end_ms=1000)
    assert 1700 * 48 < len(segments[0]) <= 2000 * 48


def test_equal_lengths() -> None:
    sound = noisy(silence(1200), -30)
    segments, cuts = cut(FixedSegmenter(500), sound, 999)
    assert [(found.start_ms, found.end_ms) for found in cuts] == [
        (0, 500),
        (500, 1000),
        (1000, 1200),
    ]
    assert [len(segment) // 48 for segment in segments] == [500, 500, 200]
    assert b"".join(segments) == sound
    assert cut(FixedSegmenter(500), b"") == ([], [])


@pytest.mark.parametrize("noise", [None, -60])
@pytest.mark.parametrize("gap_ms", [140, 90])
def test_real_words_are_never_cut(noise: float | None, gap_ms: int) -> None:
    sound, places = apart([spoken(word) for word in WORDS.split()] * 2, gap_ms)
    if noise is not None:
        sound = noisy(sound, noise)
    _, cuts = cut(PauseSegmenter(longest_ms=6_000), sound)
    assert len(cuts) >= 4
    for found in cuts[:-1]:
        inside = [place for place in places if place[0] + 5 < found.end_ms < place[1] - 5]
        assert not inside, (found, inside)


@pytest.mark.parametrize("soft", [0, 25])
def test_real_phrases_are_whole(soft: float) -> None:
    phrases = ["Good morning all.", "Let us begin with the budget.", "Yes.", "Any questions?"]
    clips = [softer(spoken(phrase), soft) for phrase in phrases]
    sound, places = apart(clips, 700)
    segments, cuts = cut(PauseSegmenter(), sound)
    assert len(cuts) == len(phrases)
    for segment, found, clip, (begins, ends) in zip(segments, cuts, clips, places, strict=True):
        assert clip in segment
        assert abs(found.start_ms - begins) < 80
        assert abs(found.end_ms - ends) < 80


def test_real_speech_that_drowns_in_noise_is_not_left_out() -> None:
    clip = spoken("First, the budget for the northern quay has been approved by the council.")
    sound, _ = apart([clip] * 3, 3000)
    sound = noisy(softer(sound, 30), -55)
    segments, _ = cut(PauseSegmenter(), sound)
    missing = len(sound) - sum(map(len, segments))
    assert missing < 48 * 8_000  # some of the nine seconds of noise, and nothing else
    assert all(sound[at : at + 48_000] in b"".join(segments) for at in range(48_000, 96_000, 9_600))
