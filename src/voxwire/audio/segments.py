"""Where to cut a stream of speech into segments: at pauses, or after equal lengths.

A segmenter takes audio and returns the same audio with cuts in between. It knows no session: what
a cut leads to, such as a commit, is the caller's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol, TypeAlias

import attrs

from ..protocol.audio_format import PCM16, Format
from .convert import Bytes, convert
from .vad import EnergyDetector, SpeechDetector, SpeechEdge, loudness

__all__ = ["Cut", "FixedSegmenter", "PauseSegmenter", "Segment", "Segmenter"]


@attrs.frozen(kw_only=True)
class Cut:
    """A segment ends here."""

    start_ms: int
    """Where its speech starts, in milliseconds of the stream."""
    end_ms: int
    """Where its speech ends."""
    speech: bool = True
    """Whether speech was found in it. Where not, there may be some that was too soft."""


Segment: TypeAlias = bytes | Cut
"""What a segmenter returns: audio, and cuts in it."""


class Segmenter(Protocol):
    """Cuts a stream of audio. What it returns is the audio that went in, in order."""

    def feed(self, audio: Bytes, /) -> Iterator[Segment]:
        """The next audio, in chunks of any length."""
        ...

    def end(self) -> Iterator[Segment]:
        """The stream is over: what was held back, and the last cut."""
        ...


class FixedSegmenter:
    """Cuts after equal lengths, also within words."""

    def __init__(self, segment_ms: int, format: Format = PCM16) -> None:
        self._format = format
        self._size = format.size(ms=segment_ms)
        self._begun = self._position = 0

    def feed(self, audio: Bytes, /) -> Iterator[Segment]:
        """See :meth:`Segmenter.feed`."""
        view = memoryview(audio)
        while view:
            part = view[: self._size - (self._position - self._begun)]
            view = view[len(part) :]
            self._position += len(part)
            yield bytes(part)
            if self._position - self._begun == self._size:
                yield self._cut()

    def end(self) -> Iterator[Segment]:
        """See :meth:`Segmenter.end`."""
        if self._position > self._begun:
            yield self._cut()

    def _cut(self) -> Cut:
        begun, self._begun = self._begun, self._position
        return Cut(start_ms=self._format.ms(begun), end_ms=self._format.ms(self._position))


_STEP_MS: Final = 20
_HOLD_MS: Final = 200
"""So much of the speech is held back: a cut goes into audio that is not returned yet."""
_WINDOW_MS: Final = 5_000
"""In speech without a pause, the cut goes to the quietest place of so much."""
_GAP_MS: Final = 120
"""The quietest place is as long as that: the stop inside a word, as in "better", is shorter."""
_LEVEL_MS: Final = 10
_LEAD_MS: Final = 300
"""So much before the speech is returned with it: the first sounds of a word are soft."""
_BLOCK_MS: Final = 1_000
"""Whether there is anything to hear between two segments is decided for so much at once."""
_INAUDIBLE: Final = -60.0
"""dBFS below which there is nothing to understand."""
_CONTRAST: Final = 10.0
"""dB between the loudest and the quietest of what may be soft speech; noise is steadier."""
_LONGEST_UNSURE_MS: Final = 60_000


class PauseSegmenter:
    """Cuts at the pauses of the speaker, and not within words as far as loudness shows them.

    Speech that goes on for longer than `longest_ms` without a pause is cut where it is quietest.
    For that, its audio is held back from 5 seconds before; else 200 ms are.

    Silence and steady noise between the segments are left out, but for 300 ms before the speech
    and the pause behind it. Sound that may be speech, though too soft or too short to be sure, is
    not.

    Args:
        format: of the audio.
        pause_ms: the shortest pause to cut at.
        longest_ms: the longest speech in a segment.
        detector: what finds the speech, for PCM16 of the format's rate; an
            :class:`EnergyDetector` where it is left out, which `pause_ms` is for.
    """

    def __init__(
        self,
        format: Format = PCM16,
        *,
        pause_ms: int = 500,
        longest_ms: int = 20_000,
        detector: SpeechDetector | None = None,
    ) -> None:
        self._format = format
        self._linear = Format("audio/pcm", format.rate)
        self._detector = detector or EnergyDetector(format.rate, pause_ms=pause_ms)
        self._stride = max(1, format.rate // 8_000)
        self._longest = longest_ms
        self._window = min(_WINDOW_MS, longest_ms // 2)
        self._rest = b""  # less than a step
        self._held = bytearray()  # whole steps that are neither returned nor left out yet
        self._position = 0  # bytes of the stream that were taken in
        self._begun_ms = 0  # where the segment begins
        self._returned = 0  # bytes of it that were returned
        self._start_ms: int | None = None  # where its speech starts
        self._stop_ms = 0  # where speech ended last
        self._speaking = False

    def feed(self, audio: Bytes, /) -> Iterator[Segment]:
        """See :meth:`Segmenter.feed`."""
        step = self._format.size(ms=_STEP_MS)
        data = self._rest + bytes(audio)
        whole = len(data) // step * step
        self._rest = data[whole:]
        ready = bytearray()  # one chunk comes out for one that goes in
        for at in range(0, whole, step):
            for segment in self._step(data[at : at + step]):
                if isinstance(segment, Cut):
                    if ready:
                        yield bytes(ready)
                        ready.clear()
                    yield segment
                else:
                    ready += segment
        if ready:
            yield bytes(ready)

    def end(self) -> Iterator[Segment]:
        """See :meth:`Segmenter.end`."""
        whole = self._format.size(samples=self._format.samples(len(self._rest)))
        linear = convert(self._rest[:whole], self._format, self._linear)
        self._position += len(self._rest)
        self._held += self._rest
        for edge in (*self._detector.feed(linear), *self._detector.end()):
            self._note(edge)
        if self._held and (self._start_ms is not None or not self._nothing(self._held)):
            yield self._give(len(self._held))
        if self._returned:
            now = self._format.ms(self._position)
            yield self._cut(now, now if self._start_ms is None else min(self._stop_ms, now))

    def _step(self, audio: bytes) -> Iterator[Segment]:
        self._held += audio
        self._position += len(audio)
        for edge in self._detector.feed(convert(audio, self._format, self._linear)):
            self._note(edge)
            if edge.kind == "stopped":
                yield from self._divide(since_ms=edge.ms, end_ms=edge.ms)
        if self._speaking:
            yield from self._go_on()
        else:
            yield from self._wait()

    def _go_on(self) -> Iterator[Segment]:
        """Return speech, and divide it where it has no pause."""
        assert self._start_ms is not None
        if not self._returned:
            yield from self._decide(self._start_ms - _LEAD_MS - self._given_ms)
        now = self._format.ms(self._position)
        left = self._start_ms + self._longest - now
        if left < _STEP_MS:  # after the next step it would be too late
            yield from self._divide(since_ms=now - self._window)
        ready = len(self._held) - self._format.size(
            ms=self._window if left < self._window else _HOLD_MS
        )
        if ready > 0:
            yield self._give(ready)

    def _wait(self) -> Iterator[Segment]:
        """Decide about what lies between two segments."""
        if len(self._held) >= self._format.size(ms=_BLOCK_MS + _LEAD_MS):
            yield from self._decide(_BLOCK_MS)
            if self._format.ms(self._returned) >= _LONGEST_UNSURE_MS:
                yield self._cut(self._given_ms, self._given_ms)

    def _decide(self, ms: int) -> Iterator[Segment]:
        """Return the first of what is held, or leave it out: nothing is to be heard there."""
        size = min(len(self._held), self._format.size(ms=max(0, ms)))
        if size and self._nothing(self._held[:size]):
            del self._held[:size]
        elif size:
            yield self._give(size)

    def _nothing(self, audio: bytearray) -> bool:
        levels = self._levels(audio, 0, _STEP_MS)
        return max(levels, default=_INAUDIBLE) <= max(
            _INAUDIBLE, min(levels, default=_INAUDIBLE) + _CONTRAST
        )

    def _note(self, edge: SpeechEdge) -> None:
        self._speaking = edge.kind == "started"
        if not self._speaking:
            self._stop_ms = edge.ms
        elif self._start_ms is None:
            self._start_ms = max(self._begun_ms, edge.ms)

    def _divide(self, since_ms: int, end_ms: int | None = None) -> Iterator[Segment]:
        """Cut at the quietest place since then, as far as that is held back."""
        size = self._quiet_place(max(since_ms, self._given_ms))
        if size:
            yield self._give(size)
        at = self._given_ms
        yield self._cut(at, at if end_ms is None else end_ms)

    def _give(self, size: int) -> bytes:
        given = bytes(self._held[:size])
        del self._held[:size]
        self._returned += size
        return given

    @property
    def _given_ms(self) -> int:
        """Where in the stream begins what is held."""
        return self._format.ms(self._position - len(self._held))

    def _cut(self, at: int, end_ms: int) -> Cut:
        speech = self._start_ms is not None
        start = self._begun_ms if self._start_ms is None else self._start_ms
        self._begun_ms, self._returned = at, 0
        # Speech that goes on belongs to the next segment.
        self._start_ms = at if self._speaking else None
        return Cut(start_ms=start, end_ms=max(start, end_ms), speech=speech)

    def _quiet_place(self, since_ms: int) -> int:
        """How many of the bytes that are held lie before the middle of the quietest place."""
        form = self._format
        skipped = min(len(self._held), form.size(ms=since_ms - self._given_ms))
        levels = self._levels(self._held, skipped, _LEVEL_MS)
        width = _GAP_MS // _LEVEL_MS
        if len(levels) <= width:
            return skipped + form.size(samples=form.samples(len(self._held) - skipped) // 2)
        sums = [sum(levels[at : at + width]) for at in range(len(levels) - width + 1)]
        # Of places alike, the last one: longer segments have more context.
        best = min(range(len(sums)), key=lambda at: (sums[at], -at))
        return skipped + form.size(ms=(best + width // 2) * _LEVEL_MS)

    def _levels(self, audio: bytearray, since: int, ms: int) -> list[float]:
        """How loud each `ms` of it is; a rest that is shorter is left out."""
        frame = self._format.size(ms=ms)
        return [
            loudness(convert(audio[at : at + frame], self._format, self._linear), self._stride)
            for at in range(since, len(audio) - frame + 1, frame)
        ]
