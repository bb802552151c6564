"""Whether code runs on behalf of a session: in one of its handlers or its tools.

What runs there cannot wait for itself, so closing a session from there waits for less. This module
knows tasks and threads by their context only; it knows no session.
"""

from __future__ import annotations

from contextvars import ContextVar

from .core import Core

__all__ = ["enter", "inside"]

_cores: ContextVar[tuple[Core, ...]] = ContextVar("voxwire_inside", default=())


def enter(core: Core) -> None:
    """The present task, and all that it starts, works for the session of `core`."""
    if not inside(core):
        _cores.set((*_cores.get(), core))


def inside(core: Core) -> bool:
    """Whether the present task, or who started it, works for the session of `core`."""
    return any(each is core for each in _cores.get())
