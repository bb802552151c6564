"""Sending: attempts go out here, and waits are waited, in both ways.

What follows on which answer is in ``exchange``.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

import httpx

from ..protocol.redaction import veiled
from ..transport.credentials import Credential, given_key
from .errors import HttpError
from .operation import Operation
from .responses import Body, RawResponse
from .retry import Exchange, Settings

__all__ = ["AsyncSender", "SyncSender"]

T = TypeVar("T")
H = TypeVar("H", httpx.Client, httpx.AsyncClient)


class Sender(Generic[H]):
    """What both clients send through. Apart from the clients, so that nothing refers in a circle
    and a client that is let go of is closed at once."""

    def __init__(
        self, settings: Settings, own: H | None, make: type[H], transport: Callable[[], Any]
    ) -> None:
        self.settings = settings
        self.borrowed = own is not None
        if own is None:
            # Which proxy is for the address is said there: a transport of its own keeps the client
            # from taking one of the environment.
            proxy = settings.proxy
            own = make(transport=transport()) if proxy is None else make(proxy=proxy.url)
        self.http: H = own


class SyncSender(Sender[httpx.Client]):
    def __init__(
        self,
        settings: Settings,
        own: httpx.Client | None,
        sleep: Callable[[float], object],
    ) -> None:
        super().__init__(settings, own, httpx.Client, httpx.HTTPTransport)
        self.sleep = sleep

    def send(self, operation: Operation[T]) -> RawResponse[T]:
        exchange = Exchange(operation, self.settings)
        credential = self.settings.address.credential
        outcome: RawResponse[T] | HttpError | float
        while True:
            key = None if credential is None else veiled(key_now(credential))
            try:
                request = self.http.build_request(**exchange.request(key))
                response = self.http.send(request, follow_redirects=False, stream=True)
                body = Body.read(response)
            except (httpx.HTTPError, httpx.InvalidURL) as error:  # all that sending may raise
                outcome = exchange.failed(error)
            else:
                outcome = exchange.answered(body.of(response), whole=body.whole)
            if isinstance(outcome, RawResponse):
                return outcome
            if isinstance(outcome, HttpError):
                raise outcome  # out here, where no error of the library hangs on to it
            self.sleep(outcome)

    def close(self) -> None:
        if not self.borrowed:
            self.http.close()

    def __del__(self) -> None:
        if hasattr(self, "http"):
            self.close()


class AsyncSender(Sender[httpx.AsyncClient]):
    def __init__(
        self,
        settings: Settings,
        own: httpx.AsyncClient | None,
        sleep: Callable[[float], Awaitable[object]],
    ) -> None:
        super().__init__(settings, own, httpx.AsyncClient, httpx.AsyncHTTPTransport)
        self.sleep = sleep

    async def send(self, operation: Operation[T]) -> RawResponse[T]:
        exchange = Exchange(operation, self.settings)
        credential = self.settings.address.credential
        outcome: RawResponse[T] | HttpError | float
        while True:
            key = None if credential is None else await given_key(credential)
            try:
                request = self.http.build_request(**exchange.request(key))
                response = await self.http.send(request, follow_redirects=False, stream=True)
                body = await Body.aread(response)
            except (httpx.HTTPError, httpx.InvalidURL) as error:  # all that sending may raise
                outcome = exchange.failed(error)
            else:
                outcome = exchange.answered(body.of(response), whole=body.whole)
            if isinstance(outcome, RawResponse):
                return outcome
            if isinstance(outcome, HttpError):
                raise outcome  # out here, where no error of the library hangs on to it
            await self.sleep(outcome)

    async def close(self) -> None:
        if not self.borrowed:
            await self.http.aclose()


def key_now(credential: Credential) -> object:
    """What a credential gives, for who cannot await. An asynchronous one runs in a thread, for the
    caller's may have a loop of its own."""
    if isinstance(credential, str):
        return credential
    given = credential()
    if not inspect.isawaitable(given):
        return given

    async def awaited() -> str:
        return await given

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, awaited()).result()
