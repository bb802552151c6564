"""Which responses run and which wait for their turn: requests in, events to send out."""

from __future__ import annotations

from .requests import METADATA_KEY
from .sequencer import RETRIES, Policy, Responses

__all__ = ["METADATA_KEY", "RETRIES", "Policy", "Responses"]
