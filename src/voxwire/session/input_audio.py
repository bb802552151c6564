"""Audio on its way to the server: frames, and how much has been appended since the last commit.

This module knows the one event that is sent many times a second, and builds its frame directly:
encoding it as an event would copy the audio three times more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pybase64
from voxwire_protocol import (
    ClientEvent,
    InputAudioBufferAppend,
    InputAudioBufferClear,
    InputAudioBufferCommit,
)

from ..errors import InvalidOption
from ..protocol.audio_format import PCM16, base64_size, format_of

__all__ = ["MAX_APPEND", "MIN_COMMIT_MS", "Uplink", "pieces"]

MAX_APPEND = 11 * 1024 * 1024
"""Bytes of audio in one event: base64 makes a third more of them, and 15 MiB are allowed."""

MIN_COMMIT_MS = 100
"""The shortest audio that the server takes as a turn."""


def pieces(audio: bytes | bytearray | memoryview) -> Sequence[bytes | memoryview]:
    """`audio` in pieces that fit an event: one, unless it is minutes long; none of no audio.
    Raises :class:`InvalidOption` for what is no audio."""
    if isinstance(audio, bytes) and 0 < len(audio) <= MAX_APPEND:
        return (audio,)
    try:
        view = memoryview(audio).cast("B")
    except TypeError as error:
        raise InvalidOption(
            f"audio is bytes in the session's input format, and {type(audio).__name__} is not "
            f"that: decode base64, make an array contiguous ({error})"
        ) from None
    return [view[start : start + MAX_APPEND] for start in range(0, len(view), MAX_APPEND)]


class Uplink:
    """What one connection has appended and not yet committed, in bytes."""

    def __init__(self) -> None:
        self.appended = 0

    def frame(self, piece: bytes | memoryview, event_id: str) -> bytes:
        """The frame that appends `piece`."""
        self.appended += len(piece)
        return b'{"type":"input_audio_buffer.append","event_id":"%b","audio":"%b"}' % (
            event_id.encode(),
            pybase64.b64encode(piece),
        )

    def sent(self, event: ClientEvent) -> None:
        """Note an event that goes out: with a commit or a clear the count starts anew."""
        if isinstance(event, (InputAudioBufferCommit, InputAudioBufferClear)):
            self.appended = 0
        elif isinstance(event, InputAudioBufferAppend):
            self.appended += base64_size(event.audio)

    def check_commit(self, session: Any) -> None:
        """Raise :class:`InvalidOption` where a commit by hand would be refused or do harm."""
        incoming = getattr(getattr(session, "audio", None), "input", None)
        # Sessions of the beta's shape have it at the top.
        detection = getattr(incoming or session, "turn_detection", None)
        # Some servers say that there is none by an object without a type.
        if detection and getattr(detection, "type", None) is not None:
            raise InvalidOption(
                "turn detection ends the user's turns in this session: do not commit, or switch it "
                "off with turn_detection=None"
            )
        # A server may name a format that we do not know, which is no mistake of the caller's.
        form = format_of(session, "input", default=PCM16)
        ms = form.ms(self.appended)
        if ms < MIN_COMMIT_MS:
            raise InvalidOption(
                f"{ms} ms of audio were appended since the last commit, and a turn needs at least "
                f"{MIN_COMMIT_MS} ms: append more first"
            )
