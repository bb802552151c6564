"""Those who watch sessions from before they are opened: telemetry, for one.

A watcher is asked for each session of the process while it is in :data:`WATCHERS`. It may subscribe
to events; where nobody watches, nothing of this costs anything. This module knows when a session
is opened, and not what is seen of it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Protocol, TypeAlias

from .core import Core, log

__all__ = ["WATCHERS", "SessionObserver", "Watcher", "watched"]


class SessionObserver(Protocol):
    """What a watcher has of one session."""

    def opened(self) -> None:
        """The session is open."""

    def failed(self, error: BaseException, /) -> None:
        """The session could not be opened, or its opening was cancelled."""


Watcher: TypeAlias = Callable[[Core], "SessionObserver | None"]
"""Given the state of a session that is about to be opened."""

WATCHERS: list[Watcher] = []
"""Who watches the sessions of this process."""


@contextmanager
def watched(core: Core) -> Generator[None]:
    """Have the session of `core` watched while it is opened, and from then on."""
    watches: list[SessionObserver] = []
    for watcher in tuple(WATCHERS):
        try:
            watch = watcher(core)
        except Exception:  # who looks on must not stop what goes on
            log.exception("%r failed, and watches not", watcher)
        else:
            watches += [] if watch is None else [watch]
    try:
        yield
    except BaseException as error:  # also a cancelled opening is over
        for watch in watches:
            _tell(partial(watch.failed, error))
        raise
    for watch in watches:
        _tell(watch.opened)


def _tell(what: Callable[[], None]) -> None:
    try:
        what()
    except Exception:  # who looks on must not stop what goes on
        log.exception("%r failed", what)
