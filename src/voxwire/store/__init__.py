"""Stores: where sessions live beyond their process. A file of one machine, or Redis."""

from __future__ import annotations

from .base import Ask, Batch, Claim, Entry, Lease, Listed, Store, Stored
from .redis import RedisStore
from .sqlite import SQLiteStore

__all__ = [
    "Ask",
    "Batch",
    "Claim",
    "Entry",
    "Lease",
    "Listed",
    "RedisStore",
    "SQLiteStore",
    "Store",
    "Stored",
]
