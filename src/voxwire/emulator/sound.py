"""Samples: the two G.711 laws, other rates by the nearest sample, and how loud a piece is.

Good enough for a test signal and for telling speech from silence; not for listening pleasure.
"""

from __future__ import annotations

import sys
from array import array
from operator import mul
from typing import Final

from ..formats import Format

__all__ = ["decoded", "encoded", "loudness", "resampled"]

_BIG_ENDIAN: Final = sys.byteorder == "big"
_STRIDE: Final = 3
"""Loudness looks at every third sample: what speech is made of is below 4 kHz."""


def decoded(data: bytes, format: Format) -> array[int]:
    """Sound of the wire as linear samples; half a sample at the end is left out."""
    if format.type == "audio/pcm":
        samples = array("h", data[: len(data) // 2 * 2])
        if _BIG_ENDIAN:
            samples.byteswap()
        return samples
    table = _ULAW if format.type == "audio/pcmu" else _ALAW
    return array("h", [table[value] for value in data])


def encoded(pcm: bytes, format: Format) -> bytes:
    """PCM16 in another format of the wire, at the same rate."""
    if format.type == "audio/pcm":
        return pcm
    table = _to_law(format.type)
    return bytes([table[sample >> 4] for sample in decoded(pcm, Format("audio/pcm"))])


def resampled(pcm: bytes, rate: int, wanted: int) -> bytes:
    """PCM16 at another rate."""
    if rate == wanted or not pcm:
        return pcm
    samples = array("h", pcm)
    count = len(samples) * wanted // rate
    return array("h", [samples[i * rate // wanted] for i in range(count)]).tobytes()


def loudness(samples: array[int]) -> float:
    """The mean square of some samples; 0 for none."""
    seen = samples[::_STRIDE]
    return sum(map(mul, seen, seen)) / len(seen) if seen else 0.0


def _from_ulaw(value: int) -> int:
    value = ~value & 0xFF
    size = (((value & 0x0F) << 3) + 0x84) << ((value & 0x70) >> 4)
    return 0x84 - size if value & 0x80 else size - 0x84


def _from_alaw(value: int) -> int:
    value ^= 0x55
    size, exponent = (value & 0x0F) << 4, (value & 0x70) >> 4
    size = size + 8 if exponent == 0 else (size + 0x108) << (exponent - 1)
    return size if value & 0x80 else -size


_ULAW: Final = [_from_ulaw(value) for value in range(256)]
_ALAW: Final = [_from_alaw(value) for value in range(256)]
_TABLES: Final[dict[str, list[int]]] = {}


def _to_law(name: str) -> list[int]:
    """The byte for each sample in steps of 16; negative samples count from the end."""
    table = _TABLES.get(name)
    if table is None:
        law = sorted(
            (linear, value) for value, linear in enumerate(_ULAW if name == "audio/pcmu" else _ALAW)
        )
        table, place = [0] * 4096, 0
        for step in range(-2048, 2048):
            sample = step << 4
            while place + 1 < len(law) and abs(law[place + 1][0] - sample) <= abs(
                law[place][0] - sample
            ):
                place += 1
            table[step] = law[place][1]
        _TABLES[name] = table
    return table
