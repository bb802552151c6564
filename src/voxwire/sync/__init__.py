"""The threaded face: the same session for programs that do not use asyncio.

A session runs on an event loop in a thread of its own, and each call here is handed over to it, so
both faces are one code with one behaviour: turns, tools, interruption are written once. The price
is a hop between threads for each call (tens of microseconds), which a program without asyncio can
well afford. A second implementation over a blocking socket would need a lock around every reader
and a second copy of all that waits.

Handlers that are plain functions run in worker threads here, so they may block, and may use the
session. Everything that waits can be interrupted by Ctrl-C.
"""

from .connect import Connect, attach, connect, connect_transcription, connect_translation, resume
from .portal import Portal as Portal
from .response import EventStream, Expectation, Response, SendReceipt
from .session import Session

__all__ = [
    "Connect",
    "EventStream",
    "Expectation",
    "Response",
    "SendReceipt",
    "Session",
    "attach",
    "connect",
    "connect_transcription",
    "connect_translation",
    "resume",
]
