"""Items of a conversation in the forms in which a client may add them to another one.

What the model said can be added as text only, what the user said also as sound. This module reads
items and writes protocol items; it changes nothing, and knows no connection.
"""

from __future__ import annotations

from typing import Any, Final

import pybase64
from voxwire_protocol import (
    AssistantMessage,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    OutputText,
    SystemMessage,
    UserMessage,
)

from .item_state import ItemState, PartState, peek

__all__ = ["CONNECTION_ONLY", "form_of"]

CONNECTION_ONLY: Final = ("mcp_list_tools", "mcp_approval_request", "mcp_approval_response")
"""Types of items that belong to the hosted tools of one connection; another has its own."""


def form_of(item: ItemState, sound: bytes = b"") -> Any:
    """The item that a client may add in its place; ``None`` where there is no form for it.

    Args:
        item: the item.
        sound: what the user said in it, where nobody has written that down.
    """
    if item.type == "function_call":
        if not item.name or not item.call_id:
            return None
        return FunctionCall(
            id=item.id, name=item.name, call_id=item.call_id, arguments=item.arguments.value
        )
    if item.type == "function_call_output":
        if item.call_id is None:
            return None
        return FunctionCallOutput(id=item.id, call_id=item.call_id, output=item.output or "")
    if item.type == "mcp_call":
        return _told(item)
    if item.type != "message":
        return None
    if item.role == "assistant":
        said = [text for part in _parts(item) if (text := _said(part))]
        if not said:
            return None
        # Its phase is the server's to tell.
        return AssistantMessage(id=item.id, content=[OutputText(text=text) for text in said])
    if item.role == "system":
        told = [InputText(text=part.text.value) for part in _parts(item) if part.text.value]
        return SystemMessage(id=item.id, content=told) if told else None
    content = [form for part in _parts(item) for form in _input(part, sound)]
    return UserMessage(id=item.id, content=content) if content else None


def _parts(item: ItemState) -> list[PartState]:
    return [part for _, part in sorted(item.parts.items())]


def _said(part: PartState) -> str:
    """The words of the model, as far as they were heard."""
    spoken = part.transcript.value if part.heard is None else part.heard
    return part.text.value or spoken


def _input(part: PartState, sound: bytes) -> list[Any]:
    """What the user wrote, showed or said. Words say it shorter than sound, and for good."""
    words = part.text.value or part.transcript.value
    if words:
        return [InputText(text=words)]
    if part.kind == "input_image":
        url = peek(part.source, "image_url")
        return [InputImage(image_url=url)] if isinstance(url, str) and url else []
    if part.kind == "input_audio":
        whole = part.sound.held == part.sound.size
        heard = part.sound.value if part.sound.size and whole else sound
        return [InputAudio(audio=pybase64.b64encode(heard).decode())] if heard else []
    return []


def _told(item: ItemState) -> SystemMessage | None:
    """A call of a hosted tool, in words: only the server makes the item itself."""
    if not item.name or item.output is None:
        return None
    given = f" with {item.arguments.value}" if item.arguments.value else ""
    text = f"The tool {item.name} was called{given} and returned: {item.output}"
    return SystemMessage(id=item.id, content=[InputText(text=text)])
