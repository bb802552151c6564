"""Samples: formats of the wire, other rates by the nearest sample, and how loud a piece is.

Good enough for a test signal and for telling speech from silence; not for listening pleasure.
"""

from __future__ import annotations

import sys
from array import array
from operator import mul
from typing import Final

from ..audio.formats import Format
from ..audio.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode

__all__ = ["decoded", "encoded", "loudness", "resampled"]

_BIG_ENDIAN: Final = sys.byteorder == "big"
_STRIDE: Final = 3
"""Loudness looks at every third sample: what speech is made of is below 4 kHz."""

_DECODE: Final = {"audio/pcmu": ulaw_decode, "audio/pcma": alaw_decode}
_ENCODE: Final = {"audio/pcmu": ulaw_encode, "audio/pcma": alaw_encode}


def decoded(data: bytes, format: Format) -> array[int]:
    """Sound of the wire as linear samples; half a sample at the end is left out."""
    pcm = data[: len(data) // 2 * 2] if format.type == "audio/pcm" else _DECODE[format.type](data)
    samples = array("h", pcm)
    if _BIG_ENDIAN:
        samples.byteswap()
    return samples


def encoded(pcm: bytes, format: Format) -> bytes:
    """PCM16 in another format of the wire, at the same rate."""
    return pcm if format.type == "audio/pcm" else _ENCODE[format.type](pcm)


def resampled(pcm: bytes, rate: int, wanted: int) -> bytes:
    """PCM16 at another rate."""
    if rate == wanted or not pcm:
        return pcm
    # Samples are moved about, not looked at: their byte order does not matter.
    samples = array("h", pcm)
    count = len(samples) * wanted // rate
    return array("h", [samples[i * rate // wanted] for i in range(count)]).tobytes()


def loudness(samples: array[int]) -> float:
    """The mean square of some samples; 0 for none."""
    seen = samples[::_STRIDE]
    return sum(map(mul, seen, seen)) / len(seen) if seen else 0.0
