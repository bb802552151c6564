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
    "SHORTEST_SECRET",
    "DeltaRedactor",
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
    "veiled_tool",
    "veiled_tools",
    "without_frames",
]

REDACTED = "<redacted>"

TOO_DEEP = "<nested too deeply>"
"""What stands in a redacted value for what is nested more deeply than anything of the protocol."""
DEEPEST = 64
LONGEST_KEY = 512
MOST_STREAMS = 256

_T = TypeVar("_T")

# API keys, ephemeral keys, webhook secrets, and what looks like a token behind "Bearer". Lengths
# and digits keep ordinary words out ("sk-ip", "the bearer of bad news"); the base64 of audio has
# no "-" and no "_".
_KEYS = re.compile(r"\b(?:sk-[\w-]{8,}|ek_[\w-]{8,}|whsec_[\w+/=-]{8,})")
_BEARER = re.compile(r"(\bBearer\s+)(?=\S*\d)[^\s\"',;]{12,}", re.IGNORECASE)
_SUBPROTOCOL = re.compile(r"(openai-insecure-api-key\.)[^\s,]+")

# A user and a password in an address, wherever it stands in a text; a proxy's, for one. No scheme
# is longer: without a bound, a text of letters and dots would be read again from each of them.
_USER_INFO = re.compile(r"(\b[a-zA-Z][\w+.-]{0,31}://)[^\s/?#@\"']+@")

# A key in the query of an address, wherever that stands in a text.
_QUERY = re.compile(
    r"([?&](?:access[-_]?token|api[-_]?key|client[-_]?secret|key|password|secret|sig|signature|token)"
    r"=)[^&\s#\"'<>]+",
    re.IGNORECASE,
)

# A field with a credential within a text: JSON in a tool's output or arguments, whatever escapes
# its quotes have, or what Python prints of a dict.
_FIELD = re.compile(
    r"""(["'](?:[\w-]{0,32}?(?:access[_-]?token|refresh[_-]?token|id[_-]?token|auth[_-]?token|api[_-]?key|"""
    r"""client[_-]?secret|password)|(?:proxy-)?authorization|set-cookie|cookie)\\{0,16}["']"""
    r"""\s{0,8}:\s{0,8}\\{0,16}["'])[^"'\\]+""",
    re.IGNORECASE,
)
_MAY_HAVE_FIELD = re.compile(r"token|key|secret|password|authorization|cookie", re.IGNORECASE)

# Field, query and header names, compared in lower case with "_" for "-".
_NAMES = frozenset({
    "access_token", "api_key", "apikey", "auth_token", "authorization", "client_secret", "cookie",
    "id_token", "key", "ocp_apim_subscription_key", "password", "proxy_authorization",
    "refresh_token", "secret", "sec_websocket_key", "set_cookie", "sig", "token", "x_api_key",
})  # fmt: skip
# In an event, "key" and "token" are ordinary words (a log probability has a token).
_FIELDS = _NAMES - {"key", "token", "sig"}
# A token that is a credential is long, and has no space in it.
_TOKEN = re.compile(r"(?=\S*\d)[\w.~+/=-]{16,}$")


# Gateways have headers of their own for keys.
_SECRET_HEADER = re.compile(
    r"auth|cookie|credential|api-?key|-key$|password|secret|signature|token", re.IGNORECASE
)
# Shorter values of such headers are not cut out wherever the same letters appear.
SHORTEST_SECRET = 6


class Veiled(str):
    """A text that is a secret: whatever prints variables, arguments or headers shows that there is
    one, and not which."""

    __slots__ = ()

    def __repr__(self) -> str:
        return REDACTED


def veiled(value: _T) -> _T | Veiled:
    """A secret in its veil; what is no text, such as a function that gives one, as it is."""
    return Veiled(value) if isinstance(value, str) else value


def veiled_tools(tools: _T) -> _T:
    """Tools as they were given, with definitions of hosted ones in veils."""
    if not isinstance(tools, (list, tuple)):
        return tools
    given = cast("Sequence[Any]", tools)
    veil = [
        veiled_tool(cast("Mapping[str, Any]", each)) if isinstance(each, Mapping) else each
        for each in given
    ]
    return cast("_T", veil)


def veiled_tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """The definition of a hosted tool with what its server is given as proof in veils."""
    plain = dict(tool)
    if isinstance(plain.get("authorization"), str):
        plain["authorization"] = veiled(plain["authorization"])
    if isinstance(plain.get("headers"), Mapping):
        plain["headers"] = veiled_headers(plain["headers"])
    return plain


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
        elif plain in _NAMES or (secret_header(name) and len(value) >= SHORTEST_SECRET):
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
    return tuple(veiled(key) for key in [*query, password or ""] if len(key) >= SHORTEST_SECRET)


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
    if ":" in text and _MAY_HAVE_FIELD.search(text):
        text = _FIELD.sub(rf"\g<1>{REDACTED}", text)
    if "://" in text:
        if "@" in text:
            text = _USER_INFO.sub(rf"\g<1>{REDACTED}@", text)
        if "=" in text:
            text = _QUERY.sub(rf"\g<1>{REDACTED}", text)
    return text


def redact(value: Any, secrets: Iterable[str] = ()) -> Any:
    """A JSON value without its secrets; the same object where there were none. What is nested more
    deeply than :data:`DEEPEST` is left out."""
    return _redact(value, tuple(secrets), 0)


def _redact(value: Any, secrets: tuple[str, ...], depth: int) -> Any:
    if isinstance(value, str):
        return redact_text(value, secrets)
    if depth >= DEEPEST and isinstance(value, (list, dict)):
        return TOO_DEEP
    depth += 1
    if isinstance(value, list):
        entries = cast("Sequence[Any]", value)
        cleaned = [_redact(entry, secrets, depth) for entry in entries]
        changed = any(a is not b for a, b in zip(cleaned, entries, strict=True))
        return cleaned if changed else entries
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        # Only an MCP tool has headers that are sent on to somebody with a right to see them;
        # the parameters of a function may well have a field of that name.
        mcp = fields.get("type") == "mcp" or "server_label" in fields
        named = fields.get("name")
        if isinstance(named, str) and isinstance(fields.get("value"), str) and secret_header(named):
            fields = {**fields, "value": REDACTED}  # a header in a list of them, as of a SIP call
        result = {name: _field(name, v, secrets, mcp, depth) for name, v in fields.items()}
        if fields is not value:
            return result
        return result if any(result[name] is not v for name, v in fields.items()) else fields
    return value


def _field(name: str, value: Any, secrets: tuple[str, ...], mcp: bool, depth: int) -> Any:
    plain = name.lower().replace("-", "_")
    if isinstance(value, str) and (plain in _FIELDS or (plain == "token" and _TOKEN.match(value))):
        return REDACTED
    if isinstance(value, dict):
        inner = cast("dict[str, Any]", value)
        if plain == "headers" and mcp:
            return dict.fromkeys(inner, REDACTED)
        if plain == "client_secret" and isinstance(inner.get("value"), str):
            return _redact({**inner, "value": REDACTED}, secrets, depth)
    return _redact(value, secrets, depth)


class DeltaRedactor:
    """Cuts keys out of texts that come in deltas, also where one is split over several of them.

    The first letters of a key may have passed before it can be told; the whole of it has not.
    """

    def __init__(self) -> None:
        self._tails: dict[str, str] = {}  # stream -> the end of what has passed, as it was

    def redact(self, stream: str, delta: str, secrets: Iterable[str] = ()) -> str:
        """The next delta of a stream without keys."""
        tail = self._tails.get(stream, "")
        text = tail + delta
        if len(self._tails) > MOST_STREAMS and stream not in self._tails:
            del self._tails[next(iter(self._tails))]
        self._tails[stream] = text[-LONGEST_KEY:]
        spans = [match.span() for match in _KEYS.finditer(text)]
        for secret in secrets:
            spans += _occurrences(text, secret, len(tail))
        found = sorted((max(start, len(tail)), end) for start, end in spans if end > len(tail))
        if not found:
            return redact_text(delta, secrets)
        clean, at = "", len(tail)
        for start, end in found:
            if end > at:
                clean += text[at:start] + REDACTED
                at = end
        return redact_text(clean + text[at:], secrets)


def _occurrences(text: str, secret: str, new: int) -> Iterable[tuple[int, int]]:
    """Where a secret stands in a text, whole or, at its end, begun."""
    if len(secret) < SHORTEST_SECRET:
        return
    at = text.find(secret, max(0, new - len(secret)))
    while at >= 0:
        yield at, at + len(secret)
        at = text.find(secret, at + len(secret))
    for size in range(min(len(secret) - 1, len(text)), SHORTEST_SECRET - 1, -1):
        if text.endswith(secret[:size]):
            yield len(text) - size, len(text)
            return


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
