"""The audio that the user appended, on the server's own scale: milliseconds since the beginning.

This module finds the piece that a commit or a turn of speech is about, and lets go of what no
event can be about any more. It does not know items.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

import attrs

from ..audio.formats import PCM16, Format
from .chunks import NO_CHUNKS

__all__ = ["Appended", "Mark"]

# With turn detection on, an event looks back over the speech it has noticed, its lead-in, the time
# on the network and, at most, the 30 s of an idle timeout.
_LOOK_BACK_S = 60


@attrs.frozen
class Mark:
    """Where in the audio a commit or a clear was sent; the server's answer comes later."""

    kind: Literal["commit", "clear"]
    position: int
    event_id: str | None


class Appended:
    """The input audio buffer, as the client sees it.

    Args:
        seconds: how much audio to hold at most; ``None`` for no limit, 0 for none at all.
        tail: how much of the latest audio to hold in any case, for a server that may have to hear
            it again.
    """

    def __init__(self, seconds: float | None, tail: float = 0.0) -> None:
        self.seconds = seconds
        self.tail = tail
        self.format = PCM16
        self.turn_detection: bool | None = None
        """Whether the server finds the turns; ``None`` while the session has not told."""
        self.reset()

    def reset(self) -> None:
        """Begin anew: another session counts its own milliseconds."""
        self.total = 0
        """Bytes appended in all; positions are counted in them."""
        self.speech: int | None = None
        """Where the speech that is going on begins."""
        self._taken = 0
        self._chunks: deque[tuple[int, bytes]] = NO_CHUNKS
        self._marks: list[Mark] = []
        # Where the present format begins, in both scales.
        self._origin, self._origin_ms = 0, 0

    @property
    def taken(self) -> int:
        """Where the server's buffer begins, as far as it has told."""
        return self._taken

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The commits and clears that have not been answered."""
        return tuple(self._marks)

    @property
    def held(self) -> int:
        """Bytes in memory."""
        return sum(len(chunk) for _, chunk in self._chunks)

    def change_format(self, format: Format) -> None:
        """What is appended from now on is in `format`."""
        if format != self.format:
            self._origin_ms += self.format.ms(self.total - self._origin)
            self._origin = self._taken = self.total
            self.format = format
            self._chunks = NO_CHUNKS

    def append(self, audio: bytes | bytearray | memoryview) -> None:
        """Add to the end."""
        if self.seconds == 0 and not self.tail:  # counted only: there is nothing to let go of
            self.total += len(audio)
            return
        if audio:
            if not self._chunks:
                self._chunks = deque()  # of its own
            self._chunks.append((self.total, bytes(audio)))
        self.total += len(audio)
        self._trim()

    def position(self, ms: int) -> int:
        """The byte at `ms`, which may lie ahead of what was appended."""
        return self._origin + self.format.size(ms=max(0, ms - self._origin_ms))

    def ms(self, position: int) -> int:
        """The millisecond at the byte `position`: the other way around."""
        return self._origin_ms + self.format.ms(max(0, position - self._origin))

    def piece(self, start: int, end: int) -> list[bytes]:
        """As much as is held of the audio from `start` to `end`."""
        found: list[bytes] = []
        for offset, chunk in reversed(self._chunks):  # what was said last stands at the end
            if offset + len(chunk) <= start:
                break
            part = chunk[max(0, start - offset) : max(0, end - offset)]
            if part:
                found.append(part)
        found.reverse()
        return found

    def mark(self, kind: Literal["commit", "clear"], event_id: str | None) -> None:
        """A commit or a clear was sent: it is about what was appended before it."""
        self._marks.append(Mark(kind, self.total, event_id))

    def unmark(self, event_id: str | None, kind: Literal["commit", "clear"] | None = None) -> None:
        """The server refused what was marked with that `event_id`, or the next one of `kind`."""
        for mark in self._marks:
            if mark.event_id == event_id if event_id is not None else mark.kind == kind:
                self._marks.remove(mark)
                return

    def answered(self, kind: Literal["commit", "clear"]) -> tuple[int, int, bool]:
        """The server did what was asked, or a commit of its own accord.

        Returns start and end of what that was about, and whether it was asked for.
        """
        start, end, asked = self._taken, self.total, False
        for mark in self._marks:
            if mark.kind == kind:
                end, asked = mark.position, True
                self._marks.remove(mark)
                break
        return start, max(start, end), asked

    def take(self, end: int) -> None:
        """What lies before `end` is no longer in the server's buffer."""
        self._taken = max(self._taken, min(end, self.total))
        self._trim()

    def _trim(self) -> None:
        needed = self._taken
        if self.turn_detection:
            # Speech may begin a little before the end of the last turn, in its lead-in.
            window = self.total - _LOOK_BACK_S * self.format.bytes_per_second
            needed = window if self.speech is None else min(self.speech, self.total)
        if self.seconds is not None:
            needed = max(needed, self.total - int(self.seconds * self.format.bytes_per_second))
        if self.tail:
            needed = min(needed, self.total - int(self.tail * self.format.bytes_per_second))
        while self._chunks and self._chunks[0][0] + len(self._chunks[0][1]) <= needed:
            self._chunks.popleft()
