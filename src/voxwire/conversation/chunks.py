"""Text and sound that arrive in pieces: taken in constant time, joined when somebody asks.

This module knows strings and bytes. It does not know what they belong to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any, Final

__all__ = ["NO_CHUNKS", "Shelf", "Sound", "Text", "spoken_share"]


# Most parts have one text of the two that they could have, and no sound that is kept: what has none
# shares these, and takes no list or deque (760 bytes) of its own.
NO_PIECES: Final[list[str]] = []
NO_CHUNKS: Final[deque[Any]] = deque()
_NOTHING_JOINED: Final[tuple[list[str], int, str]] = (NO_PIECES, 0, "")


class Text:
    """A text in the making. One thread writes, any number may read: a reader changes nothing that a
    writer uses, so that it cannot swallow what is added in the same moment."""

    __slots__ = ("_joined", "_pieces", "known", "settled")

    def __init__(self) -> None:
        self._pieces: list[str] = NO_PIECES
        # What was read last: of which pieces, how many of them, as one.
        self._joined: tuple[list[str], int, str] = _NOTHING_JOINED
        self.known = False
        """Whether anything has been said about it; tells an empty text from none."""
        self.settled = False
        """Whether it is whole, so that pieces that still come in are not part of it."""

    @property
    def value(self) -> str:
        """All of it."""
        pieces = self._pieces
        if len(pieces) < 2:
            return pieces[0] if pieces else ""
        of, count, text = self._joined
        if of is not pieces:
            count, text = 0, ""
        more = pieces[count:]
        if more:
            text += "".join(more)
            self._joined = pieces, count + len(more), text
        return text

    def add(self, piece: str) -> bool:
        """Append a piece; tells whether it was taken."""
        if self.settled:
            return False
        if self._pieces:
            self._pieces.append(piece)
        else:
            self._pieces = [piece]
        self.known = True
        return True

    def suggest(self, value: str) -> bool:
        """Take `value` where nothing is known yet; tells whether that changed anything."""
        if self.known or not value:
            return False
        self._become(value)
        return True

    def settle(self, value: str | None) -> tuple[bool, str]:
        """Take the final text, or what there is for final where `value` is ``None``.

        Returns whether that changed it, and the piece that was missing at its end (empty where
        the final text is not a continuation of what came in pieces).
        """
        before, known = self.value, self.known
        self._become(before if value is None else value)
        self.settled = True
        if value is None:
            self.known = known
            return False, ""
        if value == before:
            return not known, ""
        return True, value[len(before) :] if value.startswith(before) else ""

    def replace(self, value: str) -> None:
        """Set it for good."""
        self._become(value)
        self.settled = True

    def _become(self, value: str) -> None:
        self._pieces = [value] if value else NO_PIECES
        self._joined = _NOTHING_JOINED
        self.known = True


class Sound:
    """The audio of one part: how much there is, and as much of it as is kept. Read and written as a
    :class:`Text` is."""

    __slots__ = ("_chunks", "_skip", "held", "settled", "size")

    def __init__(self) -> None:
        # Bytes at the start of the first chunk that are forgotten but not yet cut off.
        self._skip = 0
        self._chunks: deque[bytes] = NO_CHUNKS
        self.size: int = 0
        """Bytes of the audio, whether they are kept or not."""
        self.held: int = 0
        """Bytes that are kept; the latest ones."""
        self.settled = False
        """Whether no more belongs to it."""

    @property
    def value(self) -> bytes:
        """What is kept, in one piece."""
        chunks = tuple(self._chunks)
        whole = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        # Read behind the chunks: what has been forgotten meanwhile, is.
        forgotten = len(whole) - self.held
        return whole[forgotten:] if forgotten > 0 else whole

    def hold(self, chunk: bytes) -> None:
        """Keep `chunk` behind the rest. Its size is counted apart."""
        if self._chunks:
            self._chunks.append(chunk)
        else:
            self._chunks = deque((chunk,))
        self.held += len(chunk)

    def forget(self, count: int) -> None:
        """Let go of the `count` earliest bytes that are kept."""
        count = min(count, self.held)
        self.held -= count
        self._skip += count
        while self._chunks and self._skip >= len(self._chunks[0]):
            self._skip -= len(self._chunks.popleft())
        # A long chunk is cut when half of it is of no use, so that each byte moves but once.
        if self._chunks and self._skip * 2 > len(self._chunks[0]):
            self._chunks[0] = self._chunks[0][self._skip :]
            self._skip = 0

    def cut(self, size: int) -> None:
        """End after `size` bytes, counted from the start of the audio."""
        surplus = min(self.size - size, self.held)
        self.size = size
        self.settled = True
        self.held -= surplus
        while surplus:
            last = self._chunks.pop()
            length = len(last) if self._chunks else len(last) - self._skip
            if length > surplus:
                self._chunks.append(last[: len(last) - surplus])
                return
            surplus -= length
        if not self._chunks:
            self._skip = 0


class Shelf:
    """What decides how much audio is kept, over all sounds together.

    Args:
        seconds: the length to keep, the latest first; ``None`` for all, 0 for none.
    """

    __slots__ = ("_held", "_limit", "_row", "seconds")

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        # Lengths in nanoseconds: whole numbers add up and come off without a remainder.
        self._row: deque[tuple[Sound, int, int]] = NO_CHUNKS
        self._held = 0
        self._limit = None if seconds is None else int(seconds * 1_000_000_000)

    def put(self, sound: Sound, chunks: Iterable[bytes], bytes_per_second: int) -> None:
        """Keep `chunks` as part of `sound`, and let go of older ones where there is no room."""
        if self.seconds == 0:
            return
        for chunk in chunks:
            sound.hold(chunk)
            if self._limit is not None:
                if not self._row:
                    self._row = deque()  # of its own
                length = len(chunk) * 1_000_000_000 // bytes_per_second
                self._row.append((sound, len(chunk), length))
                self._held += length
        while self._limit is not None and self._held > self._limit:
            oldest, count, length = self._row.popleft()
            oldest.forget(count)
            self._held -= length


def spoken_share(text: str, kept: int, total: int) -> str:
    """The words at the start of `text` that fit into `kept` of `total`, by length.

    An estimate: speech does not take the same time for each letter.
    """
    if kept >= total:
        return text
    end = len(text) * kept // total
    head = text[:end]
    within_a_word = head[-1:].strip() and text[end : end + 1].strip()
    if within_a_word and any(letter.isspace() for letter in text):
        # The last word is not whole. A text without any spaces has no words to tell apart.
        head = head[: -len(head.split()[-1])]
    return head.rstrip()
