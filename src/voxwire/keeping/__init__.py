"""The writing side of a session that is kept in a store: what is written, when, and by whom."""

from __future__ import annotations

from .events import OwnerChanged, Resumed, StoreFailed, StoreRecovered
from .options import Storing

__all__ = ["OwnerChanged", "Resumed", "StoreFailed", "StoreRecovered", "Storing"]
