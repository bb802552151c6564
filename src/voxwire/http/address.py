"""Where requests go and what goes along with each: base URL, key, account, and what to keep quiet.

Which key may go where is for ``servers`` to say; here it is said for HTTP. Opens no connection.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

import attrs

from ..errors import InvalidOption
from ..protocol.redaction import redact_url, secret_header, secrets_of_headers
from ..transport.credentials import Credential, KeyForm, checked_key, key_headers
from ..transport.providers.azure import AzureVoiceLive
from ..transport.providers.profile import OpenAI, ServerProfile, located
from ..transport.proxy import Proxy, ProxyOption, check_proxy, proxy_of
from ..transport.url import DEFAULT_BASE_URL, DEFAULT_MODEL, KEY_PROTOCOL, check_headers

__all__ = ["Address", "address", "proxy_between"]

_HTTP = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


@attrs.frozen(kw_only=True)
class Address:
    """A server, with the headers for each request. Its `repr` shows no key."""

    base_url: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    local: bool
    """Whether it is on this machine: then no proxy stands in between."""
    credential: Credential | None = attrs.field(repr=False)
    """What gives the key before each attempt, where it is not in the headers."""
    key_form: KeyForm
    """As what that key is sent."""
    model: str | None
    """The model of a conversation that names none."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not appear in a log or a message."""
        return secrets_of_headers(self.headers)

    def proof(self, key: object) -> dict[str, str]:
        """The header for a key that was just given. Raises `InvalidOption` without showing it."""
        if not isinstance(key, str) or not key:
            raise InvalidOption(f"api_key= gave no key but {type(key).__name__}")
        return key_headers(self.key_form, checked_key(key))


def address(
    *,
    server: ServerProfile | None,
    base_url: str | None,
    api_key: Credential | None,
    organization: str | None,
    project: str | None,
    headers: Mapping[str, str] | None,
    insecure: bool,
) -> Address:
    """Work out where to and with what. Raises `InvalidOption` for what cannot work."""
    given = {"OpenAI-Organization": organization, "OpenAI-Project": project, **(headers or {})}
    own = {name: value for name, value in given.items() if value is not None}
    check_headers(own)
    if server is None:
        base = _checked(base_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL)
        url = None if base_url is None else f"{base}/realtime"
    else:
        if base_url is not None:
            raise InvalidOption("server= and base_url= exclude each other: leave one of them out")
        if isinstance(server, AzureVoiceLive):
            raise InvalidOption("Voice Live has no HTTP half: use server=voxwire.Azure(...)")
        url = None
    # Of what can be opened there, a call needs the least to be named.
    call = server is None or "call" in getattr(server, "kinds", ())
    _, where = located(
        "call" if call else "realtime",
        server=server,
        call_id="none" if call else None,
        api_key=api_key or None,
        url=url,
        headers=own,
        insecure=True,  # said below, in the words of HTTP
        url_name="base_url",
    )
    parts = urlsplit(where.url)
    scheme, path = _HTTP[parts.scheme], parts.path.rstrip("/")
    if not path.endswith("/realtime"):
        raise InvalidOption(
            f"{redact_url(where.url)!r} does not end in /realtime: give the address of its HTTP "
            "half as base_url="
        )
    carried = dict(where.headers)
    for name in where.subprotocols:
        if name.startswith(KEY_PROTOCOL):
            carried.update(key_headers("bearer", name.removeprefix(KEY_PROTOCOL)))
    keyed = where.credential is not None or any(map(secret_header, carried))
    if scheme == "http" and keyed and not where.local and not insecure:
        raise InvalidOption(
            f"a key would travel unencrypted to {parts.hostname}: use https://, or insecure=True "
            "where the network in between is yours"
        )
    return Address(
        base_url=urlunsplit((scheme, parts.netloc, path.removesuffix("/realtime"), "", "")),
        headers=carried,
        local=where.local,
        credential=where.credential,
        key_form=where.key_form,
        model=_model(server),
    )


def proxy_between(where: Address, given: ProxyOption, http_client: object) -> Proxy | None:
    """The proxy on the way to a server. Raises `InvalidOption` for one that cannot be used."""
    check_proxy(given)
    if http_client is None:
        return proxy_of(where.base_url, given, socks="socksio")
    if isinstance(given, str):
        raise InvalidOption(
            "proxy= and http_client= exclude each other: give the proxy to your httpx client"
        )
    return None


def _model(server: ServerProfile | None) -> str | None:
    if server is None or isinstance(server, OpenAI):
        return DEFAULT_MODEL
    return getattr(server, "deployment", None)


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        scheme = _HTTP[parts.scheme.lower()]
        host = parts.hostname or ""
        if not host or " " in host or (parts.port is not None and parts.port < 1):
            raise ValueError  # the same cure as for what urlsplit itself refuses
        host.encode("idna")
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
