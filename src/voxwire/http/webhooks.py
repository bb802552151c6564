"""Webhooks: whether one really comes from the service, and what it says.

It knows the signature of the Standard Webhooks specification and the one webhook of this API. It
receives nothing: give it the body and the headers that your web framework has received.

    call = voxwire.http.webhooks.unwrap(body, headers)
    if isinstance(call, voxwire.RealtimeCallIncoming):
        await client.calls.accept(call, session=...)
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, cast

from voxwire_protocol import RealtimeCallIncoming, UnknownEvent
from voxwire_protocol._runtime import structure

from ..errors import InvalidOption, VoxwireError
from ..protocol.redaction import REDACTED, veiled

__all__ = ["InvalidSignature", "sign", "unwrap", "verify"]

Headers: TypeAlias = Mapping[str, str] | Iterable[tuple[bytes | str, bytes | str]]
"""The headers of a request, as a mapping or as the pairs that ASGI gives."""

_ID, _TIME, _SIGNATURES = "webhook-id", "webhook-timestamp", "webhook-signature"


class InvalidSignature(VoxwireError):
    """A webhook that is not to be believed: unsigned, signed with another secret, or too old.

    Answer it with HTTP 400 and do nothing of what it says.
    """


def unwrap(
    body: bytes | str,
    headers: Headers,
    secret: str | Iterable[str] | None = None,
    *,
    tolerance: float = 300.0,
    clock: Callable[[], float] = time.time,
) -> RealtimeCallIncoming | UnknownEvent:
    """Check a webhook's signature and read it.

    Args:
        body: the body as it was received, not parsed and written anew: the signature is over bytes.
        headers: the headers of the request.
        secret: the secret of the endpoint, ``whsec_...``; several while one replaces another;
            ``OPENAI_WEBHOOK_SECRET`` (several with spaces between) where it is left out.
        tolerance: how many seconds its timestamp may be off, either way.
        clock: the time of day in Unix seconds; for tests.

    Returns:
        The announced call; the call's id is ``data.call_id``, while ``id`` is the webhook's own. An
        ``UnknownEvent`` for any other webhook that the endpoint is subscribed to.

    Raises:
        InvalidSignature: it is not to be believed.
        InvalidOption: there is no secret, or it is none.
    """
    secret = _veiled(secret)
    raw = _bytes(body)
    verify(raw, headers, secret, tolerance=tolerance, clock=clock)
    try:
        payload: Any = json.loads(raw)
    except (ValueError, RecursionError):  # signed, and yet no JSON: an event like any unknown one
        return UnknownEvent(None, raw=raw, reason="not JSON")
    if not isinstance(payload, dict):
        return UnknownEvent(None, payload, raw=raw, reason="not a JSON object")
    fields = cast("dict[str, Any]", payload)
    name = fields.get("type")
    if not isinstance(name, str):
        return UnknownEvent(None, fields, raw=raw, reason="no `type`")
    if name != "realtime.call.incoming":
        return UnknownEvent(name, fields, raw=raw)
    call = structure(RealtimeCallIncoming, fields)
    # The server may say anything, but a call without its id is no call to act upon.
    if not isinstance(getattr(call.data, "call_id", None), str):
        return UnknownEvent(name, fields, raw=raw, reason="no `data.call_id`")
    return call


def verify(
    body: bytes | str,
    headers: Headers,
    secret: str | Iterable[str] | None = None,
    *,
    tolerance: float = 300.0,
    clock: Callable[[], float] = time.time,
) -> None:
    """Check a webhook's signature; the arguments are those of :func:`unwrap`.

    Raises:
        InvalidSignature: it is not to be believed.
        InvalidOption: there is no secret, or it is none.
    """
    if not 0 <= tolerance < math.inf:
        raise InvalidOption(f"tolerance={tolerance}: give seconds, 0 or more, such as 300")
    secret = _veiled(secret)
    keys = _Keys(secret)
    raw = _bytes(body)
    given = _headers(headers)
    missing = [name for name in (_ID, _TIME, _SIGNATURES) if not given.get(name)]
    if missing:
        raise InvalidSignature(f"the webhook has no header {' and no '.join(missing)}")
    stamp = given[_TIME]
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 15):
        raise InvalidSignature("the webhook's timestamp is no number of seconds")
    off = clock() - int(stamp)
    if abs(off) > tolerance:
        way = "old" if off > 0 else "in the future"
        raise InvalidSignature(
            f"the webhook is {abs(off):.0f} s {way}, and {tolerance:g} s are tolerated: one sent "
            "again by somebody else, or a clock that is wrong"
        )
    if not _signed(keys, given, raw):
        raise InvalidSignature(
            "the webhook is not signed with this secret: take the endpoint's own, and the body as "
            "it was received"
        )


def sign(
    body: bytes | str,
    secret: str,
    *,
    id: str = "wh_test",
    timestamp: int | None = None,
) -> dict[str, str]:
    """The headers of a webhook with this body: for tests of your own endpoint.

    Args:
        body: what it says.
        secret: the endpoint's secret.
        id: the webhook's id.
        timestamp: when it is sent, in Unix seconds; now, if left out.
    """
    stamp = str(int(time.time()) if timestamp is None else timestamp)
    signature = _signature(_key(secret), id, stamp, _bytes(body))
    return {_ID: id, _TIME: stamp, _SIGNATURES: f"v1,{signature}"}


class _Keys(list[bytes]):
    """The keys of an endpoint, in a veil."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__(_key(secret) for secret in secrets)
        if not self:
            raise InvalidOption(
                "no webhook secret: pass secret=, or set OPENAI_WEBHOOK_SECRET in the environment"
            )

    def __repr__(self) -> str:
        return REDACTED


def _veiled(secret: str | Iterable[str] | None) -> list[str]:
    """The secrets, in veils: a webhook that is refused is logged, often with all variables."""
    if secret is None:
        secret = os.environ.get("OPENAI_WEBHOOK_SECRET", "").split()
    given: Any = secret
    if not isinstance(given, (str, Iterable)) or isinstance(given, (bytes, bytearray)):
        raise InvalidOption(
            f"secret= is of {type(given).__name__}: give the endpoint's whsec_ text, or several"
        )
    return [veiled(entry) for entry in ([secret] if isinstance(secret, str) else secret)]


def _signed(keys: Iterable[bytes], given: Mapping[str, str], raw: bytes) -> bool:
    wanted = [_signature(key, given[_ID], given[_TIME], raw) for key in keys]
    # All are compared with all, whatever fits first: the time taken tells nothing.
    found = False
    for entry in given[_SIGNATURES].split():
        version, _, signature = entry.partition(",")
        for right in wanted:
            same = hmac.compare_digest(signature.encode("utf-8", "replace"), right.encode())
            found |= same and version == "v1"
    return found


def _signature(key: bytes, id: str, stamp: str, body: bytes) -> str:
    signed = b".".join((id.encode("utf-8", "replace"), stamp.encode(), body))
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def _key(secret: object) -> bytes:
    """The bytes of a secret: base64 behind ``whsec_``, else the text as it is."""
    text = veiled(secret.strip() if isinstance(secret, str) else "")
    if not text.startswith("whsec_"):
        key = text.encode()
    else:
        try:
            key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
        except (binascii.Error, ValueError):  # no base64, and so no key: said below, without it
            key = b""
    if not key:
        raise InvalidOption("the webhook secret is none: it is whsec_ followed by base64")
    return key


def _bytes(body: object) -> bytes:
    if isinstance(body, str):
        return body.encode("utf-8", "surrogatepass")
    if not isinstance(body, (bytes, bytearray)):
        raise InvalidOption(
            f"body= is {type(body).__name__}: give the body as it was received, in bytes, for the "
            "signature is over these"
        )
    return bytes(body)


def _headers(headers: Headers) -> dict[str, str]:
    pairs = cast("Any", headers).items() if isinstance(headers, Mapping) else headers
    return {_text(name).lower(): _text(value).strip() for name, value in pairs}


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")
