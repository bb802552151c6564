"""The operations that make keys: client secrets, and what the beta had in their place.

Each function gives an :class:`Operation`, which the clients send; all take the
:class:`CallOptions` too. What is wrong with the arguments is told here, before anything is sent.
"""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, Unpack

import httpx
from voxwire_protocol import (
    ClientSecretCreateRequest,
    ClientSecretCreateResponse,
    ExpiresAfter,
    LegacySessionCreateRequest,
    LegacySessionCreateResponse,
    LegacyTranscriptionSessionCreateRequest,
    LegacyTranscriptionSessionCreateResponse,
    RealtimeSession,
    TranscriptionSession,
    TranslationClientSecretCreateRequest,
    TranslationClientSecretCreateResponse,
    TranslationSession,
)
from voxwire_protocol.http import Client as Wire
from voxwire_protocol.http.api.client_secrets import create_client_secret as minting
from voxwire_protocol.http.api.legacy import create_legacy_session as old
from voxwire_protocol.http.api.legacy import create_legacy_transcription_session as old_listening
from voxwire_protocol.http.api.translation import create_translation_client_secret as translating

from .operation import CallOptions, Operation, as_status, checked, given, operation, wire

if TYPE_CHECKING:
    from voxwire_protocol import (
        ConfigurableSessionDict,
        ExpiresAfterDict,
        LegacySessionCreateRequestDict,
        LegacyTranscriptionSessionCreateRequestDict,
        TranslationSessionDict,
    )

__all__ = [
    "create_client_secret",
    "create_legacy_session",
    "create_legacy_transcription_session",
    "create_translation_client_secret",
]

R = TypeVar("R", covariant=True)


def create_client_secret(
    *,
    session: RealtimeSession | TranscriptionSession | ConfigurableSessionDict | None = None,
    expires_after: int | ExpiresAfter | ExpiresAfterDict | None = None,
    **options: Unpack[CallOptions],
) -> Operation[ClientSecretCreateResponse]:
    """Make a key for a browser or a phone, good for sessions with these settings.

    Repeated where an attempt fails: a secret too many runs out by itself.

    Args:
        session: the settings. A conversation that names no model gets a current one, or the
            deployment of Azure. The server's own settings where it is left out.
        expires_after: for how many seconds it opens sessions: 10 to 7200, and 600 if left out.
    """
    fields = given(session=session, expires_after=_lifetime(expires_after))
    body = checked(ClientSecretCreateRequest, fields, options)
    request = minting.get_kwargs(body=body)
    return _minted("create_client_secret", request, minting.parse_response, options)


def create_translation_client_secret(
    *,
    session: TranslationSession | TranslationSessionDict,
    expires_after: int | ExpiresAfter | ExpiresAfterDict | None = None,
    **options: Unpack[CallOptions],
) -> Operation[TranslationClientSecretCreateResponse]:
    """Make a key for a browser or a phone, good for translation with these settings.

    Repeated where an attempt fails: a secret too many runs out by itself.

    Args:
        session: the model, the target language and so on.
        expires_after: for how many seconds it opens sessions: 10 to 7200, and 600 if left out.
    """
    fields = given(session=session, expires_after=_lifetime(expires_after))
    body = checked(TranslationClientSecretCreateRequest, fields, options)
    request = translating.get_kwargs(body=body)
    return _minted("create_translation_client_secret", request, translating.parse_response, options)


def create_legacy_session(
    session: LegacySessionCreateRequest | LegacySessionCreateRequestDict,
    **options: Unpack[CallOptions],
) -> Operation[LegacySessionCreateResponse]:
    """Make a key by the endpoint of the beta, with flat settings. Deprecated.

    Use ``client_secrets.create``; ``voxwire.legacy.from_legacy`` converts the settings.
    """
    _deprecated("sessions.create", "/realtime/sessions")
    body = checked(LegacySessionCreateRequest, session, options)
    request = old.get_kwargs(body=body)
    return _minted("create_legacy_session", request, old.parse_response, options)


def create_legacy_transcription_session(
    session: LegacyTranscriptionSessionCreateRequest | LegacyTranscriptionSessionCreateRequestDict,
    **options: Unpack[CallOptions],
) -> Operation[LegacyTranscriptionSessionCreateResponse]:
    """Make a key for transcription by the endpoint of the beta, with flat settings. Deprecated.

    Use ``client_secrets.create``; ``voxwire.legacy.from_legacy`` converts the settings.
    """
    _deprecated("transcription_sessions.create", "/realtime/transcription_sessions")
    body = checked(LegacyTranscriptionSessionCreateRequest, session, options)
    request = old_listening.get_kwargs(body=body)
    name = "create_legacy_transcription_session"
    return _minted(name, request, old_listening.parse_response, options)


def _deprecated(name: str, path: str) -> None:
    warnings.warn(
        f"{name} uses {path}, which is the beta's: use client_secrets.create, and "
        "voxwire.legacy.from_legacy for the settings",
        DeprecationWarning,
        stacklevel=4,  # this function, the operation's, the client's method: the caller
    )


def _lifetime(wanted: int | ExpiresAfter | ExpiresAfterDict | None) -> Any:
    if isinstance(wanted, (int, float)):
        return {"anchor": "created_at", "seconds": wanted}
    return wanted


class _Parse(Protocol[R]):
    def __call__(self, *, client: Wire, response: httpx.Response) -> R | None: ...


def _minted(
    name: str, request: dict[str, Any], parse: _Parse[R], options: CallOptions
) -> Operation[R]:
    """An operation that makes a key. One too many does no harm, and a server that knows the header
    makes only one."""

    def read(response: httpx.Response) -> R:
        if not isinstance(json.loads(response.content), dict):
            raise ValueError("its body is no JSON object")
        answer = parse(client=wire, response=as_status(200, response))
        if answer is None or not isinstance(getattr(answer, "value", ""), str):
            raise ValueError("its body holds no secret")
        return answer

    return operation(name, request, read, options, repeatable=True)
