"""What a response says of itself, as attributes.

This module reads; it keeps nothing, and makes no span.
"""

from __future__ import annotations

from typing import Any

from ..conversation.item_state import entries, peek, string
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

__all__ = ["counts", "described", "failure", "finish"]

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
