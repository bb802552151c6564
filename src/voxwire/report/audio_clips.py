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

from ..audio.g711 import alaw_decode, ulaw_decode, ulaw_encode
from ..protocol.audio_format import Format
from .model import AudioInfo

__all__ = ["WINDOWS", "AudioClip", "AudioClips", "AudioMode", "Peaks", "decoding_table"]


AudioMode: TypeAlias = Literal["full", "compact", "none"]
"""``full``: as recorded. ``compact``: 8 bits at 8 kHz, as on a phone. ``none``: no sound."""

_PHONE_RATE = 8000


@attrs.define(eq=False)
class AudioClip:
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

    def encoded(self, mode: AudioMode) -> tuple[AudioInfo, bytes]:
        """What the page plays."""
        format, data = self.format, b"".join(self.pieces)
        if format.type == "audio/pcm":
            data = data[: len(data) // 2 * 2]
            if mode == "compact":
                format, data = _thin(format, data)
        return attrs.evolve(self.info, format=format.type, rate=format.rate), data

    @property
    def info(self) -> AudioInfo:
        """What it is."""
        return AudioInfo(
            format=self.format.type,
            rate=self.format.rate,
            seconds=self.seconds,
            lane=self.lane,
            at=self.at,
        )


@attrs.define(eq=False)
class AudioClips:
    """All sounds of a connection by their ids. With ``keep`` off, lengths only are counted."""

    keep: bool = True
    sounds: dict[str, AudioClip] = attrs.Factory(dict[str, AudioClip])

    def put(self, id: str, format: Format, piece: bytes, *, lane: str, at: float) -> None:
        """Add to a sound, which begins with its first piece, at the time of that."""
        if piece:
            sound = self.sounds.get(id)
            if sound is None:
                sound = self.sounds[id] = AudioClip(format, lane, at)
            sound.add(piece, keep=self.keep)

    @property
    def size(self) -> int:
        """Bytes, as recorded."""
        return sum(sound.size for sound in self.sounds.values())

    def infos(self) -> dict[str, AudioInfo]:
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


WINDOWS = 50
"""Windows in a second of sound."""


class Peaks:
    """The greatest level in each window, while sound comes in pieces."""

    def __init__(self, format: Format) -> None:
        self.levels = bytearray()
        """One byte (0 to 127) for each window that is complete."""
        self._pcm = format.sample_bytes == 2
        self._table = _high_byte() if self._pcm else _law(format.type)
        self._window = max(1, format.rate // WINDOWS)
        self._rest = b""

    def add(self, sound: bytes) -> None:
        """Take more sound in."""
        data = self._rest + sound
        if self._pcm:
            whole = len(data) // (2 * self._window) * 2 * self._window
            levels = data[1:whole:2].translate(self._table)
        else:
            whole = len(data) // self._window * self._window
            levels = data[:whole].translate(self._table)
        self._rest = data[whole:]
        size = self._window
        self.levels += bytes(max(levels[i : i + size]) for i in range(0, len(levels), size))

    def end(self) -> None:
        """What is left over makes a last window."""
        rest = self._rest[1::2] if self._pcm else self._rest
        if rest:
            self.levels.append(max(rest.translate(self._table)))
        self._rest = b""


@cache
def _high_byte() -> bytes:
    """The size of a sample by its upper byte, which is signed."""
    return bytes(code if code < 128 else 255 - code for code in range(256))


@cache
def _law(name: str) -> bytes:
    decode = ulaw_decode if name == "audio/pcmu" else alaw_decode
    return decode(bytes(range(256)))[1::2].translate(_high_byte())
