"""What of a WebSocket handshake goes on to the server behind, and what of its answer comes back.

Pure functions on headers and addresses; opens nothing.
"""

from __future__ import annotations

import logging
import os
import re
import ssl
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_socket
from websockets.datastructures import Headers
from websockets.http11 import Response
from websockets.typing import Subprotocol

from ..errors import InvalidOption
from ..protocol.redaction import redact_url
from ..transport.proxy import Proxy, proxy_failure
from .frame_pump import CLOSE_TIMEOUT

__all__ = [
    "SOCKET",
    "address_of",
    "answered",
    "dial",
    "forwarded",
    "offered",
    "refusal",
    "secrets_of",
    "upstream",
    "why",
]


# What belongs to one connection and not to the message: RFC 9110, 7.6.1, and the handshake, which
# is held once with each side.
_HOP_BY_HOP = frozenset({
    "connection", "host", "keep-alive", "proxy-authenticate", "proxy-authorization",
    "proxy-connection", "sec-websocket-accept", "sec-websocket-extensions", "sec-websocket-key",
    "sec-websocket-protocol", "sec-websocket-version", "te", "trailer", "transfer-encoding",
    "upgrade",
})  # fmt: skip

_SECRET_NAME = re.compile(r"auth|cookie|credential|key|password|secret|signature|token", re.I)
_KEY_PROTOCOL = "openai-insecure-api-key."

_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}


def address_of(to: str) -> str:
    """The address of a server, as one of a WebSocket.

    Raises:
        InvalidOption: it is none.
    """
    try:
        parts = urlsplit(to)
        scheme = _SCHEMES[parts.scheme.lower()]
        if not parts.hostname or (parts.port is not None and parts.port < 1):
            raise ValueError  # the same cure as for what urlsplit itself refuses
    except (KeyError, ValueError):
        raise InvalidOption(
            f"{redact_url(to)!r} is no address of a server: give one such as "
            "wss://host/v1/realtime (or ws, http, https)"
        ) from None
    return urlunsplit(parts._replace(scheme=scheme, fragment=""))


def upstream(to: str, asked: str) -> str:
    """Where a request for ``asked`` (path and query) goes: the host of ``to``, the path asked for.

    Who asks for no path gets that of ``to``; what the query of ``to`` has more is added.
    """
    server = urlsplit(to)
    # Not urlsplit: what begins with two slashes is a path here.
    path, _, query = asked.partition("?")
    if not path.startswith("/"):
        path = urlsplit(path).path
    path = path if path.strip("/") else (server.path or "/")
    named = {name for name, _ in parse_qsl(query, keep_blank_values=True)}
    more = [
        (name, value)
        for name, value in parse_qsl(server.query, keep_blank_values=True)
        if name not in named
    ]
    query = "&".join(part for part in (query, urlencode(more)) if part)
    return f"{server.scheme}://{server.netloc}{path}" + (f"?{query}" if query else "")


def forwarded(headers: Headers, added: Mapping[str, str] | None = None) -> Headers:
    """The headers of a message without what concerned only its own connection.

    ``added`` are put in where the message has none of that name.
    """
    own = {name.strip().lower() for value in headers.get_all("Connection") for name in _list(value)}
    result = Headers(
        (name, value)
        for name, value in headers.raw_items()
        if name.lower() not in _HOP_BY_HOP and name.lower() not in own
    )
    for name, value in (added or {}).items():
        if name not in headers:
            result[name] = value
    return result


def offered(headers: Headers) -> list[str]:
    """The subprotocols that a client offers."""
    return [
        name for value in headers.get_all("Sec-WebSocket-Protocol") for name in _list(value) if name
    ]


def secrets_of(url: str, headers: Headers) -> list[str]:
    """What must not be written anywhere: the values by which a client proves who it is."""
    found: list[str] = []
    for name, value in headers.raw_items():
        if name.lower() not in _HOP_BY_HOP and _SECRET_NAME.search(name):
            found += [value, value.partition(" ")[2]]
    found += [
        p.removeprefix(_KEY_PROTOCOL) for p in offered(headers) if p.startswith(_KEY_PROTOCOL)
    ]
    query = parse_qsl(urlsplit(url).query)
    found += [value for name, value in query if _SECRET_NAME.search(name)]
    return [secret for secret in found if len(secret) >= _SHORTEST]


# Shorter ones are cut out as header values, but not wherever the same letters appear.
_SHORTEST = 6


def refusal(response: Response) -> Response:
    """The answer of a server that refused the upgrade, to pass on: status, headers and body."""
    headers = forwarded(response.headers)
    for name in ("Content-Length", "Connection"):
        if name in headers:
            del headers[name]
    body = bytes(response.body or b"")
    headers["Content-Length"] = str(len(body))
    headers["Connection"] = "close"
    return Response(response.status_code, response.reason_phrase, headers, body)


def answered(own: Headers, server: Headers) -> None:
    """Put into the answer to the client what the server said beside the handshake."""
    had = {name.lower() for name, _ in own.raw_items()}
    for name, value in forwarded(server).raw_items():
        if name.lower() not in had and name.lower() != "content-length":
            own[name] = value


def _list(value: str) -> Iterable[str]:
    return (name.strip() for name in value.split(","))


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
    proxy: Proxy | None,
) -> ClientConnection:
    """Open the socket, with the headers and subprotocols of the client. Raises what the library
    does: see :func:`why`, and ``InvalidStatus`` for a server that refuses."""
    options = dict(SOCKET)
    if tls is not None and url.startswith("wss:"):
        options["ssl"] = tls
    options["proxy"] = None if proxy is None else proxy.url
    return await _Opener(
        url,
        additional_headers=forwarded(asked, added),
        user_agent_header=None,
        subprotocols=[Subprotocol(name) for name in offered(asked)] or None,
        open_timeout=timeout,
        **options,
    )


def why(error: Exception, timeout: float, proxy: Proxy | None) -> str:
    """Why there was no connection, in words."""
    if proxy is not None and (failure := proxy_failure(error, proxy)) is not None:
        return str(failure)
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
