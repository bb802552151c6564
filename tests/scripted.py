"""Short scripts for the replaying server, and a key that must never be seen again."""

from __future__ import annotations

from typing import Any

KEY = "sk-" + "q" * 40

SESSION = {"type": "realtime", "object": "realtime.session", "id": "sess_1", "model": "m"}
CREATED = {
    "dir": "s2c",
    "event": {"type": "session.created", "event_id": "event_1", "session": SESSION},
}
UPDATE = {
    "dir": "c2s",
    "event": {"type": "session.update", "session": {"type": "realtime", "instructions": "Hi"}},
}
UPDATED = {
    "dir": "s2c",
    "event": {
        "type": "session.updated",
        "event_id": "event_2",
        "session": {**SESSION, "instructions": "Hi"},
    },
}
CLEAR = {"dir": "c2s", "event": {"type": "input_audio_buffer.clear"}}


def cleared(number: int) -> dict[str, Any]:
    event = {"type": "input_audio_buffer.cleared", "event_id": f"event_c{number}"}
    return {"dir": "s2c", "event": event}


def added(item_id: str) -> dict[str, Any]:
    item = {"type": "function_call", "id": item_id, "name": "f", "arguments": ""}
    event = {"type": "conversation.item.added", "event_id": f"event_{item_id}", "item": item}
    return {"dir": "s2c", "event": {**event, "previous_item_id": None}}


def close(code: int, reason: str = "") -> dict[str, Any]:
    return {"dir": "close", "code": code, "reason": reason}
