"""The ways in which a transcript can be written, by name."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Shape"]


class Shape(StrEnum):
    """How a transcript is written."""

    TEXT = "text"
    PLAIN = "plain"
    SRT = "srt"
    VTT = "vtt"
    JSON = "json"
