"""How many sessions of this process use a store: with the last of them its connections go."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Coroutine
from typing import Any
from weakref import WeakKeyDictionary

from ..errors import SessionOwned, StoreError, StoreUnavailable
from .base import Lease, Store
from .options import StoreOptions

__all__ = ["claimed", "let_go", "this_process", "use"]


_users: WeakKeyDictionary[Store, int] = WeakKeyDictionary()


def use(store: Store) -> None:
    """Somebody uses it from now on."""
    _users[store] = _users.get(store, 0) + 1


async def let_go(store: Store) -> None:
    """Somebody uses it no longer."""
    _users[store] = _users.get(store, 1) - 1
    if _users[store] <= 0:
        del _users[store]
        await store.close()


def this_process() -> str:
    """What this process calls itself, for people who look at a store."""
    return f"{socket.gethostname()}:{os.getpid()}"


async def claimed(
    store: Store, session_id: str, options: StoreOptions, *, new: bool, wait: float = 0.0
) -> Lease:
    """Claim a session, waiting up to `wait` seconds for another's lease to end."""
    loop = asyncio.get_running_loop()
    end = loop.time() + wait
    while True:
        try:
            return await _whole_claim(
                store,
                store.claim(session_id, this_process(), ttl=options.lease, new=new),
                ended=new,
            )
        except SessionOwned as error:  # another process holds it, and may let go in time
            left = end - loop.time()
            if left <= 0:
                raise
            await asyncio.sleep(min(left, max(0.02, min(error.free_in, 0.25))))
        except StoreUnavailable:  # it may come back in time
            left = end - loop.time()
            if left <= 0:
                raise
            await asyncio.sleep(min(left, 0.25))


async def _whole_claim(store: Store, claiming: Coroutine[Any, Any, Lease], *, ended: bool) -> Lease:
    """A claim that is not cancelled halfway, which would leave the lease taken by nobody."""
    task = asyncio.ensure_future(claiming)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with contextlib.suppress(StoreError):  # then there is no lease, or it runs out by itself
            await store.release(await task, ended=ended)
        raise
