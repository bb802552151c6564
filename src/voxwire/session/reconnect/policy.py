"""When a lost connection is worth another try, how long to wait, and what to do with what was cut.

This module decides from codes, types and counts. It opens nothing and waits for nothing.
"""

from __future__ import annotations

import random
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, TypeAlias

import attrs

from ...conversation.conversation import Conversation
from ...errors import (
    AuthenticationError,
    ConnectionClosedError,
    InvalidEvent,
    InvalidOption,
    PermissionDenied,
    ProxyError,
    ServerError,
    UpgradeRejected,
)
from ..local_events import ConnectionClosed, Reconnecting

__all__ = ["Before", "Reconnect"]

Answer: TypeAlias = bool | str | None
Before: TypeAlias = Callable[[Reconnecting], Answer | Awaitable[Answer]]
"""Asked before each attempt: ``False`` gives up, a string is the key from now on."""

CODES: Final = frozenset({1001, 1006, 1011, 1012, 1013, 1014})
"""Close codes after which another connection may do better: the server goes away or has reached its
time limit, the line broke, an error inside the server, a restart, too much load, a bad gateway.
(RFC 6455, section 7.4.1, and the registry of close codes that belongs to it.) A regular end (1000),
and what is wrong with what this side sent or is (1002, 1003, 1007 to 1010, 3000, 4000), are not."""

STATUSES: Final = frozenset({408, 425, 429, *range(500, 600)})
"""HTTP answers to the upgrade that may be others the next time."""

TYPES: Final = frozenset({"server_error", "rate_limit_error", "rate_limit_exceeded", "overloaded"})
"""Types and codes of errors that pass."""

FINAL: Final = frozenset({
    "invalid_request_error", "authentication_error", "permission_error", "insufficient_quota",
    "billing_error", "invalid_api_key", "beta_api_shape_disabled", "content_filter",
})  # fmt: skip
"""Types and codes of errors that do not, whatever the close code is."""

EXPIRED: Final = "session_expired"
"""The one ``invalid_request_error`` that another session cures."""


@attrs.frozen(kw_only=True)
class Reconnect:
    """Go on over another connection when one is lost: ``connect(reconnect=Reconnect())``.

    On the new connection the session has its settings and its conversation again; see the guide on
    reconnecting for what can be restored and what cannot. A program sees :class:`Reconnecting` and
    :class:`Reconnected`; where it is given up, the session ends with :class:`ConnectionClosed`.
    """

    attempts: int = 10
    """How often to try without progress. The count begins anew once a response that this session
    asked for has ended on a new connection, once audio that it sent was answered or transcribed, or
    after a minute: a connection that breaks again at once, and what a server does unasked, is no
    progress."""

    first_delay: float = 0.5
    """Seconds before the first attempt, at most: each delay is random between 0 and its limit, so
    that many clients of one server do not come back in step, and the limit doubles each time."""

    longest_delay: float = 20.0
    """Seconds that no delay exceeds."""

    responses: Literal["again", "report"] = "again"
    """What becomes of a response that was cut off. ``"again"``: it is asked for anew; what nobody
    has heard of it is dropped, what was heard stays, and the new one follows it. ``"report"``: it
    stays as far as it came, its handle ends as ``incomplete``, and :class:`Reconnected` names it.
    One whose tools were called already is never made anew: its tools are answered."""

    reminder: str | Callable[[Conversation], str | None] | None = None
    """A system message behind the restored items, to remind the model where it was; a function
    makes it from the conversation."""

    audio_seconds: float = 60.0
    """Seconds of the user's latest audio that are held in memory (48 kB each, with PCM at 24 kHz):
    what the server had not understood when the connection went, and what is said meanwhile."""

    restore_timeout: float = 10.0
    """Seconds for the new connection to take its settings and items."""

    before: Before | None = attrs.field(default=None, repr=False)
    """Asked before each attempt, with the :class:`Reconnecting` that tells of it. ``False`` gives
    up; a string is the key from now on; anything else goes on. May be a coroutine function. A key
    that is given by a function is asked for anew in any case."""

    worth: Callable[[ConnectionClosed | BaseException], bool | None] | None = attrs.field(
        default=None, repr=False
    )
    """Decides on closes and failures in place of the rules here; ``None`` leaves it to them."""

    def __attrs_post_init__(self) -> None:
        for name in ("first_delay", "longest_delay", "audio_seconds"):
            if not getattr(self, name) >= 0:
                raise InvalidOption(f"Reconnect({name}={getattr(self, name)}): give 0 or more")
        if self.attempts < 1:
            raise InvalidOption(f"Reconnect(attempts={self.attempts}): give at least 1")
        if not self.restore_timeout > 0:
            raise InvalidOption("Reconnect(restore_timeout=...): give more than 0 seconds")
        if self.responses not in ("again", "report"):
            raise InvalidOption(
                f'Reconnect(responses={self.responses!r}): there are "again" and "report"'
            )

    def delay(self, attempt: int, chance: Callable[[], float] = random.random) -> float:
        """Seconds before an attempt, the first one being 1."""
        # Doubling for ever would overflow before it is cut.
        return chance() * min(self.longest_delay, self.first_delay * 2.0 ** min(attempt - 1, 60))

    def retries(self, failure: ConnectionClosed | BaseException, *, fresh_key: bool) -> bool:
        """Whether another connection is worth a try.

        Args:
            failure: how the connection ended, or why there is none.
            fresh_key: whether the next attempt may have another key.
        """
        told = self.worth(failure) if self.worth is not None else None
        return _worth(failure, fresh_key) if told is None else told


def _worth(failure: ConnectionClosed | BaseException, fresh_key: bool) -> bool:
    if isinstance(failure, ConnectionClosed | ConnectionClosedError):
        return _passes(failure.code in CODES, failure.reason.split("."))
    if isinstance(failure, AuthenticationError):
        return fresh_key
    if isinstance(failure, PermissionDenied):
        return False
    if isinstance(failure, UpgradeRejected):
        told = _told(failure.event)
        if failure.status is not None:
            return _passes(failure.status in STATUSES, told)
        return _passes(failure.close_code in CODES, told)
    if isinstance(failure, ProxyError) and failure.status is not None:
        return failure.status in STATUSES
    if isinstance(failure, ServerError):
        return _passes(False, _told(failure.event))
    if isinstance(failure, (InvalidOption, InvalidEvent)):
        return False  # the caller's mistake stays one
    # A certificate that is not trusted now will not be the next time.
    return not isinstance(failure.__cause__, ssl.SSLCertVerificationError)


def _told(event: Any) -> list[str]:
    error = getattr(event, "error", None)
    told = (getattr(error, name, None) for name in ("type", "code"))
    return [value for value in told if isinstance(value, str)]


def _passes(by_code: bool, told: list[str]) -> bool:
    if EXPIRED in told:
        return True
    if any(name in FINAL for name in told):
        return False
    return by_code or any(name in TYPES for name in told)
