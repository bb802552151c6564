"""Where requests go and what goes along with each: base URL, key, account, and what to keep quiet.

Which key may go where is for ``servers`` to say; here it is said for HTTP. Opens no connection.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias
from urllib.parse import urlsplit, urlunsplit

import attrs

from ..errors import InvalidOption
from ..redaction import redact_url
from ..servers import DEFAULT_BASE_URL, target

__all__ = ["Address", "AsyncKey", "Key", "address", "bearer", "check_headers", "secrets_of"]

Key: TypeAlias = str | Callable[[], str]
"""A key, or what gives a fresh one before each request: for tokens that run out."""
AsyncKey: TypeAlias = Key | Callable[[], Awaitable[str]]
"""A :data:`Key`, or a coroutine function that gives one."""

_HTTP = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_TO_COME = "Bearer"  # in place of a key that is asked for later
_SECRET_HEADERS = frozenset({
    "api-key", "authorization", "cookie", "ocp-apim-subscription-key", "proxy-authorization",
    "x-api-key",
})  # fmt: skip


@attrs.frozen(kw_only=True)
class Address:
    """A server, with the headers for each request. Its `repr` shows no key."""

    base_url: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    local: bool
    """Whether it is on this machine: then no proxy stands in between."""
    secrets: tuple[str, ...] = attrs.field(repr=False)
    """What must not appear in a log or a message."""


def address(
    *,
    base_url: str | None,
    api_key: AsyncKey | None,
    organization: str | None,
    project: str | None,
    headers: Mapping[str, str] | None,
    insecure: bool,
) -> Address:
    """Work out where to and with what. Raises `InvalidOption` for what cannot work."""
    given = dict(headers or {})
    check_headers(given)
    account = {"OpenAI-Organization": organization, "OpenAI-Project": project}
    for name, value in account.items():
        if value is not None:
            given.setdefault(name, value)
    key = api_key if isinstance(api_key, str) else None
    if callable(api_key):
        # Only its name counts yet: a key will go along, and the one of the environment will not.
        given = {name: v for name, v in given.items() if name.lower() != "authorization"}
        given["Authorization"] = _TO_COME
    base = _base(base_url)
    parts = urlsplit(base)
    where = target(
        api_key=key,
        url=None if base_url is None else f"{base}/realtime",
        headers=given,
        # Said below, in the words of HTTP.
        insecure=True,
    )
    carries = any(name.lower() in _SECRET_HEADERS for name in where.headers)
    if parts.scheme == "http" and carries and not where.local and not insecure:
        raise InvalidOption(
            f"a key would travel unencrypted to {parts.hostname}: use https://, or insecure=True "
            "where the network in between is yours"
        )
    return Address(
        base_url=base,
        headers=where.headers,
        local=where.local,
        secrets=secrets_of(where.headers),
    )


def _base(given: str | None) -> str:
    url = given or os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL
    try:
        parts = urlsplit(url)
        scheme = _HTTP[parts.scheme.lower()]
        if not parts.hostname or (parts.port is not None and parts.port < 1):
            raise ValueError  # the same cure as for what urlsplit itself refuses
    except (KeyError, ValueError):
        raise InvalidOption(
            f"base_url {redact_url(url)!r} is no address of a server: give one such as "
            "https://host/v1"
        ) from None
    if parts.username or parts.password or parts.query or parts.fragment:
        raise InvalidOption(
            f"base_url {redact_url(url)!r} must be scheme, host and path alone: a user, a password "
            "or a query belongs into headers="
        )
    return urlunsplit((scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def secrets_of(headers: Mapping[str, str]) -> tuple[str, ...]:
    """What of some headers must not be shown: keys, without the scheme before them."""
    carried = (value for name, value in headers.items() if name.lower() in _SECRET_HEADERS)
    return tuple(value.rpartition(" ")[2] for value in carried if value != _TO_COME)


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse headers that no connection can carry. Raises `InvalidOption`, without the value."""
    for name, value in headers.items():
        text = f"{name}{value}"
        if not text.isascii() or not text.isprintable():
            raise InvalidOption(f"header {name!a} has a line end or a character that none can have")


def bearer(key: object) -> str:
    """The header for a key that was just given. Raises `InvalidOption` without showing it."""
    if not isinstance(key, str) or not key.isascii() or not key or any(c.isspace() for c in key):
        raise InvalidOption("api_key= gave no key: a text is needed, without spaces or line ends")
    return f"Bearer {key}"
