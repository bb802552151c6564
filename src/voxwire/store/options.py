"""The writing side of a session that is kept in a store: what is written, when, and by whom."""

from __future__ import annotations

from typing import Any

import attrs

from ..errors import InvalidOption
from .local_events import OwnerChanged, Resumed, StoreFailed, StoreRecovered, StoreReset

__all__ = [
    "OwnerChanged",
    "Resumed",
    "StoreFailed",
    "StoreOptions",
    "StoreRecovered",
    "StoreReset",
]


def _positive(_instance: object, field: attrs.Attribute[Any], value: float) -> None:
    if not value > 0:
        raise InvalidOption(f"StoreOptions({field.name}={value!r}): say a number above 0")


@attrs.frozen(kw_only=True)
class StoreOptions:
    """How a session is kept: ``connect(store=..., storing=StoreOptions(audio=True))``."""

    audio: bool = False
    """Whether sound is stored. Otherwise only how much of it there was."""

    lease: float = attrs.field(default=15.0, validator=_positive)
    """Seconds after which another worker may take the session over from one that no longer writes.
    It is renewed three times in that span."""

    every: float = attrs.field(default=0.1, validator=_positive)
    """Seconds that pieces of a text or of sound may wait to be written with others. All else is
    written as soon as the write before it is done."""

    buffer: int = attrs.field(default=16 * 1024 * 1024, validator=_positive)
    """Bytes that wait in memory while the store does not take them. Beyond that the oldest go,
    which :class:`StoreFailed` and :class:`StoreRecovered` tell."""

    snapshot_after: int = attrs.field(default=200, validator=_positive)
    """Entries after which the whole conversation is stored anew, as soon as nothing is going on."""

    patience: float = attrs.field(default=2.0, validator=_positive)
    """Seconds that a tool waits for the store to note that it begins."""
