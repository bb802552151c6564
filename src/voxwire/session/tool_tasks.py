"""The asyncio face of tools: each call in a task of its own, all ended with the session.

This module makes tasks of calls. Which calls are due, and what follows, the core decides.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import traceback
from collections.abc import Awaitable, Callable, Collection, Coroutine
from functools import partial
from typing import Any

from ..errors import InvalidOption
from ..protocol.constraints import writable
from ..tools.deferred import DeferredResult
from ..tools.runner import Outcome, result_of, run, said_of, writable_text
from ..tools.tool import Call, ToolContext
from .core import Core, log
from .local_events import ToolFailed
from .task_context import enter

__all__ = ["MOST_AT_ONCE", "ToolTasks"]

MOST_AT_ONCE = 64
"""How many calls of one session run side by side; more wait for their turn."""


class ToolTasks:
    """Runs the calls of one connection. Belongs to the event loop of that connection.

    Args:
        session: given to tools in their :class:`ToolContext`.
        flush_soon: called when there is something to send.
    """

    def __init__(self, core: Core, session: Any, flush_soon: Callable[[], None]) -> None:
        self._core = core
        self._session = session
        self._flush_soon = flush_soon
        self.threaded: Any = None
        """The session of the threaded face, where there is one: plain functions are given it."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._later: set[asyncio.Task[None]] = set()  # they hold up neither the model nor a call
        self._closed = False

    def start_due(self) -> None:
        """Start the calls that have become due."""
        due = self._core.turns.to_run
        while due and len(self._tasks) < MOST_AT_ONCE and not self._closed:
            call = due.pop(0)
            self._start(self._run(call), f"voxwire tool {call.name}")

    async def close(self, spared: Collection[asyncio.Task[Any]], timeout: float) -> None:
        """Cancel what runs. A plain function runs to its end unheard.

        Args:
            spared: what asked for the end, and may come to its own.
            timeout: seconds until nobody waits any longer for what does not let itself be ended.
        """
        self._closed = True
        running = self._tasks | self._later
        for task in running.difference(spared):
            task.cancel()
        if running:
            _, late = await asyncio.wait(running, timeout=timeout)
            for task in late:
                task.cancel()
            if late:
                log.warning("%d tools did not end within %g s", len(late), timeout)

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.start_due()

    async def _run(self, call: Call) -> None:
        enter(self._core)
        tool = self._core.tools.get(call.name)
        plain = tool is not None and not inspect.iscoroutinefunction(tool.function)
        session = self.threaded if plain and self.threaded is not None else self._session
        context = ToolContext(call=call, session=session)
        work: Callable[[], Awaitable[Outcome]] = partial(
            run, self._core.tools, call, context, self._core.before_tools
        )
        for around in self._core.around_tools:
            work = partial(around, call, work)
        try:
            outcome: Outcome = await work()
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # the session ends, and nobody wants an answer
            outcome = result_of(None, error)
        except KeyboardInterrupt as error:
            self._answer(call, result_of(None, error))
            raise  # the program is to end
        except BaseException as error:
            # Whatever happens to a call, it is answered: the model waits for that.
            outcome = result_of(None, error)
        if outcome.later is None:
            self._answer(call, outcome)
            return
        self._core.postponed(call)
        self._flush_soon()
        self._wait_for(call, outcome.later)

    def _answer(self, call: Call, outcome: Outcome) -> None:
        # The answer first: it must not depend on what can be said of an error.
        self._core.answered(call, outcome.output)
        self._flush_soon()
        if outcome.error is not None:
            self._core.local(ToolFailed(call=call, exception=outcome.error))
            _log_failure(call.name, outcome.error)

    def _wait_for(self, call: Call, later: DeferredResult) -> None:
        loop = asyncio.get_running_loop()

        def settled(value: Any, error: BaseException | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is gone, and the session with it
                loop.call_soon_threadsafe(self._answer, call, result_of(value, error))

        later.listen(settled)
        work, later.work = later.work, None  # once, also where several calls have the same object
        if work is not None:
            name = f"voxwire tool {call.name}, later"
            task = loop.create_task(_work(work, later), name=name)
            self._later.add(task)
            task.add_done_callback(self._later.discard)


def _log_failure(name: str, error: BaseException) -> None:
    try:
        words = "".join(traceback.format_exception(error))
    except Exception:  # such as groups of exceptions that are nested without end
        log.error("tool %s failed: %s", name, writable_text(said_of(error)))
        return
    if writable(words):
        log.error("tool %s failed", name, exc_info=error)
    else:  # no handler could write its words as they are
        log.error("tool %s failed\n%s", name, writable_text(words))


async def _work(work: Awaitable[Any], later: DeferredResult) -> None:
    failed: BaseException | None = None
    try:
        value = await work
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise  # the session ends, and nobody wants an answer
        value, failed = None, error  # the work's own affair, such as a task that it lost
    except KeyboardInterrupt as error:
        later.fail(error)
        raise  # the program is to end
    except BaseException as error:  # whatever the tool's work raises is its outcome
        value, failed = None, error
    with contextlib.suppress(InvalidOption):  # the tool itself has answered meanwhile
        if failed is None:
            later.answer(value)
        else:
            later.fail(failed)
