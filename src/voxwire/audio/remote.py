"""A listener at the far end of a wire: a telephone provider's stream, a browser, another program.

This module keeps what is to be sent there, in order, and counts by marks what was played there. It
knows no transport and no messages.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

import attrs

from .converting import Bytes, chunks
from .formats import PCM16, Format

__all__ = ["Far", "Piece", "RemoteAudio"]


@attrs.frozen
class Piece:
    """What to send to the far end: sound and the mark behind it; or, without sound, that what has
    not been played is to be forgotten."""

    audio: bytes = attrs.field(default=b"", repr=lambda audio: f"<{len(audio)} bytes>")
    """In the session's output format."""
    mark: str = ""
    """Hand it to :meth:`RemoteAudio.reached` when the far end has played this piece."""

    @property
    def clear(self) -> bool:
        """Whether this says to forget."""
        return not self.audio


class RemoteAudio:
    """What a conversation is held through when the listener is elsewhere: give it to
    :meth:`Session.talk`, and carry sound between it and the far end.

    ``hear`` takes what the far end's microphone heard; ``outgoing`` gives what to play there;
    ``reached`` is told how far that has come, so that an interruption is exact to a piece, and
    never claims more than was heard. All of it belongs to the session's event loop.

    Args:
        piece_ms: how long a piece to play is at most, in milliseconds.
        keep_ms: how much of what was heard is kept while the session is busy; older sound is
            dropped, and counted in ``dropped``.
    """

    def __init__(self, *, piece_ms: float = 100, keep_ms: float = 10_000) -> None:
        self.microphone = _Heard(keep_ms)
        self.speaker = Far(piece_ms)

    @property
    def dropped(self) -> int:
        """Bytes of what was heard that nobody took in time."""
        return self.microphone.dropped

    def hear(self, audio: Bytes) -> None:
        """The far end heard this, in the session's input format, any length."""
        self.microphone.put(bytes(audio))

    def end(self) -> None:
        """The far end says nothing more. The conversation ends when the last answer was played;
        where nobody is left to play it, close the session instead."""
        self.microphone.end()

    def reached(self, mark: str) -> None:
        """The far end has played everything up to this mark. A mark from before an interruption,
        or of somebody else, changes nothing."""
        self.speaker.reached(mark)

    async def outgoing(self) -> AsyncIterator[Piece]:
        """What to send to the far end, as it comes, until the conversation has ended."""
        while (piece := await self.speaker.next()) is not None:
            yield piece

    def open(self, input: Format = PCM16, output: Format = PCM16) -> None:
        """Begin, in the formats of a session. :meth:`Session.talk` does it."""
        self.microphone.format = input
        self.speaker.format = output

    def close(self) -> None:
        """End. :meth:`Session.talk` does it."""
        self.microphone.end()
        self.speaker.close()


class _Heard:
    """What the far end's microphone heard, until it is taken."""

    def __init__(self, keep_ms: float) -> None:
        self.format = PCM16
        self.dropped = 0
        self._keep_ms = keep_ms
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._news = asyncio.Event()

    def put(self, piece: bytes) -> None:
        if piece and not self._ended:
            self._pieces.append(piece)
            self._size += len(piece)
            while self._size > self.format.size(ms=self._keep_ms):
                self.dropped += len(self._pieces[0])
                self._size -= len(self._pieces.popleft())
            self._news.set()

    def end(self) -> None:
        self._ended = True
        self._news.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self._news.clear()
            while self._pieces:
                piece = self._pieces.popleft()
                self._size -= len(piece)
                yield piece
            if self._ended:
                return
            await self._news.wait()


class Far:
    """The speaker at the far end: what is on its way there, and what was played."""

    def __init__(self, piece_ms: float) -> None:
        self.format = PCM16
        self._piece_ms = piece_ms
        self._pieces: deque[Piece] = deque()
        self._marks: dict[str, int] = {}  # mark -> bytes written up to it
        self._named = 0
        self._written = 0
        self._played = 0
        self._closed = False
        self._news = asyncio.Event()

    def write(self, data: bytes) -> None:
        """Play this after what is being played. Returns at once."""
        if self._closed:
            return
        for part in chunks(data, ms=self._piece_ms, format=self.format):
            self._named += 1
            self._written += len(part)
            mark = f"voxwire-{self._named}"
            self._marks[mark] = self._written
            self._pieces.append(Piece(part, mark))
        self._news.set()

    def flush(self) -> None:
        """The end of an utterance: nothing is held back here."""

    def clear(self) -> None:
        """Throw away what has not been played, here and at the far end."""
        self._pieces.clear()
        if self._marks:  # else all of it was played, and there is nothing to forget
            self._pieces.append(Piece())
            self._news.set()
        self._marks.clear()
        self._written = self._played

    def reached(self, mark: str) -> None:
        """The far end has played everything up to this mark."""
        if mark not in self._marks:
            return
        for earlier in list(self._marks):
            self._played = self._marks.pop(earlier)
            if earlier == mark:
                break

    @property
    def played(self) -> float:
        """Milliseconds heard since it was opened, without what was thrown away."""
        return self._played * 1000 / self.format.bytes_per_second

    @property
    def pending(self) -> float:
        """Milliseconds written and not heard yet."""
        return (self._written - self._played) * 1000 / self.format.bytes_per_second

    def close(self) -> None:
        """What has not been sent is not sent any more."""
        self._closed = True
        self._pieces.clear()
        self._news.set()

    async def next(self) -> Piece | None:
        """The next piece to send; ``None`` at the end."""
        while not self._pieces and not self._closed:
            self._news.clear()
            await self._news.wait()
        return None if self._closed else self._pieces.popleft()
