"""Text and sound that arrive in pieces: taken in constant time, joined when somebody asks.

This module knows strings and bytes. It does not know what they belong to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any, Final, Literal

import attrs

from ..protocol.audio_format import PCM16, Format

__all__ = [
    "NO_CHUNKS",
    "AudioBudget",
    "AudioBuffer",
    "InputAudioBuffer",
    "Mark",
    "TextBuffer",
    "spoken_share",
]


# Most parts have one text of the two that they could have, and no sound that is kept: what has none
# shares these, and takes no list or deque (760 bytes) of its own.
NO_PIECES: Final[list[str]] = []
NO_CHUNKS: Final[deque[Any]] = deque()
_NOTHING_JOINED: Final[tuple[list[str], int, str]] = (NO_PIECES, 0, "")


class TextBuffer:
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

    def revise(self, value: str) -> bool:
        """Take `value` for now, in place of what there is; tells whether that changed anything."""
        if self.settled or value == self.value:
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


class AudioBuffer:
    """The audio of one part: how much there is, and as much of it as is kept. Read and written as a
    :class:`TextBuffer` is."""

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


class AudioBudget:
    """What decides how much audio is kept, over all sounds together.

    Args:
        seconds: the length to keep, the latest first; ``None`` for all, 0 for none.
    """

    __slots__ = ("_held", "_limit", "_row", "seconds")

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        # Lengths in nanoseconds: whole numbers add up and come off without a remainder.
        self._row: deque[tuple[AudioBuffer, int, int]] = NO_CHUNKS
        self._held = 0
        self._limit = None if seconds is None else int(seconds * 1_000_000_000)

    def put(self, sound: AudioBuffer, chunks: Iterable[bytes], bytes_per_second: int) -> None:
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


# With turn detection on, an event looks back over the speech it has noticed, its lead-in, the time
# on the network and, at most, the 30 s of an idle timeout.
_LOOK_BACK_S = 60


@attrs.frozen
class Mark:
    """Where in the audio a commit or a clear was sent; the server's answer comes later."""

    kind: Literal["commit", "clear"]
    position: int
    event_id: str | None


class InputAudioBuffer:
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
    def manual(self) -> bool:
        """Whether commits of the client make the turns: what a server reports of speech in between
        (xAI does so in any case) says nothing about them. While the session has not said who finds
        the turns, a commit that is not answered yet says so."""
        if self.turn_detection is None:
            return any(mark.kind == "commit" for mark in self._marks)
        return not self.turn_detection

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
