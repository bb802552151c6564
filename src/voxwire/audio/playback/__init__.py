"""What the listener has heard of the model's speech, and what to send when it is cut short."""

from __future__ import annotations

from .playback import Playback

__all__ = [
    "Playback",
]
