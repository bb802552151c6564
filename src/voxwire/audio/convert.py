"""Sound in one format made into sound in another; silence, loudness, pieces of equal length.

This module knows samples. It knows neither files nor devices.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any, Final, TypeAlias, cast

from ..errors import InvalidOption
from ..protocol.audio_format import PCM16, Format
from . import g711
from .resample import Resampler

__all__ = ["Bytes", "Converter", "chunks", "convert", "level", "pcm", "pieces_of", "silence"]

Bytes: TypeAlias = bytes | bytearray | memoryview
"""Sound as bytes of any kind."""


class Converter:
    """Turns a stream from one format into another, piece by piece.

    Args:
        source: the format that comes in.
        target: the format that goes out.
        live: how it changes the rate; see :class:`Resampler`.

    Raises:
        InvalidOption: the formats differ in rate, and soxr is not installed.
    """

    def __init__(self, source: Format, target: Format, *, live: bool = True) -> None:
        self.source = source
        self.target = target
        self._resampler = Resampler(source.rate, target.rate, live=live)

    def feed(self, data: Bytes) -> bytes:
        """The next bytes in, and what is ready out."""
        if self.source == self.target:
            return bytes(data)
        if "audio/pcm" not in (self.source.type, self.target.type):
            law = g711.ulaw_to_alaw if self.source.type == "audio/pcmu" else g711.alaw_to_ulaw
            return law(bytes(data))
        return self._encode(self._resampler.feed(self._decode(bytes(data))))

    def finish(self) -> bytes:
        """What is left when the stream ends."""
        return b"" if self.source == self.target else self._encode(self._resampler.finish())

    def _decode(self, data: bytes) -> bytes:
        if self.source.type == "audio/pcm":
            return data
        decode = g711.ulaw_decode if self.source.type == "audio/pcmu" else g711.alaw_decode
        return decode(data)

    def _encode(self, samples: bytes) -> bytes:
        if self.target.type == "audio/pcm":
            return samples
        encode = g711.ulaw_encode if self.target.type == "audio/pcmu" else g711.alaw_encode
        return encode(samples)


def convert(data: Bytes, source: Format, target: Format) -> bytes:
    """A whole piece of sound in another format; see :class:`Converter`."""
    converter = Converter(source, target, live=False)
    return converter.feed(data) + converter.finish()


def pcm(sound: Any) -> bytes:
    """16-bit samples from what programs have them in.

    Args:
        sound: bytes that are such samples already; an ``array.array("h")``; or a numpy array, of
            ``int16`` or of floats from -1 to 1, which are clipped.

    Raises:
        InvalidOption: it is of another kind, or has more than one channel.
    """
    if isinstance(sound, array):
        if sound.typecode != "h":
            raise InvalidOption(f'array({sound.typecode!r}) is not samples: use array("h")')
        return _little(cast("array[int]", sound))
    if hasattr(sound, "__array_interface__"):
        return _from_numpy(sound)
    if isinstance(sound, (bytes, bytearray, memoryview)):
        return bytes(cast("Bytes", sound))
    raise InvalidOption(
        f'{type(sound).__name__} is no sound: give bytes, array("h") or a numpy array'
    )


def silence(ms: float, format: Format = PCM16) -> bytes:
    """Sound of nothing."""
    return _SILENCE[format.type] * format.size(ms=ms)


_SILENCE: Final = {"audio/pcm": b"\x00", "audio/pcmu": b"\xff", "audio/pcma": b"\xd5"}


def level(data: Bytes, format: Format = PCM16) -> float:
    """How loud it is, in dBFS: 0 is a square wave at the limit, a sine there is -3, and silence is
    minus infinity. The mean over the whole piece; give it pieces of 20 to 100 ms for a meter."""
    samples = _samples(convert(data, format, Format("audio/pcm", format.rate)))
    power = sum(sample * sample for sample in samples)
    if not power:
        return -math.inf
    return 10 * math.log10(power / len(samples) / 32768**2)


def chunks(
    sound: Bytes | Iterable[Bytes], *, ms: float = 50, format: Format = PCM16
) -> Iterator[bytes]:
    """The same sound in pieces of `ms`, the last one shorter. `sound` may come in pieces itself."""
    size = format.size(ms=ms)
    if size == 0:
        raise InvalidOption(f"ms={ms:g}: a piece is at least one sample long")
    held = bytearray()
    for piece in pieces_of(sound):
        start = 0
        view = memoryview(piece)
        if held:
            start = size - len(held)
            held += view[:start]
            if len(held) < size:
                continue
            yield bytes(held)
            held.clear()
        end = start + (len(view) - start) // size * size
        for at in range(start, end, size):
            yield bytes(view[at : at + size])
        held += view[end:]
    if held:
        yield bytes(held)


def pieces_of(sound: Bytes | Iterable[Bytes]) -> Iterable[Bytes]:
    """Sound that is whole, or comes in pieces, as pieces."""
    if isinstance(sound, (bytes, bytearray, memoryview)):
        return (cast("Bytes", sound),)
    return sound


def _samples(data: bytes) -> array[int]:
    samples = array("h", data[: len(data) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _little(samples: array[int]) -> bytes:
    if sys.byteorder == "big":
        samples = samples[:]
        samples.byteswap()
    return samples.tobytes()


def _from_numpy(sound: Any) -> bytes:
    numpy = import_module("numpy")  # it is there: somebody made the array
    samples = numpy.asarray(sound)
    if samples.ndim == 2 and 1 in samples.shape:
        samples = samples.reshape(-1)
    if samples.ndim != 1:
        raise InvalidOption(
            f"an array of shape {samples.shape} is not mono: mix it, as in sound.mean(axis=1)"
        )
    if samples.dtype.kind == "f":
        scaled = numpy.nan_to_num(samples) * 32767
        samples = numpy.clip(numpy.rint(scaled), -32768, 32767)
    elif (samples.dtype.kind, samples.dtype.itemsize) != ("i", 2):
        raise InvalidOption(f"an array of {samples.dtype} is not samples: use int16, or floats")
    return cast("bytes", samples.astype("<i2").tobytes())
