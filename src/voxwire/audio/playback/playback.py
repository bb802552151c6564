"""What the listener has heard of the model's speech, and what to send when it is cut short.

Audio arrives faster than it plays, so the server believes to have said more than was heard. This
module follows how much came and how much was played, and makes the events that tell the server the
truth after an interruption. It plays nothing and sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import inf
from typing import ClassVar, Literal

from voxwire_protocol import (
    UNSET,
    ClientEvent,
    ConversationItemDelete,
    ConversationItemTruncate,
    Event,
    InputAudioBufferSpeechStarted,
    OutputAudioBufferClear,
    ResponseCancel,
    ResponseOutputAudioDelta,
)

from ...errors import InvalidOption
from ...protocol.audio_format import Format
from .position import Track
from .speech import ModelSpeech

__all__ = ["Playback"]


class Playback:
    """Follows one connection's speech. Give it each server event, and what the speaker has played.

    Args:
        mode: who plays. ``"client"``: this side does (WebSocket). ``"server"``: the server feeds
            the listener and knows what was heard (WebRTC, SIP), so nothing is truncated here.
        truncates: whether the server understands truncation; without it an interruption only
            cancels.
        automatic: answer :class:`InputAudioBufferSpeechStarted` with an interruption, unless the
            session's turn detection has ``interrupt_response`` off.
    """

    CONCERN: ClassVar[tuple[type[Event], ...]] = (
        *ModelSpeech.CONCERN,
        InputAudioBufferSpeechStarted,
    )
    """The events that say something about what is played: no others need be applied."""

    def __init__(
        self,
        *,
        mode: Literal["client", "server"] = "client",
        truncates: bool = True,
        automatic: bool = False,
    ) -> None:
        self.mode: Literal["client", "server"] = mode
        self.truncates = truncates
        self.automatic = automatic
        self.ear: Callable[[], float] | None = None
        """Asked, when it matters, for the milliseconds played since the speaker was opened."""
        self.hush: Callable[[], None] | None = None
        """Throws away what has not been heard, where that will be said anew."""
        self._speech = ModelSpeech()
        self._told = False  # whether anybody ever said what was played

    @property
    def format(self) -> Format:
        """The session's output format, as the server last told it."""
        return self._speech.format

    @property
    def interrupts(self) -> bool:
        """Whether the user's voice is to stop the model: False where the session's turn detection
        has ``interrupt_response`` off."""
        return self._speech.interrupts

    @property
    def cancelled(self) -> frozenset[str]:
        """Ids of responses that have been cancelled, or that the server cancels by itself because
        the user speaks."""
        return frozenset(filter(None, self._speech.cancelled))

    @property
    def playing(self) -> str | None:
        """The id of the item that is being heard, or is the next to be."""
        track = self._speech.row.playing
        return track.item_id if track is not None else None

    def played_ms(self, item_id: str) -> int:
        """Milliseconds heard of an item; 0 for one without audio."""
        track = self._speech.tracks.get(item_id)
        return track.played_ms if track is not None else 0

    def received_ms(self, item_id: str) -> int:
        """Milliseconds that have arrived of an item; 0 for one without audio."""
        track = self._speech.tracks.get(item_id)
        return track.received_ms if track is not None else 0

    def accepts(self, event: Event) -> bool:
        """Whether an event is still for the listener: False for the text and sound of a response
        that was interrupted, which the server may go on to send for a while."""
        return self._speech.accepts(event)

    def apply(self, event: Event) -> list[ClientEvent]:
        """Take in a server event; returns what to send on account of it, mostly nothing."""
        if type(event) is ResponseOutputAudioDelta:  # by far the most
            late = self._speech.sound(event)
            return [] if late is None else self._unheard(late)
        late = self._speech.apply(event)
        if late is not None:
            return self._unheard(late)
        if isinstance(event, InputAudioBufferSpeechStarted) and self._speech.interrupts:
            if self._speech.active is not None:
                self._speech.cancelled.add(self._speech.active)
            if self.automatic and self.mode == "client":
                return self.interrupt()
        return []

    def played(
        self,
        *,
        ms: float | None = None,
        samples: int | None = None,
        size: int | None = None,
        item_id: str | None = None,
    ) -> None:
        """Report what was played: give one of `ms`, `samples` and `size` (bytes).

        Args:
            item_id: the length is that of this item's sound, from its start. Left out, it is the
                length of everything played since the speaker was opened, without the sound that
                was thrown away at an interruption; silence in between may be in it or not.

        A report that is older than the last one changes nothing; nor does one of an item that is
        gone.
        """
        if [ms, samples, size].count(None) != 2:
            raise InvalidOption("give exactly one of ms=, samples= and size=")
        if any(value is not None and not 0 <= value < inf for value in (ms, samples, size)):
            raise InvalidOption("what was played is not less than nothing: give 0 or more")
        self._told = True
        if item_id is None:
            if samples is not None:
                size = samples * self.format.sample_bytes
            whole = Fraction(ms or 0) / 1000
            if size is not None:
                whole = Fraction(size, self.format.bytes_per_second)
            self._speech.row.move_to(whole)
        elif (track := self._speech.tracks.get(item_id)) and not track.stopped:
            if size is None:
                size = track.format.size(ms=ms, samples=samples)
            self._speech.row.move_in(track, size)

    def mark(self) -> str:
        """Name the end of the sound received so far, for a sink that reports marks (the media
        stream of a phone provider): send it behind that sound, and call :meth:`reached`."""
        return self._speech.row.mark()

    def reached(self, mark: str) -> None:
        """The sink has played everything before `mark`. A mark from before an interruption, or of
        somebody else, changes nothing."""
        if self._speech.row.reach(mark):
            self._told = True

    def interrupt(
        self,
        played_ms: float | None = None,
        *,
        item_id: str | None = None,
        samples: int | None = None,
    ) -> list[ClientEvent]:
        """Stop the model: returns the events that do it, in the order in which to send them.

        What is being heard is truncated to what was played, what comes after it is deleted, and
        then a running response is cancelled. Where nobody ever reported what was played, nobody
        knows what was heard, and the response is only cancelled.

        Args:
            played_ms: what was played, as for :meth:`played`.
            item_id: the item that `played_ms` or `samples` is about.
            samples: what was played, in samples in place of milliseconds.

        Raises:
            InvalidOption: `item_id` is not an item of the model with audio.
        """
        if item_id is not None and item_id not in self._speech.tracks:
            raise InvalidOption(
                f"item_id={item_id!r}: no speech of the model has arrived under this id; only a "
                "message of the assistant that has audio can be cut"
            )
        if played_ms is not None or samples is not None:
            self.played(ms=played_ms, samples=samples, item_id=item_id)
        cancels = self._cancel()
        if self.mode == "server":
            return [*cancels, OutputAudioBufferClear()]
        return [*self._cut(), *cancels]

    def heard(self, response_id: str) -> dict[str, int]:
        """What the listener has heard of a response: item id -> milliseconds, more than 0. Empty
        where nobody ever reported what was played."""
        if self.ear is not None:
            self.played(ms=self.ear())
        tracks = self._speech.tracks.values()
        return {
            track.item_id: track.played_ms
            for track in tracks
            if self._told and track.response_id == response_id and track.played_ms
        }

    def drop(self, response_id: str) -> None:
        """A response was cut off with its connection, and is to be made anew: nobody shall hear the
        rest of it, or hear it twice. Ask :meth:`heard` before."""
        speech, unheard = self._speech, False
        for track in speech.tracks.values():
            if track.response_id == response_id:
                unheard = unheard or track.played < track.received
                track.stopped = True
        if unheard and self.hush is not None:
            # A speaker cannot throw away a part: what waits of an earlier answer goes as well.
            self.hush()
            speech.row.clear()

    def leave(self) -> None:
        """The connection is gone. What plays may be played to its end; the new connection has it as
        text, which cannot be cut, and what was still to come will not."""
        speech = self._speech
        for track in speech.tracks.values():
            if not track.complete:
                track.stopped = True
            track.listed, track.as_text = False, True
        speech.leave()

    def _cancel(self) -> list[ClientEvent]:
        """Cancel what writes to the conversation, and what is heard of the responses beside it."""
        speech = self._speech
        running = {} if speech.active is None else {speech.active: None}
        for track in speech.tracks.values():
            if track.pending and (not track.complete or track.response_id in speech.aside):
                running[track.response_id] = None
        events: list[ClientEvent] = [
            ResponseCancel(response_id=response_id or UNSET)
            for response_id in running
            if response_id not in speech.cancelled
        ]
        speech.stopped.update(running)
        speech.cancelled.update(running)
        return events

    def _cut(self) -> list[ClientEvent]:
        """Tell the server how much was heard of all that was not heard to its end."""
        events: list[ClientEvent] = []
        for track in self._speech.tracks.values():
            if track.pending:
                track.stopped = True
                events += self._heard(track) if track.played_ms else self._unheard(track)
        self._speech.row.clear()
        return events

    def _heard(self, track: Track) -> list[ClientEvent]:
        if not self._corrects(track):
            return []
        return [
            ConversationItemTruncate(
                item_id=track.item_id, content_index=0, audio_end_ms=track.played_ms
            )
        ]

    def _unheard(self, track: Track) -> list[ClientEvent]:
        # A length of 0 is refused, so the item goes as a whole.
        return [ConversationItemDelete(item_id=track.item_id)] if self._corrects(track) else []

    def _corrects(self, track: Track) -> bool:
        return self._told and self.truncates and track.listed and self.mode == "client"
