"""What a server can do wrong to a client on purpose: shapes only, the server acts on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import attrs

from ..errors import InvalidOption

__all__ = [
    "AnyFault",
    "CloseAfter",
    "CutFrame",
    "Delay",
    "Drop",
    "Duplicate",
    "ErrorThenClose",
    "Expire",
    "Fault",
    "Garbage",
    "Hang",
    "LoseBeginning",
    "LoseEnd",
    "Malformed",
    "Nulls",
    "RateLimited",
    "Refuse",
    "Reorder",
    "SessionFault",
    "SlowReads",
    "UnknownEvents",
    "UnknownFields",
    "fault_of",
]


@attrs.frozen
class Refuse:
    """Answer the upgrade with an HTTP status. A 3xx wants a ``Location`` among the headers."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = attrs.Factory(dict[str, str])


@attrs.frozen
class Hang:
    """Take the connection and never answer the upgrade."""


@attrs.frozen
class ErrorThenClose:
    """Complete the upgrade, send one ``error`` event and close at once: what a wrong key meets."""

    error: Mapping[str, Any]
    code: int
    reason: str = ""


@attrs.frozen
class Garbage:
    """Send frames that are no events before the recording begins."""

    frames: tuple[str | bytes, ...] = ("not json", "{", "[1]", b"\x00\xff", '{"no": "type"}')


@attrs.frozen
class Drop:
    """Break the connection, with no close frame, after so many frames of the recording's server."""

    after: int = 0


Fault: TypeAlias = Refuse | Hang | ErrorThenClose | Garbage | Drop
"""What can go wrong while a session is opened, or with a replayed one."""


@attrs.frozen
class CutFrame:
    """Break the connection in the middle of the frame that follows so many others."""

    after: int = 0


@attrs.frozen
class CloseAfter:
    """Close with any code after so many frames."""

    after: int = 0
    code: int = 1011
    reason: str = ""


@attrs.frozen
class Expire:
    """Behave after so many frames as if the session's time were over."""

    after: int = 0


@attrs.frozen
class Delay:
    """Send every frame, or every one of a type, so many seconds late: real ones, in any pace."""

    seconds: float
    type: str | None = None


@attrs.frozen
class Duplicate:
    """Send every event, or every one of a type, twice."""

    type: str | None = None


@attrs.frozen
class Reorder:
    """Swap what has no order by the protocol: transcripts of the input come so many events later,
    and the two events that end an item change places."""

    late: int = 5


@attrs.frozen
class UnknownEvents:
    """Put an event that no one knows behind every so many."""

    every: int = 1


@attrs.frozen
class UnknownFields:
    """Give every event, and every object in it, a field that no one knows."""


@attrs.frozen
class Nulls:
    """Send null for what the live service sends as null in spite of its specs."""


@attrs.frozen
class Malformed:
    """Send frames that are no events, after so many that are."""

    after: int = 0
    frames: tuple[str | bytes, ...] = ("not json", '{"type":', "[]", b"\x00\xff", '{"type":7}')


@attrs.frozen
class SlowReads:
    """Take what the client sends slowly: so many seconds for each frame."""

    seconds: float


@attrs.frozen
class LoseBeginning:
    """Answer no request for a response any more, after so many that were answered: no
    ``response.created``, and nothing of the response."""

    after: int = 0


@attrs.frozen
class LoseEnd:
    """Never end a response any more, after so many that ended: no ``response.done``."""

    after: int = 0


@attrs.frozen
class RateLimited:
    """Let every response fail for its rate limit, after so many that do not."""

    after: int = 0


SessionFault: TypeAlias = (
    CutFrame
    | CloseAfter
    | Expire
    | Delay
    | Duplicate
    | Reorder
    | UnknownEvents
    | UnknownFields
    | Nulls
    | Malformed
    | SlowReads
    | LoseBeginning
    | LoseEnd
    | RateLimited
)
AnyFault: TypeAlias = Fault | SessionFault
"""Everything that can go wrong on purpose; ``fault_of("cut:3")`` reads the written form."""


def _close(value: str) -> CloseAfter:
    code, _, after = value.partition("@")
    return CloseAfter(after=int(after or 0), code=int(code or 1011))


def _delay(value: str) -> Delay:
    seconds, _, name = value.partition("@")
    return Delay(float(seconds), name or None)


_WORDS: Final[dict[str, Callable[[str], AnyFault]]] = {
    "cut": lambda value: Drop(int(value or 0)),
    "cut-frame": lambda value: CutFrame(int(value or 0)),
    "close": _close,
    "delay": _delay,
    "duplicate": lambda value: Duplicate(value or None),
    "reorder": lambda value: Reorder(int(value or 5)),
    "unknown-events": lambda value: UnknownEvents(int(value or 1)),
    "unknown-fields": lambda value: UnknownFields(),
    "nulls": lambda value: Nulls(),
    "malformed": lambda value: Malformed(int(value or 0)),
    "slow-reads": lambda value: SlowReads(float(value)),
    "lose-beginning": lambda value: LoseBeginning(int(value or 0)),
    "lose-end": lambda value: LoseEnd(int(value or 0)),
    "expire": lambda value: Expire(int(value or 0)),
    "rate-limit": lambda value: RateLimited(int(value or 0)),
    "refuse": lambda value: Refuse(int(value or 503)),
    "hang": lambda value: Hang(),
    "garbage": lambda value: Garbage(),
}


def fault_of(text: str) -> AnyFault:
    """A fault as it is written in a script or on the command line: ``cut:5``, ``close:4000@10``.

    ``cut:N`` and ``cut-frame:N`` break the connection after N frames, ``close:CODE@N`` closes it,
    ``expire:N`` ends the session. ``delay:SECONDS[@TYPE]``, ``duplicate[:TYPE]``, ``reorder[:N]``,
    ``unknown-events[:N]``, ``unknown-fields``, ``nulls``, ``malformed[:N]``,
    ``slow-reads:SECONDS``, ``lose-beginning[:N]``, ``lose-end[:N]`` and ``rate-limit[:N]`` go on
    through the session; ``refuse[:STATUS]``, ``hang`` and ``garbage`` come at its beginning.
    """
    word, _, value = text.strip().partition(":")
    make = _WORDS.get(word.strip())
    if make is None:
        raise InvalidOption(f"{text!r} is no fault: use one of {', '.join(_WORDS)}")
    try:
        return make(value.strip())
    except ValueError:
        raise InvalidOption(
            f"{text!r}: what follows the colon is no number; such as cut:5, delay:0.2, close:4000@9"
        ) from None
