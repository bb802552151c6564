"""How much one browser, and all of them together, may ask for. This module counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import attrs

from ..errors import InvalidOption

__all__ = ["Limits", "Pace", "Seats"]


@attrs.frozen(kw_only=True)
class Limits:
    """The limits of a relay, for each of its worker processes."""

    sessions: int = 200
    """Sessions at the same time."""
    sessions_of_one: int = 5
    """Sessions at the same time of one visitor: who `authorize` says, else one address."""
    frame: int = 256 * 1024
    """Bytes of one frame from a browser."""
    events: float = 120.0
    """Events a second, over some seconds."""
    bytes: float = 512 * 1024.0
    """Bytes a second, over some seconds: ten times what speech takes."""
    seconds: float = 3600.0
    """How long a session lasts at most."""
    waiting: int = 16 * 1024 * 1024
    """Bytes that wait for a browser that reads too slowly, before it is let go."""

    def __attrs_post_init__(self) -> None:
        for field in attrs.fields(Limits):
            if not getattr(self, field.name) > 0:
                raise InvalidOption(f"Limits({field.name}=...): say a number above 0")


class Pace:
    """A bucket that fills with time: `rate` a second, for a burst of so many seconds."""

    def __init__(self, rate: float, clock: Callable[[], float], *, burst: float = 10.0) -> None:
        self._rate, self._most, self._clock = rate, rate * burst, clock
        self._left, self._at = self._most, clock()

    def take(self, amount: float = 1.0) -> bool:
        """Whether there is as much left."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
        if amount > self._left:
            return False
        self._left -= amount
        return True


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
