"""How much one browser, and all of them together, may ask for. This module counts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from ..errors import InvalidOption

__all__ = ["Allowance", "Limits", "Pace", "Seats"]


@attrs.frozen(kw_only=True)
class Limits:
    """The limits of a relay: how many sessions there are, for each of its worker processes; all
    else for each session, whichever socket or worker it goes on with."""

    sessions: int = 200
    """Sessions of a worker at the same time."""
    sessions_of_one: int = 5
    """Sessions of a worker at the same time of one visitor: who `authorize` says, else one
    address."""
    frame: int = 256 * 1024
    """Bytes of one frame from a browser."""
    events: float = 120.0
    """Events a second, over ten seconds."""
    bytes: float = 512 * 1024.0
    """Bytes a second, over ten seconds: ten times what speech takes."""
    seconds: float = 3600.0
    """How long a session lasts at most, from its first browser on."""
    waiting: int = 16 * 1024 * 1024
    """Bytes that wait for a browser that reads too slowly, before it is let go."""

    def __attrs_post_init__(self) -> None:
        for field in attrs.fields(Limits):
            if not getattr(self, field.name) > 0:
                raise InvalidOption(f"Limits({field.name}=...): say a number above 0")


class Allowance:
    """What is left of a session's limits. It belongs to the session, so that neither another
    socket nor another worker brings more.

    Args:
        state: that of a worker before, from the store; ``None`` for a session that begins.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        limits: Limits,
        state: Mapping[str, Any] | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._limits, self._clock = limits, clock
        before = dict(state or {})
        self._events = Pace(limits.events, clock, before.get("events"))
        self._bytes = Pace(limits.bytes, clock, before.get("bytes"))
        began = float(before.get("began", clock()))
        self.state: dict[str, Any] = {
            "began": began, "events": self._events.state, "bytes": self._bytes.state,
        }  # fmt: skip
        """As JSON values, which change with what is used up."""

    def take(self, size: int) -> bool:
        """Whether there is room for one more event of so many bytes."""
        return self._events.take() and self._bytes.take(size)

    @property
    def over(self) -> bool:
        """Whether the session has lasted as long as it may."""
        return self._clock() - float(self.state["began"]) >= self._limits.seconds


class Pace:
    """A bucket that fills with time: `rate` a second, for a burst of so many seconds.

    Args:
        state: what was left, and when.
    """

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float],
        state: Sequence[float] | None = None,
        *,
        burst: float = 10.0,
    ) -> None:
        self._rate, self._most, self._clock = rate, rate * burst, clock
        self.state = [self._most, clock()] if state is None else [*map(float, state)]
        """What is left, and when that was."""

    def take(self, amount: float = 1.0) -> bool:
        """Whether there is as much left."""
        now = self._clock()
        left, at = self.state
        left = min(self._most, left + max(0.0, now - at) * self._rate)
        enough = amount <= left
        self.state[:] = [left - amount if enough else left, now]
        return enough


class Seats:
    """Who is here."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._taken: Counter[str] = Counter()

    def take(self, visitor: str) -> bool:
        """Whether there is room for one more session of a visitor."""
        full = self._taken.total() >= self._limits.sessions
        if full or self._taken[visitor] >= self._limits.sessions_of_one:
            return False
        self._taken[visitor] += 1
        return True

    def leave(self, visitor: str) -> None:
        """One of a visitor's sessions is over."""
        self._taken[visitor] -= 1
        if self._taken[visitor] <= 0:
            del self._taken[visitor]
