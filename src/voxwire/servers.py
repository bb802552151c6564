"""Where a server is, and how a client proves itself to it: URL, headers, and whether it greets.

This module builds addresses and headers and refuses combinations that cannot work or that would
carry a key where it must not go. It opens no connection.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

import attrs

from .errors import InvalidOption
from .redaction import redact_url

__all__ = ["DEFAULT_MODEL", "Target", "target"]

DEFAULT_MODEL = "gpt-realtime-2.1"
DEFAULT_BASE_URL = "https://api.openai.com/v1"

KEY_PROTOCOL = "openai-insecure-api-key."
"""What stands before the key where a key is sent as a subprotocol, as browsers must."""

_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1", re.IGNORECASE)


@attrs.frozen(kw_only=True)
class Target:
    """An address to dial with what to say there. Its `repr` shows no key."""

    url: str = attrs.field(repr=lambda url: repr(redact_url(url)))
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)
    subprotocols: tuple[str, ...] = attrs.field(default=(), repr=False)
    """Offered in the upgrade; a browser's key is among them."""
    local: bool = False
    """Whether it is on this machine."""
    greets: bool = True
    """Whether the server sends ``session.created`` unasked: all do, but not on a sideband."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not appear in a recording or a message."""
        carried = tuple(
            value.removeprefix("Bearer ")
            for name, value in self.headers.items()
            if name.lower() in SECRET_HEADERS
        )
        return carried + tuple(
            name.removeprefix(KEY_PROTOCOL)
            for name in self.subprotocols
            if name.startswith(KEY_PROTOCOL)
        )


def target(
    *,
    model: str | None = None,
    call_id: str | None = None,
    api_key: str | None = None,
    url: str | None = None,
    headers: Mapping[str, str] | None = None,
    insecure: bool = False,
) -> Target:
    """The address and headers of a realtime session.

    Args:
        model: the model of a new session; :data:`DEFAULT_MODEL` where neither it nor `call_id`
            nor a query in `url` names what to open.
        call_id: attach to a WebRTC or SIP call that is under way instead of opening a session.
        api_key: a project key or an ephemeral one; ``OPENAI_API_KEY`` where it is left out. A
            server on this machine needs none.
        url: the full address (``ws``, ``wss``, ``http`` or ``https``); else ``/realtime`` under
            ``OPENAI_BASE_URL``, which is OpenAI's where it is not set.
        headers: further headers; they win over those made here.
        insecure: allow a key to travel without TLS to another machine.

    Raises:
        InvalidOption: `model` with `call_id`; an address that is none; no key for a server that is
            not on this machine; a key over plain ``ws`` to another machine.
    """
    if model is not None and call_id is not None:
        raise InvalidOption(
            "model= and call_id= exclude each other: a call has its model already; leave model out"
        )
    parts = _parts(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if call_id is not None:
        query = {**query, "call_id": call_id}
        query.pop("model", None)
    elif model is not None:
        query["model"] = model
    elif not query.keys() & {"model", "call_id", "intent", "deployment"}:
        query["model"] = DEFAULT_MODEL
    address = urlunsplit(parts._replace(query=urlencode(query)))

    named = {name.lower() for name in headers or ()}
    local = _LOOPBACK.fullmatch(parts.hostname or "") is not None
    # The environment's key belongs to OpenAI: it is not offered to whatever runs on this machine.
    key = api_key or (None if url is not None and local else os.environ.get("OPENAI_API_KEY"))
    made: dict[str, str] = {}
    if key and "authorization" not in named:
        if not key.isascii() or any(c.isspace() for c in key):
            raise InvalidOption("the API key has a space, a line end or a character no key has")
        made["Authorization"] = f"Bearer {key}"
        for variable, header in _ACCOUNT.items():
            if url is None and (value := os.environ.get(variable)) and header.lower() not in named:
                made[header] = value
    elif not local and not named & {"authorization", "api-key"}:
        raise InvalidOption(
            "no API key: pass api_key=, or set OPENAI_API_KEY in the environment, "
            "or connect to a local server with url="
        )
    made.update(headers or {})
    if parts.scheme == "ws" and not local and not insecure and _carries_key(made):
        raise InvalidOption(
            f"a key would travel unencrypted to {parts.hostname}: use wss://, or insecure=True "
            "where the network in between is yours"
        )
    return Target(url=address, headers=made, local=local, greets="call_id" not in query)


_ACCOUNT = {"OPENAI_ORG_ID": "OpenAI-Organization", "OPENAI_PROJECT_ID": "OpenAI-Project"}


def _parts(url: str | None) -> SplitResult:
    given = url or (os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL).rstrip("/") + "/realtime"
    try:
        parts = urlsplit(given)
        scheme = _SCHEMES[parts.scheme.lower()]
        if not parts.hostname or (parts.port is not None and parts.port < 1):
            raise ValueError  # the same cure as for what urlsplit itself refuses
    except (KeyError, ValueError):
        raise InvalidOption(
            f"{redact_url(given)!r} is no address of a server: give one such as "
            "wss://host/v1/realtime (or ws, http, https)"
        ) from None
    return parts._replace(scheme=scheme, fragment="")


SECRET_HEADERS = frozenset({"authorization", "api-key", "cookie"})


def _carries_key(headers: Mapping[str, str]) -> bool:
    return any(name.lower() in SECRET_HEADERS for name in headers)
