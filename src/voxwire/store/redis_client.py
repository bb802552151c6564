"""Connections to Redis, and its errors as those of a store.

This module knows redis-py. It knows no keys.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import InvalidOption, StoreUnavailable
from ..protocol.redaction import redact_url

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.cluster import RedisCluster

__all__ = ["Connections"]


AT_ONCE = 32
"""How many commands of one process are under way at a time; a connection each."""


_PARENTS: list[Any] = []
"""Clients of the process that this one was forked from."""


class Connections:
    """A client that is made when it is first used, for the event loop that uses it."""

    def __init__(
        self,
        url: str | None,
        *,
        cluster: bool,
        client: Redis | RedisCluster | None,
        timeout: float,
    ) -> None:
        try:
            import redis.asyncio as redis
        except ImportError as error:
            raise InvalidOption(
                "RedisStore needs redis-py: pip install 'voxwire[redis]'"
            ) from error
        if (url is None) == (client is None):
            raise InvalidOption("RedisStore: give a url, as redis://host:6379/0, or a client")
        if url is not None and url.partition("://")[0] not in ("redis", "rediss", "unix"):
            raise InvalidOption(
                f"{redact_url(url)!r} is no address of Redis: it begins with redis://, rediss:// "
                "or unix://"
            )
        self._redis: Any = redis
        self._url = url
        self._cluster = cluster
        self._given: Any = client
        self._client: Any = client
        self._timeout = timeout
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._process = os.getpid()
        self.where = redact_url(url) if url is not None else repr(type(client).__name__)

    def _own(self) -> None:
        if self._process != os.getpid():
            # This process was forked, and what is open is the other's: to close it here would take
            # it out of that one's event loop.
            _PARENTS.append(self._client)
            self._process, self._client = os.getpid(), self._given
            self._turns = asyncio.Semaphore(AT_ONCE)

    def _connected(self) -> Any:
        self._own()
        if self._client is None:
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff

            # Who writes tries again by itself, and knows what it has tried.
            options: dict[str, Any] = {
                "socket_connect_timeout": self._timeout,
                # Commands have their own limit here: some are to wait for long.
                "socket_timeout": None,
                "health_check_interval": 0,
                # How many there are at a time is seen to here; who waits for news has one more.
                "max_connections": 1_000_000,
            }
            if self._cluster:
                kind = self._redis.RedisCluster
                options["retry"] = Retry(NoBackoff(), 2)  # a shard that has moved is looked up
            else:
                kind = self._redis.Redis
                options["retry"] = Retry(NoBackoff(), 0)
            self._client = kind.from_url(self._url, **options)
        return self._client

    async def do(self, *command: Any, wait: float = 0.0) -> Any:
        """One command. `wait` is how long it may take by itself."""
        from redis.exceptions import RedisError

        try:
            client = self._connected()
            if wait:
                async with asyncio.timeout(self._timeout + wait):
                    return await client.execute_command(*command)
            async with self._turns, asyncio.timeout(self._timeout):
                return await client.execute_command(*command)
        except TimeoutError as error:
            raise self._unavailable(f"no answer within {self._timeout + wait:g} s") from error
        except (RedisError, OSError) as error:
            # Unreachable, full, read-only, loading, a shard that is down: all that it can say.
            raise self._unavailable(str(error)) from error

    def _unavailable(self, why: str) -> StoreUnavailable:
        return StoreUnavailable(f"{self.where}: {why}")

    async def run(self, script: str, keys: Sequence[str], given: Sequence[Any]) -> Any:
        """A script, by its hash, and in full where the server does not know it."""
        from redis.exceptions import NoScriptError

        sha = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
        try:
            return await self.do("EVALSHA", sha, len(keys), *keys, *given)
        except StoreUnavailable as error:
            # A server that has been restarted does not know the script any more.
            if not isinstance(error.__cause__, NoScriptError):
                raise
            return await self.do("EVAL", script, len(keys), *keys, *given)

    async def now(self) -> float:
        """The server's time in seconds since 1970."""
        client: Any = self._connected()
        if self._cluster or hasattr(client, "get_default_node"):
            answer: Any = await self.do("EVAL", "return redis.call('TIME')", 1, "voxwire:now")
        else:
            answer = await self.do("TIME")
        return float(answer[0]) + float(answer[1]) / 1e6

    async def close(self) -> None:
        """Close what was opened here."""
        self._own()
        client, self._client = self._client, self._given
        self._turns = asyncio.Semaphore(AT_ONCE)  # for another loop, maybe
        if client is not None and client is not self._given:
            await client.aclose()
            nodes = getattr(client, "nodes_manager", None)
            if nodes is not None:  # the one that was asked for the others has a line of its own
                await nodes.aclose("startup_nodes")
