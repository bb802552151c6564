"""What changed in the conversation, as events of Voxwire's own.

One received frame can give several of them. This module knows their shapes; the reducers say when.
"""

from __future__ import annotations

from typing import ClassVar

import attrs

from ..protocol.local_event import LocalEvent
from .items import Item

__all__ = [
    "ConversationInterrupted",
    "ConversationItemAppended",
    "ConversationItemCompleted",
    "ConversationUpdated",
    "Delta",
]


@attrs.frozen(kw_only=True)
class Delta:
    """What one event added to an item; all but one of the fields are empty."""

    text: str = ""
    """Written text."""

    transcript: str = ""
    """Spoken words."""

    audio: bytes = attrs.field(default=b"", repr=lambda audio: f"<{len(audio)} bytes>")
    """Sound, in the format of the session."""

    arguments: str = ""
    """Characters of the JSON text with the arguments of a call."""


@attrs.frozen(kw_only=True)
class ConversationUpdated(LocalEvent):
    """An item has come, gone or changed."""

    type: ClassVar[str] = "conversation.updated"

    item: Item
    """The item as it is now; ``item.deleted`` tells whether it has gone."""

    delta: Delta | None = None
    """What was added to it; ``None`` where it changed in another way."""


@attrs.frozen(kw_only=True)
class ConversationItemAppended(LocalEvent):
    """An item has come into the conversation: one of the model is still empty then."""

    type: ClassVar[str] = "conversation.item.appended"

    item: Item


@attrs.frozen(kw_only=True)
class ConversationItemCompleted(LocalEvent):
    """An item is whole. Sent once for each, and not for one that was cut short. The transcript of
    what the user says comes later, with a :class:`ConversationUpdated`."""

    type: ClassVar[str] = "conversation.item.completed"

    item: Item


@attrs.frozen(kw_only=True)
class ConversationInterrupted(LocalEvent):
    """The user begins to speak: the time to stop what is being played."""

    type: ClassVar[str] = "conversation.interrupted"

    item_id: str | None = None
    """The assistant's latest message, if nothing of the user has come after it. Whether the
    listener still hears it, the playback knows."""

    speech_item_id: str | None = None
    """The item that the user's speech will be."""

    audio_start_ms: int = 0
    """Where the speech begins, in milliseconds of all audio appended."""
