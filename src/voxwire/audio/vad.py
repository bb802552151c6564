"""Voice activity detection: where speech starts and stops in a stream of audio.

:class:`SpeechDetector` is what a detector looks like; :class:`EnergyDetector` goes by loudness and
needs no dependency. A detector knows samples. It knows no session, and decides nothing about what
follows from its findings.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections import deque
from operator import mul
from typing import Final, Literal, Protocol

import attrs

from ..errors import InvalidOption
from .convert import Bytes

__all__ = ["EnergyDetector", "SpeechDetector", "SpeechEdge", "loudness"]


@attrs.frozen
class SpeechEdge:
    """Speech started or stopped."""

    kind: Literal["started", "stopped"]
    ms: int
    """Where, in milliseconds of the stream. It lies before the audio that was fed last: a start is
    certain only after some speech, a stop only after some silence."""


class SpeechDetector(Protocol):
    """Finds speech in a stream of mono PCM16 (signed 16-bit little-endian samples)."""

    def feed(self, pcm: Bytes, /) -> list[SpeechEdge]:
        """The next audio, in chunks of any length; returns the edges found by now, in order.
        Starts and stops alternate, beginning with a start."""
        ...

    def end(self) -> list[SpeechEdge]:
        """The stream is over: the stop of speech that has not stopped."""
        ...


FRAME_MS: Final = 20
_SILENT: Final = -100.0
"""dBFS of what has no energy at all."""
_QUIETEST: Final = -70.0
"""No noise floor is below: some sources mix silence of zeros with audible noise."""
_FIRST_FLOOR: Final = -45.0
"""The noise floor is no higher in the first seconds: a stream may start with speech."""
_BLOCK: Final = 1_000 // FRAME_MS
_BLOCKS: Final = 8
"""The noise floor is the quietest moment of so many blocks of a second."""
_LEAST_MARGIN: Final = 6.0
_SHARE: Final = 0.35
"""Speech is this far above the noise floor, as a share of the way to the loudest speech."""
_HYSTERESIS: Final = 3.0
_PEAK_DECAY: Final = 1.0 * FRAME_MS / 1000
"""dB by which the loudest speech is forgotten with each frame."""
_LOOK_BACK: Final = 10


class EnergyDetector:
    """Finds speech by its loudness, with a threshold that follows the noise and the speaker.

    The noise floor is the quietest moment of the last seconds. Speech is louder by a share of the
    distance between that floor and the loudest speech, and by 6 dB at least. A detector is for one
    stream.

    Args:
        rate: samples per second of the audio, 8,000 or more.
        pause_ms: silence that ends speech. The pauses between words are shorter.
        min_speech_ms: sound that is shorter, such as a click, is not speech.

    Raises:
        InvalidOption: a value is out of range.
    """

    def __init__(
        self, rate: int = 24_000, *, pause_ms: int = 500, min_speech_ms: int = 100
    ) -> None:
        if rate < 8_000:
            raise InvalidOption(f"rate={rate}: a detector takes 8000 samples per second or more")
        for name, value in (("pause_ms", pause_ms), ("min_speech_ms", min_speech_ms)):
            if value < FRAME_MS:
                raise InvalidOption(f"{name}={value}: give {FRAME_MS} ms or more")
        self.speaking = False
        """Whether speech has started and not stopped."""
        self._size = rate * FRAME_MS // 1000 * 2
        self._stride = max(1, rate // 8_000)
        self._pause = -(-pause_ms // FRAME_MS)
        self._onset = -(-min_speech_ms // FRAME_MS)
        self._rest = b""
        self._frame = 0
        self._levels: deque[float] = deque(maxlen=self._onset + 1 + _LOOK_BACK)
        self._blocks = deque([_FIRST_FLOOR], maxlen=_BLOCKS)
        self._block = 0.0
        self._peak = _SILENT
        self._loud_until = 0
        self._loud_run = 0

    @property
    def position_ms(self) -> int:
        """How much of the stream was looked at."""
        return self._frame * FRAME_MS

    @property
    def threshold(self) -> float:
        """How loud speech is at least, in dBFS, as far as is known now."""
        floor = max(_QUIETEST, min(self._block, *self._blocks))
        return floor + max(_LEAST_MARGIN, _SHARE * (self._peak - floor))

    def feed(self, pcm: Bytes, /) -> list[SpeechEdge]:
        """See :meth:`SpeechDetector.feed`."""
        data = self._rest + bytes(pcm)
        size = self._size
        whole = len(data) // size * size
        self._rest = data[whole:]
        edges: list[SpeechEdge] = []
        for start in range(0, whole, size):
            edge = self._hear(loudness(data[start : start + size], self._stride))
            if edge is not None:
                edges.append(edge)
        return edges

    def end(self) -> list[SpeechEdge]:
        """See :meth:`SpeechDetector.end`."""
        edges = self.feed(bytes(self._size - len(self._rest))) if self._rest else []
        if self.speaking:
            self.speaking = False
            edges.append(SpeechEdge("stopped", self._loud_until * FRAME_MS))
        return edges

    def _hear(self, level: float) -> SpeechEdge | None:
        self._frame += 1
        self._levels.append(level)
        self._learn(level)
        threshold = self.threshold
        if not self.speaking:
            return self._start(threshold)
        self._loud_run = self._loud_run + 1 if level > threshold - _HYSTERESIS else 0
        # One loud frame in a pause is a click. Where it was the first of two, both count.
        if self._loud_run > 1 or (self._loud_run and self._loud_until == self._frame - 1):
            self._loud_until = self._frame
        if self._frame - self._loud_until < self._pause:
            return None
        self.speaking = False
        return SpeechEdge("stopped", self._loud_until * FRAME_MS)

    def _learn(self, level: float) -> None:
        """Follow the noise and the speaker, by the mean of three frames."""
        recent = [self._levels[at] for at in range(-min(3, len(self._levels)), 0)]
        mean = sum(recent) / len(recent)
        self._peak = max(mean, self._peak - _PEAK_DECAY)
        if self._frame % _BLOCK == 0:
            self._blocks.append(self._block)
            self._block = mean
        self._block = min(self._block, mean)

    def _start(self, threshold: float) -> SpeechEdge | None:
        recent = [self._levels[at] for at in range(-min(self._onset + 1, len(self._levels)), 0)]
        if recent[-1] <= threshold or sum(level > threshold for level in recent) < self._onset:
            return None
        self.speaking, self._loud_until, self._loud_run = True, self._frame, 1
        # The first sound of a word is softer: it begins where it rose above the lower threshold.
        quiet = 0
        began = len(self._levels)
        for at in range(len(self._levels) - 1, -1, -1):
            quiet = 0 if self._levels[at] > threshold - _HYSTERESIS else quiet + 1
            if quiet > 1:
                break
            if not quiet:
                began = at
        return SpeechEdge("started", (self._frame - len(self._levels) + began) * FRAME_MS)


def loudness(pcm: bytes, stride: int = 1) -> float:
    """How loud PCM16 is, in dBFS, without its constant part; -100 for what has no energy.

    `stride` takes only every so many samples into account, which is quicker.
    """
    samples = array("h", pcm[: len(pcm) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    seen = samples[::stride]
    if not seen:
        return _SILENT
    power = sum(map(mul, seen, seen)) / len(seen) - (sum(seen) / len(seen)) ** 2
    return max(_SILENT, 10 * math.log10(power / 32768**2)) if power > 0 else _SILENT
