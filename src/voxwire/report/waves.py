"""Loudness of sound in equal windows, as the waveform shows it.

Only the upper half of each sample is looked at: that is fine enough for a picture, and quick
enough for hours.
"""

from __future__ import annotations

from functools import cache

from ..audio.formats import Format
from ..audio.g711 import alaw_decode, ulaw_decode

__all__ = ["WINDOWS", "Peaks"]

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
