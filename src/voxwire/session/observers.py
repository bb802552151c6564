"""Those who see each frame of a session as it passes: recorders, the log of a store.

This module keeps one that fails from stopping what goes on. What they do with a frame is theirs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

__all__ = ["FrameObserver", "FrameObservers"]

log = logging.getLogger("voxwire")


class FrameObserver(Protocol):
    """Sees each frame as it passes, in wire order. It may have two methods more: ``hide(secrets)``,
    told of another key, and ``begin()``, told of another connection."""

    def client(self, frame: str | bytes, /) -> None:
        """A frame that was sent."""

    def server(self, frame: str | bytes, /) -> None:
        """A frame that was received."""

    def closed(
        self, code: int | None, reason: str | None, /, *, by: Literal["client", "server"] | None
    ) -> None:
        """The end of the connection."""


class FrameObservers(list[FrameObserver]):
    """All observers of one session. One that raises is told nothing more, and reported."""

    failed: Callable[[FrameObserver, BaseException], None] | None = None
    """Told of an observer that raised, or whose file cannot be written any more."""

    def client(self, frame: str | bytes) -> None:
        """A frame goes out."""
        self._tell(lambda tap: tap.client(frame))

    def server(self, frame: str | bytes) -> None:
        """A frame has come."""
        self._tell(lambda tap: tap.server(frame))

    def closed(
        self, code: int | None, reason: str | None, *, by: Literal["client", "server"] | None
    ) -> None:
        """The connection has ended."""
        self._tell(lambda tap: tap.closed(code, reason, by=by))

    def begin(self) -> None:
        """There is another connection."""
        for tap in self:
            begin = getattr(tap, "begin", None)
            if begin is not None:
                begin()

    def hide(self, secrets: Sequence[str]) -> None:
        """Keep these out of all that is written down from now on."""
        for tap in self:
            hide = getattr(tap, "hide", None)
            if hide is not None:
                hide(secrets)

    def _tell(self, what: Callable[[FrameObserver], None]) -> None:
        for tap in tuple(self):
            try:
                what(tap)
            except Exception as error:  # who looks on must not stop what goes on
                log.exception("%r failed, and is told nothing more", tap)
                self._drop(tap, error)
            else:
                failure: BaseException | None = getattr(tap, "failure", None)
                if failure is not None:
                    self._drop(tap, failure)

    def _drop(self, tap: FrameObserver, error: BaseException) -> None:
        self.remove(tap)
        if self.failed is not None:
            self.failed(tap, error)
