"""What a response says of itself, as attributes.

This module reads; it keeps nothing, and makes no span.
"""

from __future__ import annotations

import json
from typing import Any

from ..conversation.conversation import Conversation
from ..conversation.item_state import entries, peek, string
from ..conversation.items import Item
from ..conversation.usage import Usage
from .names import (
    CACHED_TOKENS,
    CONVERSATION_ID,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    OUTPUT_TYPE,
    REASONING_TOKENS,
    REQUEST_MAX_TOKENS,
    RESPONSE_ID,
)

__all__ = [
    "counts",
    "described",
    "failure",
    "finish",
    "input_messages",
    "instructions",
    "output_messages",
]


_OUTPUT_TYPES = {"audio": "speech", "text": "text"}
_FINISHED = {"max_output_tokens": "length"}


def described(id: str, response: object) -> dict[str, Any]:
    """Which response it is, and what is asked of it."""
    found: dict[str, Any] = {RESPONSE_ID: id} if id else {}
    conversation = string(peek(response, "conversation_id"))
    if conversation is not None:
        found[CONVERSATION_ID] = conversation
    modalities = entries(peek(response, "output_modalities"))
    if modalities:
        wanted = "audio" if "audio" in modalities else modalities[0]
        found[OUTPUT_TYPE] = _OUTPUT_TYPES.get(str(wanted), str(wanted))
    limit = peek(response, "max_output_tokens")
    if isinstance(limit, int):
        found[REQUEST_MAX_TOKENS] = limit
    return found


def finish(response: object, status: str, reason: str | None) -> str:
    """Why it ended, in the conventions' words where they have one."""
    if status == "completed":
        output = entries(peek(response, "output"))
        called = any(peek(item, "type") == "function_call" for item in output)
        return "tool_calls" if called else "stop"
    if status == "failed":
        return "error"
    return _FINISHED.get(reason or "", reason or status)


def failure(response: object) -> str:
    """The kind of error that a failed one ended with."""
    error = peek(peek(response, "status_details"), "error")
    return string(peek(error, "code")) or string(peek(error, "type")) or "failed"


def counts(usage: Usage) -> dict[str, int]:
    """Its tokens; nothing where the server did not tell."""
    if not (usage.input.total or usage.output.total):
        return {}
    found = {
        INPUT_TOKENS: usage.input.total,
        OUTPUT_TOKENS: usage.output.total,
        CACHED_TOKENS: usage.cached.total,
    }
    if usage.reasoning:
        found[REASONING_TOKENS] = usage.reasoning
    for kind in ("text", "audio", "image"):
        for name, tokens in (
            (f"gen_ai.usage.{kind}.input_tokens", usage.input),
            (f"gen_ai.usage.{kind}.cache_read.input_tokens", usage.cached),
            (f"gen_ai.usage.{kind}.output_tokens", usage.output),
        ):
            if getattr(tokens, kind):
                found[name] = getattr(tokens, kind)
    return found


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
