"""Which web pages may talk to a server on this machine.

A page from anywhere can open a WebSocket to this machine, or make a name of its own point to it:
the browser tells by ``Origin`` and ``Host``. This module knows these headers, and no socket.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from ..errors import InvalidOption
from ..transport.url import is_local

__all__ = ["allowed", "checked_origins", "stranger"]


def checked_origins(origins: Sequence[str]) -> tuple[str, ...]:
    """The origins, if they can be such. Raises :class:`InvalidOption`."""
    for origin in [origins] if isinstance(origins, str) else origins:
        parts = urlsplit(origin)
        plain = not (parts.path or parts.query or parts.fragment) and parts.scheme and parts.netloc
        if origin not in ("*", "null") and not plain:
            raise InvalidOption(
                f"{origin!r} is no origin: give scheme and host such as https://app.example, or *"
            )
    return (origins,) if isinstance(origins, str) else tuple(origins)


def stranger(headers: Mapping[str, str], host: str, origins: Sequence[str]) -> str | None:
    """Why whoever sent these headers (lower-case names) may not come in; ``None`` if they may.

    Args:
        headers: of the request.
        host: where the server listens. On this machine only, it answers to the names of this
            machine only; elsewhere, any name may be the right one.
        origins: the pages that may come in besides those of this machine; ``*`` for all.
    """
    if "*" in origins:
        return None
    asked = headers.get("host", "")
    known = {urlsplit(origin).netloc.lower() for origin in origins}
    if is_local(host) and not _here(f"//{asked}") and asked.lower() not in known:
        return (
            f"this server is at {host} and is not called {asked[:100]!r}; if it is on purpose, "
            "allow that origin"
        )
    origin = headers.get("origin")
    if origin is not None and not allowed(origin, origins):
        return f"pages from {origin[:100]!r} may not talk to this server; allow the origin"
    return None


def allowed(origin: str, origins: Sequence[str]) -> bool:
    """Whether a page from there may come in."""
    return "*" in origins or origin.lower() in {o.lower() for o in origins} or _here(origin)


def _here(address: str) -> bool:
    try:
        return is_local(urlsplit(address).hostname or "")
    except ValueError:  # no address, so none of this machine's
        return False
