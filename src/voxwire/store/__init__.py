"""Stores: where sessions live beyond their process. A file of one machine, or Redis."""

from __future__ import annotations

from .file import FileStore
from .interface import Ask, Batch, Claim, Entry, Lease, Listed, Store, Stored
from .redis import RedisStore

__all__ = [
    "Ask",
    "Batch",
    "Claim",
    "Entry",
    "FileStore",
    "Lease",
    "Listed",
    "RedisStore",
    "Store",
    "Stored",
]
