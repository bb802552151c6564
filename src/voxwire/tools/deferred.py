"""An answer to a call that comes later, while the conversation goes on.

This module holds one result until somebody wants it. It does not know calls or sessions.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import Any

from ..errors import InvalidOption

__all__ = ["DeferredResult"]


class DeferredResult:
    """What a tool returns when it is not done: ``return Later(work())``, or keep the object and
    call :meth:`answer` when the result is there, from any thread.

    The model is not held up by such a call. When the answer comes, it is sent, and the model is
    asked to go on from it. The tool's timeout does not apply to it.

    Args:
        work: awaited in the background; its result is the answer.
    """

    def __init__(self, work: Awaitable[Any] | None = None) -> None:
        self.work = work
        self._lock = threading.Lock()
        self._result: tuple[Any, BaseException | None] | None = None
        self._listeners: list[Callable[[Any, BaseException | None], None]] = []

    def answer(self, value: Any) -> None:
        """Give the result, in any form in which a tool may return one. Once."""
        self._settle(value, None)

    def fail(self, error: BaseException | str) -> None:
        """There will be no result, and why. Once."""
        self._settle(None, RuntimeError(error) if isinstance(error, str) else error)

    def listen(self, listener: Callable[[Any, BaseException | None], None]) -> None:
        """Call `listener` with the result, or the error, as soon as it is there."""
        with self._lock:
            self._listeners.append(listener)  # several calls may be given the same object
            result = self._result
        if result is not None:
            listener(*result)

    def _settle(self, value: Any, error: BaseException | None) -> None:
        with self._lock:
            if self._result is not None:
                raise InvalidOption("this call has been answered already")
            self._result = (value, error)
            listeners = list(self._listeners)
        for listener in listeners:
            listener(value, error)
