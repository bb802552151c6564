"""Sessions as files: the format, writing it as frames pass, and reading it back."""

from __future__ import annotations

from .recorder import (
    FORMAT,
    Close,
    Entry,
    Frame,
    Meta,
    Recorder,
    read,
    sessions,
)

__all__ = [
    "FORMAT",
    "Close",
    "Entry",
    "Frame",
    "Meta",
    "Recorder",
    "read",
    "sessions",
]
