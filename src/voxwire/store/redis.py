"""The Redis store: a stream for each session, a lease with a fencing token, one round trip a write.

This module knows keys and Redis. What is done in one step is in ``scripts``; the connections and
their errors are in ``redis_client``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from ..errors import (
    NoOwner,
    OwnershipLost,
    SessionOwned,
    StateLost,
    StoreError,
    StoreUnavailable,
    UnknownSession,
    WaitTimeout,
)
from . import redis_scripts as scripts
from .base import (
    Ask,
    Batch,
    Claim,
    Entry,
    Lease,
    Listed,
    Stored,
    check_id,
    new_token,
    unfinished,
)
from .redis_client import Connections

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.cluster import RedisCluster

__all__ = ["RedisStore"]

LISTED = 60.0
"""Seconds after which a session that is written to is put into the list of all once more, which
Redis may have evicted."""


class RedisStore:
    """Sessions in Redis 6.2 or newer, or in a Redis Cluster. Needs the extra ``voxwire[redis]``.

    Each session has its keys on one shard: ``voxwire:{ID}:state``, ``:events`` (a stream),
    ``:asks`` and ``:claims``. A write is one script, and is refused where owner token and fence are
    not those of the last claim. An idle process holds one connection for all its sessions.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``; what redis-py takes.
        cluster: whether it is a Redis Cluster, any node of which `url` names.
        client: a client of redis-py's asyncio face in place of `url`, made without
            ``decode_responses``; closing it is the caller's.
        prefix: what all keys begin with.
        history: how many entries of a session are kept, beside those that its snapshot lacks.
        keep: seconds after its last write at which a session is deleted; a week.
        timeout: seconds for one command.

    Raises:
        InvalidOption: redis-py is not installed, or `url` is none.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        cluster: bool = False,
        client: Redis | RedisCluster | None = None,
        prefix: str = "voxwire",
        history: int = 2000,
        keep: float = 7 * 86400.0,
        timeout: float = 2.0,
    ) -> None:
        self._connections = Connections(url, cluster=cluster, client=client, timeout=timeout)
        self.prefix = prefix
        self.history = history
        self._keep = str(int(keep * 1000))
        self._inbox = f"{prefix}:inbox:{os.urandom(8).hex()}"
        self._waiting: dict[str, asyncio.Event] = {}
        self._reader: asyncio.Task[None] | None = None
        self._listed: dict[str, float] = {}

    def __repr__(self) -> str:
        return f"<voxwire.RedisStore {self._connections.where}>"

    # -- the interface ------------------------------------------------------------------------

    async def claim(self, session_id: str, owner: str, *, ttl: float, new: bool = False) -> Lease:
        token = new_token()
        try:
            answer = await self._claim(scripts.CLAIM, session_id, owner, token, ttl, int(new))
        except StoreUnavailable:
            # It may have been claimed all the same, and nobody would know by whom.
            with contextlib.suppress(StoreError):  # then the lease runs out by itself
                await self._connections.run(
                    scripts.UNDO, self._keys(session_id, "state"), [token, int(new)]
                )
            raise
        match _text(answer[0]):
            case "owned":
                raise SessionOwned(session_id, _text(answer[1]), float(answer[2]) / 1000)
            case "open":
                raise StoreError(unfinished(session_id))
            case "closed":
                raise UnknownSession(f"{session_id} was closed")
            case "none":
                raise UnknownSession(f"there is no session {session_id}")
            case _:
                fence = int(answer[1])
        return Lease(session_id=session_id, owner=owner, token=token, fence=fence, ttl=ttl)

    async def reclaim(self, lease: Lease) -> Lease:
        answer = await self._claim(
            scripts.RECLAIM, lease.session_id, lease.owner, lease.token, lease.ttl, lease.fence
        )
        _held(lease, answer)
        return attrs.evolve(lease, fence=int(answer[1]))

    async def _claim(
        self, script: str, session_id: str, owner: str, token: str, ttl: float, last: int
    ) -> Any:
        keys = self._keys(session_id, "state", "events", "asks", "claims")
        given = [owner, token, self._inbox, _ms(ttl), self._keep, last]
        answer = await self._connections.run(script, keys, given)
        match _text(answer[0]):
            case "type":
                key, kind, wanted = map(_text, answer[1:])
                raise StoreError(
                    f"{key} in Redis is a {kind}, and should be a {wanted}: another program writes "
                    "there. Give RedisStore another prefix="
                )
            case "ok":
                await self._list(session_id)
            case _:
                pass
        return answer

    async def _list(self, session_id: str) -> None:
        """Have the session in the list of all, which is on another shard."""
        await self._connections.do("SADD", f"{self.prefix}:sessions", session_id)
        self._listed[session_id] = time.monotonic()

    async def write(self, lease: Lease, batch: Batch) -> bool:
        keys = self._keys(lease.session_id, "state", "events", "asks", "claims")
        given: list[Any] = [lease.fence, lease.token, _ms(lease.ttl), self._keep, self.history]
        given += [
            batch.number,
            int(batch.snapshot is not None),
            batch.snapshot or b"",
            len(batch.replies),
        ]
        for ask, reply in batch.replies.items():
            keys.append(self._key(lease.session_id, f"reply:{ask}"))
            given.append(reply)
        for entry in batch.entries:
            given += [f"{entry.at:.3f}", entry.kind, entry.data]
        answer = await self._connections.run(scripts.WRITE, keys, given)
        _held(lease, answer)
        if time.monotonic() - self._listed.get(lease.session_id, 0.0) > LISTED:
            with contextlib.suppress(StoreError):  # with a later write, then
                await self._list(lease.session_id)
        return int(answer[1]) > 0

    async def release(self, lease: Lease, *, ended: bool) -> None:
        keys = self._keys(lease.session_id, "state", "asks")
        answer = await self._connections.run(
            scripts.RELEASE, keys, [lease.fence, lease.token, int(ended)]
        )
        self._listed.pop(lease.session_id, None)
        _held(lease, answer)

    async def load(self, session_id: str) -> Stored:
        keys = self._keys(session_id, "state", "events", "claims")
        answer = await self._connections.run(scripts.LOAD, keys, [])
        if _text(answer[0]) == "none":
            raise UnknownSession(f"there is no session {session_id}")
        (
            _, fence, owner, left, ended, snapshot, covers, first, last, lines, missing, claims,
        ) = answer  # fmt: skip
        free_in = float(left) / 1000
        return Stored(
            session_id=session_id,
            fence=int(fence),
            owner=_text(owner) if owner and free_in > 0 else None,
            free_in=free_in if owner else 0.0,
            ended=ended == b"1",
            snapshot=snapshot or None,
            covers=_text(covers),
            first=_text(first),
            last=_text(last),
            lines=int(lines),
            missing=int(missing),
            claims=[
                Claim(fence=int(fence), owner=name, at=at / 1000)
                for fence, name, at in map(json.loads, claims)
            ],
        )

    async def read(
        self, session_id: str, after: str = "", *, limit: int = 500, wait: float = 0.0
    ) -> list[Entry]:
        key = self._key(session_id, "events")
        command: list[Any] = ["XREAD", "COUNT", limit]
        if wait > 0:
            command += ["BLOCK", _ms(wait)]
        command += ["STREAMS", key, after or "0"]
        answer = await self._connections.do(*command, wait=wait)
        return [_entry(id, fields) for id, fields in _streams(answer)]

    async def sessions(self) -> list[Listed]:
        index = f"{self.prefix}:sessions"
        names = sorted(map(_text, await self._connections.do("SMEMBERS", index)))
        fields = ("owner", "until", "ended", "at")
        found: list[Listed] = []
        gone: list[str] = []
        now = await self._connections.now()
        for start in range(0, len(names), 100):
            part = names[start : start + 100]
            states: list[Awaitable[Any]] = [
                self._connections.do("HMGET", self._key(name, "state"), *fields) for name in part
            ]
            for name, state in zip(part, await asyncio.gather(*states), strict=True):
                owner, until, ended, at = state
                if at is None:  # its time is over
                    gone.append(name)
                    continue
                held = owner is not None and float(until) / 1000 > now
                found.append(
                    Listed(
                        session_id=name,
                        owner=_text(owner) if held else None,
                        ended=ended == b"1",
                        at=float(at) / 1000,
                    )
                )
        if gone:
            await self._connections.do("SREM", index, *gone)
        return sorted(found, key=lambda each: -each.at)

    async def ask(self, session_id: str, body: bytes, *, timeout: float) -> bytes:
        keys = self._keys(session_id, "state", "asks")
        answer = await self._connections.run(scripts.ASK, keys, [body, self._keep])
        if _text(answer[0]) == "none":
            raise NoOwner(f"nobody holds {session_id} now")
        number, inbox = _text(answer[1]), _text(answer[2])
        if inbox:
            # The owner finds it at its next write anyway, and now at once.
            await self._connections.do("XADD", inbox, "MAXLEN", "~", 1000, "*", "s", session_id)
            await self._connections.do("PEXPIRE", inbox, self._keep)
        reply_key = self._key(session_id, f"reply:{number}")
        reply: Any = None
        try:
            reply = await self._connections.do("BLPOP", reply_key, timeout, wait=timeout)
        finally:  # also of who asks no more
            if reply is None:
                await self._connections.do("XDEL", keys[1], number)
        if reply is None:
            raise WaitTimeout(f"no answer from the owner of {session_id} within {timeout:g} s")
        return bytes(reply[1])

    async def asked(self, lease: Lease, *, wait: float) -> list[Ask]:
        name = lease.session_id
        # Heard of from now on, also what comes while it looks.
        woken = self._waiting[name] = asyncio.Event()
        try:
            found = await self._take(lease)
            if not found and wait > 0:
                loop = asyncio.get_running_loop()
                if self._reader is None or self._reader.done() or self._reader.get_loop() != loop:
                    self._reader = asyncio.create_task(self._read_inbox(), name="voxwire inbox")
                end = loop.time() + wait
                with contextlib.suppress(TimeoutError):  # then nobody has asked
                    while not found:
                        async with asyncio.timeout_at(end):
                            await woken.wait()
                        woken.clear()
                        # Beyond the limit: what is taken is gone from Redis.
                        found = await self._take(lease)
            return found
        finally:
            if self._waiting.get(name) is woken:
                del self._waiting[name]

    async def _take(self, lease: Lease) -> list[Ask]:
        keys = self._keys(lease.session_id, "state", "asks")
        answer = await self._connections.run(scripts.TAKE, keys, [lease.fence, lease.token])
        _held(lease, answer)
        pairs = zip(answer[1::2], answer[2::2], strict=True)
        return [Ask(id=_text(id), body=bytes(body)) for id, body in pairs]

    async def forget(self, session_id: str) -> None:
        keys = self._keys(session_id, "state", "events", "asks", "claims")
        await self._connections.do("DEL", *keys)
        await self._connections.do("SREM", f"{self.prefix}:sessions", session_id)

    async def close(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None and reader.get_loop() is asyncio.get_running_loop():
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
        await self._connections.close()

    # -- how ----------------------------------------------------------------------------------

    def _key(self, session_id: str, name: str) -> str:
        # The braces have Redis Cluster go by the id alone.
        return f"{self.prefix}:{{{check_id(session_id)}}}:{name}"

    def _keys(self, session_id: str, *names: str) -> list[str]:
        return [self._key(session_id, name) for name in names]

    async def _read_inbox(self) -> None:
        """Wake the sessions of this process that somebody has asked for something."""
        after = ""
        while True:
            try:
                if not after:
                    # The place is taken first, and then they look once more: with "$", what is
                    # asked after they have looked and before Redis has the command goes unheard.
                    newest = await self._connections.do(
                        "XREVRANGE", self._inbox, "+", "-", "COUNT", 1
                    )
                    after = _text(newest[0][0]) if newest else "0"
                    for each in self._waiting.values():
                        each.set()
                answer = await self._connections.do(
                    "XREAD", "BLOCK", 5000, "STREAMS", self._inbox, after, wait=5.0
                )
            except StoreError:  # what was asked meanwhile is read from where it left off
                await asyncio.sleep(1.0)
                continue
            for id, fields in _streams(answer):
                after = _text(id)
                woken = self._waiting.get(_text(fields[1]))
                if woken is not None:
                    woken.set()


def _held(lease: Lease, answer: Sequence[Any]) -> None:
    match _text(answer[0]):
        case "gone":
            raise StateLost(f"{lease.session_id}: Redis no longer has all of it")
        case "lost":
            owner, fence = _text(answer[1]), _text(answer[2])
            raise OwnershipLost(
                f"{lease.session_id}: {lease.owner} held it with token {lease.fence}, and it is "
                f"{owner or 'nobody'}'s now, with token {fence}"
            )
        case _:
            pass


def _streams(answer: Any) -> list[tuple[Any, list[Any]]]:
    """The entries of an answer to XREAD about one stream, as RESP2 or RESP3 has them."""
    if not answer:
        return []
    entries = next(iter(answer.values())) if hasattr(answer, "values") else answer[0][1]
    if entries and type(entries[0]) is list and type(entries[0][0]) is list:
        entries = entries[0]  # redis-py wraps them once more for RESP3
    return [(id, _flat(fields)) for id, fields in entries]


def _flat(fields: Any) -> list[Any]:
    if hasattr(fields, "items"):
        return [part for pair in fields.items() for part in pair]
    return list(fields)


def _entry(id: Any, fields: list[Any]) -> Entry:
    known = {_text(name): value for name, value in zip(fields[::2], fields[1::2], strict=True)}
    kind: Any = _text(known["k"])
    return Entry(
        position=_text(id),
        number=int(known["n"]),
        fence=int(known["o"]),
        at=float(known["t"]),
        kind=kind,
        data=bytes(known["d"]),
    )


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))
