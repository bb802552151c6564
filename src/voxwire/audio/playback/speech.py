"""The model's speech as it comes in: which item belongs to which response, and how much there is.

This module reads server events. It does not know what was played, and decides nothing.
"""

from __future__ import annotations

from typing import Any, ClassVar

from voxwire_protocol import (
    UNSET,
    AssistantMessage,
    ConversationItemAdded,
    ConversationItemCreated,
    ConversationItemDeleted,
    ConversationItemTruncated,
    Event,
    ResponseCreated,
    ResponseDone,
    ResponseOutputAudioDelta,
    ResponseOutputAudioDone,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputItemDone,
    ResponseOutputTextDelta,
    SessionCreated,
    SessionUpdated,
)

from ...protocol.audio_format import PCM16, Format, base64_size, format_of
from .position import PlayedAudio, Track

__all__ = ["MOST_TRACKS", "ModelSpeech"]

MOST_TRACKS = 1024
"""How many items are remembered that have sound."""


class ModelSpeech:
    """What has arrived. Fields and events may be missing or wrong: a server may say anything."""

    CONCERN: ClassVar[tuple[type[Event], ...]] = (
        ResponseOutputAudioDelta,
        ResponseCreated,
        ResponseDone,
        ResponseOutputAudioDone,
        ResponseOutputItemDone,
        ConversationItemAdded,
        ConversationItemCreated,
        ConversationItemDeleted,
        ConversationItemTruncated,
        SessionCreated,
        SessionUpdated,
    )
    """The events that matter here."""

    def __init__(self) -> None:
        self.format: Format = PCM16
        """The session's output format."""
        self.tracks: dict[str, Track] = {}
        """The sound of each item, in the order in which it began."""
        self.row = PlayedAudio()
        self.active: str | None = None
        """The response that is writing into the conversation."""
        self.aside: set[str] = set()
        """Running responses that write into no conversation."""
        self.stopped: set[str] = set()
        """Responses that were interrupted."""
        self.cancelled: set[str] = set()
        """Responses whose end is on the way, asked for by this side or brought by the server."""
        self.interrupts = True
        """Whether the server itself cancels the response when the user speaks."""
        self._formats: dict[str, Format] = {}
        self._listed: set[str] = set()

    def leave(self) -> None:
        """The connection is gone, and all that was running there."""
        self.active = None
        self.aside.clear()
        self.stopped.clear()
        self.cancelled.clear()
        self._formats.clear()
        self._listed.clear()

    def accepts(self, event: Event) -> bool:
        """Whether text or sound is still for the listener; True for all other events."""
        if not isinstance(event, _CONTENT):
            return True
        track = self.tracks.get(_id(event.item_id))
        return _id(event.response_id) not in self.stopped and not (track and track.stopped)

    def apply(self, event: Event) -> Track | None:
        """Take in a server event. Gives the track of an item that begins to sound although its
        response was interrupted: it was on its way, and nobody will hear it."""
        match event:
            case ResponseOutputAudioDelta():
                return self.sound(event)
            case ResponseCreated():
                self._begun(event)
            case ResponseDone():
                self._ended(_id(getattr(event.response, "id", None)))
            case ResponseOutputAudioDone():
                self._complete(event.item_id)
            case ResponseOutputItemDone():
                self._complete(getattr(event.item, "id", None))
            case ConversationItemAdded() | ConversationItemCreated():
                if isinstance(event.item, AssistantMessage):
                    self._list(_id(getattr(event.item, "id", None)))
            case ConversationItemDeleted() | ConversationItemTruncated():
                if track := self.tracks.get(_id(event.item_id)):
                    track.stopped = True
            case SessionCreated() | SessionUpdated():
                self._configure(event.session)
            case _:
                pass
        return None

    def sound(self, event: ResponseOutputAudioDelta) -> Track | None:
        """What :meth:`apply` does with sound."""
        id, size = event.item_id, base64_size(event.delta)
        track = self.tracks.get(id) if type(id) is str else None
        if track is not None:
            if size and not track.stopped:
                self.row.add(track, size)
            return None
        item_id, response_id = _id(id), _id(event.response_id)
        if not item_id or not size:
            return None
        late = response_id in self.stopped
        self._make_room()
        track = self.tracks[item_id] = Track(
            item_id,
            response_id,
            self._formats.get(response_id, self.format),
            stopped=late,
            listed=item_id in self._listed or response_id not in self.aside,
        )
        if not track.stopped:
            self.row.add(track, size)
        return track if late else None

    def _make_room(self) -> None:
        """Forget the oldest sound: it was heard long ago, or nobody ever tells what is."""
        while len(self.tracks) >= MOST_TRACKS:
            self.row.forget(self.tracks.pop(next(iter(self.tracks))))

    def _begun(self, event: ResponseCreated) -> None:
        response: Any = event.response
        for ids in (self.aside, self.stopped, self.cancelled, self._listed, self._formats):
            if len(ids) > MOST_TRACKS:  # of responses that never end: no server has so many
                ids.clear()
        response_id = _id(getattr(response, "id", None))
        self.stopped.discard(response_id)  # an id may come again, above all the missing one
        self.cancelled.discard(response_id)
        self._formats[response_id] = format_of(response, default=self.format)
        # Null says "in no conversation"; servers that know only one conversation leave it out.
        if getattr(response, "conversation_id", UNSET) is None:
            self.aside.add(response_id)
        else:
            self.active = response_id

    def _ended(self, response_id: str) -> None:
        if response_id == self.active:
            self.active = None
        self._formats.pop(response_id, None)
        self.aside.discard(response_id)
        for track in self.tracks.values():
            if track.response_id == response_id:
                track.complete = True

    def _complete(self, item_id: object) -> None:
        if track := self.tracks.get(_id(item_id)):
            track.complete = True

    def _list(self, item_id: str) -> None:
        if track := self.tracks.get(item_id):
            track.listed = not track.as_text
        elif self.aside:  # else there is no doubt
            self._listed.add(item_id)

    def _configure(self, session: Any) -> None:
        self.format = format_of(session, default=PCM16)
        heard = getattr(getattr(session, "audio", None), "input", None)
        detection = getattr(heard, "turn_detection", getattr(session, "turn_detection", None))
        self.interrupts = getattr(detection, "interrupt_response", True) is not False


_CONTENT = (ResponseOutputAudioDelta, ResponseOutputAudioTranscriptDelta, ResponseOutputTextDelta)


def _id(value: object) -> str:
    """An id as the server gave it; empty where it gave none."""
    return value if isinstance(value, str) else ""
