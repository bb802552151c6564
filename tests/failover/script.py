"""What is said in the conversations of the matrix, by the user and in the model's place."""

from __future__ import annotations

import json
import re
from typing import Any

from voxwire.emulator import Call, Reply
from voxwire.emulator.responder import UserTurn

__all__ = ["brain", "said", "user"]


def user(name: str, turn: int) -> str:
    """What the user of a session says in a turn: every second time there is something to book."""
    wish = "please book a table" if turn % 2 else "hello"
    return f"{name} turn {turn}: {wish}"


def brain(turn: UserTurn) -> Any:
    """Answers by what was said alone, so that a conversation that is broken off and goes on says
    the same as one that is not."""
    name, number, wish = _wish(turn)
    about = {"guest": name, "turn": number}
    if turn.kind == "user":
        return (
            Call("book_table", about) if "book" in wish else Reply(text=f"Hello to turn {number}.")
        )
    if turn.tool == "book_table" and "unknown_outcome" in turn.text:
        return Call("find_booking", about)
    if turn.tool == "book_table" and "not_run" in turn.text:
        return Call("book_table", about)
    if turn.tool == "find_booking" and not json.loads(turn.text)["booked"]:
        return Call("book_table", about)
    return Reply(text=f"Booked for turn {number}.")


def _wish(turn: UserTurn) -> tuple[str, int, str]:
    for item in reversed(turn.items):
        if item.get("role") == "user":
            text = "".join(part.get("text", "") for part in item["content"])
            found = re.match(r"(\S+) turn (\d+): (.*)", text)
            if found:
                return found[1], int(found[2]), found[3]
    return "", -1, ""


def said(conversation: Any) -> list[tuple[str, str]]:
    """What user and model said to each other."""
    return [(i.role, i.text) for i in conversation if i.type == "message"]
