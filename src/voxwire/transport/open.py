"""Opening the WebSocket, with every way in which that fails as a typed exception.

This module knows the socket library's options and errors. It sends nothing and reads nothing.
"""

from __future__ import annotations

import logging
import ssl
from typing import Any

from websockets.asyncio.client import connect as open_socket
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from ..errors import (
    AuthenticationError,
    ConnectError,
    ConnectRefused,
    ConnectTimeout,
    PermissionDenied,
    UpgradeRejected,
)
from ..protocol.redaction import redact_text, redact_url, without_frames
from .fast_websocket import WebSocket
from .proxy import Proxy, ProxyOption, proxy_failure, proxy_of
from .url import Target

__all__ = ["MAX_FRAME", "dial"]

MAX_FRAME = 32 * 1024 * 1024
"""Bytes in the largest frame that is read: twice what a client may append at once."""

# The socket library logs every header of its own at DEBUG, the key among them: not even to who
# asks for all there is.
_socket_log = logging.getLogger("voxwire.socket")
_socket_log.setLevel(logging.INFO)
_socket_log.addFilter(lambda record: record.levelno > logging.DEBUG)

_CURES = {
    401: "check the API key, and that it belongs to this server",
    403: "the key is not allowed to do this; check the project, the model and the region",
    404: "check the path of the address and the name of the model or deployment",
    429: "too many connections or requests; wait and try again",
}


_LONGER = " (see open_timeout=)"


class _Opener(open_socket):
    def process_redirect(self, exc: Exception) -> Exception | str:
        # The key would go along to wherever the answer points: a redirect is an error to show.
        return exc


async def dial(
    target: Target,
    *,
    open_timeout: float | None,
    ping_interval: float | None,
    ping_timeout: float | None,
    close_timeout: float | None,
    tls: ssl.SSLContext | None,
    proxy: ProxyOption = True,
    **socket_options: Any,
) -> WebSocket:
    """Open the socket. Raises :class:`ConnectError` or one of its kind, and
    :class:`InvalidOption` for a proxy of the environment whose address is none."""
    where = redact_url(target.url)
    through = proxy_of(target.url, proxy, socks="python_socks")
    options: dict[str, Any] = {**socket_options, **({} if tls is None else {"ssl": tls})}
    if target.subprotocols:
        options["subprotocols"] = [Subprotocol(name) for name in target.subprotocols]
    options["proxy"] = None if through is None else through.url
    try:
        socket = await _Opener(
            target.url,
            create_connection=WebSocket,
            additional_headers=dict(target.headers),
            open_timeout=open_timeout,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            close_timeout=close_timeout,
            max_size=MAX_FRAME,
            logger=_socket_log,
            # Base64 audio does not shrink, and deflate costs more time than all else on the way.
            compression=None,
            **options,
        )
        assert isinstance(socket, WebSocket)
        return socket
    except (InvalidHandshake, OSError, EOFError) as error:
        # All that opening may raise; what comes of it is raised outside, where nothing of the
        # library's hangs on to it.
        without_frames(error)
        failure = _told(error, where, target, open_timeout, through)
    raise failure


def _told(
    error: Exception,
    where: str,
    target: Target,
    open_timeout: float | None,
    proxy: Proxy | None,
) -> ConnectError:
    """The exception for what the library raised."""
    told: ConnectError | None
    if proxy is not None:
        told = proxy_failure(error, proxy, lead=f"{where}: ")
        if told is not None:
            told.__cause__ = error if isinstance(error, OSError) else None
            return told
        where = f"{where} through {proxy}"
    words = redact_text(str(error), target.secrets)
    match error:
        case InvalidStatus():
            return rejected(where, error.response.status_code, error.response.body, target)
        case TimeoutError():
            within = "" if open_timeout is None else f" within {open_timeout:g} s"
            return ConnectTimeout(f"{where} did not answer{within}{within and _LONGER}")
        case ssl.SSLError():
            told = ConnectRefused(
                f"TLS with {where} failed: {error.reason or words}"
                " (for a certificate of your own, pass tls=ssl.create_default_context(cafile=...))"
            )
        case OSError():
            told = ConnectRefused(f"cannot reach {where}: {error.strerror or words}")
        case _:
            # Not its cause as well: it holds the whole answer.
            return ConnectError(f"{where} is no WebSocket server: {words}")
    told.__cause__ = error
    return told


def rejected(
    where: str, status: int, body: bytes | bytearray | None, target: Target
) -> UpgradeRejected:
    """The exception for an HTTP `status` in place of the upgrade."""
    # A gateway may echo the request: what looks like a key, and the keys sent, are cut out.
    text = redact_text((body or b"")[:2000].decode("utf-8", "replace"), target.secrets)
    kinds: dict[int, type[UpgradeRejected]] = {401: AuthenticationError, 403: PermissionDenied}
    cure = _CURES.get(status)
    if 300 <= status < 400:
        cure = "redirects are not followed, lest the key go astray; use the new address"
    message = f"{where} refused the connection with HTTP {status}" + (f": {cure}" if cure else "")
    return kinds.get(status, UpgradeRejected)(message, status=status, body=text)
