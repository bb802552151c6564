"""One turn of the model: a response, or, where tools are called, the chain of them to the answer.

A turn collects what is said. It knows no socket, no queue of other turns and no tools; readers are
woken by a callback and keep their own place in its pieces.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pybase64
from voxwire_protocol import (
    ClientEvent,
    Event,
    OutputAudio,
    OutputText,
    RealtimeResponse,
    ResponseCreate,
    ResponseOutputAudioDelta,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputAudioTranscriptDone,
    ResponseOutputTextDelta,
    ResponseOutputTextDone,
)

__all__ = ["DedupText", "ResponseState"]

MAX_AUDIO = 32 * 1024 * 1024
"""Bytes of base64 audio that a turn keeps for a reader who has not come yet: over 8 minutes."""


class DedupText(list[str]):
    """Pieces in the order in which they came, with a line break between two items.

    What a response said before it was cut off and made anew is not said twice: as long as the new
    one says the same, a reader who has read that far hears nothing of it. Where it says something
    else, that begins after a line break, and :attr:`value` leaves out what it replaces.
    """

    def __init__(self) -> None:
        super().__init__()
        self.source: object = None
        self._began = 0  # where the running response begins
        self._said = ""  # what it had said before it was made anew
        self._again = 0  # how many characters of that the new one has said, too
        self._void: list[tuple[int, int]] = []

    @property
    def value(self) -> str:
        """All that counts of it."""
        if not self._void:
            return "".join(self)
        return "".join(
            piece
            for at, piece in enumerate(self)
            if not any(start <= at < end for start, end in self._void)
        )

    def begin(self) -> None:
        """A response begins here."""
        if not self._said:
            self._began = len(self)

    @property
    def repeats(self) -> bool:
        """Whether it may be saying again what has been said."""
        return bool(self._said)

    def restart(self) -> None:
        """The response will be made anew."""
        if self._began and self[self._began : self._began + 1] == ["\n"]:
            self._began += 1  # the line break before it stays
        self._said, self._again = "".join(self[self._began :]), 0

    def add(self, piece: str, source: object) -> None:
        """Add a piece of the item that `source` stands for."""
        if source is self.source and not self._said and piece:
            self.append(piece)  # on in the same item: nearly always
            return
        start = len(self) if not self._said else self._again
        if start and source != self.source:
            piece = f"\n{piece}" if self._said else piece
            if not self._said:
                self.append("\n")
        self.source = source
        if self._said:
            piece = self._new(piece)
        if piece:
            self.append(piece)

    def _new(self, piece: str) -> str:
        """What is not said for the second time in a piece of a response that is made anew."""
        said, place = self._said, self._again
        if said.startswith(piece, place):
            self._again += len(piece)
            if self._again == len(said):
                self._said = ""
            return ""
        if piece.startswith(said[place:]):
            self._said = ""
            return piece[len(said) - place :]
        self._replace()
        return piece

    def _replace(self) -> None:
        """It says something else: that counts in place of what was said before."""
        repeated, self._said = self._said[: self._again], ""
        self.append("\n")  # for readers, who have read what is void now
        self._void.append((self._began, len(self)))
        self._began = len(self)
        if repeated:
            self.append(repeated)

    def end(self) -> None:
        """The response has ended: what it has not repeated by now, it does not say."""
        if self._said:
            self._replace()


class ResponseState:
    """What one request brought so far.

    A turn is done when its last response has ended and no tool of it is left to answer; who knows
    of the tools calls :meth:`close` then.
    """

    def __init__(self, *, beside: bool, by_hand: bool = False) -> None:
        self.beside = beside
        """Whether it runs out of band, beside the default conversation."""
        self.by_hand = by_hand
        """Whether the caller sent the request, and would repeat it."""
        self.asked: ResponseCreate | None = None
        """The request, as it was asked for; none where the server began by itself."""
        self.token = ""
        """What tells its response from all others, on servers that repeat metadata."""
        self.items: list[ClientEvent] = []
        """What goes out right before its first request: what it is to answer."""
        self.metadata: dict[str, str] = {}
        """What the request that was sent carried, and a server may repeat."""
        self.event_id: str | None = None
        self.response_id: str | None = None
        self.sent = False
        """Whether a request is out that has been neither taken up nor refused."""
        self.running = False
        self.guessed = False
        """Whether nothing but the order says that the running response is the one asked for."""
        self.overtaken = False
        """Whether another response ended since the request was sent."""
        self.cancelling = False
        self.cancel_id: str | None = None
        """The `event_id` of the cancel that went out."""
        self.cancelled_early = False
        """Whether that was before the response had begun, and may have found nothing."""
        self.attempts = 0
        self.cuts = 0
        """How many connections were lost while a request of it was out."""
        self.responses: list[RealtimeResponse] = []
        self.status: str = "queued"
        self.error: BaseException | None = None
        self.done = False
        self.said = DedupText()
        """Text and the words of speech together, as they came."""
        self.text = DedupText()
        self.transcript = DedupText()
        self.audio: list[ResponseOutputAudioDelta] = []
        self.audio_lost = 0
        """How many pieces of audio had to go because nobody read them."""
        self.keep_audio = False
        self.quiet = 0
        """How many looks at the clock have found nothing new of it; see ``overdue``."""
        self.waived = False
        """Whether nobody waits for it any more: it ends with what runs."""
        self._audio_bytes = 0
        self._audio_began = 0  # the number of the first piece of the running response
        self._audio_said = b""  # what it had sounded before it was made anew
        self._audio_again = 0  # how many bytes of that the new one has sounded, too
        self._heard: set[str] = set()  # what has come of the running response, by kind
        self._readers: list[Callable[[], None]] = []
        self._source: tuple[int, Any] = (-1, None)  # whose words came last
        self._flowing: DedupText | None = (
            None  # where the next piece of that goes without a question
        )

    def ask(self, event: ResponseCreate, token: str) -> None:
        """Begin, or go on with, the turn by this request."""
        self.asked, self.token = event, token
        self.attempts = 0
        self.requeue()

    def requeue(self) -> None:
        """The request is to be sent, or to be sent again."""
        self.event_id = self.response_id = self.cancel_id = None
        self.sent = self.running = self.guessed = self.overtaken = False
        self.status = "queued"
        self._forget()

    def _forget(self) -> None:
        """What comes from now on is of another response."""
        self._heard.clear()
        self._flowing = None

    def restart(self) -> None:
        """The request is to be sent again, and what came of it so far to be said anew."""
        for strand in (self.said, self.text, self.transcript):
            strand.restart()
        first = max(0, self._audio_began - self.audio_lost)
        self._audio_said = b"".join(event.audio for event in self.audio[first:])
        self._audio_again = 0
        self.requeue()

    def begin(self, response_id: str | None, *, guessed: bool = False) -> None:
        """The server has taken the request up."""
        for strand in (self.said, self.text, self.transcript):
            strand.begin()
        if not self._audio_said:
            self._audio_began = self.audio_lost + len(self.audio)
        self.response_id = response_id
        self.sent, self.running, self.guessed = False, True, guessed
        self.status = "in_progress"
        self.quiet = 0
        self._forget()
        self._wake()

    def hand_over(self, other: ResponseState) -> None:
        """The running response is not the one asked for: give it, and all that came of it, to
        `other`, and go back to waiting."""
        other.begin(self.response_id, guessed=True)
        for mine, theirs in (
            (self.said, other.said),
            (self.text, other.text),
            (self.transcript, other.transcript),
        ):
            theirs.extend(mine)
            theirs.source = mine.source
            mine.clear()
        for event in self.audio:
            other.hear(event)
        other._heard |= self._heard
        self.audio.clear()
        self._audio_bytes = self.audio_lost = 0
        self.requeue()
        self._wake()

    def hear(self, event: Event) -> None:
        """Take an event of the running response."""
        self.quiet = 0
        if isinstance(event, ResponseOutputAudioTranscriptDelta):
            self._hear_piece(self.transcript, "transcript", event)
        elif isinstance(event, ResponseOutputAudioDelta):
            if self.keep_audio:
                self._keep(event)
        elif isinstance(event, ResponseOutputTextDelta):
            self._hear_piece(self.text, "text", event)
        # Some servers send no deltas, but tell at the end what they would have held.
        elif isinstance(event, ResponseOutputTextDone) and "text" not in self._heard:
            self._say(self.text, event.text, event.item_id)
        elif (
            isinstance(event, ResponseOutputAudioTranscriptDone) and "transcript" not in self._heard
        ):
            self._say(self.transcript, event.transcript, event.item_id)

    def _hear_piece(
        self,
        strand: DedupText,
        kind: str,
        event: ResponseOutputAudioTranscriptDelta | ResponseOutputTextDelta,
    ) -> None:
        piece = event.delta
        if self._flowing is strand and self._source[1] == event.item_id and type(piece) is str:
            # On in the same item, as nearly always: nothing is to be found out.
            if piece:
                strand.append(piece)
                self.said.append(piece)
                if self._readers:
                    self._wake()
            return
        self._say(strand, piece, event.item_id)
        self._heard.add(kind)
        if type(piece) is str and piece and not (strand.repeats or self.said.repeats):
            self._flowing = strand

    def _say(self, strand: DedupText, piece: Any, item_id: Any) -> None:
        self._flowing = None
        if isinstance(piece, str) and piece != "":
            source = self._source
            if source[1] != item_id or source[0] != len(self.responses):
                source = self._source = (len(self.responses), item_id)
            strand.add(piece, source)
            self.said.add(piece, source)
            self._heard.add("anything")
            if self._readers:
                self._wake()

    def _keep(self, event: ResponseOutputAudioDelta) -> None:
        if self._audio_said:
            self._repeat(event)
        elif isinstance(event.delta, str):
            self.audio.append(event)
            self._audio_bytes += len(event.delta)
            # The oldest goes: whoever has read up to now has it.
            while self._audio_bytes > MAX_AUDIO and len(self.audio) > 1:
                self._audio_bytes -= len(self.audio.pop(0).delta)
                self.audio_lost += 1
            self._wake()

    def _repeat(self, event: ResponseOutputAudioDelta) -> None:
        """Take sound of a response that is made anew: what was there before is not there twice."""
        said, place, sound = self._audio_said, self._audio_again, event.audio
        if said.startswith(sound, place):
            self._audio_again += len(sound)
            if self._audio_again == len(said):
                self._audio_said = b""
            return
        self._audio_said = b""
        if sound.startswith(said[place:]):
            self._keep(_sounding(event, sound[len(said) - place :]))
            return
        if place:
            self._keep(_sounding(event, said[:place]))
        self._keep(event)

    def end(self, response: Any) -> None:
        """A response of the turn has ended."""
        for strand in (self.said, self.text, self.transcript):
            strand.end()
        self._audio_said = b""
        self._flowing = None
        status = None
        if isinstance(response, RealtimeResponse):
            if "anything" not in self._heard:
                self._fill(response)
            self.responses.append(response)
            status = response.status
        self.status = status if isinstance(status, str) else "completed"
        self.response_id = None
        self.sent = self.running = False

    def _fill(self, response: RealtimeResponse) -> None:
        """Some servers tell what they said only in the items of the response."""
        for item in _list(response.output):
            for part in _list(getattr(item, "content", None)):
                if isinstance(part, OutputText):
                    self._say(self.text, part.text, id(item))
                elif isinstance(part, OutputAudio):
                    self._say(self.transcript, part.transcript, id(item))

    def close(self) -> None:
        """End the turn with the status of its last response."""
        if not self.done:
            self._finish()

    def finish(self, status: str) -> None:
        """End the turn with a status that no server event told."""
        if not self.done:
            self.status = status
            self._finish()

    def fail(self, error: BaseException) -> None:
        """End the turn with an error."""
        if not self.done:
            self.error = error
            self.status = "failed"
            self._finish()

    def _finish(self) -> None:
        self.done = True
        self.sent = self.running = False
        self._wake()

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever something has come, and at the end."""
        self._readers.append(wake)

    def unsubscribe(self, wake: Callable[[], None]) -> None:
        """Undo :meth:`subscribe`."""
        self._readers.remove(wake)

    def _wake(self) -> None:
        for wake in tuple(self._readers):
            wake()


def _sounding(event: ResponseOutputAudioDelta, sound: bytes) -> ResponseOutputAudioDelta:
    return attrs.evolve(event, delta=pybase64.b64encode(sound).decode())


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]
