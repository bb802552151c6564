"""What answers with ``--local`` where no script does: it repeats, and calls tools when told to.

Knows turns; knows no session.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, cast

from ..emulator import Call, UserTurn
from ..emulator.responder import Said, echo

__all__ = ["HINT", "TOOL_HINT", "repeat"]

HINT = "an emulator inside this command answers: it repeats what it is told"
TOOL_HINT = '; "call NAME key=value" has it call a tool'

_CALL = re.compile(r"\s*call\s+([\w-]+)\s*(.*?)\s*", re.DOTALL | re.IGNORECASE)


def repeat(turn: UserTurn) -> Said:
    """Repeat what was said; call a tool for ``call NAME key=value`` or ``call NAME {json}``."""
    if turn.kind == "tool":
        return f"{turn.tool} says: {turn.text}"
    asked = _CALL.fullmatch(turn.text) if turn.kind == "user" else None
    if asked is None:
        return echo(turn)
    name, rest = asked.groups()
    tools = cast("Sequence[Mapping[str, Any]]", turn.response.get("tools") or ())
    known = [str(tool.get("name")) for tool in tools]
    if name not in known:
        return f"There is no tool {name}. There is: {', '.join(known) or 'none'}."
    return Call(name, rest if rest.startswith("{") else _arguments(rest))


def _arguments(text: str) -> dict[str, Any]:
    try:
        words = shlex.split(text)
    except ValueError:  # a quote without its end
        words = text.split()
    pairs = (word.partition("=") for word in words)
    return {name: _value(value) for name, _, value in pairs}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:  # a word that is no JSON
        return text
