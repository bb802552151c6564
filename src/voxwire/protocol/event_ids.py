"""Ids of the events that go out. This module knows how to make them unlike all others."""

from __future__ import annotations

import os

__all__ = ["EventIds"]


class EventIds:
    """Counts on from a random start: unique without the cost of a random number for each event."""

    def __init__(self) -> None:
        self._prefix = f"evt_{os.urandom(8).hex()}_"
        self._count = 0

    def __next__(self) -> str:
        self._count += 1
        return f"{self._prefix}{self._count}"
