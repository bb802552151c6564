"""The row of sounds that are to be played, and how far a listener has come in it.

This module counts bytes and milliseconds of items. It knows no events and decides nothing.
"""

from __future__ import annotations

from fractions import Fraction

import attrs

from ...protocol.audio_format import PCM16, Format

__all__ = ["PlayedAudio", "Track"]


@attrs.define(eq=False)
class Track:
    """The speech of one item."""

    item_id: str
    response_id: str = ""
    format: Format = PCM16
    received: int = 0
    """Bytes that have arrived."""

    played: int = 0
    """Bytes that the listener has heard; never more than have arrived."""

    complete: bool = False
    """Whether no more will arrive."""

    stopped: bool = False
    """Whether it was cut: what arrives from now on is not for the listener."""

    listed: bool = False
    """Whether it was seen to be in the conversation."""

    as_text: bool = False
    """Whether the conversation has it as text since another connection: that cannot be cut."""

    @property
    def played_ms(self) -> int:
        """Whole milliseconds heard."""
        return self.format.ms(self.played)

    @property
    def received_ms(self) -> int:
        """Whole milliseconds that have arrived."""
        return self.format.ms(self.received)

    @property
    def pending(self) -> bool:
        """Whether the listener still has something of it to hear, as far as is known."""
        return not self.stopped and (not self.complete or self.played < self.received)


@attrs.define(eq=False)
class _Piece:
    track: Track
    start: int
    end: int

    def seconds(self) -> Fraction:
        return Fraction(self.end - self.start, self.track.format.bytes_per_second)


class PlayedAudio:
    """Sounds play in the order in which they came; a position says how far.

    Positions count the seconds of sound that a speaker has played since it was opened. Sound
    that was thrown away unheard does not count: after :meth:`clear`, the row begins anew at the
    last position told.
    """

    def __init__(self) -> None:
        self._row: list[_Piece] = []  # short: a deque takes 760 bytes when it is empty
        self._start = Fraction(0)  # where the first piece begins, in seconds
        self._position = Fraction(0)
        self._marks: dict[str, tuple[Track, int] | None] = {}
        self._named = 0

    @property
    def playing(self) -> Track | None:
        """The track that is being heard, or is next."""
        return self._row[0].track if self._row else None

    def add(self, track: Track, size: int) -> None:
        """Put `size` bytes of `track` at the end of the row."""
        start = track.received
        track.received = end = start + size
        last = self._row[-1] if self._row else None
        if last is not None and last.track is track:
            last.end = end
        else:
            self._row.append(_Piece(track, start, end))

    def move_to(self, position: Fraction) -> None:
        """The speaker is at `position`. An earlier position than the last one is no news.

        What goes beyond the end of the row was silence, and is not counted against later sound.
        """
        if position <= self._position:
            return
        self._position = position
        while self._row:
            piece = self._row[0]
            length = piece.seconds()
            if self._start + length > position:
                part = (position - self._start) * piece.track.format.bytes_per_second
                _hear(piece.track, piece.start + int(part))
                return
            self._start += length
            _hear(piece.track, piece.end)
            self._row.pop(0)
        self._start = position

    def move_in(self, track: Track, size: int) -> None:
        """The first `size` bytes of `track` were heard, and so was all that comes before them."""
        size = min(size, track.received)
        if size <= track.played:
            return
        if any(piece.track is track and piece.end >= size for piece in self._row):
            while True:
                piece = self._row[0]
                if piece.track is track and piece.end >= size:
                    break
                _hear(piece.track, piece.end)
                self._row.pop(0)
            # Where the speaker is, was told by item: positions go on from there.
            self._start = self._position - Fraction(
                size - piece.start, track.format.bytes_per_second
            )
        _hear(track, size)
        if self._row and self._row[0].end == size and self._row[0].track is track:
            self._row.pop(0)
            self._start = self._position

    def mark(self) -> str:
        """A name for the end of the row as it is now."""
        self._named += 1
        name = f"voxwire-{self._named}"
        last = self._row[-1] if self._row else None
        self._marks[name] = (last.track, last.end) if last is not None else None
        return name

    def reach(self, name: str) -> bool:
        """All sound before the mark was heard, and so were the marks set before it.

        False for a mark that is not, or no longer, set: a phone provider hands back all marks at
        once when its buffer is cleared, and those say nothing about what was heard.
        """
        if name not in self._marks:
            return False
        for earlier in list(self._marks):
            place = self._marks.pop(earlier)
            if earlier == name:
                if place is not None:
                    self.move_in(*place)
                break
        return True

    def forget(self, track: Track) -> None:
        """Count the sound of a track as passed, if it is at the front of the row."""
        while self._row and self._row[0].track is track:
            self._start += self._row.pop(0).seconds()

    def clear(self) -> None:
        """Throw the row away, and its marks with it."""
        self._row.clear()
        self._start = self._position
        self._marks.clear()


def _hear(track: Track, end: int) -> None:
    end -= end % track.format.sample_bytes
    track.played = max(track.played, min(end, track.received))
