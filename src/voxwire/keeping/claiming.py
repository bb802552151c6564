"""Becoming the owner of a session. This module waits for that, and does nothing with it."""

from __future__ import annotations

import asyncio
import os
import socket

from ..errors import SessionOwned, StoreUnavailable
from ..store.interface import Lease, Store
from .options import Storing

__all__ = ["claimed", "this_process"]


def this_process() -> str:
    """What this process calls itself, for people who look at a store."""
    return f"{socket.gethostname()}:{os.getpid()}"


async def claimed(
    store: Store, session_id: str, options: Storing, *, new: bool, wait: float = 0.0
) -> Lease:
    """Claim a session, waiting up to `wait` seconds for another's lease to end."""
    loop = asyncio.get_running_loop()
    end = loop.time() + wait
    while True:
        try:
            return await store.claim(session_id, this_process(), ttl=options.lease, new=new)
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
