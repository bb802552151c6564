"""Where somebody speaks, told by how loud it is: a detector that needs nothing but the audio.

This module finds speech and splits it into pieces. It knows no session; what becomes of a piece is
its caller's business.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from typing import Final, Literal, Protocol

import attrs

from ..errors import InvalidOption
from ..protocol.audio_format import PCM16, Format
from .convert import level

__all__ = ["Detector", "EnergyDetector", "SpeechEdge", "Utterance", "utterances"]

FRAME_MS: Final = 20
"""The detector looks at frames of this length."""

_FLOOR_AT_FIRST: Final = -55.0
_RISE: Final = 0.05
"""By how many dB a frame the noise floor follows what is louder: 2.5 dB a second. A word is over
before it has become the floor; a fan that is switched on becomes it within seconds."""


@attrs.frozen
class SpeechEdge:
    """Speech began or ended."""

    kind: Literal["started", "stopped"]
    ms: int
    """Where in the stream: of the first loud frame, or of the end of the last one."""


class Detector(Protocol):
    """What finds speech in a stream of audio."""

    @property
    def speaking(self) -> bool:
        """Whether somebody speaks."""
        ...

    def feed(self, audio: bytes) -> list[SpeechEdge]:
        """Take the next audio of the stream, of any length; returns the edges in it."""
        ...


class EnergyDetector:
    """Speech is what is clearly louder than the noise before it.

    The noise floor falls at once to whatever is quieter and rises slowly, so that it follows a room
    and not a word.

    Args:
        format: of the audio; PCM16 at 24 kHz.
        margin_db: how many dB above the noise floor speech is; 9.
        quietest_db: what is quieter than this, in dBFS, is never speech; -50.
        onset_ms: how long it must be loud; a click is shorter. 60.
        hangover_ms: how long it must be quiet until speech has stopped; 500.
    """

    def __init__(
        self,
        format: Format = PCM16,
        *,
        margin_db: float = 9.0,
        quietest_db: float = -50.0,
        onset_ms: int = 60,
        hangover_ms: int = 500,
    ) -> None:
        if onset_ms < FRAME_MS or hangover_ms < FRAME_MS:
            raise InvalidOption(f"onset_ms= and hangover_ms= are {FRAME_MS} or more")
        self.format = format
        self.onset_ms = onset_ms // FRAME_MS * FRAME_MS
        """How long it must be loud until speech has started."""
        self._margin, self._quietest = margin_db, quietest_db
        self._onset, self._hangover = onset_ms // FRAME_MS, hangover_ms // FRAME_MS
        self._size = format.size(ms=FRAME_MS)
        self._rest = b""
        self._frames = 0
        self._floor = _FLOOR_AT_FIRST
        self._loud = self._quiet = 0
        self._speaking = False
        self.level_db = -math.inf
        """How loud the latest frame was, in dBFS."""

    @property
    def speaking(self) -> bool:
        """Whether somebody speaks; for ``hangover_ms`` after the last loud frame, too."""
        return self._speaking

    def feed(self, audio: bytes) -> list[SpeechEdge]:
        """Take the next audio of the stream, of any length; returns the edges in it."""
        edges: list[SpeechEdge] = []
        data = self._rest + audio if self._rest else audio
        whole = len(data) // self._size * self._size
        for start in range(0, whole, self._size):
            self._frames += 1
            edge = self._frame(level(data[start : start + self._size], self.format))
            if edge is not None:
                edges.append(edge)
        self._rest = bytes(data[whole:])
        return edges

    def _frame(self, db: float) -> SpeechEdge | None:
        self.level_db = db
        loud = db > max(self._floor + self._margin, self._quietest)
        heard = max(db, -90.0)
        self._floor = min(heard, self._floor + _RISE)
        if loud:
            self._loud, self._quiet = self._loud + 1, 0
        else:
            self._loud, self._quiet = 0, self._quiet + 1
        if not self._speaking and self._loud >= self._onset:
            self._speaking = True
            return SpeechEdge("started", (self._frames - self._loud) * FRAME_MS)
        if self._speaking and self._quiet >= self._hangover:
            self._speaking = False
            return SpeechEdge("stopped", (self._frames - self._quiet) * FRAME_MS)
        return None


@attrs.define
class Utterance:
    """A piece of a stream in which somebody speaks."""

    start_ms: int
    """Where it begins, with the audio before the first word."""

    end_ms: int
    """Where it ends."""

    audio: bytes = attrs.field(repr=False)


async def utterances(
    source: AsyncIterable[bytes],
    detector: EnergyDetector,
    *,
    lead_ms: int = 300,
    longest_ms: int = 20_000,
    window_ms: int = 4_000,
) -> AsyncIterator[Utterance | bytes]:
    """Split a stream at the pauses of the speaker: gives audio as it comes while somebody speaks,
    and an :class:`Utterance` (with its audio empty: that was given before) where one is over.

    Silence is not given, but for `lead_ms` before the first word and the pause that ends it.

    Args:
        longest_ms: an utterance that is longer is split, at the quietest place of its last
            `window_ms`, so that no word is cut where there is any pause between words.
    """
    form, size = detector.format, detector.format.size(ms=FRAME_MS)
    lead: deque[bytes] = deque(maxlen=max(1, (lead_ms + detector.onset_ms) // FRAME_MS))
    held: deque[tuple[bytes, float]] = deque()  # not given yet: where it may be split
    at = 0  # bytes of the stream so far
    begun: int | None = None  # where the utterance begins
    given = 0  # where what was given of it ends

    def let_go(count: int) -> Iterator[bytes]:
        nonlocal given
        for _ in range(count):
            frame, _ = held.popleft()
            given += len(frame)
            yield frame

    def over() -> Utterance:
        nonlocal begun
        assert begun is not None
        ended = Utterance(form.ms(begun), form.ms(given), b"")
        begun = None
        return ended

    rest = b""
    async for piece in source:
        data = rest + piece
        whole = len(data) // size * size
        rest = data[whole:]
        for start in range(0, whole, size):
            frame = data[start : start + size]
            at += size
            edges = detector.feed(frame)
            if begun is None:
                lead.append(frame)
                if not any(edge.kind == "started" for edge in edges):
                    continue
                given = begun = at - sum(map(len, lead))
                held.extend((each, detector.level_db) for each in lead)
                lead.clear()
            else:
                held.append((frame, detector.level_db))
            if any(edge.kind == "stopped" for edge in edges):
                for each in let_go(len(held)):
                    yield each
                yield over()
                continue
            if form.ms(at - begun) < longest_ms - window_ms:
                for each in let_go(len(held)):
                    yield each
            elif form.ms(at - begun) >= longest_ms:
                quietest = min(range(len(held)), key=lambda index: held[index][1])
                for each in let_go(quietest + 1):
                    yield each
                yield over()
                begun = given
    if begun is not None:
        for each in let_go(len(held)):
            yield each
        if rest:
            given += len(rest)
            yield rest
        yield over()
