"""Which responses run and which wait for their turn: requests in, events to send out."""

from __future__ import annotations

from .queue import RETRIES, Policy, ResponseQueue
from .requests import METADATA_KEY

__all__ = ["METADATA_KEY", "RETRIES", "Policy", "ResponseQueue"]
