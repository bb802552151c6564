"""What the brain is asked: the last words of a conversation, and all that goes with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from .brain import Turn
from .items import Record

__all__ = ["turn_of"]


def turn_of(
    records: Sequence[Record],
    *,
    trigger: Literal["client", "speech", "idle"],
    settings: Mapping[str, Any],
    session: Mapping[str, Any],
    metadata: Mapping[str, str] | None,
    number: int,
) -> Turn:
    """The turn that the items in ``records`` make."""
    said: list[str] = []
    kind: Literal["user", "tool", "start"] = "start"
    tool: str | None = None
    audio = b""
    for record in reversed(records):
        item = record.item
        match item["type"], item.get("role"):
            case "message", "user" if kind != "tool":
                kind = "user"
                said.append(_text(record))
                audio = audio or bytes(record.audio)
            case "function_call_output", _ if kind != "user":
                kind = "tool"
                said.append(str(item["output"]))
                tool = tool or _name(records, item["call_id"])
            case "message", "system":
                pass
            case _:
                break
    return Turn(
        text="\n".join(reversed(said)),
        kind=kind,
        tool=tool,
        trigger=trigger,
        items=[record.item for record in records],
        audio=audio,
        response=settings,
        metadata=metadata or {},
        session=session,
        number=number,
    )


def _text(record: Record) -> str:
    typed = [part["text"] for part in record.parts if part.get("text")]
    return " ".join([*typed, record.heard] if record.heard else typed)


def _name(records: Sequence[Record], call_id: object) -> str | None:
    for record in records:
        if record.item["type"] == "function_call" and record.item.get("call_id") == call_id:
            return cast("str", record.item["name"])
    return None
