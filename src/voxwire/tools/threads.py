"""Plain functions that may block, called from an event loop.

This module knows threads. It does not know what the functions are for.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["in_thread"]

T = TypeVar("T")


async def in_thread(function: Callable[[], T], name: str) -> T:
    """Like :func:`asyncio.to_thread`, in a thread that nobody waits for: a function that hangs
    holds up neither the end of the loop nor that of the program, nor takes the place of another."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    context = contextvars.copy_context()

    def settle(value: Any, error: Exception | None) -> None:
        if not future.done():
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)

    def work() -> None:
        value: Any = None
        error: Exception | None = None
        try:
            value = context.run(function)
        except StopIteration as raised:  # a future cannot hold it
            error = RuntimeError(_words(raised))
        except Exception as raised:  # the function's own exception, which goes to who waits for it
            error = raised
        except BaseException as raised:  # SystemExit and the like end the call, not the program
            error = RuntimeError(_words(raised))
        with contextlib.suppress(RuntimeError):  # the loop is gone: nobody wants to know any more
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=work, name=name, daemon=True).start()
    return await future


def _words(error: BaseException) -> str:
    try:
        if isinstance(error, StopIteration):
            return f"StopIteration: {error.value}"
        return repr(error)
    except BaseException:  # a __repr__ of its own, which fails: whoever waits must not wait on
        return type(error).__name__
