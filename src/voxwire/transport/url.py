"""Where a server is, and how a client proves itself to it: URL, headers, and whether it greets.

This module builds addresses and headers and refuses combinations that cannot work or that would
carry a key where it must not go. It opens no connection.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Literal, TypeAlias
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

import attrs

from ..errors import InvalidOption
from ..protocol.redaction import (
    redact_url,
    secrets_of_headers,
    secrets_of_url,
    veiled,
    veiled_headers,
)
from .credentials import Credential, KeyForm, checked_key, given_key, key_headers

__all__ = [
    "DEFAULT_BASE_URL",
    "DEFAULT_MODEL",
    "DEFAULT_TRANSCRIPTION_MODEL",
    "DEFAULT_TRANSLATION_MODEL",
    "Kind",
    "Target",
    "check_headers",
    "is_local",
    "keyed",
    "opening",
    "target",
]

DEFAULT_MODEL = "gpt-realtime-2.1"
"""The model of a conversation where nothing names one."""
DEFAULT_TRANSCRIPTION_MODEL = "gpt-live-transcribe"
"""The model of a transcription where nothing names one."""
DEFAULT_TRANSLATION_MODEL = "gpt-realtime-translate"
"""The model of a translation where nothing names one."""
DEFAULT_BASE_URL = "https://api.openai.com/v1"
"""Where OpenAI is, where ``OPENAI_BASE_URL`` does not say otherwise."""

Kind: TypeAlias = Literal["realtime", "call", "transcription", "translation"]
"""What is opened: a conversation, the sideband of a call, or a session of another kind."""

_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1", re.IGNORECASE)


@attrs.frozen(kw_only=True)
class Target:
    """An address to dial with what to say there. Its `repr` shows no key."""

    url: str = attrs.field(repr=lambda url: repr(redact_url(url)))
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)
    subprotocols: tuple[str, ...] = attrs.field(default=(), repr=False)
    """Offered in the upgrade; a browser's key is among them."""
    credential: Credential | None = attrs.field(default=None, repr=False)
    """What gives the key when the connection is opened, where it is not in the headers."""
    key_form: KeyForm = "bearer"
    """How that key is sent."""
    local: bool = False
    """Whether it is on this machine."""
    greets: bool = True
    """Whether the server sends ``session.created`` unasked: all do, but not on a sideband."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not appear in a recording or a message."""
        offered = (
            veiled(name.removeprefix(KEY_PROTOCOL))
            for name in self.subprotocols
            if name.startswith(KEY_PROTOCOL)
        )
        found = (*secrets_of_headers(self.headers), *offered, *secrets_of_url(self.url))
        return tuple(dict.fromkeys(found))

    def with_key(self, key: str) -> Target:
        """The target with another key, in place of the one that it had."""
        old = {name.lower() for name in key_headers(self.key_form, key)}
        kept = {name: value for name, value in self.headers.items() if name.lower() not in old}
        return _with_key(attrs.evolve(self, headers=kept, credential=None), key)

    async def resolved(self) -> Target:
        """The target with its key, asked for anew where something gives it."""
        if self.credential is None:
            return self
        key = await given_key(self.credential)
        return attrs.evolve(_with_key(self, key), credential=None)


def target(
    *,
    kind: Kind = "realtime",
    model: str | None = None,
    call_id: str | None = None,
    api_key: Credential | None = None,
    url: str | None = None,
    headers: Mapping[str, str] | None = None,
    insecure: bool = False,
    url_name: str = "url",
) -> Target:
    """The address and headers of a session.

    Args:
        kind: what to open; with `call_id` always a call.
        model: the model of a new session; a current one where neither it nor `call_id` nor a query
            in `url` names what to open.
        call_id: attach to a WebRTC or SIP call that is under way instead of opening a session.
        api_key: a project key or an ephemeral one, or what gives one; ``OPENAI_API_KEY`` where it
            is left out. A server on this machine needs none.
        url: the full address (``ws``, ``wss``, ``http`` or ``https``); else ``/realtime`` under
            ``OPENAI_BASE_URL``, which is OpenAI's where it is not set.
        headers: further headers; they win over those made here.
        insecure: allow a key to travel without TLS to another machine.
        url_name: what the caller calls `url`.

    Raises:
        InvalidOption: `model` with `call_id`; an address that is none; no key for a server that is
            not on this machine; a key over plain ``ws`` to another machine.
    """
    named = {name.lower() for name in headers or ()}
    address = opening(
        url or (os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL).rstrip("/") + "/realtime",
        kind=kind,
        model=model,
        call_id=call_id,
        default_model=DEFAULT_MODEL,
    )
    host = urlsplit(address).hostname or ""
    key = api_key
    if not key and (url is None or _is_openai(host)):
        # The environment's key belongs to OpenAI: nobody else is offered it unasked.
        key = veiled(os.environ.get("OPENAI_API_KEY") or None)
    account = {
        header: value
        for variable, header in _ACCOUNT.items()
        if key and url is None and (value := os.environ.get(variable))
    }
    account = {name: value for name, value in account.items() if name.lower() not in named}
    if not key and not is_local(host) and not named & {"authorization", "api-key"}:
        raise InvalidOption(
            "no API key: pass api_key=, or set OPENAI_API_KEY in the environment (it is used for "
            "OpenAI and for the host of OPENAI_BASE_URL only), or connect to a local server "
            f"with {url_name}="
        )
    return keyed(address, key, headers={**account, **(headers or {})}, insecure=insecure)


_ACCOUNT = {"OPENAI_ORG_ID": "OpenAI-Organization", "OPENAI_PROJECT_ID": "OpenAI-Project"}


def opening(
    url: str,
    *,
    kind: Kind,
    model: str | None,
    call_id: str | None,
    default_model: str | None,
) -> str:
    """The address that opens a session of this kind, from that of the server's ``/realtime``.

    Raises:
        InvalidOption: `model` with `call_id`; an address that is none.
    """
    if model is not None and call_id is not None:
        raise InvalidOption(
            "model= and call_id= exclude each other: a call has its model already; leave model out"
        )
    parts = _parts(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    path = parts.path
    if call_id is not None:
        query = {**query, "call_id": call_id}
        query.pop("model", None)
    elif kind == "transcription":
        query.pop("model", None)  # it goes into the session
        query["intent"] = "transcription"
    elif kind == "translation":
        path = path.rstrip("/").removesuffix("/translations") + "/translations"
        query["model"] = model or query.get("model") or DEFAULT_TRANSLATION_MODEL
    elif model is not None:
        query["model"] = model
    elif default_model and not query.keys() & {"model", "call_id", "intent", "deployment"}:
        query["model"] = default_model
    return urlunsplit(parts._replace(path=path, query=urlencode(query)))


def keyed(
    address: str,
    key: Credential | None,
    *,
    form: KeyForm = "bearer",
    headers: Mapping[str, str] | None = None,
    insecure: bool = False,
) -> Target:
    """The target at an address with its key, in the form in which that server takes it.

    Raises:
        InvalidOption: the key cannot be one, or would travel without TLS to another machine.
    """
    parts = urlsplit(address)
    local = is_local(parts.hostname or "")
    given = veiled_headers(headers)
    check_headers(given)
    own = {name.lower() for name in given} & {"authorization", "api-key"}
    key = None if own else key
    where = Target(
        url=address,
        headers=given,
        local=local,
        greets="call_id" not in dict(parse_qsl(parts.query)),
        key_form=form,
        credential=None if isinstance(key, str) else key,
    )
    if isinstance(key, str):
        where = _with_key(where, key)
    if parts.scheme == "ws" and not local and not insecure and (where.secrets or where.credential):
        raise InvalidOption(
            f"a key would travel unencrypted to {parts.hostname}: use wss://, or insecure=True "
            "where the network in between is yours"
        )
    return where


def _with_key(where: Target, key: str) -> Target:
    key = checked_key(key)
    if where.key_form == "subprotocol":
        return attrs.evolve(where, subprotocols=("realtime", veiled(KEY_PROTOCOL + key)))
    return attrs.evolve(where, headers={**key_headers(where.key_form, key), **where.headers})


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse headers that no connection can carry. Raises `InvalidOption`, without the value."""
    for name, value in headers.items():
        if not all(part.isascii() and part.isprintable() for part in (name, value)):
            raise InvalidOption(f"header {name!a} has a line end or a character that none can have")


def is_local(host: str) -> bool:
    """Whether a host is this machine."""
    return _LOOPBACK.fullmatch(host) is not None


def _is_openai(host: str) -> bool:
    if host == "openai.com" or host.endswith(".openai.com"):
        return True
    base = os.environ.get("OPENAI_BASE_URL")
    return bool(base) and not is_local(host) and _parts(base or "").hostname == host


def _parts(given: str) -> SplitResult:
    try:
        parts = urlsplit(given)
        scheme = _SCHEMES[parts.scheme.lower()]
        host = parts.hostname or ""
        if not host or " " in host or (parts.port is not None and parts.port < 1):
            raise ValueError  # the same cure as for what urlsplit itself refuses
        host.encode("idna")
    except (KeyError, ValueError):
        raise InvalidOption(
            f"{redact_url(given)!r} is no address of a server: give one such as "
            "wss://host/v1/realtime (or ws, http, https)"
        ) from None
    return parts._replace(scheme=scheme, fragment="")


KEY_PROTOCOL = "openai-insecure-api-key."
"""What stands before the key where a key is sent as a subprotocol, as browsers must."""
