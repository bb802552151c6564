"""Which parts of a session an event concerns, by its class.

Most events are pieces of speech, a hundred of them a second, and most parts have nothing to do with
those: so it is found out once for each class. This module knows what the parts say of themselves.
"""

from __future__ import annotations

from typing import NamedTuple

from voxwire_protocol import (
    Event,
    SessionCreated,
    SessionUpdated,
    TranslationSessionCreated,
    TranslationSessionUpdated,
)

from ..audio.playback.playback import Playback
from ..tools.mcp import Approvals
from .acknowledgements import Acknowledgements
from .tool_loop import ToolLoop

__all__ = ["DESCRIBING", "KNOWN", "Concerns", "concerns"]

DESCRIBING = (
    SessionCreated,
    SessionUpdated,
    TranslationSessionCreated,
    TranslationSessionUpdated,
)
"""The events that describe the session."""


class Concerns(NamedTuple):
    """Whom a class of events concerns."""

    rare: bool
    """The session itself, approvals or acknowledgements."""
    played: bool
    """The playback."""
    spoken: bool
    """The turns."""
    piece: bool
    """Of the turns, nothing but what is being said."""


KNOWN: dict[type[Event], Concerns] = {}
"""What has been found out, to look at before :func:`concerns` is called."""


def concerns(kind: type[Event]) -> Concerns:
    """Find out whom events of a class concern."""
    found = KNOWN[kind] = Concerns(
        rare=issubclass(kind, (*DESCRIBING, *Approvals.CONCERN, *Acknowledgements.CONCERN)),
        played=issubclass(kind, Playback.CONCERN),
        spoken=ToolLoop.concerns(kind),
        piece=ToolLoop.is_piece(kind),
    )
    return found
