"""Which proxy stands between here and a server: named by the program, or by the environment.

Both the WebSocket and HTTP ask here, so both take the same one. This module reads the environment
and opens no connection.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import attrs
from websockets.exceptions import InvalidProxyStatus
from websockets.exceptions import ProxyError as SocketProxyError

from ..errors import InvalidOption, ProxyError
from ..protocol.redaction import redact_text, secrets_of_url, veiled
from .url import is_local

__all__ = [
    "Proxy",
    "ProxyOption",
    "check_proxy",
    "proxy_failure",
    "proxy_of",
    "refusal_words",
    "veiled_proxy",
]

ProxyOption: TypeAlias = "str | Literal[True] | None"
"""True: the proxy that the environment names, if any. ``None``: none. Else the proxy's address."""

_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
# The scheme that a variable of the environment is named after, for each scheme of a server.
_PLAIN: Final[Mapping[str, str]] = {"wss": "https", "ws": "http"}


@attrs.frozen
class Proxy:
    """A proxy. As text it is what messages call it, without user and password."""

    url: str = attrs.field(repr=False)
    """Its address, with the user and the password; the port is always there."""
    name: str
    """Its address without them."""
    source: str
    """Where it is named: a variable of the environment, or ``proxy=``."""

    @property
    def socks(self) -> bool:
        """Whether it speaks SOCKS and not HTTP."""
        return self.url.startswith("socks")

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not appear in a message."""
        return secrets_of_url(self.url)

    def __str__(self) -> str:
        return f"the proxy {self.name} ({self.source})"


def proxy_of(url: str, given: ProxyOption, *, socks: str) -> Proxy | None:
    """The proxy for a server; ``None`` to go there directly.

    The environment's is not taken for a server on this machine, nor for a host that ``NO_PROXY``
    names. ``HTTPS_PROXY`` is for ``https`` and ``wss``, ``HTTP_PROXY`` for ``http`` and ``ws``,
    ``ALL_PROXY`` for both, where there is no other.

    Args:
        url: the server's address.
        given: what the program says of it.
        socks: the package that a SOCKS proxy needs here.

    Raises:
        InvalidOption: an address that is none of a proxy, or the package is missing.
    """
    found = None
    if given is True:
        found = None if is_local(urlsplit(url).hostname or "") else _of_environment(url)
    elif given is not None:
        found = _parsed(given, "proxy=")
    if found is not None and found.socks and find_spec(socks) is None:
        raise InvalidOption(f"{found} needs {socks}: pip install 'voxwire[socks]'")
    return found


def veiled_proxy(given: ProxyOption) -> ProxyOption:
    """The same, in a veil: an address may hold a password."""
    return veiled(given) if isinstance(given, str) else given


def check_proxy(given: object) -> None:
    """Refuse what is no ``proxy=``. Raises :class:`InvalidOption`."""
    if isinstance(given, str):
        _parsed(given, "proxy=")
    elif given is not True and given is not None:
        raise InvalidOption(
            f"proxy={given!r}: give the address of a proxy, None for none, or True for that of the "
            "environment"
        )


def _of_environment(url: str) -> Proxy | None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    plain = _PLAIN.get(parts.scheme, parts.scheme)
    # Of the operating system where no variable is set. In veils, for an error's frames may be
    # printed with their variables.
    named = {scheme: veiled(address) for scheme, address in getproxies().items()}
    for scheme in dict.fromkeys((parts.scheme, plain, "all", "socks")):
        if address := named.get(scheme):
            port = parts.port or _PORTS[plain]
            if proxy_bypass(f"[{host}]:{port}" if ":" in host else f"{host}:{port}"):
                return None
            if scheme == "socks" and address.startswith("http://"):
                address = veiled(f"socks5h://{address.removeprefix('http://')}")
            return _parsed(address, _variable(scheme))
    return None


def _variable(scheme: str) -> str:
    name = f"{scheme}_proxy"
    set_here = [each for each in (name, name.upper()) if each in os.environ]
    return set_here[0] if set_here else "of the system's settings"


def _parsed(given: str, source: str) -> Proxy:
    """The proxy at an address. Raises :class:`InvalidOption` for one that is none."""
    given = veiled(given)
    found = _read(given, source)
    if isinstance(found, Proxy):
        return found
    raise InvalidOption(found)


def _read(given: str, source: str) -> Proxy | str:
    """The proxy at an address, which may lack its scheme, as ``host:3128`` does; or what is wrong
    with it: not raised here, where the variables hold a password."""
    text = given.strip()
    text = text if "://" in text else f"http://{text}"
    shown = text.rpartition("@")[2]  # what is before it may be a password, in whatever form
    try:
        parts = urlsplit(text)
        host, scheme = parts.hostname or "", parts.scheme
        port = parts.port or _PORTS.get(scheme, 0)
        if not host or parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError  # the same fix as for what urlsplit itself refuses
        host.encode("idna")
    except ValueError:  # whatever is wrong with it, the fix is the same
        return (
            f"{source}: {shown!r} is no address of a proxy: give one such as http://host:3128, or "
            "http://user:password@host:3128"
        )
    if scheme not in _PORTS:
        return f"{source}: unknown kind of proxy {scheme!r}: expected one of {', '.join(_PORTS)}"
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    user, at, _ = parts.netloc.rpartition("@")
    if at and ":" not in user:
        user += ":"  # a user without a password
    # The proxy looks names up, whichever of the two is written: so do HTTP clients.
    scheme = "socks5h" if scheme == "socks5" else scheme
    return Proxy(veiled(f"{scheme}://{user}{at}{place}"), f"{scheme}://{place}", source)


def refusal_words(proxy: Proxy, status: int) -> str:
    """What a proxy means that answers with an HTTP status in the place of a connection."""
    words = f"{proxy} refused the connection with HTTP {status}"
    if status == 407:
        return f"{words}: give its user and password, as in http://user:password@host:port"
    if status >= 500:
        return f"{words}: it cannot reach the server"
    return f"{words}: it does not allow connections to this server"


def proxy_failure(error: Exception, proxy: Proxy, *, lead: str = "") -> ProxyError | None:
    """The exception for what failed on the way to the proxy, or in it; ``None`` for what failed
    behind it. `error` is the socket library's, and the message begins with `lead`."""
    if isinstance(error, InvalidProxyStatus):
        status = error.response.status_code
        return ProxyError(lead + refusal_words(proxy, status), status=status)
    if isinstance(error, SocketProxyError):
        cause = error.__cause__
        words = redact_text(str(cause or error), proxy.secrets) or type(cause).__name__
        return ProxyError(f"{lead}{proxy} gave no connection: {words}")
    if isinstance(error, (ssl.SSLError, TimeoutError)):
        return None
    # Only the proxy is called and looked up from here: it does the same for the server.
    if isinstance(error, (ConnectionRefusedError, socket.gaierror)) or (
        isinstance(error, OSError) and not isinstance(error, ConnectionError)
    ):
        words = redact_text(error.strerror or str(error), proxy.secrets)
        return ProxyError(f"{lead}cannot reach {proxy}: {words}")
    return None
