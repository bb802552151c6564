"""Whether to ask again, and when: by status, by what the server says, else by chance.

Numbers in, numbers out: this module waits for nothing and sends nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

import attrs

__all__ = ["Backoff", "asked_to_wait", "may_help"]

_PASSING = frozenset({408, 409, 429})


def may_help(status: int, headers: Mapping[str, str]) -> bool:
    """Whether the same request may fare better later; what the server says of that goes first."""
    said = headers.get("x-should-retry", "").lower()
    if said in ("true", "false"):
        return said == "true"
    return status in _PASSING or status >= 500


def asked_to_wait(headers: Mapping[str, str], now: float) -> float | None:
    """The seconds for which a server asks to be left alone; ``None`` where it does not.

    ``Retry-After-Ms`` is the finer one and goes first; ``Retry-After`` is seconds or a date.
    """
    seconds = _number(headers.get("retry-after-ms"))
    if seconds is not None:
        return seconds / 1000
    later = headers.get("retry-after")
    seconds = _number(later)
    if seconds is not None or later is None:
        return seconds
    try:
        moment = parsedate_to_datetime(later)
    except (ValueError, TypeError):  # neither seconds nor a date: as if nothing had been said
        return None
    if moment.tzinfo is None:  # a date in UTC that says so by "-0000"
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - now)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:  # no number: perhaps a date
        return None
    return value if 0 <= value < float("inf") else None


@attrs.frozen(kw_only=True)
class Backoff:
    """How long to wait between attempts where the server does not say.

    The longest wait doubles with each attempt, and the wait is anything up to it by chance, so that
    many clients which failed together do not come back together.
    """

    first: float = 0.5
    """The longest wait after the first attempt, in seconds."""
    longest: float = 8.0
    """The longest wait after any."""
    patience: float = 60.0
    """A server that asks for a longer wait than this is not waited for: the error comes at once."""
    chance: Callable[[], float] = random.random
    """A number from 0 to 1."""

    def seconds(self, attempt: int, asked: float | None) -> float | None:
        """The wait after attempt ``attempt`` (1 is the first); ``None`` to give up."""
        if asked is not None:
            return asked if asked <= self.patience else None
        # The exponent has a limit, for a float does not take 2 to the 1100.
        return float(self.chance() * min(self.longest, self.first * 2.0 ** min(attempt - 1, 30)))
