"""A relay for browsers: an ASGI app that holds the key and lets a page speak the protocol."""

from __future__ import annotations

try:
    from .app import Relay
except ModuleNotFoundError as error:  # what the extra brings is not there
    if error.name is None or error.name.split(".")[0] != "starlette":
        raise
    raise ImportError("voxwire.relay needs Starlette: pip install 'voxwire[relay]'") from None
from .limits import Limits
from .rules import SAFE

__all__ = ["SAFE", "Limits", "Relay"]
