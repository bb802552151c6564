"""Opening a session that is kept in a store: the claim first, and nothing left behind on failure.

This module knows the order of these steps. What is opened, it is told.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import attrs

from ..core import Core
from ..errors import InvalidOption
from ..store.interface import Store, check_id
from .claiming import claimed
from .kept import Kept
from .options import Storing

__all__ = ["Keep", "keeping", "kept_open"]


class _Keepable(Protocol):
    def keep(self, kept: Kept, /) -> None: ...


S = TypeVar("S", bound=_Keepable)


@attrs.frozen
class Keep:
    """Where a new session is to be kept, and how."""

    store: Store
    session_id: str
    options: Storing

    async def opened(self, core: Core, open_it: Callable[[], Awaitable[S]]) -> S:
        """Claim the name, open the session, and keep it from its first event on."""
        lease = await claimed(self.store, self.session_id, self.options, new=True)
        return await kept_open(Kept(self.store, lease, core, self.options), open_it)


async def kept_open(kept: Kept, open_it: Callable[[], Awaitable[S]]) -> S:
    """Open a session that is kept; where it cannot be opened, give it up."""
    try:
        session = await open_it()
    except BaseException:  # also a cancelled opening leaves nothing behind
        await kept.abandon()
        raise
    session.keep(kept)
    return session


def keeping(store: Any, session_id: str | None, options: Storing | None) -> Keep | None:
    """Where to keep a session, from the arguments; raises :class:`InvalidOption`."""
    if store is None:
        if session_id is not None or options is not None:
            raise InvalidOption(
                "session_id and storing are about a store: pass store= as well, such as "
                "voxwire.FileStore(path)"
            )
        return None
    if not hasattr(store, "claim"):
        raise InvalidOption(f"store={store!r} is no store: pass a FileStore or a RedisStore")
    name = check_id(uuid.uuid4().hex if session_id is None else session_id)
    return Keep(store, name, Storing() if options is None else options)
