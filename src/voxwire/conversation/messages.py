"""A conversation as messages for a chat API.

It reads items; it knows no more of a chat API than the shape of its messages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .item_state import peek
from .items import Item

__all__ = ["messages"]


def messages(items: Sequence[Item]) -> list[dict[str, Any]]:
    """`items` as messages of a chat API."""
    outputs = {
        item.call_id: item.output or ""
        for item in items
        if item.type == "function_call_output" and item.call_id is not None
    }
    found: list[dict[str, Any]] = []
    open_calls: dict[str, Any] | None = None
    answers: list[dict[str, Any]] = []
    for item in items:
        call = _call(item, outputs)
        if call is None and item.type != "message":
            continue  # an output stands behind its call already
        if call is None:
            found += answers
            open_calls, answers = None, []
            found += _message(item)
            continue
        # The calls that follow each other are one message, and their answers come after it.
        if open_calls is None:
            open_calls = {"role": "assistant", "content": None, "tool_calls": []}
            found.append(open_calls)
        id, answer = call
        function = {"name": item.name or "", "arguments": item.arguments or "{}"}
        open_calls["tool_calls"].append({"id": id, "type": "function", "function": function})
        answers.append({"role": "tool", "tool_call_id": id, "content": answer})
    return found + answers


def _call(item: Item, outputs: Mapping[str, str]) -> tuple[str, str] | None:
    """Id and answer of a call. A chat API refuses a call without one, so it has to be left out."""
    if item.type == "function_call" and item.call_id is not None:
        return (item.call_id, outputs[item.call_id]) if item.call_id in outputs else None
    if item.type == "mcp_call":
        error = peek(peek(item.item, "error"), "message")
        answer = item.output if item.output is not None else error
        return (item.id, answer) if isinstance(answer, str) else None
    return None


def _message(item: Item) -> Iterator[dict[str, Any]]:
    """One message; nothing for one without words, such as an item made of silence."""
    words = "".join(part.text + part.heard for part in item.content)
    if item.role == "assistant":
        if words:
            yield {"role": "assistant", "content": words}
        return
    images = [part for part in item.content if part.type == "input_image"]
    if not images:
        if words:
            yield {"role": item.role or "user", "content": words}
        return
    content: list[dict[str, Any]] = []
    for part in item.content:
        url, detail = peek(part.part, "image_url"), peek(part.part, "detail")
        if part.type == "input_image" and isinstance(url, str):
            image = {"url": url} | ({"detail": detail} if isinstance(detail, str) else {})
            content.append({"type": "image_url", "image_url": image})
        elif part.text + part.heard:
            content.append({"type": "text", "text": part.text + part.heard})
    if content:
        yield {"role": item.role or "user", "content": content}
