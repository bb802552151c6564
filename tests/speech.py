"""Speech to test detection with: tones, noise, and a real synthesizer where it is installed."""

from __future__ import annotations

import io
import math
import random
import shutil
import subprocess
import wave
from array import array
from functools import cache

import pytest

from voxwire.audio import silence
from voxwire.emulator.speech_synthesis import resampled

RATE = 24_000


def beep(ms: int, dbfs: float = -20.0, rate: int = RATE, hertz: int = 220) -> bytes:
    """A tone of this loudness."""
    peak = 32768 * 10 ** (dbfs / 20) * math.sqrt(2)
    count = rate * ms // 1000
    step = 2 * math.pi * hertz / rate
    return array("h", (int(peak * math.sin(step * at)) for at in range(count))).tobytes()


def noisy(pcm: bytes, dbfs: float, seed: int = 1) -> bytes:
    """The same with noise of this loudness in all of it."""
    dice, size = random.Random(seed), 32768 * 10 ** (dbfs / 20)
    samples = (int(x + dice.gauss(0, size)) for x in array("h", pcm))
    return array("h", (max(-32768, min(32767, x)) for x in samples)).tobytes()


def softer(pcm: bytes, db: float) -> bytes:
    """The same, so much softer."""
    return array("h", (int(x * 10 ** (-db / 20)) for x in array("h", pcm))).tobytes()


@cache
def spoken(text: str) -> bytes:
    """Real speech at 24 kHz, without the silence around it. Skips the test where espeak-ng is not
    installed."""
    program = shutil.which("espeak-ng")
    if program is None:
        pytest.skip("espeak-ng is not installed: no real speech to test with")
    made = subprocess.run([program, "--stdout", "--", text], capture_output=True, check=True)
    with wave.open(io.BytesIO(made.stdout)) as sound:
        pcm = resampled(sound.readframes(sound.getnframes()), sound.getframerate(), RATE)
    samples = array("h", pcm)
    audible = [at for at, sample in enumerate(samples) if abs(sample) > 60]
    return samples[audible[0] : audible[-1] + 1].tobytes()


def apart(clips: list[bytes], gap_ms: int) -> tuple[bytes, list[tuple[float, float]]]:
    """The clips with gaps between and after them, and from where to where each lies, in ms."""
    sound, places = bytearray(), list[tuple[float, float]]()
    for clip in clips:
        places.append((len(sound) / 48, (len(sound) + len(clip)) / 48))
        sound += clip + silence(gap_ms)
    return bytes(sound), places
