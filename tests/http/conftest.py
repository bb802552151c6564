"""What the tests of the HTTP half share: a server, and both clients behind one face."""

from __future__ import annotations

import asyncio
import functools
import inspect
import ssl
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import httpx
import pytest
from http_server import HttpServer

import voxwire
from voxwire.http import Backoff

NOW = 1_800_000_000.0
KEY = "sk-test-0123456789abcdef"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEY", "BASE_URL", "ORG_ID", "PROJECT_ID", "WEBHOOK_SECRET"):
        monkeypatch.delenv(f"OPENAI_{name}", raising=False)


@pytest.fixture(autouse=True, scope="session")
def _one_tls_context() -> Iterator[None]:
    # Each httpx client makes one, which takes longer than most tests here.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", functools.cache(ssl.create_default_context))
        yield


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running


class Api:
    """A client of one of the two kinds, made anew for each thing that is asked of it.

    ``waits`` are the seconds that it wanted to sleep. It never does.
    """

    def __init__(self, kind: str, url: str) -> None:
        self.kind = kind
        self.waits: list[float] = []
        self.options: dict[str, Any] = {
            "base_url": url,
            "api_key": KEY,
            "backoff": Backoff(chance=lambda: 1.0),
            "clock": lambda: NOW,
        }

    def __call__(
        self, ask: Callable[[Any], Any], own: dict[str, Any] | None = None, **options: Any
    ) -> Any:
        """What ``ask(client)`` gives. ``own`` is for an httpx client of one's own."""
        options = {**self.options, **options}
        if self.kind == "sync":
            with ExitStack() as stack:
                if own is not None:
                    options["http_client"] = stack.enter_context(httpx.Client(**own))
                client = voxwire.Client(**options, sleep=self.waits.append)
                return ask(stack.enter_context(client))

        async def sleep(seconds: float) -> None:
            self.waits.append(seconds)

        async def main() -> Any:
            async with AsyncExitStack() as stack:
                if own is not None:
                    mine = httpx.AsyncClient(**own)
                    options["http_client"] = await stack.enter_async_context(mine)
                client = voxwire.AsyncClient(**options, sleep=sleep)
                asked = ask(await stack.enter_async_context(client))
                return await asked if inspect.isawaitable(asked) else asked

        return asyncio.run(main())


@pytest.fixture(params=["sync", "async"])
def api(request: pytest.FixtureRequest, server: HttpServer) -> Api:
    return Api(request.param, server.url)
