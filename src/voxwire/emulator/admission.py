"""What a connection is for: who comes, with which key, for which session.

It knows addresses, headers and keys, and which of them the service refuses with which close code.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from hmac import compare_digest
from typing import Any, Literal, TypeAlias

import attrs

from ..errors import InvalidOption
from ..transport.credentials import checked_key
from ..transport.url import is_local
from .api_errors import ApiError
from .origins import checked_origins

__all__ = [
    "Admission",
    "Family",
    "Policy",
    "Refused",
    "Secret",
    "admit",
    "key_of",
    "locked",
    "secret_of",
]

Family: TypeAlias = Literal["realtime", "transcription", "translation", "call"]

_KEY_PROTOCOL = "openai-insecure-api-key."


@attrs.frozen(kw_only=True)
class Secret:
    """A client secret: good until then, for the session that it was made for.

    ``session`` is that whole session, ``wanted`` what was asked for.
    """

    value: str = attrs.field(repr=False)
    expires_at: float
    family: Family
    session: Mapping[str, Any] = attrs.field(repr=False)
    wanted: Mapping[str, Any] = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Policy:
    """Who may come in.

    Attributes:
        api_keys: the keys that are good; None takes any, and none.
        models: the models that there are; None takes any name.
        beta: serve clients that ask for the beta shape instead of sending them away.
        origins: web pages that may come in, besides those of this machine: scheme and host such as
            ``https://app.example``, or ``*`` for all.
    """

    api_keys: Collection[str] | None = attrs.field(default=None, repr=False)
    models: Collection[str] | None = None
    beta: bool = False
    origins: Sequence[str] = attrs.field(default=(), converter=checked_origins)

    def takes(self, key: str) -> bool:
        """Whether a key is good. How long the answer takes does not tell how nearly it was."""
        known = [_same(key, each) for each in self.api_keys or ()]
        return self.api_keys is None or any(known)


@attrs.frozen(kw_only=True)
class Admission:
    """A connection that may go on."""

    family: Family
    model: str | None = None
    call_id: str | None = None
    secret: Secret | None = None
    beta: bool = False


@attrs.frozen
class Refused(Exception):
    """A connection that ends at once: an ``error`` event, and a close with this code."""

    mistake: ApiError
    code: int
    reason: str | None = None
    """The close's; else made of type and code of the mistake."""


def key_of(headers: Mapping[str, str]) -> str | None:
    """The key in the headers, by lower-case names; browsers put it among the subprotocols."""
    authorization = headers.get("authorization", "")
    if authorization.lower().startswith("bearer "):
        return authorization[7:].strip()
    if "api-key" in headers:
        return headers["api-key"]
    for offered in headers.get("sec-websocket-protocol", "").split(","):
        if offered.strip().startswith(_KEY_PROTOCOL):
            return offered.strip().removeprefix(_KEY_PROTOCOL)
    return None


def locked(policy: Policy, host: str, token: str | None) -> Policy:
    """The policy of a server that listens at `host` and takes `token`.

    Raises:
        InvalidOption: other machines could come in, and nothing is asked of them; or the token is
            none that a client could send.
    """
    if token is not None:
        if not token:
            raise InvalidOption("the token is empty: give one that nobody guesses")
        checked_key(token)
        policy = attrs.evolve(policy, api_keys=(*(policy.api_keys or ()), token))
    if not policy.api_keys and not is_local(host.strip("[]")):
        raise InvalidOption(
            f"{host or 'every address'} lets other machines in, and this server asks nobody who "
            "they are: give it a token that clients send as their key (token=, or --token or "
            "VOXWIRE_TOKEN), or listen at 127.0.0.1"
        )
    return policy


def secret_of(key: str | None, secrets: Mapping[str, Secret]) -> Secret | None:
    """The client secret that a key is."""
    found = [secret for value, secret in secrets.items() if key and _same(key, value)]
    return found[0] if found else None


def _same(one: str, other: str) -> bool:
    # A key may be anything that a header can hold, and only ASCII is compared as text.
    return compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def admit(
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    *,
    policy: Policy,
    secrets: Mapping[str, Secret],
    now: float,
) -> Admission:
    """Let a connection in, or raise why not."""
    key = key_of(headers)
    secret = secret_of(key, secrets)
    if secret is not None and secret.expires_at < now:
        raise Refused(ApiError.bad_key(), 3000)
    if policy.api_keys is not None and secret is None:
        if key is None:
            raise Refused(ApiError.no_key(), 3000)
        if not policy.takes(key):
            raise Refused(ApiError.bad_key(), 3000)
    beta = "realtime=v1" in headers.get("openai-beta", "") or "openai-beta.realtime-v1" in (
        headers.get("sec-websocket-protocol", "")
    )
    if beta and not policy.beta:
        raise Refused(ApiError.beta_disabled(), 4000)
    model = query.get("model") or query.get("deployment")
    if model is None and secret is not None:
        model = secret.session.get("model")
    if path.rstrip("/").endswith("/translations") or (secret and secret.family == "translation"):
        return Admission(family="translation", model=_known(model, policy), secret=secret)
    if call_id := query.get("call_id"):
        return Admission(family="call", call_id=call_id)
    intent = query.get("intent")
    if intent == "transcription" or (secret and secret.family == "transcription"):
        return Admission(family="transcription", secret=secret, beta=beta)
    if intent not in (None, "conversation"):
        raise Refused(ApiError.bad_intent(intent), 4000)
    if model and ("transcribe" in model or "whisper" in model):
        raise Refused(ApiError.transcriber(model), 4000)
    return Admission(family="realtime", model=_known(model, policy), secret=secret, beta=beta)


def _known(model: str | None, policy: Policy) -> str:
    if not model:
        raise Refused(ApiError.no_model(), 4000)
    if policy.models is not None and model not in policy.models:
        raise Refused(ApiError.bad_model(model), 4000)
    return model
