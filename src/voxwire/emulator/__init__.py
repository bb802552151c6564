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
from .replay import Connection, ReplayServer
from .rules import Script
from .seats import Guest
from .server import Emulator
from .stage import Habits, Timing
from .voice import espeak, tone

__all__ = [
    "Brain",
    "Call",
    "Connection",
    "Deviation",
    "Drop",
    "Emulator",
    "ErrorThenClose",
    "Fault",
    "Garbage",
    "Guest",
    "Habits",
    "Hang",
    "Policy",
    "Refuse",
    "ReplayServer",
    "Reply",
    "Script",
    "Timing",
    "Turn",
    "espeak",
    "tone",
]
