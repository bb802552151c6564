"""From a command to its event loop and back: how it is ended from outside.

Knows signals and loops; knows no session.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

__all__ = ["ending", "on_signal"]


@contextmanager
def ending() -> Generator[asyncio.Event]:
    """Set when the command is asked to end, by Ctrl-C or by the system."""
    over = asyncio.Event()
    with on_signal(over.set, signal.SIGINT, signal.SIGTERM):
        yield over


@contextmanager
def on_signal(act: Callable[[], object], *numbers: signal.Signals) -> Generator[None]:
    """Have these signals call `act` in the loop, in place of what they do."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in numbers}
    with suppress(NotImplementedError):  # on Windows; there Ctrl-C comes as an exception
        for number in numbers:
            loop.add_signal_handler(number, act)
    try:
        yield
    finally:
        with suppress(NotImplementedError):  # on Windows, as above
            for number in numbers:
                loop.remove_signal_handler(number)
        for number, handler in before.items():
            signal.signal(number, handler)
