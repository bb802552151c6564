"""Whether code runs on behalf of a session: in one of its handlers or its tools.

What runs there cannot wait for itself, so closing a session from there waits for less. This module
knows tasks and threads by their context only; it knows no session.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any, TypeAlias

from .core import Core

__all__ = ["enter", "entered", "inside"]

_Entered: TypeAlias = tuple[Core, "asyncio.Task[Any] | None"]

_entered: ContextVar[tuple[_Entered, ...]] = ContextVar("voxwire_inside", default=())


def enter(core: Core) -> None:
    """The present task, and all that it starts, works for the session of `core`."""
    if not inside(core):
        _entered.set((*_entered.get(), (core, asyncio.current_task())))


def inside(core: Core) -> bool:
    """Whether the present task, or who started it, works for the session of `core`."""
    return any(each is core for each, _ in _entered.get())


def entered(core: Core) -> asyncio.Task[Any] | None:
    """The task that works for the session of `core`, where the present one is a part of it."""
    return next((task for each, task in _entered.get() if each is core), None)
