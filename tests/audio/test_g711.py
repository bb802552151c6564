"""The laws against their definition, code by code and sample by sample."""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Callable

import pytest

from voxwire.audio.g711 import (
    alaw_decode,
    alaw_encode,
    alaw_to_ulaw,
    ulaw_decode,
    ulaw_encode,
    ulaw_to_alaw,
)
from voxwire.errors import InvalidOption

CODES = bytes(range(256))
SAMPLES = range(-32768, 32768)


def pcm(*samples: int) -> bytes:
    return struct.pack(f"<{len(samples)}h", *samples)


def samples(data: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(data) // 2}h", data))


# The definition, as G.711 puts it: segments of 16 steps; each segment's steps are twice as long as
# those of the one before, and a code stands for the middle of its step.


def ulaw_steps() -> list[tuple[int, int, int]]:
    """(first size, end, value) of the positive codes in rising order, in 16-bit samples.

    On the law's own scale of 14 bits the first step is 1 long and stands for 0, and those after it
    are 2, 4, ... 256 long; a segment's first step is the 16th of the one before, but for the first.
    """
    steps = [(0, 1, 0)]
    for segment in range(8):
        for _ in range(15 if segment == 0 else 16):
            first = steps[-1][1]
            steps.append((first, first + (2 << segment), first + (1 << segment)))
    return [(4 * first, 4 * end, 4 * value) for first, end, value in steps]


def alaw_steps() -> list[tuple[int, int, int]]:
    """The same for the A-law: on its scale of 13 bits the first two segments have steps of 2."""
    steps: list[tuple[int, int, int]] = []
    end = 0
    for segment in range(8):
        length = 2 << max(segment - 1, 0)
        for _ in range(16):
            first, end = end, end + length
            steps.append((first, end, first + length // 2))
    return [(8 * first, 8 * end, 8 * value) for first, end, value in steps]


def ulaw_code(rank: int, negative: bool) -> int:
    return (0x7F if negative else 0xFF) - rank


def alaw_code(rank: int, negative: bool) -> int:
    return (rank | (0 if negative else 0x80)) ^ 0x55


LAWS = pytest.mark.parametrize(
    ("steps", "code_of", "encode", "decode"),
    [
        pytest.param(ulaw_steps(), ulaw_code, ulaw_encode, ulaw_decode, id="mu"),
        pytest.param(alaw_steps(), alaw_code, alaw_encode, alaw_decode, id="A"),
    ],
)
Steps = list[tuple[int, int, int]]
Law = Callable[[bytes], bytes]


@LAWS
def test_there_are_128_steps_up_to_the_highest_value(
    steps: Steps, code_of: Callable[[int, bool], int], encode: Law, decode: Law
) -> None:
    # Table 2a of G.711 ends at 8159 and 8031, table 1a at 4096 and 4032.
    assert len(steps) == 128
    assert steps[-1][1:] in ((4 * 8159, 4 * 8031), (8 * 4096, 8 * 4032))


@LAWS
def test_every_code_decodes_to_the_middle_of_its_step(
    steps: Steps, code_of: Callable[[int, bool], int], encode: Law, decode: Law
) -> None:
    values = samples(decode(CODES))
    for rank, (_, _, value) in enumerate(steps):
        assert values[code_of(rank, False)] == value
        assert values[code_of(rank, True)] == -value


@LAWS
def test_every_sample_is_encoded_in_the_step_that_holds_it(
    steps: Steps, code_of: Callable[[int, bool], int], encode: Law, decode: Law
) -> None:
    firsts = [first for first, _, _ in steps]
    expected = bytes(
        code_of(bisect_right(firsts, ~sample if sample < 0 else sample) - 1, sample < 0)
        for sample in SAMPLES
    )
    assert encode(pcm(*SAMPLES)) == expected


@LAWS
def test_a_value_keeps_its_code(
    steps: Steps, code_of: Callable[[int, bool], int], encode: Law, decode: Law
) -> None:
    back = encode(decode(CODES))
    different = [code for code in CODES if back[code] != code]
    # Mu-law has two zeros; the negative one is decoded to 0, and 0 is encoded as the positive one.
    assert different == ([0x7F] if encode is ulaw_encode else [])


@pytest.mark.parametrize(
    ("encode", "silence", "loudest", "lowest"),
    [(ulaw_encode, 0xFF, 0x80, 0x00), (alaw_encode, 0xD5, 0xAA, 0x2A)],
)
def test_landmarks(encode: Law, silence: int, loudest: int, lowest: int) -> None:
    assert encode(pcm(0, 32767, -32768)) == bytes([silence, loudest, lowest])


def test_from_one_law_to_the_other() -> None:
    assert ulaw_to_alaw(CODES) == alaw_encode(ulaw_decode(CODES))
    assert alaw_to_ulaw(CODES) == ulaw_encode(alaw_decode(CODES))


def test_nothing_is_nothing_and_lengths_are_kept() -> None:
    assert ulaw_encode(b"") == alaw_decode(b"") == b""
    assert (len(ulaw_decode(bytes(7))), len(alaw_encode(bytes(14)))) == (14, 7)


@pytest.mark.parametrize("encode", [ulaw_encode, alaw_encode])
def test_half_a_sample_is_refused(encode: Law) -> None:
    with pytest.raises(InvalidOption, match="keep the odd byte for the next piece"):
        encode(bytes(3))
