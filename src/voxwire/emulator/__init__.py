"""Realtime servers on this machine, for tests and demonstrations: no key, no network.

:class:`Emulator` makes up its own answers, by the rules of the protocol and a script or a function
in the model's place. :class:`ReplayServer` plays a recorded session back to any client.

Nothing outside this package and the command line imports it.
"""

from __future__ import annotations

from .brain import Brain, Call, Reply, Turn
from .faults import Drop, ErrorThenClose, Fault, Garbage, Hang, Refuse
from .lobby import Policy
from .matching import Deviation
from .mishaps import (
    AnyFault,
    CloseAfter,
    CutFrame,
    Delay,
    Duplicate,
    Expire,
    Malformed,
    Nulls,
    RateLimited,
    Reorder,
    SlowReads,
    UnknownEvents,
    UnknownFields,
    fault_of,
)
from .replay import Connection, ReplayServer
from .rules import Script
from .scripts import load
from .seats import Guest
from .server import Emulator
from .stage import Habits, Timing
from .voice import espeak, tone

__all__ = [
    "AnyFault",
    "Brain",
    "Call",
    "CloseAfter",
    "Connection",
    "CutFrame",
    "Delay",
    "Deviation",
    "Drop",
    "Duplicate",
    "Emulator",
    "ErrorThenClose",
    "Expire",
    "Fault",
    "Garbage",
    "Guest",
    "Habits",
    "Hang",
    "Malformed",
    "Nulls",
    "Policy",
    "RateLimited",
    "Refuse",
    "Reorder",
    "ReplayServer",
    "Reply",
    "Script",
    "SlowReads",
    "Timing",
    "Turn",
    "UnknownEvents",
    "UnknownFields",
    "espeak",
    "fault_of",
    "load",
    "tone",
]
