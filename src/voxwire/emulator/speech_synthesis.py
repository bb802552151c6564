"""Samples: formats of the wire, other rates by the nearest sample, and how loud a piece is.

Good enough for a test signal and for telling speech from silence; not for listening pleasure.
"""

from __future__ import annotations

import io
import math
import shutil
import subprocess
import sys
import wave
from array import array
from collections.abc import Callable
from functools import lru_cache
from operator import mul
from typing import Final, TypeAlias

from ..audio.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from ..protocol.audio_format import Format

__all__ = [
    "CHARACTER_MS",
    "Voice",
    "decoded",
    "encoded",
    "espeak",
    "loudness",
    "resampled",
    "speak",
    "tone",
]


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


Voice: TypeAlias = Callable[[str], bytes]
"""Text -> PCM16 at 24 kHz."""

CHARACTER_MS: Final = 60
_RATE: Final = 24_000
_PEAK: Final = 6000


LONGEST_TEXT: Final = 4_000
"""How many characters of a text are spoken: four minutes. What a client has the model say must not
keep the machine at work for hours after it has left."""
_CACHED_TEXT: Final = 200
_LONGEST_WORD: Final = 100


def tone(text: str) -> bytes:
    """A soft tone as long as the text would take to say; a gap between two words. Of a text of more
    than :data:`LONGEST_TEXT` characters, the beginning."""
    # Only short ones are kept: what a cache holds is counted in bytes, not in texts.
    return _short_tone(text) if len(text) <= _CACHED_TEXT else _tone(text[:LONGEST_TEXT])


@lru_cache(maxsize=128)
def _short_tone(text: str) -> bytes:
    return _tone(text)


def _tone(text: str) -> bytes:
    samples = array("h")
    for number, word in enumerate(text.split()):
        if number:
            samples.extend(_SILENT[: CHARACTER_MS * _RATE // 1000])
        for start in range(0, len(word), _LONGEST_WORD):
            letters = min(len(word) - start, _LONGEST_WORD)
            samples.extend(_beep(letters, 180 + 20 * (number % 5)))
    return samples.tobytes()


_SILENT: Final = array("h", bytes(2 * _RATE))


@lru_cache(maxsize=64)
def _beep(letters: int, hertz: int) -> array[int]:
    count = letters * CHARACTER_MS * _RATE // 1000
    fade = min(count // 4, _RATE // 100) or 1
    step = 2 * math.pi * hertz / _RATE
    return array(
        "h",
        (
            int(_PEAK * min(1.0, i / fade, (count - i) / fade) * math.sin(step * i))
            for i in range(count)
        ),
    )


def espeak(text: str) -> bytes:
    """Speech by espeak-ng; a tone where it is not there or fails."""
    program = shutil.which("espeak-ng")
    if program is None:
        return tone(text)
    command = [program, "--stdout", "-s", "165", "--", text[:LONGEST_TEXT]]
    try:
        made = subprocess.run(command, capture_output=True, timeout=10, check=True).stdout
        with wave.open(io.BytesIO(made)) as sound:
            pcm = sound.readframes(sound.getnframes())
            return resampled(pcm, sound.getframerate(), _RATE)
    except (subprocess.SubprocessError, OSError, wave.Error, EOFError):
        # No program, or one that fails: a tone will do.
        return tone(text)


def speak(text: str, format: Format, *, voice: Voice = tone, speed: float = 1.0) -> bytes:
    """A text as sound in a format of the wire."""
    pcm = voice(text)
    rate = round(_RATE * speed)  # played faster, as a tape would be
    return encoded(resampled(pcm, rate, format.rate), format)
