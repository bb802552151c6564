"""How many sessions of this process use a store: with the last of them its connections go."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from ..store.interface import Store

__all__ = ["let_go", "use"]

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
