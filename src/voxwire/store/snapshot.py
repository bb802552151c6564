"""All that another process needs to go on with a session, as one piece of JSON.

This module packs and unpacks. When that is done, others decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import msgspec
from voxwire_protocol import ResponseCreate

from ..conversation.conversation import Conversation
from ..errors import StoreError
from ..protocol.redaction import redact
from ..session.core import MOST_ITEMS, Core
from .log_entries import SNAPSHOT_VERSION
from .progress import Progress

__all__ = ["SessionSnapshot", "kept_in", "snapshot_of"]


@attrs.define(kw_only=True)
class SessionSnapshot:
    """A session as it was kept."""

    conversation: Conversation
    progress: Progress
    session: dict[str, Any] | None = None
    """The session as the server described it last, without keys."""
    settings: dict[str, Any] | None = None
    """What the client has made of it, without keys."""
    address: str = ""
    """Where it led to, without keys."""
    keep_items: int | None = MOST_ITEMS
    """How many items the conversation keeps; ``None`` for all."""
    unanswered: list[dict[str, Any]] = attrs.field(factory=list[dict[str, Any]])
    """Events that the server had not answered, in the order of sending."""
    extra: dict[str, Any] = attrs.field(factory=dict[str, Any])
    """What was stored beside the session."""


def snapshot_of(core: Core, progress: Progress, extra: Mapping[str, Any] | None = None) -> bytes:
    """The state of a session as it is now, and what is stored beside it."""
    settings = core.settings.told()
    return msgspec.json.encode(
        {
            "version": SNAPSHOT_VERSION,
            "conversation": core.conversation.snapshot(),
            "progress": redact(progress.to_json()),
            "session": None if core.session is None else redact(core.session.to_dict()),
            "settings": None if settings is None else redact(settings.to_dict()),
            "address": core.address,
            "extra": extra or {},
            "keep_items": core.keep_items,
            "unanswered": [
                redact(sent.event.to_dict())
                for sent in core.acks.waiting
                # What restores a session is in it already; requests, the progress tells.
                if not isinstance(sent.event, ResponseCreate) and not core.cache.mirrors(sent.event)
            ],
        }
    )


def kept_in(data: bytes | None) -> SessionSnapshot:
    """What a snapshot holds; raises :class:`StoreError` for what is none."""
    if data is None:
        return SessionSnapshot(conversation=Conversation(), progress=Progress())
    try:
        fields = msgspec.json.decode(data)
        if fields["version"] != SNAPSHOT_VERSION:
            raise StoreError(
                f"the snapshot is of version {fields['version']}; this release reads "
                f"{SNAPSHOT_VERSION}"
            )
        return SessionSnapshot(
            conversation=Conversation.restore(fields["conversation"]),
            progress=Progress.from_json(fields["progress"]),
            session=fields["session"],
            settings=fields["settings"],
            address=fields["address"],
            keep_items=fields.get("keep_items", MOST_ITEMS),
            unanswered=fields["unanswered"],
            extra=fields.get("extra", {}),
        )
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        raise StoreError(f"the snapshot cannot be read: {error!r}") from error
