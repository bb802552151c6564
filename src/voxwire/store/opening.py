"""Opening a session that is kept in a store: the claim first, and nothing left behind on failure.

This module knows the order of these steps. What is opened, it is told.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import attrs

from ..errors import InvalidOption
from ..session.core import Core
from .base import Store, check_id
from .lease import claimed
from .options import StoreOptions
from .stored_session import StoredSession

__all__ = ["StoreOpening", "keeping", "kept_open"]


class _Keepable(Protocol):
    def keep(self, kept: StoredSession, /) -> None: ...


S = TypeVar("S", bound=_Keepable)


@attrs.frozen
class StoreOpening:
    """Where a new session is to be kept, and how."""

    store: Store
    session_id: str
    options: StoreOptions

    async def opened(self, core: Core, open_it: Callable[[], Awaitable[S]]) -> S:
        """Claim the name, open the session, and keep it from its first event on."""
        lease = await claimed(self.store, self.session_id, self.options, new=True)
        return await kept_open(StoredSession(self.store, lease, core, self.options), open_it)


async def kept_open(kept: StoredSession, open_it: Callable[[], Awaitable[S]]) -> S:
    """Open a session that is kept; where it cannot be opened, give it up."""
    try:
        session = await open_it()
    except BaseException:  # also a cancelled opening leaves nothing behind
        await kept.abandon()
        raise
    session.keep(kept)
    return session


def keeping(
    store: Any, session_id: str | None, options: StoreOptions | None
) -> StoreOpening | None:
    """Where to keep a session, from the arguments; raises :class:`InvalidOption`."""
    if store is None:
        if session_id is not None or options is not None:
            raise InvalidOption(
                "session_id and storing are about a store: pass store= as well, such as "
                "voxwire.SQLiteStore(path)"
            )
        return None
    if not hasattr(store, "claim"):
        raise InvalidOption(f"store={store!r} is no store: pass a SQLiteStore or a RedisStore")
    name = check_id(uuid.uuid4().hex if session_id is None else session_id)
    return StoreOpening(store, name, StoreOptions() if options is None else options)
