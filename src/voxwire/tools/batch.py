"""The calls of one response, put together from the events about them.

This module knows what a call looks like on the wire. It does not know which functions there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import attrs
from voxwire_protocol import (
    FunctionCall,
    ResponseCreateParams,
    ResponseFunctionCallArgumentsDone,
)

from .tool import Call

__all__ = ["Batch", "entries", "names", "text"]


@attrs.define(eq=False)
class Batch:
    """The calls of one response, and how far they have come."""

    response_id: str
    asked: ResponseCreateParams = attrs.field(factory=ResponseCreateParams)
    """The request that the response answers."""

    aside: bool = False
    """Whether the response is outside of the conversation."""

    calls: dict[str, Call] = attrs.field(factory=dict[str, Call])
    """The calls that are complete, by call id."""

    waiting: set[str] = attrs.field(factory=set[str])
    """Those of them that hold up the next response."""

    answers: int = 0
    """How many of them were answered by a function."""

    over: bool = False
    """Whether the response has ended."""

    goes_on: bool = True
    """Whether the model is to have the word again after the answers."""

    _drafts: dict[str, Call] = attrs.field(factory=dict[str, Call])

    def draft(self, item: object) -> None:
        """An item has begun, or does not say whether it is complete."""
        if isinstance(item, FunctionCall):
            call = self.read(item)
            self._drafts[call.item_id] = call

    def drop(self, item: FunctionCall) -> None:
        """An item says that it is not complete."""
        self._drafts.pop(text(item.id), None)

    def written(self, event: ResponseFunctionCallArgumentsDone) -> None:
        """The arguments of a call are written. Some servers leave out its name here."""
        item_id = text(event.item_id)
        draft = self._drafts.get(item_id)
        self._drafts[item_id] = Call(
            name=text(event.name) or (draft.name if draft else ""),
            arguments=text(event.arguments),
            call_id=text(event.call_id) or (draft.call_id if draft else ""),
            item_id=item_id,
            response_id=self.response_id,
        )

    def read(self, item: FunctionCall) -> Call:
        """The call that an item is, with the arguments written before if it has none itself."""
        item_id = text(item.id)
        draft = self._drafts.get(item_id)
        return Call(
            name=text(item.name),
            arguments=text(item.arguments) or (draft.arguments if draft else ""),
            call_id=text(item.call_id),
            item_id=item_id,
            response_id=self.response_id,
        )

    def untold(self, items: Iterable[object]) -> list[Call]:
        """Calls that were written, and are not among the items that the response ended with."""
        ids = (getattr(item, "id", None) for item in items)
        told = {id for id in ids if isinstance(id, str)}
        return [c for c in self._drafts.values() if c.item_id not in told and c.arguments]


def entries(value: object) -> list[object]:
    """A list of the server; empty where it sent none."""
    return cast("list[object]", value) if isinstance(value, list) else []


def names(tools: Any) -> set[str]:
    """The names of the functions in a session's tools."""
    # What a program sends may be a dict, as it wrote it.
    given = [
        cast("Mapping[str, object]", tool).get("name")
        if isinstance(tool, Mapping)
        else getattr(tool, "name", None)
        for tool in entries(tools)
    ]
    return {name for name in given if isinstance(name, str)}


def text(value: object) -> str:
    """A text of the server; empty where it sent none."""
    return value if isinstance(value, str) else ""
