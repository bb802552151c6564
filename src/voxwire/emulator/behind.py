"""The way to the server behind a proxy: opened as the client in front of it asked.

Knows the socket library's options and errors; hands nothing on.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_socket
from websockets.datastructures import Headers
from websockets.typing import Subprotocol

from .forwarding import forwarded, offered
from .passing import CLOSE_TIMEOUT

__all__ = ["SOCKET", "dial", "why"]

_log = logging.getLogger("voxwire.emulator.proxy.socket")
_log.setLevel(logging.CRITICAL)  # how sessions end is told by the passages
_log.addFilter(lambda record: record.levelno > logging.DEBUG)  # headers, with the keys

# No deflate: base64 audio does not shrink, and each side would do it anew. Pings keep the way
# through routers open, but no answer is waited for: who does not read does not see them either.
SOCKET: Final[dict[str, Any]] = {
    "compression": None,
    "max_size": 64 * 2**20,
    "ping_interval": 20,
    "ping_timeout": None,
    "close_timeout": CLOSE_TIMEOUT,
    "logger": _log,
}
"""The options of either side's socket."""


class _Opener(open_socket):
    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc  # it is for the client to follow, or not


async def dial(
    url: str,
    asked: Headers,
    *,
    added: Mapping[str, str],
    tls: ssl.SSLContext | None,
    timeout: float,
) -> ClientConnection:
    """Open the socket, with the headers and subprotocols of the client. Raises what the library
    does: see :func:`why`, and ``InvalidStatus`` for a server that refuses."""
    options = dict(SOCKET)
    if tls is not None and url.startswith("wss:"):
        options["ssl"] = tls
    if urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1"):
        options["proxy"] = None  # what runs on this machine is not behind a proxy
    return await _Opener(
        url,
        additional_headers=forwarded(asked, added),
        user_agent_header=None,
        subprotocols=[Subprotocol(name) for name in offered(asked)] or None,
        open_timeout=timeout,
        **options,
    )


def why(error: Exception, timeout: float) -> str:
    """Why there was no connection, in words."""
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout:g} s"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or error}"
    if isinstance(error, OSError):
        # asyncio writes addresses into the text; where a name does not resolve, there is no number
        # that the system knows.
        number = error.errno or 0
        return (
            f"cannot be reached: {os.strerror(number) if number > 0 else error.strerror or error}"
        )
    return f"is no WebSocket server: {error}"
