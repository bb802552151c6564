"""Reading events while something is being sent, and knowing when that is done.

This module waits for whichever comes first. It does not know what is sent or read.
"""

from __future__ import annotations

import asyncio
from typing import Any, Generic, Literal, TypeVar

from voxwire_protocol import Event

from ..events import Overflow
from ..streams import EventStream

__all__ = ["Meanwhile"]

E = TypeVar("E", bound=Event)


class Meanwhile(Generic[E]):
    """The events of a stream, beside a task."""

    def __init__(self, stream: EventStream[E], task: asyncio.Task[None]) -> None:
        self.sent = False
        """Whether the task is done."""
        self._stream = stream
        self._task = task
        self._coming: asyncio.Future[Any] | None = None

    async def next(self, timeout: float | None) -> E | Literal["sent", "quiet", "over"]:
        """The next event; or that the task is done, that nothing has come for so many seconds, or
        that the stream has ended. Raises what the task raises, and what the stream does."""
        while True:
            coming = self._coming
            if coming is None:
                coming = self._coming = asyncio.ensure_future(anext(self._stream))
            waiting: set[asyncio.Future[Any]] = {coming}
            if not self.sent:
                waiting.add(self._task)
            done, _ = await asyncio.wait(
                waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
            if coming in done:
                self._coming = None
                try:
                    event: E | Overflow = coming.result()
                except StopAsyncIteration:
                    # The stream has ended, and the task holds that as its exception.
                    return "over"
                if not isinstance(event, Overflow):
                    return event
            elif done:
                self.sent = True
                self._task.result()
                return "sent"
            else:
                return "quiet"

    async def close(self) -> None:
        """Stop the task and the reading."""
        left = [self._task] if self._coming is None else [self._task, self._coming]
        for one in left:
            one.cancel()
        await asyncio.wait(left)
        for one in left:
            if not one.cancelled():
                one.exception()  # seen: the caller has ended this for another reason
        self._stream.close()
