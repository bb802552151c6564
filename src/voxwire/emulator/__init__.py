"""Realtime servers on this machine, for tests and demonstrations: no key, no network.

:class:`Emulator` makes up its own answers, by the rules of the protocol and a script or a function
in the model's place. :class:`ReplayServer` plays a recorded session back to any client.

Nothing outside this package and the command line imports it.
"""

from __future__ import annotations

from ..recording.match import Deviation
from .admission import Policy
from .client_socket import Guest
from .faults import (
    AnyFault,
    CloseAfter,
    CutFrame,
    Delay,
    Drop,
    Duplicate,
    ErrorThenClose,
    Expire,
    Fault,
    Garbage,
    Hang,
    LoseBeginning,
    LoseEnd,
    Malformed,
    Nulls,
    RateLimited,
    Refuse,
    Reorder,
    SlowReads,
    UnknownEvents,
    UnknownFields,
    fault_of,
)
from .replay import Connection, ReplayServer
from .responder import Brain, Call, Reply, UserTurn
from .script import Script, load
from .server import Emulator
from .session_context import Habits, Timing
from .speech_synthesis import espeak, tone

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
    "LoseBeginning",
    "LoseEnd",
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
    "UnknownEvents",
    "UnknownFields",
    "UserTurn",
    "espeak",
    "fault_of",
    "load",
    "tone",
]
