"""The stores that there are: each test with ``store`` runs over all of them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis_servers import RedisServer, redis_cluster, redis_server

from voxwire.store import RedisStore, SQLiteStore, Store


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    """A Redis for all tests; those that harm it take one of their own."""
    with redis_server() as server:
        yield server


@pytest.fixture(scope="session")
def cluster() -> Iterator[list[RedisServer]]:
    with redis_cluster() as nodes:
        yield nodes


@pytest.fixture(params=["file", "redis", "cluster"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Store]:
    """Makes stores that see the same sessions, as several processes have them."""
    if request.param == "file":
        return lambda **options: SQLiteStore(tmp_path / "sessions.db", **options)
    prefix = f"test-{os.urandom(4).hex()}"
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis")
        return lambda **options: RedisStore(server.url, prefix=prefix, **options)
    nodes: list[RedisServer] = request.getfixturevalue("cluster")
    return lambda **options: RedisStore(nodes[0].url, cluster=True, prefix=prefix, **options)


@pytest.fixture
async def stores(make_store: Callable[..., Store]) -> AsyncIterator[Callable[..., Any]]:
    made: list[Any] = []

    def make(**options: Any) -> Any:
        made.append(make_store(**options))
        return made[-1]

    yield make
    for store in made:
        await store.close()


@pytest.fixture
def store(stores: Callable[..., Store]) -> Store:
    return stores()
