"""Servers for tests, usable from any test framework; the pytest plugin is in ``plugin``."""

from __future__ import annotations

from .servers import Cassette, RealtimeServer, Replay

__all__ = ["Cassette", "RealtimeServer", "Replay"]
