"""The two G.711 laws of telephony to and from 16-bit samples, by tables.

A law keeps the logarithm of a sample: eight segments, each twice as long as the one before, cut
into sixteen steps. This module knows the laws; it does not know rates or formats on the wire.

Samples are signed, 16 bits, little-endian. The laws work on 14 bits (mu) and 13 bits (A): what is
below that is cut off, as in ITU-T G.191, which treats -1 like 0, -2 like 1 and so on.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable
from functools import cache

from ..errors import InvalidOption

__all__ = [
    "alaw_decode",
    "alaw_encode",
    "alaw_to_ulaw",
    "ulaw_decode",
    "ulaw_encode",
    "ulaw_to_alaw",
]


def ulaw_decode(data: bytes) -> bytes:
    """Mu-law to samples."""
    return _spread(data, *_halves(_ulaw_value))


def ulaw_encode(pcm: bytes) -> bytes:
    """Samples to mu-law."""
    return _pick(pcm, _ulaw_codes())


def alaw_decode(data: bytes) -> bytes:
    """A-law to samples."""
    return _spread(data, *_halves(_alaw_value))


def alaw_encode(pcm: bytes) -> bytes:
    """Samples to A-law."""
    return _pick(pcm, _alaw_codes())


def ulaw_to_alaw(data: bytes) -> bytes:
    """Mu-law to A-law, without a way over samples."""
    return data.translate(_ulaw_as_alaw())


def alaw_to_ulaw(data: bytes) -> bytes:
    """A-law to mu-law, without a way over samples."""
    return data.translate(_alaw_as_ulaw())


# --- the laws ------------------------------------------------------------------------------------

_BIAS = 132  # mu-law: 33 on its own scale of 14 bits, so that segments begin at powers of two


def _ulaw_value(code: int) -> int:
    code = ~code & 0xFF  # sent inverted, so that silence has many ones
    size = (((code & 15) << 3) + _BIAS << (code >> 4 & 7)) - _BIAS
    return -size if code & 0x80 else size


def _alaw_value(code: int) -> int:
    code ^= 0x55  # every other bit is sent inverted
    segment, step = code >> 4 & 7, code & 15
    # The first two segments have steps of one size; a code stands for the middle of its step.
    size = (step << 4) + 8 if segment == 0 else (step << 4) + 264 << segment - 1
    return size if code & 0x80 else -size


@cache
def _ulaw_codes() -> bytes:
    """The code of each sample, by its 16 bits read as an unsigned number."""
    sizes = bytearray()
    for code in range(128):
        segment, step = code >> 4, code & 15
        end = (17 + step << segment + 3) - _BIAS if code < 127 else 0x8000
        sizes += bytes([~code & 0xFF]) * (end - len(sizes))
    return _both_signs(bytes(sizes))


@cache
def _alaw_codes() -> bytes:
    sizes = bytearray()
    for code in range(128):
        segment, step = code >> 4, code & 15
        end = step + 1 << 4 if segment == 0 else 17 + step << segment + 3
        sizes += bytes([(code | 0x80) ^ 0x55]) * (end - len(sizes))
    return _both_signs(bytes(sizes))


def _both_signs(sizes: bytes) -> bytes:
    # The sign is the first bit in both laws, and -1 - n has the code of n but for the sign.
    other = bytes(code ^ 0x80 for code in range(256))
    return sizes + sizes[::-1].translate(other)


@cache
def _ulaw_as_alaw() -> bytes:
    return alaw_encode(ulaw_decode(bytes(range(256))))


@cache
def _alaw_as_ulaw() -> bytes:
    return ulaw_encode(alaw_decode(bytes(range(256))))


# --- tables at work ------------------------------------------------------------------------------


@cache
def _halves(value: Callable[[int], int]) -> tuple[bytes, bytes]:
    """The low and the high byte of each code's sample."""
    values = [value(code) & 0xFFFF for code in range(256)]
    return bytes(v & 0xFF for v in values), bytes(v >> 8 for v in values)


def _spread(data: bytes, low: bytes, high: bytes) -> bytes:
    samples = bytearray(2 * len(data))
    samples[0::2] = data.translate(low)
    samples[1::2] = data.translate(high)
    return bytes(samples)


def _pick(pcm: bytes, codes: bytes) -> bytes:
    if len(pcm) % 2:
        raise InvalidOption(
            f"{len(pcm)} bytes are not whole 16-bit samples: keep the odd byte for the next piece"
        )
    samples = array("H", pcm)
    if sys.byteorder == "big":
        samples.byteswap()
    return bytes(map(codes.__getitem__, samples))
