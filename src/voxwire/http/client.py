"""The two clients: the same operations, once waiting and once to be awaited.

It knows how a client is set up and what it offers. What is offered is in ``resources``, and how it
is sent in ``lines``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Self, TypeVar

import httpx

from ..protocol.redaction import redact_url, veiled, veiled_headers
from ..transport.credentials import Credential
from ..transport.providers.profile import ServerProfile
from ..transport.proxy import ProxyOption, veiled_proxy
from .address import address, proxy_between
from .operation import Operation, Timeout
from .resources import (
    AsyncCalls,
    AsyncClientSecrets,
    AsyncSessions,
    AsyncTranscriptionSessions,
    AsyncTranslations,
    Calls,
    ClientSecrets,
    Sessions,
    TranscriptionSessions,
    Translations,
)
from .responses import RawResponse
from .retry import DEFAULT_TIMEOUT, Backoff, Settings
from .senders import AsyncSender, SyncSender

__all__ = ["AsyncClient", "Client"]

T = TypeVar("T")


class Client:
    """The HTTP half of the API. Usable from several threads, and as a context manager.

    Every method takes ``timeout=``, ``max_retries=``, ``headers=`` and ``extra=`` besides its own
    arguments, and has a twin that gives the whole answer: ``client.calls.create.raw(...)``.

    Args:
        api_key: a project's key; ``OPENAI_API_KEY`` where it is left out, though not for a server
            on this machine that `base_url` names. A function, plain or async, is asked before each
            attempt.
        base_url: ``OPENAI_BASE_URL`` or OpenAI's where it is left out.
        server: a server by its profile, such as ``voxwire.Azure(...)``, in place of `base_url`.
        organization, project: whose usage it is; ``OPENAI_ORG_ID`` and ``OPENAI_PROJECT_ID`` where
            both they and `base_url` are left out.
        headers: further headers for each request; they win over those made here.
        timeout: seconds for each phase of an attempt: to connect, to send, to wait for more of the
            answer; or an ``httpx.Timeout``. 30, and 5 to connect, if nothing is said.
        max_retries: how often more to try, where trying again is safe and may help.
        backoff: how long to wait in between.
        proxy: the proxy to go through, such as ``"http://user:password@host:3128"`` or
            ``"socks5://host:1080"`` (extra ``socks``). True takes that of the environment
            (``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY``), though not for a server on this machine;
            ``None`` takes none.
        http_client: one of your own, for certificates and transports. Not closed here.
        insecure: allow a key to travel without TLS to another machine.
        sleep: how to wait; for tests.
        clock: the time of day in Unix seconds; for tests.

    Raises:
        InvalidOption: no key, an address that is none, or a key that would go where it must not.
    """

    def __init__(
        self,
        *,
        api_key: Credential | None = None,
        base_url: str | None = None,
        server: ServerProfile | None = None,
        organization: str | None = None,
        project: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: Timeout = DEFAULT_TIMEOUT,
        max_retries: int = 2,
        backoff: Backoff | None = None,
        proxy: ProxyOption = True,
        http_client: httpx.Client | None = None,
        insecure: bool = False,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        api_key, headers = veiled(api_key), headers and veiled_headers(headers)
        proxy = veiled_proxy(proxy)
        where = address(
            server=server,
            base_url=base_url,
            api_key=api_key,
            organization=organization,
            project=project,
            headers=headers,
            insecure=insecure,
        )
        settings = Settings(
            address=where,
            timeout=timeout,
            max_retries=max_retries,
            backoff=backoff or Backoff(),
            clock=clock,
            proxy=proxy_between(where, proxy, http_client),
        )
        self._line = line = SyncSender(settings, http_client, sleep)
        self.client_secrets = ClientSecrets(line.send, where.model)
        """Short-lived keys: ``create``. See :func:`voxwire.http.create_client_secret`."""
        self.translations = Translations(line.send)
        """Keys for translations: ``client_secrets.create``."""
        self.calls = Calls(line.send, where.model)
        """Calls over WebRTC and SIP: ``create``, ``accept``, ``reject``, ``refer``, ``hangup``."""
        self.sessions = Sessions(line.send)
        """The beta's keys with a session: ``create``. Deprecated."""
        self.transcription_sessions = TranscriptionSessions(line.send)
        """The beta's keys for transcription: ``create``. Deprecated."""

    def send(self, operation: Operation[T]) -> RawResponse[T]:
        """Send an operation of ``voxwire.http``. Raises :class:`HttpError` or one of its kind."""
        return self._line.send(operation)

    def close(self) -> None:
        """Close the connections."""
        self._line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        line = getattr(self, "_line", None)  # none while its arguments are being refused
        where = "" if line is None else repr(redact_url(line.settings.address.base_url))
        return f"{type(self).__name__}({where})"


class AsyncClient:
    """The HTTP half of the API for asyncio: as :class:`Client`, with every method to be awaited.

    What is wrong with the arguments of a method is told when it is called, before the ``await``.
    `sleep` is a coroutine function.
    """

    def __init__(
        self,
        *,
        api_key: Credential | None = None,
        base_url: str | None = None,
        server: ServerProfile | None = None,
        organization: str | None = None,
        project: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: Timeout = DEFAULT_TIMEOUT,
        max_retries: int = 2,
        backoff: Backoff | None = None,
        proxy: ProxyOption = True,
        http_client: httpx.AsyncClient | None = None,
        insecure: bool = False,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        api_key, headers = veiled(api_key), headers and veiled_headers(headers)
        proxy = veiled_proxy(proxy)
        where = address(
            server=server,
            base_url=base_url,
            api_key=api_key,
            organization=organization,
            project=project,
            headers=headers,
            insecure=insecure,
        )
        settings = Settings(
            address=where,
            timeout=timeout,
            max_retries=max_retries,
            backoff=backoff or Backoff(),
            clock=clock,
            proxy=proxy_between(where, proxy, http_client),
        )
        self._line = line = AsyncSender(settings, http_client, sleep)
        self.client_secrets = AsyncClientSecrets(line.send, where.model)
        """Short-lived keys: ``create``. See :func:`voxwire.http.create_client_secret`."""
        self.translations = AsyncTranslations(line.send)
        """Keys for translations: ``client_secrets.create``."""
        self.calls = AsyncCalls(line.send, where.model)
        """Calls over WebRTC and SIP: ``create``, ``accept``, ``reject``, ``refer``, ``hangup``."""
        self.sessions = AsyncSessions(line.send)
        """The beta's keys with a session: ``create``. Deprecated."""
        self.transcription_sessions = AsyncTranscriptionSessions(line.send)
        """The beta's keys for transcription: ``create``. Deprecated."""

    async def send(self, operation: Operation[T]) -> RawResponse[T]:
        """Send an operation of ``voxwire.http``. Raises :class:`HttpError` or one of its kind."""
        return await self._line.send(operation)

    async def close(self) -> None:
        """Close the connections."""
        await self._line.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        line = getattr(self, "_line", None)  # none while its arguments are being refused
        where = "" if line is None else repr(redact_url(line.settings.address.base_url))
        return f"{type(self).__name__}({where})"
