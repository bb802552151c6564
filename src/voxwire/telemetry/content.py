"""Texts and arguments for those who asked for them: messages in the form of the conventions.

This module reads items and responses. Whether anything of it may be shown, others decide.
"""

from __future__ import annotations

import json
from typing import Any

from ..conversation.conversation import Conversation
from ..conversation.item_state import entries, peek
from ..conversation.items import Item

__all__ = ["input_messages", "instructions", "output_messages"]


def instructions(session: object) -> str | None:
    """The standing instructions."""
    text = peek(session, "instructions")
    return _json([{"type": "text", "content": text}]) if isinstance(text, str) and text else None


def output_messages(response: object, finish: str) -> str:
    """What a response brought."""
    parts: list[dict[str, Any]] = []
    for item in entries(peek(response, "output")):
        if peek(item, "type") == "function_call":
            arguments = peek(item, "arguments")
            parts.append(
                {
                    "type": "tool_call",
                    "id": peek(item, "call_id"),
                    "name": peek(item, "name"),
                    "arguments": _read(arguments),
                }
            )
        for part in entries(peek(item, "content")):
            text = peek(part, "text") or peek(part, "transcript")
            if isinstance(text, str) and text:
                parts.append({"type": "text", "content": text})
    return _json([{"role": "assistant", "parts": parts, "finish_reason": finish}])


def input_messages(conversation: Conversation, response_id: str) -> str:
    """What came since the response before this one: the whole conversation each time would grow
    with its square. What the user said is there as far as it is written down by then."""
    new: list[Item] = []
    for item in reversed(conversation.items):
        if item.response_id == response_id:
            continue
        if item.response_id is not None and item.type != "function_call_output":
            break
        new.append(item)
    return _json([_message(item) for item in reversed(new)])


def _message(item: Item) -> dict[str, Any]:
    if item.type == "function_call_output":
        part = {"type": "tool_call_response", "id": item.call_id, "response": _read(item.output)}
        return {"role": "tool", "parts": [part]}
    text = item.text or item.transcript or ""
    return {"role": item.role or "user", "parts": [{"type": "text", "content": text}]}


def _read(text: Any) -> Any:
    """JSON as what it stands for, anything else as it is."""
    try:
        return json.loads(text)
    except (TypeError, ValueError):  # models write what they like
        return text


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
