"""What all threaded sessions have in common, of whatever kind they are.

This module hands calls over. It decides nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from voxwire_protocol import Event

from ..session import session as asyncio_face
from ..session.local_events import ConnectionClosed
from .portal import Portal

if TYPE_CHECKING:
    from ..conversation.pricing import SessionUsage
    from ..recording.recorder import Recorder

__all__ = ["BaseSession"]

L = TypeVar("L", bound=asyncio_face.BaseSession)


class BaseSession(Generic[L]):
    """A live session of any kind; `L` is the asyncio session that does what is asked of it."""

    def __init__(self, portal: Portal, inner: L) -> None:
        self._portal = portal
        self._inner = inner

    @property
    def session(self) -> Any:
        """The session as the server last described it; ``None`` before ``session.created``."""
        return self._inner.session

    @property
    def closed(self) -> ConnectionClosed | None:
        """How the connection ended; ``None`` while it is open."""
        return self._inner.closed

    @property
    def usage(self) -> SessionUsage:
        """What was used so far; ``session.usage.cost()`` is the bill for it."""
        return self._inner.usage

    def __repr__(self) -> str:
        return repr(self._inner).replace("voxwire.", "voxwire.sync.", 1)

    def __iter__(self) -> Iterator[Event]:
        """All events from the server; see :meth:`voxwire.Session.__aiter__`."""
        return self._portal.iterate(self._inner.__aiter__())

    def record(self, path: str | os.PathLike[str], *, audio: bool = True) -> Recorder:
        """Write all frames from now on to `path`; see :meth:`voxwire.Session.record`."""
        return self._portal.run(lambda: self._inner.record(path, audio=audio))
