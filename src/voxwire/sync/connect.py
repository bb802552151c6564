"""``connect`` and its like for programs without asyncio.

What they take and what they raise is decided where the asyncio ones are made.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Generic, ParamSpec, TypeVar

from ..session import connect as connecting
from ..session import connect_media as kinds
from ..store import resume as resuming
from .media_session import Transcriber, Translator
from .portal import Portal
from .session import Session

__all__ = [
    "Connect",
    "attach",
    "connect",
    "connect_transcription",
    "connect_translation",
    "resume",
]

P = ParamSpec("P")


S = TypeVar("S", bound=Session | Transcriber | Translator)


class Opening(Generic[S]):
    """A session that is about to be opened: ``with ... as session``, or :meth:`open`."""

    def __init__(self, open_on: Callable[[Portal], S]) -> None:
        self._open_on = open_on
        self._session: S | None = None

    def open(self) -> S:
        """Open it; the caller closes it."""
        portal = Portal()
        try:
            return self._open_on(portal)
        except BaseException:  # also Ctrl-C: no thread is left behind
            portal.close()
            raise

    def __enter__(self) -> S:
        self._session = self.open()
        return self._session

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if self._session is not None:
            self._session.__exit__(kind, error, trace)


class Connect(Opening[Session]):
    """A session that is about to be opened: ``with connect(...) as session``, or :meth:`open`."""

    def __init__(self, inner: connecting.Connect) -> None:
        super().__init__(lambda portal: Session(portal, portal.call(inner.open())))


def _threaded(connect: Callable[P, connecting.Connect]) -> Callable[P, Connect]:
    @wraps(connect)
    def connect_here(*args: P.args, **options: P.kwargs) -> Connect:
        return Connect(connect(*args, **options))

    return connect_here


connect = _threaded(connecting.connect)
"""Open a realtime session without asyncio: takes what :func:`voxwire.connect` takes, and raises
what it raises."""


attach = _threaded(connecting.attach)
"""Attach to a call without asyncio; see :func:`voxwire.attach`."""


resume = _threaded(resuming.resume)
"""Take a session over without asyncio; see :func:`voxwire.resume`."""


def connect_transcription(**options: Any) -> Opening[Transcriber]:
    """Open a transcription session without asyncio; see :func:`voxwire.connect_transcription`."""
    inner = kinds.connect_transcription(**options)
    return Opening(lambda portal: Transcriber(portal, portal.call(inner.open())))


def connect_translation(**options: Any) -> Opening[Translator]:
    """Open a translation session without asyncio; see :func:`voxwire.connect_translation`."""
    inner = kinds.connect_translation(**options)
    return Opening(lambda portal: Translator(portal, portal.call(inner.open())))
