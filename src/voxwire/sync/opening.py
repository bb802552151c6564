"""``connect`` and its like for programs without asyncio.

What they take and what they raise is decided where the asyncio ones are made.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

from .. import connecting, resuming
from ..kinds import threaded
from ..kinds.threaded import ConnectKind, Transcriber, Translator
from .handles import Receipt
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


class Connect:
    """A session that is about to be opened: ``with connect(...) as session``, or :meth:`open`."""

    def __init__(self, inner: connecting.Connect) -> None:
        self._inner = inner
        self._session: Session | None = None

    def open(self) -> Session:
        """Open it; the caller closes it."""
        portal = Portal()
        try:
            return Session(portal, portal.call(self._inner.open()))
        except BaseException:  # also Ctrl-C: no thread is left behind
            portal.close()
            raise

    def __enter__(self) -> Session:
        self._session = self.open()
        return self._session

    def __exit__(self, *exc: object) -> None:
        if self._session is not None:
            self._session.__exit__(*exc)


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


def connect_transcription(**options: Any) -> ConnectKind[Transcriber]:
    """Open a transcription session without asyncio; see :func:`voxwire.connect_transcription`."""
    return threaded.transcription(Portal, Receipt, options)


def connect_translation(**options: Any) -> ConnectKind[Translator]:
    """Open a translation session without asyncio; see :func:`voxwire.connect_translation`."""
    return threaded.translation(Portal, Receipt, options)
