"""What a session that is kept in a store tells of the store, as events of Voxwire's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import attrs

from ..protocol.local_event import LocalEvent
from ..tools.tool import Call

__all__ = ["OwnerChanged", "Resumed", "StoreFailed", "StoreRecovered", "StoreReset"]


@attrs.frozen(kw_only=True)
class StoreFailed(LocalEvent):
    """The store takes nothing at the moment; the session goes on. It comes once when that begins,
    and again each time that more had to be dropped."""

    type: ClassVar[str] = "voxwire.store_failed"

    reason: str
    """What the store said."""

    buffered: int
    """Bytes that wait to be written."""

    dropped: int = 0
    """Entries of the log that are lost since that began, because there was no room for them. The
    conversation itself is stored whole when the store is back."""


@attrs.frozen(kw_only=True)
class StoreRecovered(LocalEvent):
    """The store takes all again, and what was buffered is written."""

    type: ClassVar[str] = "voxwire.store_recovered"

    seconds: float
    """How long it had not."""

    dropped: int
    """Entries of the log that are lost."""


@attrs.frozen(kw_only=True)
class StoreReset(LocalEvent):
    """The store had lost what it held of the session: it was emptied, has evicted it, or went back
    to an older state. Nobody else has claimed the session since, so it goes on: its owner has
    claimed it again, and stores the conversation whole. Observers receive it, too."""

    type: ClassVar[str] = "voxwire.store_reset"

    reason: str
    """What the store said; empty for observers."""

    fence: int
    """The fencing token of the owner from here on."""

    dropped: int
    """Entries of the log that had not been stored yet and were left out, because the conversation
    is stored in their place; what the store held before is gone."""


@attrs.frozen(kw_only=True)
class OwnerChanged(LocalEvent):
    """Another process owns the session from here on. The one that did closes its connection at
    once; who observes hears it, too."""

    type: ClassVar[str] = "voxwire.owner_changed"

    owner: str
    """Who owns it now, as it calls itself; empty where that is not known."""

    fence: int
    """Its fencing token; 0 where that is not known."""


@attrs.frozen(kw_only=True)
class Resumed(LocalEvent):
    """This process has taken a session over, its conversation restored: the first event of a
    session that ``voxwire.resume`` opened."""

    type: ClassVar[str] = "voxwire.resumed"

    owner: str
    """Who had it before, as it called itself; empty where that is not known."""

    restored: int
    """How many items were added to the new conversation."""

    left_out: tuple[str, ...] = ()
    """Ids of items that could not be: speech that nobody has transcribed, and what belonged to a
    hosted tool of the old connection."""

    renamed: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """Old id -> new id of items whose id was longer than a client may choose."""

    repeated: int = 0
    """How many events were sent again because nothing had acknowledged them."""

    asked_again: int = 0
    """How many responses were cut off, or had not begun, and are asked for again."""

    abandoned: tuple[str, ...] = ()
    """Ids of responses beside the conversation that ended with the process that had asked for
    them."""

    run: tuple[Call, ...] = ()
    """Calls of tools that are run here: they had not begun, or are idempotent."""

    unknown: tuple[Call, ...] = ()
    """Calls that had begun elsewhere, and of which nobody knows whether they have done what they
    do. They do not run again; the model is told so."""

    missing: int = 0
    """Lines of the log that the store had lost: what they said is not in the conversation."""
