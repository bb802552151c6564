"""Which responses run and which wait for their turn: requests in, events to send out."""

from __future__ import annotations

from ...protocol.response_request import METADATA_KEY
from .queue import RETRIES, Policy, ResponseQueue

__all__ = ["METADATA_KEY", "RETRIES", "Policy", "ResponseQueue"]
