"""The sound itself, kept so that a page can play it: as recorded, or smaller, or not at all.

This module knows bytes, formats and lengths. It does not know whose sound it is.
"""

from __future__ import annotations

import sys
from array import array
from base64 import b64encode
from functools import cache
from operator import add
from typing import Literal, TypeAlias

import attrs

from ..audio.formats import Format
from ..audio.g711 import alaw_decode, ulaw_decode, ulaw_encode
from .model import SoundInfo

__all__ = ["AudioMode", "Shelf", "Sound", "decoding_table"]

AudioMode: TypeAlias = Literal["full", "compact", "none"]
"""``full``: as recorded. ``compact``: 8 bits at 8 kHz, as on a phone. ``none``: no sound."""

_PHONE_RATE = 8000


@attrs.define(eq=False)
class Sound:
    """A sound, in pieces as they came."""

    format: Format
    lane: str
    at: float
    pieces: list[bytes] = attrs.Factory(list[bytes])
    size: int = 0

    def add(self, piece: bytes, *, keep: bool = True) -> None:
        """Put a piece at its end."""
        if keep:
            self.pieces.append(piece)
        self.size += len(piece)

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.size / self.format.bytes_per_second

    def encoded(self, mode: AudioMode) -> tuple[SoundInfo, bytes]:
        """What the page plays."""
        format, data = self.format, b"".join(self.pieces)
        if format.type == "audio/pcm":
            data = data[: len(data) // 2 * 2]
            if mode == "compact":
                format, data = _thin(format, data)
        return attrs.evolve(self.info, format=format.type, rate=format.rate), data

    @property
    def info(self) -> SoundInfo:
        """What it is."""
        return SoundInfo(
            format=self.format.type,
            rate=self.format.rate,
            seconds=self.seconds,
            lane=self.lane,
            at=self.at,
        )


@attrs.define(eq=False)
class Shelf:
    """All sounds of a connection by their ids. With ``keep`` off, lengths only are counted."""

    keep: bool = True
    sounds: dict[str, Sound] = attrs.Factory(dict[str, Sound])

    def put(self, id: str, format: Format, piece: bytes, *, lane: str, at: float) -> None:
        """Add to a sound, which begins with its first piece, at the time of that."""
        if piece:
            sound = self.sounds.get(id)
            if sound is None:
                sound = self.sounds[id] = Sound(format, lane, at)
            sound.add(piece, keep=self.keep)

    @property
    def size(self) -> int:
        """Bytes, as recorded."""
        return sum(sound.size for sound in self.sounds.values())

    def infos(self) -> dict[str, SoundInfo]:
        """What there is to hear."""
        return {id: sound.info for id, sound in self.sounds.items()}


def decoding_table(law: str) -> str:
    """The samples of the 256 codes of a G.711 law, 16 bits each, little-endian, in base64."""
    decode = ulaw_decode if law == "audio/pcmu" else alaw_decode
    return b64encode(decode(bytes(range(256)))).decode()


def _thin(format: Format, data: bytes) -> tuple[Format, bytes]:
    """Mu-law in place of PCM, at 8 kHz where the rate is a multiple of that."""
    count = format.rate // _PHONE_RATE if format.rate % _PHONE_RATE == 0 else 1
    law = Format("audio/pcmu", format.rate // count)
    if count == 1:
        return law, ulaw_encode(data)
    samples = array("h", data[: len(data) // (2 * count) * 2 * count])
    if sys.byteorder == "big":
        samples.byteswap()
    # The mean of neighbours, looked up by their sum, which may be negative: so may an index.
    sums = samples[0::count]
    lanes = [samples[lane::count] for lane in range(1, count)]
    total = map(add, sums, lanes[0])
    for lane in lanes[1:]:
        total = map(add, total, lane)
    return law, bytes(map(_mean_codes(count).__getitem__, total))


@cache
def _mean_codes(count: int) -> bytes:
    """The mu-law code of the mean of ``count`` samples, by their sum."""
    every = b"".join(n.to_bytes(2, "little", signed=True) for n in range(-0x8000, 0x8000))
    codes = ulaw_encode(every)
    above = bytes(codes[0x8000 + total // count] for total in range(0x7FFF * count + 1))
    below = bytes(codes[0x8000 + total // count] for total in range(-0x8000 * count, 0))
    return above + below
