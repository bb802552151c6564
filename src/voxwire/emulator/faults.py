"""What a server can do wrong to a client on purpose: shapes only, the server acts on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import attrs

__all__ = ["Drop", "ErrorThenClose", "Fault", "Garbage", "Hang", "Refuse"]


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
