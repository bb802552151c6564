"""How the model sounds: speech for a text, by espeak-ng where that is installed, else a tone.

A tone has the length that the speech would have had, so that lengths and positions are lifelike.
"""

from __future__ import annotations

import io
import math
import shutil
import subprocess
import wave
from array import array
from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeAlias

from ..audio.formats import Format
from .sound import encoded, resampled

__all__ = ["CHARACTER_MS", "Voice", "espeak", "speak", "tone"]

Voice: TypeAlias = Callable[[str], bytes]
"""Text -> PCM16 at 24 kHz."""

CHARACTER_MS: Final = 60
_RATE: Final = 24_000
_PEAK: Final = 6000


@lru_cache(maxsize=256)
def tone(text: str) -> bytes:
    """A soft tone as long as the text would take to say; a gap between two words."""
    samples = array("h")
    for number, word in enumerate(text.split()):
        if number:
            samples.extend(_SILENT[: CHARACTER_MS * _RATE // 1000])
        samples.extend(_beep(len(word), 180 + 20 * (number % 5)))
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
    command = [program, "--stdout", "-s", "165", "--", text]
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
