"""Ids of function calls that are longer than a client may use, on their way out and in.

A program, a tool and the conversation go on with the id that the first server gave; the server of a
restored conversation knows a shorter one. This module changes events; it keeps nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import attrs
from voxwire_protocol import (
    ClientEvent,
    ConversationItemAdded,
    ConversationItemCreate,
    ConversationItemCreated,
    ConversationItemDone,
    ConversationItemRetrieved,
    Event,
    FunctionCall,
    FunctionCallOutput,
)

__all__ = ["long_call", "short_call"]

E = TypeVar("E", bound=Event)

_CARRIERS = (
    ConversationItemAdded,
    ConversationItemCreated,
    ConversationItemDone,
    ConversationItemRetrieved,
)


def short_call(event: ClientEvent, ids: Mapping[str, str]) -> ClientEvent:
    """An event to send, with the id of the call by which the server knows it."""
    return _with(event, ids) if isinstance(event, ConversationItemCreate) else event


def long_call(event: Event, ids: Mapping[str, str]) -> Event:
    """An event of the server, with the id of the call by which everybody else knows it."""
    if not isinstance(event, _CARRIERS):
        return event
    return _with(event, {short: long for long, short in ids.items()})


def _with(event: E, ids: Mapping[str, str]) -> E:
    carrier: Any = event
    item = carrier.item
    if isinstance(item, (FunctionCall, FunctionCallOutput)):
        other = ids.get(item.call_id) if isinstance(item.call_id, str) else None
        if other is not None:
            named: Any = item
            changed: E = attrs.evolve(carrier, item=attrs.evolve(named, call_id=other))
            return changed
    return event
