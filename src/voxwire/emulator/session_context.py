"""Names and padding that look like the service's, the same ones for the same seed."""

from __future__ import annotations

import heapq
import random
import string
from collections.abc import Callable
from itertools import count
from typing import Any, Literal, TypeAlias

import attrs
from voxwire_protocol import ErrorEvent, ServerEvent

from .api_errors import ApiError
from .faults import AnyFault
from .responder import Reply, UserTurn
from .script import Script
from .speech_synthesis import Voice, tone

__all__ = [
    "Ended",
    "Habits",
    "Ids",
    "Out",
    "SessionContext",
    "Think",
    "Timeline",
    "Timer",
    "Timing",
    "Wrong",
]


_ALPHABET = string.ascii_letters + string.digits
_PADDED = 16


class Ids:
    """A source of ids. Two with the same seed give the same ids in the same order."""

    def __init__(self, seed: int | str | None = None) -> None:
        self._random = random.Random(seed)

    def new(self, prefix: str, length: int = 21) -> str:
        """A new id, such as ``item_`` with 21 letters and digits."""
        return f"{prefix}_{self._letters(length)}"

    def padding(self, delta: str) -> str:
        """Letters that fill a text delta up, so that its length on the wire tells nothing."""
        return self._letters(_PADDED - len(delta) % _PADDED)

    def _letters(self, length: int) -> str:
        return "".join(self._random.choices(_ALPHABET, k=length))


@attrs.define(eq=False)
class Timer:
    """Something that will happen, unless it is cancelled."""

    when: float
    action: Callable[[], None] | None

    def cancel(self) -> None:
        self.action = None


class Timeline:
    """Timers in order. Those for the same moment run in the order in which they were set."""

    def __init__(self) -> None:
        self.now = 0.0
        """Seconds since the beginning."""
        self._waiting: list[tuple[float, int, Timer]] = []
        self._number = count()

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Do something so many seconds from now."""
        timer = Timer(self.now + max(0.0, seconds), action)
        heapq.heappush(self._waiting, (timer.when, next(self._number), timer))
        return timer

    @property
    def next(self) -> float | None:
        """The moment of the next timer; None when nothing is to come."""
        while self._waiting and self._waiting[0][2].action is None:
            heapq.heappop(self._waiting)
        return self._waiting[0][0] if self._waiting else None

    def step(self) -> bool:
        """Go to the next timer and run it; False when there is none."""
        if self.next is None:
            return False
        when, _, timer = heapq.heappop(self._waiting)
        self.now = max(self.now, when)
        action, timer.action = timer.action, None
        assert action is not None
        action()
        return True

    def advance(self, to: float) -> None:
        """Let time pass up to a moment, running what is due on the way."""
        while (when := self.next) is not None and when <= to:
            self.step()
        self.now = max(self.now, to)

    def run(self) -> None:
        """Run until nothing is left."""
        while self.step():
            pass


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

Think: TypeAlias = Callable[[UserTurn, Callable[[Reply], None]], None]
"""Have a reply found for a turn, at once or later."""


@attrs.define(kw_only=True)
class SessionContext:
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

    def refuse(self, mistake: ApiError, event_id: Any = None) -> None:
        """Send an ``error`` event."""
        self.out.append(ErrorEvent(event_id=self.ids.new("event"), error=mistake.details(event_id)))

    def end(self, code: int, reason: str = "") -> None:
        """Close the connection."""
        self.out.append(Ended(code=code, reason=reason))

    def take(self) -> list[Out]:
        """What is to be sent, and be done with it."""
        taken, self.out = self.out, []
        return taken
