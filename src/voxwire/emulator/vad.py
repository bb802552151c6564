"""Where speech begins and ends in the sound that comes in, by how loud it is.

It knows sound and the settings of turn detection; what follows from an edge is not its business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal

import attrs

from ..protocol.audio_format import Format
from .speech_synthesis import decoded, loudness

__all__ = ["Edge", "VadDetector", "semantic_silence_ms"]

FRAME_MS: Final = 20
_ONSET_FRAMES: Final = 3
"""So many loud frames in a row are speech; a click is not."""


@attrs.frozen
class Edge:
    """Speech began or ended. ``ms`` is where the sound of the turn begins or ends, from the start
    of the session, with its padding or the silence that ended it."""

    kind: Literal["started", "stopped"]
    ms: int


@attrs.define
class VadDetector:
    """Reads sound in order, whatever the pieces, and tells the edges in it.

    ``silence_ms`` says how much silence ends the turn; it is asked whenever it becomes silent.
    """

    format: Format
    threshold: float
    prefix_ms: int
    silence_ms: Callable[[], int]
    position_ms: int = 0
    """How far the sound has been heard."""
    earliest_ms: int = 0
    """No turn begins before here: where the last one ended."""
    speaking: bool = False
    _rest: bytes = b""
    _loud: int = 0
    _quiet_ms: int = 0
    _limit_ms: int = 0

    @classmethod
    def of(
        cls,
        settings: Mapping[str, Any],
        format: Format,
        silence_ms: Callable[[], int],
        position_ms: int,
    ) -> VadDetector:
        """A detector for the ``turn_detection`` of a session."""
        return cls(
            format=format,
            threshold=float(settings.get("threshold", 0.5)),
            prefix_ms=int(settings.get("prefix_padding_ms", 300)),
            silence_ms=silence_ms,
            position_ms=position_ms,
            earliest_ms=position_ms,
        )

    def hear(self, data: bytes) -> Iterator[Edge]:
        """The edges in the next piece of sound."""
        size = self.format.size(ms=FRAME_MS)
        limit = _limit(self.threshold)
        data = self._rest + data
        for start in range(0, len(data) - size + 1, size):
            loud = loudness(decoded(data[start : start + size], self.format)) > limit
            self.position_ms += FRAME_MS
            edge = self._frame(loud)
            if edge is not None:
                yield edge
        self._rest = data[len(data) // size * size :]

    def _frame(self, loud: bool) -> Edge | None:
        self._loud = self._loud + 1 if loud else 0
        if not self.speaking:
            if self._loud < _ONSET_FRAMES:
                return None
            self.speaking, self._quiet_ms = True, 0
            began = self.position_ms - self._loud * FRAME_MS - self.prefix_ms
            return Edge("started", max(self.earliest_ms, began))
        if loud:
            self._quiet_ms = 0
            return None
        if not self._quiet_ms:
            self._limit_ms = max(FRAME_MS, self.silence_ms())
        self._quiet_ms += FRAME_MS
        if self._quiet_ms < self._limit_ms:
            return None
        self.reset()
        return Edge("stopped", self.position_ms)

    def reset(self) -> None:
        """Forget what is going on: the turn is over."""
        self.speaking, self._loud, self.earliest_ms = False, 0, self.position_ms


def _limit(threshold: float) -> float:
    """The mean square that a frame of speech exceeds: -60 dB of full scale at 0, -20 dB at 1."""
    return float((32768 * 10 ** ((40 * threshold - 60) / 20)) ** 2)


_PATIENCE_MS: Final = {"low": 8000, "medium": 4000, "auto": 4000, "high": 2000}
_FINISHED_MS: Final = 400


def semantic_silence_ms(eagerness: object, transcript: str) -> int:
    """How much silence ends a turn by its sense: little after a finished sentence."""
    if transcript.rstrip().endswith((".", "!", "?", "…", "。", "！", "？")):
        return _FINISHED_MS
    return _PATIENCE_MS.get(str(eagerness), _PATIENCE_MS["auto"])
