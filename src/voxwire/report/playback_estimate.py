"""When the model's speech was heard, as far as a recording tells: an estimate, and what is known.

Sound comes faster than it plays. A client that plays at once plays each item when the one before
has ended; where it said how much was heard, that is taken. This module knows sounds by item; it
decides nothing about turns.
"""

from __future__ import annotations

from base64 import b64encode

import attrs

from ..protocol.audio_format import Format
from .audio_clips import WINDOWS, AudioClips, Peaks
from .model import Clip, Wave

__all__ = ["PlaybackEstimate", "Played", "Voice"]

_SEAM = 0.005  # seconds between two stretches that count as one


@attrs.define(eq=False)
class _Span:
    """A stretch that plays without a gap: from ``at`` on, the sound from ``start`` to ``end``."""

    at: float
    start: float
    end: float

    @property
    def over(self) -> float:
        return self.at + self.end - self.start


@attrs.define(eq=False)
class Voice:
    """The speech of one item."""

    id: str
    response: str | None
    format: Format
    peaks: Peaks
    received: float = 0.0
    """Seconds that have come."""
    cut: float | None = None
    """Where it was cut off, in seconds of it."""
    stopped: bool = False
    known: bool = False
    """Whether somebody who knows told where it was cut."""
    spans: list[_Span] = attrs.Factory(list[_Span])

    @property
    def begins(self) -> float | None:
        """When it begins to be heard."""
        return self.spans[0].at if self.spans else None

    @property
    def ends(self) -> float | None:
        """When it ends."""
        return self.spans[-1].over if self.spans else None

    @property
    def gaps(self) -> list[tuple[float, float]]:
        """Where it had to wait for more: when, and for how long."""
        pairs = zip(self.spans, self.spans[1:], strict=False)
        return [(one.over, other.at - one.over) for one, other in pairs]

    def heard_by(self, at: float) -> float:
        """How much of it was heard at a time."""
        done = [min(s.end, s.start + at - s.at) for s in self.spans if s.at < at]
        return done[-1] if done else 0.0

    def left_at(self, at: float) -> float:
        """How much had come and was not heard yet at a time."""
        return max(0.0, self.received - self.heard_by(at))

    def end_at(self, place: float) -> None:
        """What comes after ``place`` is not heard."""
        for span in self.spans:
            span.end = max(span.start, min(span.end, place))
        self.spans = [span for span in self.spans if span.end > span.start]
        self.cut, self.stopped = place, True


@attrs.define(eq=False)
class Played:
    """A response that the server played to the user of a call."""

    response: str | None
    at: float
    end: float | None = None
    cut: bool = False


class PlaybackEstimate:
    """Hears the model's speech of one connection."""

    def __init__(self, shelf: AudioClips) -> None:
        self.voices: dict[str, Voice] = {}
        self.calls: list[Played] = []
        """What the server itself played, on a call whose sound does not pass here."""
        self._shelf = shelf
        self._free = 0.0

    def hear(
        self, at: float, item: str, response: str | None, sound: bytes, format: Format
    ) -> None:
        """Sound of an item has come."""
        voice = self.voices.get(item)
        if voice is None:
            voice = self.voices[item] = Voice(item, response, format, Peaks(format))
        length = len(sound) / voice.format.bytes_per_second
        begin = max(at, self._free)
        self._shelf.put(f"item-{item}", voice.format, sound, lane="model", at=begin)
        voice.peaks.add(sound)
        start, voice.received = voice.received, voice.received + length
        if voice.stopped or not length:
            return
        last = voice.spans[-1] if voice.spans else None
        if last is not None and begin - last.over < _SEAM and self._free <= last.over + _SEAM:
            last.end += length
        else:
            voice.spans.append(_Span(begin, start, start + length))
        self._free = voice.spans[-1].over

    def truncate(self, at: float, item: str, place: float) -> None:
        """The client said, or the server did, how much of an item was heard: playing stopped."""
        voice = self.voices.get(item)
        if voice is not None and not voice.known:
            voice.end_at(min(place, voice.received))
            voice.known = True
        self.stop(at)

    def delete(self, item: str) -> None:
        """An item was taken out of the conversation: what had not been heard never will be."""
        voice = self.voices.get(item)
        if voice is not None:
            voice.stopped = True

    def stop(self, at: float, response: str | None = None) -> None:
        """Playing stopped: of one response, or altogether."""
        for voice in self.voices.values():
            ends = voice.ends
            if response not in (None, voice.response) or voice.known:
                continue
            if ends is not None and ends > at + _SEAM:
                voice.end_at(voice.heard_by(at))
            elif response is not None:
                voice.stopped = True
        self._free = max((v.ends or 0.0 for v in self.voices.values()), default=0.0)

    def call(self, at: float, response: str | None, *, plays: bool, cut: bool = False) -> None:
        """The server said that it plays a response, or does so no more."""
        if plays:
            self.calls.append(Played(response, at))
            return
        for played in self.calls:
            if played.end is None and played.response == response:
                played.end, played.cut = at, cut

    def playing(self, at: float) -> Voice | None:
        """What is being heard."""
        for voice in self.voices.values():
            if voice.spans and voice.spans[0].at <= at < voice.spans[-1].over:
                return voice
        return None

    def clips(self, item: str) -> list[Clip]:
        """What is kept of an item's sound."""
        sound = self._shelf.sounds.get(f"item-{item}")
        return [Clip(sound=f"item-{item}", start=0.0, end=sound.seconds)] if sound else []

    def waves(self) -> list[Wave]:
        """The loudness of all that was heard."""
        found: list[Wave] = []
        for voice in self.voices.values():
            for span in voice.spans:
                levels = voice.peaks.levels[
                    int(span.start * WINDOWS) : max(1, int(span.end * WINDOWS))
                ]
                if levels:
                    peaks = b64encode(levels).decode()
                    found.append(Wave(at=span.at, end=span.over, peaks=peaks))
        return sorted(found, key=lambda wave: wave.at)
