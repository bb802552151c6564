"""The HTTP half of the API: keys for browsers, calls over WebRTC and SIP.

:class:`Client` and :class:`AsyncClient` do it. The functions here give single operations as values,
for ``client.send``, which answers with a :class:`RawResponse`.

What is sent again, and when. A failure that may pass (408, 409, 429, 5xx, a broken connection, no
answer in time) leads to another attempt, up to ``max_retries``, after the wait that the server asks
for or else one by chance that grows; a server that asks for more than ``Backoff.patience`` gets the
error raised at once. That holds for what does no harm twice: making keys (with an
``Idempotency-Key``) and hanging up. Creating, accepting, rejecting and referring a call is sent
again only where nothing has reached the server or it was turned away with 429; for the rest,
``maybe_done`` of the error says whether the server may have acted.
"""

from __future__ import annotations

from .calls import CallAnswer, accept_call, create_call, hangup_call, refer_call, reject_call
from .client import AsyncClient, Client
from .client_secrets import (
    create_client_secret,
    create_legacy_session,
    create_legacy_transcription_session,
    create_translation_client_secret,
)
from .errors import (
    BadRequest,
    Conflict,
    Forbidden,
    HttpConnectionError,
    HttpError,
    HttpProxyError,
    HttpStatusError,
    HttpTimeout,
    InternalServerError,
    InvalidRequest,
    NotFound,
    TooManyRequests,
    Unauthorized,
    UnprocessableEntity,
    UnreadableAnswer,
)
from .operation import CallOptions, Operation
from .responses import RawResponse
from .retry import Backoff

__all__ = [
    "AsyncClient",
    "Backoff",
    "BadRequest",
    "CallAnswer",
    "CallOptions",
    "Client",
    "Conflict",
    "Forbidden",
    "HttpConnectionError",
    "HttpError",
    "HttpProxyError",
    "HttpStatusError",
    "HttpTimeout",
    "InternalServerError",
    "InvalidRequest",
    "NotFound",
    "Operation",
    "RawResponse",
    "TooManyRequests",
    "Unauthorized",
    "UnprocessableEntity",
    "UnreadableAnswer",
    "accept_call",
    "create_call",
    "create_client_secret",
    "create_legacy_session",
    "create_legacy_transcription_session",
    "create_translation_client_secret",
    "hangup_call",
    "refer_call",
    "reject_call",
]
