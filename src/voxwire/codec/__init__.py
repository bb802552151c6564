"""Bytes <-> events: reading that never raises, writing that checks first."""

from __future__ import annotations

from .codec import (
    REALTIME,
    TRANSLATION,
    Codec,
    Problem,
    extras,
    is_valid,
    problems,
    rebuild,
    validate,
)

__all__ = [
    "REALTIME",
    "TRANSLATION",
    "Codec",
    "Problem",
    "extras",
    "is_valid",
    "problems",
    "rebuild",
    "validate",
]
