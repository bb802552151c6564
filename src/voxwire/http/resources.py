"""Operations under the names by which a client offers them: ``client.calls.create``.

An operation is written once, in ``minting`` or ``calling``. Here it becomes a method that sends it,
and one to be awaited, with the same arguments and the same documentation.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, cast

from ..protocol.redaction import veiled_headers
from . import calls as calling
from . import client_secrets as minting
from .operation import Operation, with_model
from .responses import RawResponse

__all__ = [
    "AsyncCalls",
    "AsyncClientSecrets",
    "AsyncMethod",
    "AsyncSessions",
    "AsyncTranscriptionSessions",
    "AsyncTranslations",
    "Calls",
    "ClientSecrets",
    "Method",
    "Sessions",
    "TranscriptionSessions",
    "Translations",
]

P = ParamSpec("P")
T = TypeVar("T")


class _Send(Protocol):
    def __call__(self, operation: Operation[T], /) -> RawResponse[T]: ...


class _SendAsync(Protocol):
    def __call__(self, operation: Operation[T], /) -> Coroutine[Any, Any, RawResponse[T]]: ...


def _with_default(build: Callable[P, Operation[T]], model: str | None) -> Callable[P, Operation[T]]:
    """An operation whose session, if it is a conversation without a model, gets this one."""

    def built(*args: P.args, **kwargs: P.kwargs) -> Operation[T]:
        whole: Any = dict(kwargs)
        if "session" in whole:
            whole["session"] = with_model(whole["session"], model)
        make: Any = build
        return cast("Operation[T]", make(*args, **whole))

    return built if model is not None else build


def _veil(given: Any) -> None:
    """Headers of one request may hold a key, and frames be printed with their variables."""
    if given.get("headers"):
        given["headers"] = veiled_headers(given["headers"])


class Method(Generic[P, T]):
    """An operation, sent when it is called. ``raw`` is the same with the whole answer."""

    def __init__(
        self, send: _Send, build: Callable[P, Operation[T]], model: str | None = None
    ) -> None:
        self._send = send
        self._build = _with_default(build, model)
        functools.update_wrapper(self, build)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        _veil(kwargs)
        return self._send(self._build(*args, **kwargs)).parsed

    def raw(self, *args: P.args, **kwargs: P.kwargs) -> RawResponse[T]:
        """The answer with its status, its headers and its request id; ``parsed`` is the rest."""
        _veil(kwargs)
        return self._send(self._build(*args, **kwargs))


class AsyncMethod(Generic[P, T]):
    """An operation, sent when it is awaited. ``raw`` is the same with the whole answer."""

    def __init__(
        self, send: _SendAsync, build: Callable[P, Operation[T]], model: str | None = None
    ) -> None:
        self._send = send
        self._build = _with_default(build, model)
        functools.update_wrapper(self, build)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        _veil(kwargs)
        return self._parsed(self._build(*args, **kwargs))

    def raw(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, RawResponse[T]]:
        """The answer with its status, its headers and its request id; ``parsed`` is the rest."""
        _veil(kwargs)
        return self._send(self._build(*args, **kwargs))

    async def _parsed(self, operation: Operation[T]) -> T:
        return (await self._send(operation)).parsed


class ClientSecrets:
    """Keys for browsers and phones."""

    def __init__(self, send: _Send, model: str | None) -> None:
        self.create = Method(send, minting.create_client_secret, model)


class AsyncClientSecrets:
    """Keys for browsers and phones."""

    def __init__(self, send: _SendAsync, model: str | None) -> None:
        self.create = AsyncMethod(send, minting.create_client_secret, model)


class TranslationSecrets:
    """Keys for browsers and phones that translate."""

    def __init__(self, send: _Send) -> None:
        self.create = Method(send, minting.create_translation_client_secret)


class AsyncTranslationSecrets:
    """Keys for browsers and phones that translate."""

    def __init__(self, send: _SendAsync) -> None:
        self.create = AsyncMethod(send, minting.create_translation_client_secret)


class Translations:
    """What there is for translation: ``client.translations.client_secrets.create``."""

    def __init__(self, send: _Send) -> None:
        self.client_secrets = TranslationSecrets(send)


class AsyncTranslations:
    """What there is for translation: ``client.translations.client_secrets.create``."""

    def __init__(self, send: _SendAsync) -> None:
        self.client_secrets = AsyncTranslationSecrets(send)


class Calls:
    """Calls over WebRTC and SIP."""

    def __init__(self, send: _Send, model: str | None) -> None:
        self.create = Method(send, calling.create_call, model)
        self.accept = Method(send, calling.accept_call, model)
        self.reject = Method(send, calling.reject_call)
        self.refer = Method(send, calling.refer_call)
        self.hangup = Method(send, calling.hangup_call)


class AsyncCalls:
    """Calls over WebRTC and SIP."""

    def __init__(self, send: _SendAsync, model: str | None) -> None:
        self.create = AsyncMethod(send, calling.create_call, model)
        self.accept = AsyncMethod(send, calling.accept_call, model)
        self.reject = AsyncMethod(send, calling.reject_call)
        self.refer = AsyncMethod(send, calling.refer_call)
        self.hangup = AsyncMethod(send, calling.hangup_call)


class Sessions:
    """The beta's way to a key. Deprecated: see ``client_secrets``."""

    def __init__(self, send: _Send) -> None:
        self.create = Method(send, minting.create_legacy_session)


class AsyncSessions:
    """The beta's way to a key. Deprecated: see ``client_secrets``."""

    def __init__(self, send: _SendAsync) -> None:
        self.create = AsyncMethod(send, minting.create_legacy_session)


class TranscriptionSessions:
    """The beta's way to a key for transcription. Deprecated: see ``client_secrets``."""

    def __init__(self, send: _Send) -> None:
        self.create = Method(send, minting.create_legacy_transcription_session)


class AsyncTranscriptionSessions:
    """The beta's way to a key for transcription. Deprecated: see ``client_secrets``."""

    def __init__(self, send: _SendAsync) -> None:
        self.create = AsyncMethod(send, minting.create_legacy_transcription_session)
