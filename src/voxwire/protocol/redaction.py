"""What a secret looks like on this wire and how to leave it out: in JSON, text, addresses, headers,
and in what is printed of an exception.

Knows the shapes of keys and the names of the fields that carry them. Knows no event class and no
socket. Never changes what it is given, but for the frames of exceptions; a value without secrets
comes back as the same object.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

__all__ = [
    "REDACTED",
    "Veiled",
    "redact",
    "redact_headers",
    "redact_text",
    "redact_url",
    "secret_header",
    "secrets_of_headers",
    "secrets_of_url",
    "veiled",
    "veiled_headers",
    "without_frames",
]

REDACTED = "<redacted>"

_T = TypeVar("_T")

# API keys, ephemeral keys, webhook secrets, and what looks like a token behind "Bearer". Lengths
# and digits keep ordinary words out ("sk-ip", "the bearer of bad news"); the base64 of audio has
# no "-" and no "_".
_KEYS = re.compile(r"\b(?:sk-[\w-]{8,}|ek_[\w-]{8,}|whsec_[\w+/=-]{8,})")
_BEARER = re.compile(r"(\bBearer\s+)(?=\S*\d)[^\s\"',;]{12,}", re.IGNORECASE)
_SUBPROTOCOL = re.compile(r"(openai-insecure-api-key\.)[^\s,]+")

# A user and a password in an address, wherever it stands in a text; a proxy's, for one.
_USER_INFO = re.compile(r"(\b[a-zA-Z][\w+.-]*://)[^\s/?#@\"']+@")

# A key in the query of an address, wherever that stands in a text.
_QUERY = re.compile(
    r"([?&](?:access[-_]?token|api[-_]?key|client[-_]?secret|key|password|secret|sig|signature|token)"
    r"=)[^&\s#\"'<>]+",
    re.IGNORECASE,
)

# Field, query and header names, compared in lower case with "_" for "-".
_NAMES = frozenset({
    "access_token", "api_key", "apikey", "authorization", "client_secret", "cookie", "key",
    "ocp_apim_subscription_key", "password", "proxy_authorization", "secret", "sec_websocket_key",
    "set_cookie", "sig", "token", "x_api_key",
})  # fmt: skip
# In an event, "key" and "token" are ordinary words (a log probability has a token).
_FIELDS = _NAMES - {"key", "token", "sig"}


# Gateways have headers of their own for keys.
_SECRET_HEADER = re.compile(
    r"auth|cookie|credential|api-?key|-key$|password|secret|signature|token", re.IGNORECASE
)
# Shorter values of such headers are not cut out wherever the same letters appear.
_SHORTEST = 6


class Veiled(str):
    """A text that is a secret: whatever prints variables, arguments or headers shows that there is
    one, and not which."""

    __slots__ = ()

    def __repr__(self) -> str:
        return REDACTED


def veiled(value: _T) -> _T | Veiled:
    """A secret in its veil; what is no text, such as a function that gives one, as it is."""
    return Veiled(value) if isinstance(value, str) else value


def veiled_headers(headers: Mapping[str, str] | None) -> dict[str, str]:
    """Headers with their values in veils."""
    return {name: veiled(value) for name, value in (headers or {}).items()}


def secret_header(name: str) -> bool:
    """Whether a header of that name carries a credential."""
    return name.lower().replace("-", "_") in _NAMES or _SECRET_HEADER.search(name) is not None


def secrets_of_headers(headers: Mapping[str, str]) -> tuple[str, ...]:
    """What must not be shown of some headers: keys, without the scheme before them."""
    found: list[str] = []
    for name, value in headers.items():
        plain = name.lower().replace("-", "_")
        if plain in ("authorization", "proxy_authorization"):
            found.append(value.rpartition(" ")[2])
        elif plain in _NAMES or (secret_header(name) and len(value) >= _SHORTEST):
            found.append(value)
    return tuple(veiled(key) for key in found if key)


def secrets_of_url(url: str) -> tuple[str, ...]:
    """What must not be shown of an address: its password, and the query values that are secrets."""
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:  # no address at all, which those say who want to use it
        return ()
    query = [value for name, value in parse_qsl(parts.query) if _secret_query(name, value)]
    return tuple(veiled(key) for key in [*query, password or ""] if len(key) >= _SHORTEST)


def redact_text(text: str, secrets: Iterable[str] = ()) -> str:
    """``text`` without anything that looks like a key, and without the ``secrets`` given."""
    for secret in secrets:
        if secret and secret in text:
            text = text.replace(secret, REDACTED)
    if "sk-" in text or "ek_" in text or "whsec_" in text:
        text = _KEYS.sub(REDACTED, text)
    if "earer" in text or "EARER" in text:
        text = _BEARER.sub(rf"\g<1>{REDACTED}", text)
    if "openai-insecure-api-key." in text:
        text = _SUBPROTOCOL.sub(rf"\g<1>{REDACTED}", text)
    if "://" in text:
        if "@" in text:
            text = _USER_INFO.sub(rf"\g<1>{REDACTED}@", text)
        if "=" in text:
            text = _QUERY.sub(rf"\g<1>{REDACTED}", text)
    return text


def redact(value: Any, secrets: Iterable[str] = ()) -> Any:
    """A JSON value without its secrets; the same object where there were none."""
    secrets = tuple(secrets)
    if isinstance(value, str):
        return redact_text(value, secrets)
    if isinstance(value, list):
        entries = cast("Sequence[Any]", value)
        cleaned = [redact(entry, secrets) for entry in entries]
        changed = any(a is not b for a, b in zip(cleaned, entries, strict=True))
        return cleaned if changed else entries
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        # Only an MCP tool has headers that are sent on to somebody with a right to see them;
        # the parameters of a function may well have a field of that name.
        mcp = fields.get("type") == "mcp" or "server_label" in fields
        result = {name: _field(name, v, secrets, mcp) for name, v in fields.items()}
        return result if any(result[name] is not v for name, v in fields.items()) else fields
    return value


def _field(name: str, value: Any, secrets: Iterable[str], mcp: bool) -> Any:
    plain = name.lower().replace("-", "_")
    if plain in _FIELDS and isinstance(value, str):
        return REDACTED
    if isinstance(value, dict):
        inner = cast("dict[str, Any]", value)
        if plain == "headers" and mcp:
            return dict.fromkeys(inner, REDACTED)
        if plain == "client_secret" and isinstance(inner.get("value"), str):
            return redact({**inner, "value": REDACTED}, secrets)
    return redact(value, secrets)


def redact_headers(headers: Mapping[str, str], secrets: Iterable[str] = ()) -> dict[str, str]:
    """Headers with lower-case names, those that carry a credential shown as present but not told.

    The scheme of ``Authorization`` stays, for whether it was ``Bearer`` is worth knowing.
    """
    result: dict[str, str] = {}
    for name, value in headers.items():
        name = name.lower()
        if secret_header(name):
            scheme, space, _ = value.partition(" ")
            value = f"{scheme} {REDACTED}" if name == "authorization" and space else REDACTED
        result[name] = redact_text(value, secrets)
    return result


def redact_url(url: str, secrets: Iterable[str] = ()) -> str:
    """An address without user info and without the query values that carry secrets."""
    try:
        parts = urlsplit(url)
    except ValueError:  # no address: a text like any other
        return redact_text(url, secrets)
    host = parts.netloc.rpartition("@")[2]
    query = parts.query
    pairs = parse_qsl(query, keep_blank_values=True)
    if any(_secret_query(name, value) for name, value in pairs):
        query = "&".join(
            f"{quote(name)}={REDACTED if _secret_query(name, value) else quote(value)}"
            for name, value in pairs
        )
    return redact_text(urlunsplit((parts.scheme, host, parts.path, query, "")), secrets)


def without_frames(error: BaseException) -> None:
    """Let go of the stack frames of an exception, and of those that led to it.

    For errors of the libraries below: their variables hold headers and requests, and so the key,
    and there are programs that log the variables of all frames of an exception.
    """
    todo: list[BaseException | None] = [error]
    seen: set[int] = set()
    while todo:
        one = todo.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            one.__traceback__ = None
            todo += [one.__cause__, one.__context__]


def _secret_query(name: str, value: str) -> bool:
    return name.lower().replace("-", "_") in _NAMES or redact_text(value) != value
