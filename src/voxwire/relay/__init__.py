"""A relay for browsers: an ASGI app that holds the key and lets a page speak the protocol."""

from __future__ import annotations

from .app import Relay
from .limits import Limits
from .rules import SAFE

__all__ = ["SAFE", "Limits", "Relay"]
