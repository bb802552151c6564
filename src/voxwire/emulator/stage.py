"""What the parts of one session share: the clock, the ids, the way out, and the server's habits.

It knows how an event is made and put into the queue; nothing of what events mean.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import attrs
from voxwire_protocol import ErrorEvent, ServerEvent

from .brain import Reply, Turn
from .ids import Ids
from .mishaps import AnyFault
from .mistakes import Mistake
from .rules import Script
from .timeline import Timeline
from .voice import Voice, tone

__all__ = ["Ended", "Habits", "Out", "Stage", "Think", "Timing", "Wrong"]


@attrs.frozen(kw_only=True)
class Timing:
    """How long things take, in seconds of the timeline."""

    first: float = 0.3
    """From the request to the first output."""
    token: float = 0.02
    """Between two pieces of text."""
    audio: float = 0.06
    """From the first piece of a transcript to the first sound."""
    chunk: float = 0.05
    """Between two pieces of sound."""
    chunk_ms: int = 200
    """How much sound is in a piece: four times as much as can be played meanwhile."""
    transcript: float = 0.05
    """From a commit to the first piece of the input's transcript."""
    transcribed: float = 0.35
    """From the last of them to the end of the transcript."""


@attrs.frozen(kw_only=True)
class Habits:
    """How a server behaves where servers differ."""

    timing: Timing = Timing()
    rate_limits_every: int = 3
    """``rate_limits.updated`` after every such response: on the live service it is every third.
    0 for never."""
    tokens_per_minute: int = 40_000
    media: Literal["socket", "call"] = "socket"
    """Where the sound goes: over the socket, or beside it in a WebRTC or SIP call."""


@attrs.frozen(kw_only=True)
class Ended:
    """Close the connection, when all that stands before this has been sent."""

    code: int
    reason: str = ""


@attrs.frozen
class Wrong:
    """From here on, something goes wrong with what is sent."""

    fault: AnyFault


Out: TypeAlias = ServerEvent | Ended | Wrong

Think: TypeAlias = Callable[[Turn, Callable[[Reply], None]], None]
"""Have a reply found for a turn, at once or later."""


@attrs.define(kw_only=True)
class Stage:
    """One session's surroundings. ``out`` is what is to be sent, in order."""

    ids: Ids
    script: Script
    think: Think
    habits: Habits = attrs.field(factory=Habits)
    voice: Voice = tone
    timeline: Timeline = attrs.field(factory=Timeline)
    out: list[Out] = attrs.field(factory=list[Out])

    def send(self, cls: type[ServerEvent], **fields: Any) -> None:
        """Send an event: JSON values become the models that belong there."""
        self.out.append(cls.from_dict({"event_id": self.ids.new("event"), **fields}))

    def refuse(self, mistake: Mistake, event_id: Any = None) -> None:
        """Send an ``error`` event."""
        self.out.append(ErrorEvent(event_id=self.ids.new("event"), error=mistake.details(event_id)))

    def end(self, code: int, reason: str = "") -> None:
        """Close the connection."""
        self.out.append(Ended(code=code, reason=reason))

    def take(self) -> list[Out]:
        """What is to be sent, and be done with it."""
        taken, self.out = self.out, []
        return taken
