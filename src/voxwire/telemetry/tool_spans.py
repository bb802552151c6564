"""The spans of tools: those that run here, within which the tool's own spans nest, and hosted ones.

This module knows calls and their outcomes. What a call leads to, it does not know.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from voxwire_protocol import FunctionCallOutput

from ..conversation.item_state import peek, string
from ..session.core import Core, log
from ..session.local_events import ToolFailed
from ..tools.runner import Outcome
from ..tools.tool import Call
from .names import (
    ERROR_TYPE,
    EXECUTE_TOOL,
    OPERATION,
    TOOL_ARGUMENTS,
    TOOL_CALL_ID,
    TOOL_DESCRIPTION,
    TOOL_NAME,
    TOOL_RESULT,
    TOOL_TYPE,
)
from .setup import Setup

__all__ = ["ToolSpans"]


@attrs.define(eq=False)
class _Running:
    span: Span
    name: str
    begun: float = attrs.field(factory=time.monotonic)
    error: str | None = None


class ToolSpans:
    """The calls of one session.

    Args:
        context_of: the context of the response that made a call.
        about: who is spoken with.
    """

    def __init__(
        self,
        setup: Setup,
        core: Core,
        context_of: Callable[[str], Context],
        about: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._setup, self._core = setup, core
        self._context_of, self._about = context_of, about
        self._running = 0
        self._later: dict[str, _Running] = {}
        self._hosted: dict[str, _Running] = {}
        self.closed = False
        """Whether nothing is to be reported any more."""

    @property
    def idle(self) -> bool:
        """Whether no tool runs."""
        return not (self._running or self._later or self._hosted)

    async def around(self, call: Call, work: Callable[[], Awaitable[Any]]) -> Any:
        """Run a call within its span."""
        running = None if self.closed else self._begun(call)
        if running is None:
            return await work()
        self._running += 1
        try:
            with _current(running.span):
                outcome: Outcome = await work()
        except BaseException:  # the session ends, and cancels what runs for it
            self._end(running, "cancelled")
            raise
        finally:
            self._running -= 1
        if outcome.later is None:
            try:
                self._answered(running, outcome)
            except Exception:  # a provider's fault, or the tool's error, must not lose its answer
                log.exception("telemetry failed on a call of %s", call.name)
        else:
            self._later[call.call_id] = running
            if outcome.later.work is not None:
                outcome.later.work = _within(running.span, outcome.later.work)
        return outcome

    def _begun(self, call: Call) -> _Running | None:
        tool = self._core.tools.get(call.name)
        about: dict[str, Any] = {TOOL_TYPE: "function", TOOL_CALL_ID: call.call_id}
        if tool is not None and tool.description:
            about[TOOL_DESCRIPTION] = tool.description
        if self._setup.content:
            about[TOOL_ARGUMENTS] = call.arguments
        try:
            return self._begin(call.name, call.response_id, about)
        except Exception:  # a provider's fault must not keep a tool from running
            log.exception("telemetry failed on a call of %s", call.name)
            return None

    def _answered(self, running: _Running, outcome: Outcome) -> None:
        if self._setup.content:
            running.span.set_attribute(TOOL_RESULT, outcome.output)
        error = outcome.fault
        if outcome.error is not None and error == "tool_failed":
            error = _kind(outcome.error)
        if outcome.error is not None and self._setup.content:
            running.span.record_exception(outcome.error)
        self._end(running, error)

    def failed(self, event: ToolFailed) -> None:
        """What comes later has failed; of all others it is known already."""
        running = self._later.get(peek(event.call, "call_id"))
        if running is not None:
            running.error = _kind(event.exception)
            if self._setup.content:
                running.span.record_exception(event.exception)

    def output_sent(self, item: object) -> None:
        """An item goes out: with the output of a call that came later, it may be."""
        if not isinstance(item, FunctionCallOutput):
            return
        running = self._later.pop(string(item.call_id) or "", None)
        if running is not None:
            if self._setup.content and isinstance(item.output, str):
                running.span.set_attribute(TOOL_RESULT, item.output)
            self._end(running, running.error)

    def hosted_begun(self, event: Any) -> None:
        """The service calls a tool of an MCP server."""
        id = string(event.item_id)
        item = self._core.conversation.get(id) if id is not None else None
        if id is None or id in self._hosted:
            return
        name = (item.name if item is not None else None) or "mcp"
        response_id = (item.response_id if item is not None else None) or ""
        about = {TOOL_TYPE: "extension", TOOL_CALL_ID: id}
        self._hosted[id] = self._begin(name, response_id, about)

    def hosted_ended(self, event: Any, error: str | None = None) -> None:
        """That call is over."""
        running = self._hosted.pop(string(event.item_id) or "", None)
        if running is not None:
            self._end(running, error)

    def broken(self) -> None:
        """The session is over: nothing more comes of what was to come later."""
        for running in (*self._later.values(), *self._hosted.values()):
            self._end(running, "cancelled")
        self._later.clear()
        self._hosted.clear()

    def _begin(self, name: str, response_id: str, about: Mapping[str, Any]) -> _Running:
        span = self._setup.tracer.start_span(
            f"{EXECUTE_TOOL} {name}",
            self._context_of(response_id),
            kind=SpanKind.INTERNAL,
            attributes={OPERATION: EXECUTE_TOOL, TOOL_NAME: name, **about},
        )
        return _Running(span, name)

    def _end(self, running: _Running, error: str | None) -> None:
        about = {OPERATION: EXECUTE_TOOL, TOOL_NAME: running.name, **self._about()}
        if error is not None:
            about[ERROR_TYPE] = error
            running.span.set_attribute(ERROR_TYPE, error)
            running.span.set_status(Status(StatusCode.ERROR))
            self._setup.instruments.tool_failures.add(1, about)
        running.span.end()
        self._setup.instruments.tool_duration.record(time.monotonic() - running.begun, about)


def _current(span: Span) -> Any:
    """The span is the current one in a block, and is not ended or marked by it."""
    return trace.use_span(span, record_exception=False, set_status_on_exception=False)


async def _within(span: Span, work: Awaitable[Any]) -> Any:
    with _current(span):
        return await work


def _kind(error: BaseException) -> str:
    cls = type(error)
    module = "" if cls.__module__ == "builtins" else f"{cls.__module__}."
    return f"{module}{cls.__qualname__}"
