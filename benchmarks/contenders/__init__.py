"""Those who are compared: one module for each, with the same few functions.

``connect(url)`` opens a session; of what it gives, ``hear(kind, handler, count)`` calls a function
with each event of a kind (empty for all kinds) until there were `count`, in the way that programs
of that library hear events, and ``send(chunk)`` sends 20 ms of a microphone. ``text(event)`` is the
text of a delta. A contender whose module cannot be imported is not installed.
"""

from __future__ import annotations

from typing import Final

NAMES: Final = {
    "bare": "websockets + orjson",
    "voxwire": "Voxwire",
    "openai_sdk": "openai",
    "openai_agents": "openai-agents",
    "pydantic_ai": "pydantic-ai-slim",
}
"""Module -> what it is called in tables."""

PACKAGES: Final = {
    "bare": ("websockets", "orjson"),
    "voxwire": ("msgspec", "attrs", "pybase64"),
    "openai_sdk": ("openai",),
    "openai_agents": ("openai-agents",),
    "pydantic_ai": ("pydantic-ai-slim",),
}
"""Whose versions belong to the figures."""
