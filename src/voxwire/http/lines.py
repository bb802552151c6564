"""Sending: attempts go out here, and waits are waited, in both ways.

What follows on which answer is in ``exchange``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import httpx

from .address import bearer
from .answers import RawResponse
from .exchange import Exchange, Settings
from .operation import Operation

__all__ = ["AsyncLine", "SyncLine"]

T = TypeVar("T")
H = TypeVar("H", httpx.Client, httpx.AsyncClient)


class Line(Generic[H]):
    """What both clients send through. Apart from the clients, so that nothing refers in a circle
    and a client that is let go of is closed at once."""

    def __init__(self, settings: Settings, own: H | None, make: type[H]) -> None:
        self.settings = settings
        self.borrowed = own is not None
        # The proxies of the environment are not for what runs on this machine.
        self.http: H = own if own is not None else make(trust_env=not settings.address.local)


class SyncLine(Line[httpx.Client]):
    def __init__(
        self,
        settings: Settings,
        own: httpx.Client | None,
        key: Callable[[], str] | None,
        sleep: Callable[[float], object],
    ) -> None:
        super().__init__(settings, own, httpx.Client)
        self.key, self.sleep = key, sleep

    def send(self, operation: Operation[T]) -> RawResponse[T]:
        exchange = Exchange(operation, self.settings)
        while True:
            authorization = None if self.key is None else bearer(self.key())
            try:
                request = self.http.build_request(**exchange.request(authorization))
                response = self.http.send(request, follow_redirects=False)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                wait = exchange.failed(error)
            else:
                outcome = exchange.answered(response)
                if isinstance(outcome, RawResponse):
                    return outcome
                wait = outcome
            self.sleep(wait)

    def close(self) -> None:
        if not self.borrowed:
            self.http.close()

    def __del__(self) -> None:
        if hasattr(self, "http"):
            self.close()


class AsyncLine(Line[httpx.AsyncClient]):
    def __init__(
        self,
        settings: Settings,
        own: httpx.AsyncClient | None,
        key: Callable[[], str | Awaitable[str]] | None,
        sleep: Callable[[float], Awaitable[object]],
    ) -> None:
        super().__init__(settings, own, httpx.AsyncClient)
        self.key, self.sleep = key, sleep

    async def send(self, operation: Operation[T]) -> RawResponse[T]:
        exchange = Exchange(operation, self.settings)
        while True:
            authorization = None
            if self.key is not None:
                key = self.key()
                authorization = bearer(await key if isinstance(key, Awaitable) else key)
            try:
                request = self.http.build_request(**exchange.request(authorization))
                response = await self.http.send(request, follow_redirects=False)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                wait = exchange.failed(error)
            else:
                outcome = exchange.answered(response)
                if isinstance(outcome, RawResponse):
                    return outcome
                wait = outcome
            await self.sleep(wait)

    async def close(self) -> None:
        if not self.borrowed:
            await self.http.aclose()
