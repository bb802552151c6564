"""The conversation, followed from the events of a session: what a program reads of it, and how each
event changes it."""

from __future__ import annotations

from .conversation import (
    AudioRetention,
    Conversation,
    ConversationTracker,
)

__all__ = [
    "AudioRetention",
    "Conversation",
    "ConversationTracker",
]
