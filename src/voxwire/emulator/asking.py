"""What the brain is asked: the last words of a conversation, and all that goes with them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, cast

from .brain import Turn
from .items import Record

__all__ = ["turn_of"]


def turn_of(
    records: Sequence[Record],
    *,
    asked: Collection[str],
    trigger: Literal["client", "speech", "idle"],
    settings: Mapping[str, Any],
    session: Mapping[str, Any],
    metadata: Mapping[str, str] | None,
    number: int,
) -> Turn:
    """The turn that the items in ``records`` make.

    ``asked`` are the ids of those that there was a turn for before, though it may have failed: they
    count only where there is nothing newer.
    """
    last = _last(records, asked) or _last(records, ())
    kind: Literal["user", "tool", "start"] = "start"
    tool: str | None = None
    if last:
        kind = "tool" if last[0].item["type"] == "function_call_output" else "user"
    if kind == "tool":
        text = "\n".join(str(record.item["output"]) for record in last)
        tool = _name(records, last[-1].item["call_id"])
    else:
        text = "\n".join(_text(record) for record in last)
    return Turn(
        text=text,
        kind=kind,
        tool=tool,
        trigger=trigger,
        items=[record.item for record in records],
        audio=next((bytes(record.audio) for record in reversed(last) if record.audio), b""),
        response=settings,
        metadata=metadata or {},
        session=session,
        number=number,
    )


def _last(records: Sequence[Record], asked: Collection[str]) -> list[Record]:
    """The words of the user, or the outputs of tools, that came last; in order."""
    found: list[Record] = []
    for record in reversed(records):
        item = record.item
        if record.id in asked:
            break
        if item.get("role") == "system":
            continue
        if item.get("role") != "user" and item["type"] != "function_call_output":
            break
        if found and item["type"] != found[-1].item["type"]:
            break
        found.append(record)
    return found[::-1]


def _text(record: Record) -> str:
    typed = [part["text"] for part in record.parts if part.get("text")]
    return " ".join([*typed, record.heard] if record.heard else typed)


def _name(records: Sequence[Record], call_id: object) -> str | None:
    for record in records:
        if record.item["type"] == "function_call" and record.item.get("call_id") == call_id:
            return cast("str", record.item["name"])
    return None
