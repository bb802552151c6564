"""What the user's side sent of sound: where it lies in time, how loud it was, and its pieces.

The server counts its milliseconds in the sound that it was sent; the recording has the times of the
frames. This module leads from the one to the other. It knows no items and no turns.
"""

from __future__ import annotations

from base64 import b64encode
from bisect import bisect_left

from ..protocol.audio_format import PCM16, Format
from .audio_clips import AudioClips, Peaks
from .model import Clip, Wave

__all__ = ["InputAudio"]

_STRETCH = 2.0  # seconds of sound in one piece of the waveform
_PIECE = 10.0  # and in one that is played
_PAUSE = 0.5  # a longer time without a frame is a gap in the waveform


class InputAudio:
    """The sound that was appended, from the beginning of a session."""

    def __init__(self, shelf: AudioClips, name: str = "user") -> None:
        self.format = PCM16
        self.waves: list[Wave] = []
        self.seconds = 0.0
        """Length of all of it."""
        self._shelf = shelf
        self._name = name
        # Frame by frame: where its sound ends on the server's scale, and when it was sent.
        self._ends: list[float] = []
        self._times: list[tuple[float, float]] = []
        self._pieces: list[tuple[str, float, float]] = []
        self._stretch: tuple[float, float, Peaks] | None = None
        self._made = 0

    def append(self, at: float, sound: bytes, format: Format | None = None) -> None:
        """A frame with sound, and when it was sent: by then the sound had been spoken."""
        format = format or self.format
        if format != self.format:
            self._end_stretch()
            self.format = format
        length = len(sound) / format.bytes_per_second
        if not length:
            return
        last = self._times[-1][1] if self._times else 0.0
        begin = max(last, at - length)
        if begin - last > _PAUSE:
            self._end_stretch()
        self._play(begin, sound, format, length)
        self.seconds += length
        self._ends.append(self.seconds)
        self._times.append((begin, max(begin, at)))
        start, held, peaks = self._stretch or (begin, 0.0, Peaks(format))
        peaks.add(sound)
        self._stretch = (start, held + length, peaks)
        if held + length >= _STRETCH:
            self._end_stretch()

    def when(self, seconds: float) -> float | None:
        """When that place in the sound was sent; ``None`` where the sound does not reach it."""
        index = bisect_left(self._ends, seconds)
        if index == len(self._ends):
            return None
        begin, end = self._times[index]
        before = self._ends[index - 1] if index else 0.0
        share = (seconds - before) / (self._ends[index] - before)
        return begin + (end - begin) * max(0.0, share)

    def clips(self, start: float, end: float) -> list[Clip]:
        """The pieces of what was sent from ``start`` to ``end``, as far as they are kept."""
        found: list[Clip] = []
        for id, begin, length in self._pieces:
            if begin < end and begin + length > start:
                clip = Clip(sound=id, start=max(0.0, start - begin), end=min(length, end - begin))
                found.append(clip)
        return found

    def all_waves(self) -> list[Wave]:
        """The waveform, with what is not a whole stretch yet."""
        open_one = self._stretch
        if open_one is None or not open_one[2].levels:
            return self.waves
        return [*self.waves, self._wave(open_one[0], open_one[2])]

    def _play(self, at: float, sound: bytes, format: Format, length: float) -> None:
        last = self._pieces[-1] if self._pieces else None
        fits = last is not None and last[2] < _PIECE
        if last is None or not fits or self._shelf.sounds[last[0]].format != format:
            self._made += 1
            last = (f"{self._name}-{self._made}", self.seconds, 0.0)
            self._pieces.append(last)
        self._pieces[-1] = (last[0], last[1], last[2] + length)
        self._shelf.put(last[0], format, sound, lane="user", at=at)

    def _end_stretch(self) -> None:
        if self._stretch is not None:
            start, _, peaks = self._stretch
            peaks.end()
            self.waves.append(self._wave(start, peaks))
            self._stretch = None

    def _wave(self, start: float, peaks: Peaks) -> Wave:
        return Wave(at=start, end=self._times[-1][1], peaks=b64encode(peaks.levels).decode())
