"""WAV files read into sound as a session takes it, and written from sound as a session gives it.

This module knows files. What samples are, others know.
"""

from __future__ import annotations

import os
import wave
from array import array
from collections.abc import Iterable, Iterator
from typing import IO, TypeAlias

from ..errors import InvalidOption
from .converting import Bytes, Converter, pieces_of
from .formats import PCM16, Format

__all__ = ["read_wav", "stream_wav", "write_wav"]

Source: TypeAlias = "str | os.PathLike[str] | IO[bytes]"


def read_wav(source: Source, format: Format = PCM16) -> bytes:
    """A whole WAV file as mono sound in `format`; see :func:`stream_wav`."""
    return b"".join(stream_wav(source, format))


def stream_wav(source: Source, format: Format = PCM16) -> Iterator[bytes]:
    """A WAV file as mono sound in `format`, piece by piece, so that it may be hours long.

    Channels are mixed. Another rate than that of `format` needs ``pip install 'voxwire[audio]'``.

    Raises:
        InvalidOption: the file is no WAV file of 8, 16, 24 or 32 bits, or soxr is missing.
        OSError: the file cannot be opened.
    """
    name = os.fspath(source) if isinstance(source, (str, os.PathLike)) else "the file"
    try:
        with wave.open(os.fspath(source) if isinstance(source, os.PathLike) else source) as file:
            width, channels = file.getsampwidth(), file.getnchannels()
            converter = Converter(Format("audio/pcm", file.getframerate()), format, live=False)
            while frames := file.readframes(_FRAMES):
                frames = frames[: len(frames) // (width * channels) * width * channels]
                if made := converter.feed(_mono(_sixteen_bits(frames, width), channels)):
                    yield made
            if made := converter.finish():
                yield made
    except (wave.Error, EOFError) as error:
        # All that `wave` raises for what is no WAV file, or one that is cut off.
        said = str(error) or "it ends in its header"
        raise InvalidOption(
            f"{name} cannot be read: {said} (save it as WAV with 16-bit PCM)"
        ) from None


def write_wav(target: Source, sound: Bytes | Iterable[Bytes], format: Format = PCM16) -> None:
    """Write mono sound in `format` as a WAV file of 16-bit samples, at the rate of the format."""
    samples = Format("audio/pcm", format.rate)
    converter = Converter(format, samples)
    with wave.open(os.fspath(target) if isinstance(target, os.PathLike) else target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(format.rate)
        for piece in pieces_of(sound):
            file.writeframes(converter.feed(piece))
        file.writeframes(converter.finish())


_FRAMES = 1 << 14


def _sixteen_bits(frames: bytes, width: int) -> bytes:
    """The upper 16 bits of each sample."""
    if width == 2:
        return frames
    samples = bytearray(2 * (len(frames) // width))
    if width == 1:  # the one width without a sign
        samples[1::2] = frames.translate(_CENTRED)
    else:
        samples[0::2] = frames[width - 2 :: width]
        samples[1::2] = frames[width - 1 :: width]
    return bytes(samples)


_CENTRED = bytes(level ^ 0x80 for level in range(256))


def _mono(samples: bytes, channels: int) -> bytes:
    if channels == 1:
        return samples
    values = array("h", samples)
    each = [values[channel::channels] for channel in range(channels)]
    return array("h", (sum(frame) // channels for frame in zip(*each, strict=True))).tobytes()
