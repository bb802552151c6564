"""The spans of responses: when each begins and ends, and what it brought.

A response that was asked for begins when the request goes out, one that the server begins by itself
when it says so. This module knows responses; tools and the session have modules of their own.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Any, Final
from weakref import WeakKeyDictionary

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode
from voxwire_protocol import ErrorEvent, ResponseCreate, ResponseCreated, ResponseDone

from ..conversation.item_state import peek, string
from ..conversation.pricing import Entry
from ..conversation.usage import Usage, of_response
from ..session.core import Core
from ..session.responses.cancellation import Refusal
from ..session.responses.state import ResponseState
from . import attributes as answers
from . import attributes as content
from .latency import Asked, Latencies, Running
from .names import (
    BESIDE,
    COST,
    ERROR_TYPE,
    FINISH_REASONS,
    GENERATE,
    INPUT_MESSAGES,
    INSTRUCTIONS,
    LINK,
    OPERATION,
    OUTPUT_MESSAGES,
    REASON,
    RESPONSE_ID,
    TOKEN_TYPE,
)
from .session_span import SessionSpan
from .setup import Setup

__all__ = ["ResponseSpans"]

REMEMBERED: Final = 256
"""How many ended responses are known: tools may begin late, and interruptions come late."""


class ResponseSpans:
    """The responses of one session."""

    def __init__(self, setup: Setup, core: Core, session: SessionSpan) -> None:
        self._setup, self._core, self._session = setup, core, session
        self._askers: WeakKeyDictionary[ResponseState, SpanContext] = WeakKeyDictionary()
        self._asked: OrderedDict[str, Asked] = OrderedDict()
        self._running: dict[str, Running] = {}
        self._spans: OrderedDict[str, Span] = OrderedDict()
        self._interrupted: OrderedDict[str, None] = OrderedDict()
        self.latencies = Latencies(setup, session)
        self.awaited = False
        """Whether a response has begun of which something has still to come: no delta needs to be
        looked at while it has not."""

    @property
    def idle(self) -> bool:
        """Whether no response runs."""
        return not self._running

    def context_of(self, response_id: str) -> Context:
        """The context of what a response leads to, also after its end."""
        span = self._spans.get(response_id)
        inside = self._session.context
        return inside if span is None else trace.set_span_in_context(span, inside)

    # --- what is heard of ------------------------------------------------------------------------

    def asking(self, turn: ResponseState) -> None:
        """A response is asked for: who asks has a span of their own, perhaps."""
        asker = trace.get_current_span().get_span_context()
        if asker.is_valid:
            self._askers[turn] = asker

    def sent(self, event: ResponseCreate) -> None:
        """A request goes out."""
        if isinstance(event.event_id, str):
            self._asked[event.event_id] = Asked()
            _limit(self._asked)

    def created(self, event: ResponseCreated) -> None:
        """The server begins a response."""
        id = string(peek(event.response, "id")) or ""
        if id not in self._running:
            self._begin(id, event.response)

    def piece(self, event: Any, *, sound: bool) -> None:
        """A piece of text or sound of a response."""
        running = self._running.get(string(event.response_id) or "")
        if running is not None:
            self.latencies.piece(running, sound=sound)
            self._look()

    def _look(self) -> None:
        self.awaited = any(each.silent or each.unheard for each in self._running.values())

    def done(self, event: ResponseDone) -> None:
        """A response has ended."""
        response = event.response
        id = string(peek(response, "id")) or ""
        if id not in self._running:
            if id in self._spans:
                return  # it has ended before
            self._begin(id, response)  # some servers tell of the end only
        status = string(peek(response, "status")) or "completed"
        reason = string(peek(peek(response, "status_details"), "reason"))
        running = self._running[id]
        if status == "cancelled":
            self.interrupted(id, reason or "cancelled")
        self._used(running.span, of_response(event))
        finish = answers.finish(response, status, reason)
        running.span.set_attribute(FINISH_REASONS, [finish])
        if self._setup.content and running.span.is_recording():
            running.span.set_attribute(OUTPUT_MESSAGES, content.output_messages(response, finish))
        self._end(id, answers.failure(response) if status == "failed" else None)

    def cancelled(self, event: Any) -> None:
        """What some servers send in place of the end of a cancelled response."""
        id = string(peek(event.payload, "response_id")) or next(iter(self._running), "")
        if id in self._running:
            self.interrupted(id, "cancelled")
            self._running[id].span.set_attribute(FINISH_REASONS, ["cancelled"])
            self._end(id, None)

    def refused(self, event: ErrorEvent) -> None:
        """The server did not take what was sent. What is sent again has not failed yet."""
        refusal = Refusal.of(event)
        asked = self._asked.pop(refusal.event_id or "", None)
        if asked is not None and not refusal.busy:
            self._unanswered(asked, refusal.code or "refused")

    def interrupted(self, id: str, reason: str) -> None:
        """A response was cut short, by the server or by this side; it counts once."""
        if id not in self._interrupted:
            self._interrupted[id] = None
            _limit(self._interrupted)
            self._setup.instruments.interruptions.add(1, {**self._about(), REASON: reason})
            self._session.note("voxwire.interruption", {RESPONSE_ID: id, REASON: reason})

    def cut_off(self, error: str | None = "connection_lost") -> None:
        """The connection is lost, and another one is tried: what ran is over, and may be asked for
        again; a request without an answer may still have one."""
        for id in tuple(self._running):
            self._running[id].span.set_attribute(FINISH_REASONS, ["error"])
            self._end(id, error)

    def broken(self, error: str | None) -> None:
        """The connection is gone; what ran on it has no other end.

        Args:
            error: the kind of failure; ``None`` where the end was asked for.
        """
        self.cut_off(error)
        asked, self._asked = self._asked, OrderedDict()
        if error is not None:
            for each in asked.values():
                self._unanswered(each, error)

    # --- how -------------------------------------------------------------------------------------

    def _about(self) -> dict[str, Any]:
        return {OPERATION: GENERATE, **self._session.attributes}

    def _begin(self, id: str, response: object) -> None:
        if not self._running:
            self._session.roll()
        turn = self._core.responses.turn_of(id)
        asked = self._asked.pop(turn.event_id or "", None) if turn is not None else None
        about = self._about() | answers.described(id, response)
        if turn is not None and turn.beside:
            about[BESIDE] = True
        span = self._start(about, asked, self._links(turn))
        if self._setup.content and span.is_recording():
            said = content.instructions(self._core.session)
            if said is not None:
                span.set_attribute(INSTRUCTIONS, said)
            new = content.input_messages(self._core.conversation, id)
            span.set_attribute(INPUT_MESSAGES, new)
        begun = asked.begun if asked is not None else time.monotonic()
        beside = turn is not None and turn.beside
        self._running[id] = Running(span, begun, asked is not None, beside)
        self._spans[id] = span
        _limit(self._spans)
        self.awaited = True

    def _start(self, about: dict[str, Any], asked: Asked | None, links: list[Link]) -> Span:
        model = self._session.model
        return self._setup.tracer.start_span(
            f"{GENERATE} {model}" if model else GENERATE,
            self._session.context,
            kind=SpanKind.CLIENT,
            attributes=about,
            links=links,
            start_time=asked.wall if asked is not None else None,
        )

    def _links(self, turn: ResponseState | None) -> list[Link]:
        if turn is None:
            return []
        links: list[Link] = []
        asker, last = self._askers.get(turn), turn.responses[-1].id if turn.responses else None
        if asker is not None:
            links.append(Link(asker, {LINK: "asked for by"}))
        before = self._spans.get(last) if isinstance(last, str) else None
        if before is not None:
            links.append(Link(before.get_span_context(), {LINK: "continues"}))
        return links

    def _used(self, span: Span, usage: Usage) -> None:
        counts = answers.counts(usage)
        if not counts:
            return
        span.set_attributes(counts)
        about, instruments = self._about(), self._setup.instruments
        instruments.tokens.record(usage.input.total, {**about, TOKEN_TYPE: "input"})
        instruments.tokens.record(usage.output.total, {**about, TOKEN_TYPE: "output"})
        bill = Entry(kind="response", model=self._session.model, usage=usage).cost(
            self._setup.prices
        )
        if bill.lines and not bill.unpriced:
            span.set_attribute(COST, float(bill.total))
            instruments.cost.add(float(bill.total), about)

    def _end(self, id: str, error: str | None) -> None:
        running = self._running.pop(id)
        self._fail(running.span, running.begun, error)
        self._look()

    def _unanswered(self, asked: Asked, error: str) -> None:
        self._fail(self._start(self._about(), asked, []), asked.begun, error)

    def _fail(self, span: Span, begun: float, error: str | None) -> None:
        about = self._about()
        if error is not None:
            about[ERROR_TYPE] = error
            span.set_attribute(ERROR_TYPE, error)
            span.set_status(Status(StatusCode.ERROR))
        span.end()
        self._setup.instruments.duration.record(time.monotonic() - begun, about)


def _limit(remembered: OrderedDict[str, Any]) -> None:
    while len(remembered) > REMEMBERED:
        remembered.popitem(last=False)
