"""Realtime servers on this machine, for tests and demonstrations: no key, no network.

:mod:`~voxwire.emulator.replay` plays a recorded session back to any client. The server that makes
up its own answers by rules (voice activity detection, responses, tools) belongs here as well.

Nothing outside this package and the command line imports it.
"""

from __future__ import annotations

from .faults import Drop, ErrorThenClose, Fault, Garbage, Hang, Refuse
from .matching import Deviation
from .replay import Connection, ReplayServer

__all__ = [
    "Connection",
    "Deviation",
    "Drop",
    "ErrorThenClose",
    "Fault",
    "Garbage",
    "Hang",
    "Refuse",
    "ReplayServer",
]
