"""Sound: formats and lengths, G.711, other sample rates, WAV files, microphone and speaker."""

from __future__ import annotations

from .convert import Bytes, Converter, chunks, convert, level, pcm, pieces_of, silence

__all__ = [
    "Bytes",
    "Converter",
    "chunks",
    "convert",
    "level",
    "pcm",
    "pieces_of",
    "silence",
]
