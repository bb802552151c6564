"""When entries were: by their times, or, where none were recorded, in equal steps.

This module knows numbers only. A time that is none, or goes back, does not move the clock.
"""

from __future__ import annotations

from math import isfinite

__all__ = ["STEP", "Clock"]

STEP = 0.05
"""Seconds that an entry takes up in a recording without times. Sound takes its own length."""

_LONGEST = 1e8  # three years: what lies beyond is no time of a session


class Clock:
    """The clock of one connection."""

    def __init__(self) -> None:
        self.timed = True
        """Whether times were recorded."""
        self.now = 0.0
        """Where the clock stands: no entry was later."""
        self._decided = False

    def frame(self, t: float | None, sound: float = 0.0) -> tuple[float, float]:
        """When a frame was, and when the sound in it ends as it is sent.

        Args:
            t: its time in the recording.
            sound: seconds of sound in it.
        """
        if not self._decided:
            # The first frame tells: recorders without times may still put one on their own lines.
            self._decided, self.timed = True, t is not None
        if self.timed:
            self.now = self._later(t)
            return self.now, self.now
        at = self.now
        self.now += max(STEP, sound)
        return at, at + sound if sound else self.now

    def note(self, t: float | None) -> float:
        """When an entry was that is no frame. It takes no time."""
        if self._decided and self.timed:
            self.now = self._later(t)
        return self.now

    def _later(self, t: float | None) -> float:
        known = t is not None and isfinite(t) and 0 <= t < _LONGEST
        return max(self.now, t) if known and t is not None else self.now
