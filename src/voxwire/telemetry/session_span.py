"""The span of a session, in parts: a session may last for hours, and no trace should.

Three things go wrong with a span, and a trace, of hours. A span is exported when it ends, so that
nothing is seen of the session meanwhile, and nothing at all where the process dies. Backends gather
a trace for seconds or minutes before they decide whether to keep it, and what comes later is lost
or alone. And a trace of thousands of spans cannot be looked at.

So the span of a session ends after a while, at the next moment at which nothing runs, and another
one begins in a trace of its own. The new part is linked to the one before it and to the first;
responses and tools are children of the part that they began in. The first part belongs to the trace
of whoever opened the session. A call of some minutes, the common case, is one part and one trace.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode

from .names import ERROR_TYPE, LINK, REQUEST_MODEL, SESSION_ID, SESSION_KIND, SESSION_PART
from .setup import Place, Setup

__all__ = ["SessionSpan"]


class SessionSpan:
    """The spans of one session, one after the other."""

    def __init__(self, setup: Setup, place: Place) -> None:
        self._setup = setup
        self._place = place
        self._id: str | None = None
        self.model = place.model
        self.part = 0
        # What else the context carries (baggage) goes along; its span is the first part's parent.
        self._opener = context.get_current()
        self._first: Span | None = None
        self.span = self._begin(self._opener, ())

    @property
    def context(self) -> Context:
        """The context of what belongs to the session."""
        return trace.set_span_in_context(self.span, self._opener)

    @property
    def attributes(self) -> dict[str, Any]:
        """Who is spoken with, for everything that is reported."""
        return self._place.attributes(self.model)

    def described(self, session: object) -> None:
        """The server has told what the session is."""
        model, id = getattr(session, "model", None), getattr(session, "id", None)
        if isinstance(model, str) and model and model != self.model:
            self.model = model
            self.span.update_name(self._name)
            self.span.set_attribute(REQUEST_MODEL, model)
        if isinstance(id, str) and id != self._id:
            self._id = id
            self.span.set_attribute(SESSION_ID, id)

    def roll(self) -> None:
        """Nothing runs: begin another part if this one has lasted long enough."""
        limit = self._setup.trace_seconds
        if limit is None or time.monotonic() - self._begun < limit:
            return
        before, first = self.span, self._first
        assert first is not None  # the first part has begun
        links = [Link(before.get_span_context(), {LINK: "previous part"})]
        if before is not first:
            links.append(Link(first.get_span_context(), {LINK: "first part"}))
        before.end()
        root = trace.set_span_in_context(trace.INVALID_SPAN, self._opener)
        self.span = self._begin(root, links)

    def note(self, name: str, attributes: Mapping[str, Any]) -> None:
        """Something happened that is worth a mark on the line."""
        if self.span.is_recording():  # handlers may fail after the end
            self.span.add_event(name, attributes)

    def end(self, error: str | None, description: str | None = None, **extra: Any) -> None:
        """The session is over; `error` is the kind of its failure, if it failed."""
        self.span.set_attributes(extra)
        if error is not None:
            self.span.set_attribute(ERROR_TYPE, error)
            self.span.set_status(Status(StatusCode.ERROR, description))
        self.span.end()

    def _begin(self, parent: Context, links: Any) -> Span:
        self.part += 1
        self._begun = time.monotonic()
        about: dict[str, Any] = {SESSION_KIND: self._place.kind, SESSION_PART: self.part}
        if self._id is not None:
            about[SESSION_ID] = self._id
        span = self._setup.tracer.start_span(
            self._name,
            parent,
            kind=SpanKind.CLIENT,
            attributes={**self.attributes, **about},
            links=links,
        )
        self._first = self._first or span
        return span

    @property
    def _name(self) -> str:
        return f"session {self.model}" if self.model else "session"
