"""How loud it is on both sides of a conversation, for meters: what goes in, what is being played.

Knows sound; draws nothing.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import AsyncIterator

from ..audio.convert import chunks, level
from ..protocol.audio_format import PCM16, Format
from ..session.voice_loop import Audio, Sink

__all__ = ["Metered"]

_PIECE_MS = 40


class Metered:
    """An :class:`Audio` whose levels can be read: wraps another one."""

    def __init__(self, inner: Audio) -> None:
        self._inner = inner
        self.microphone = _Microphone(inner)
        self.speaker = _Speaker(inner.speaker)

    def open(self, input: Format, output: Format) -> None:
        """Begin, in the formats of a session."""
        self.microphone.format, self.speaker.format = input, output
        self._inner.open(input, output)

    def close(self) -> None:
        """End."""
        self._inner.close()


class _Microphone:
    def __init__(self, inner: Audio) -> None:
        self.format = PCM16
        self.level = -math.inf
        """Of the last piece, in dBFS."""
        self.heard = 0.0
        """Seconds of sound so far."""
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._inner.microphone:
            self.level = level(piece, self.format)
            self.heard += len(piece) / self.format.bytes_per_second
            yield piece
        self.level = -math.inf


class _Speaker:
    def __init__(self, inner: Sink) -> None:
        self.format = PCM16
        self._inner = inner
        self._levels: deque[tuple[float, float]] = deque()  # until which ms, how loud
        self._written = 0.0

    def write(self, data: bytes) -> None:
        """Play this, and note how loud it will be when."""
        self._written = max(self._written, self._inner.played)
        for piece in chunks(data, ms=_PIECE_MS, format=self.format):
            self._written += len(piece) * 1000 / self.format.bytes_per_second
            self._levels.append((self._written, level(piece, self.format)))
        self._inner.write(data)

    def flush(self) -> None:
        """The end of an utterance."""
        self._inner.flush()

    def clear(self) -> None:
        """Throw away what has not been played."""
        self._inner.clear()
        self._levels.clear()
        self._written = self._inner.played

    @property
    def played(self) -> float:
        """Milliseconds heard."""
        return self._inner.played

    @property
    def pending(self) -> float:
        """Milliseconds that are yet to be heard."""
        return self._inner.pending

    @property
    def level(self) -> float:
        """Of what is being heard now, in dBFS."""
        played = self._inner.played
        while self._levels and self._levels[0][0] <= played:
            self._levels.popleft()
        return self._levels[0][1] if self._levels else -math.inf
