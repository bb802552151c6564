"""One session, as telemetry sees it: which event goes to which of its spans and counters.

It hears the events that matter through the router, as any subscriber does. What fails here is
logged, and fails nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import voxwire_protocol as protocol
from voxwire_protocol import Event

from ..conversation.item_state import peek, string
from ..conversation.pricing import Entry
from ..conversation.usage import of_transcription
from ..protocol.local_event import Overflow
from ..session.core import Core, log
from ..session.local_events import (
    ConnectionClosed,
    HandlerFailed,
    Reconnected,
    Reconnecting,
    ToolFailed,
)
from ..session.router import Subscription
from .names import (
    ATTEMPT,
    CLOSE_CODE,
    DROPPED,
    ERROR_TYPE,
    HANDLER,
    OPERATION,
    PLANNED,
    QUEUE,
    REQUEST_MODEL,
    SECONDS,
    TOKEN_TYPE,
    TRANSCRIBE,
)
from .response_spans import ResponseSpans
from .session_span import SessionSpan
from .setup import Place, Setup
from .tool_spans import ToolSpans

__all__ = ["TelemetryObserver"]


class TelemetryObserver:
    """Reports on one session until it ends, or until :meth:`stop`."""

    def __init__(
        self, setup: Setup, core: Core, ended: Callable[[TelemetryObserver], None]
    ) -> None:
        self._setup, self._core, self._ended = setup, core, ended
        self._begun = time.monotonic()
        self._open = self._over = False
        self._opening: dict[str, Any] = {}  # what it was counted under, to be taken off again
        self._close: ConnectionClosed | None = None
        self._session = SessionSpan(setup, Place.of(core.address))
        self._responses = ResponseSpans(setup, core, self._session)
        self._tools = ToolSpans(
            setup, core, self._responses.context_of, lambda: self._session.attributes
        )
        self._subscriptions: list[Subscription] = []
        self._asking = _guarded(self._responses.asking)
        self._listen()
        core.around_tools.append(self._tools.around)
        core.asking.append(self._asking)

    def _listen(self) -> None:
        responses, tools = self._responses, self._tools
        hear = self._hear
        for cls in (
            protocol.SessionCreated,
            protocol.SessionUpdated,
            protocol.TranslationSessionCreated,
            protocol.TranslationSessionUpdated,
        ):
            hear(cls, lambda event: self._session.described(event.session))
        hear(protocol.ResponseCreate, responses.sent)
        hear(protocol.ResponseCreated, responses.created)
        hear(protocol.ResponseDone, responses.done)
        hear("response.cancelled", responses.cancelled)
        hear(protocol.InputAudioBufferSpeechStarted, responses.latencies.user_speaks)
        hear(protocol.InputAudioBufferSpeechStopped, responses.latencies.user_spoke)
        hear(protocol.InputAudioBufferCommit, responses.latencies.user_spoke)
        hear(protocol.ConversationItemTruncate, self._truncated)
        hear(protocol.ConversationItemCreate, lambda event: tools.output_sent(event.item))
        hear(protocol.ConversationItemInputAudioTranscriptionCompleted, self._transcribed)
        hear(protocol.ResponseMcpCallInProgress, tools.hosted_begun)
        hear(protocol.ResponseMcpCallCompleted, tools.hosted_ended)
        hear(protocol.ResponseMcpCallFailed, partial(tools.hosted_ended, error="mcp_call_failed"))
        hear(protocol.ErrorEvent, self._refused)
        hear(protocol.SessionOutputTranscriptDelta, lambda _: self._quiet())
        hear(ToolFailed, tools.failed)
        hear(HandlerFailed, self._handler_failed)
        hear(Overflow, self._overflowed)
        hear(Reconnecting, self._reconnecting)
        hear(Reconnected, self._reconnected)
        hear(ConnectionClosed, self._closed)
        for piece in (
            protocol.ResponseOutputTextDelta,
            protocol.ResponseOutputAudioTranscriptDelta,
        ):
            self._subscribe(piece, self._text)
        self._subscribe(protocol.ResponseOutputAudioDelta, self._sound)

    def _hear(self, key: Any, sink: Callable[[Any], None]) -> None:
        self._subscribe(key, _guarded(sink))

    def _subscribe(self, key: type[Event] | str, sink: Callable[[Any], None]) -> None:
        self._subscriptions.append(self._core.router.subscribe((key,), sink))

    # Of all deltas only the first ones matter, so that most cost no more than this.

    def _text(self, event: Any) -> None:
        if self._responses.awaited:
            _guarded(partial(self._responses.piece, sound=False))(event)

    def _sound(self, event: Any) -> None:
        if self._responses.awaited:
            _guarded(partial(self._responses.piece, sound=True))(event)

    # --- the life of the session -----------------------------------------------------------------

    def opened(self) -> None:
        """The session is ready."""
        if self._over:
            return
        self._open = True
        took = time.monotonic() - self._begun
        self._begun = time.monotonic()
        self._setup.instruments.connecting.record(took, self._session.attributes)
        self._opening = self._session.attributes
        self._setup.instruments.sessions.add(1, self._opening)
        if self._close is not None:
            self._closed(self._close)

    def joined(self) -> None:
        """The session has been open for a while."""
        self._open = True
        self._session.described(self._core.session)
        self._opening = self._session.attributes
        self._setup.instruments.sessions.add(1, self._opening)
        if self._core.closed is not None:
            self._closed(self._core.closed)

    def failed(self, error: BaseException) -> None:
        """It could not be opened."""
        kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
        about = {**self._session.attributes, ERROR_TYPE: kind}
        self._setup.instruments.connecting.record(time.monotonic() - self._begun, about)
        self._finish(kind)

    def _closed(self, event: ConnectionClosed) -> None:
        if not self._open:
            self._close = event  # how the opening ends, is told next
            return
        failure = self._core.reading_error()
        self._finish(None if failure is None else str(event.code), {CLOSE_CODE: event.code})

    def stop(self) -> None:
        """Report nothing more."""
        self._finish(None)
        for subscription in self._subscriptions:
            subscription.cancel()
        self._tools.closed = True
        if self._asking in self._core.asking:
            self._core.asking.remove(self._asking)
        if self._tools.around in self._core.around_tools:
            self._core.around_tools.remove(self._tools.around)

    def _finish(self, error: str | None, extra: dict[str, Any] | None = None) -> None:
        if self._over:
            return
        self._over = True
        self._responses.broken(error)
        self._tools.broken()
        if self._open:
            about = self._session.attributes | ({ERROR_TYPE: error} if error else {})
            self._setup.instruments.lasting.record(time.monotonic() - self._begun, about)
            self._setup.instruments.sessions.add(-1, self._opening)
        self._session.end(error, **(extra or {}))
        self._ended(self)

    def _quiet(self) -> None:
        """A moment at which the session's span may be rolled over, if nothing runs."""
        if self._responses.idle and self._tools.idle and not self._over:
            self._session.roll()

    # --- what happens in it ----------------------------------------------------------------------

    def _reconnecting(self, event: Reconnecting) -> None:
        about: dict[str, Any] = {PLANNED: event.planned}
        if event.error is not None:
            about[ERROR_TYPE] = type(event.error).__qualname__
        elif event.closed is not None:
            about[ERROR_TYPE] = str(event.closed.code)
        self._setup.instruments.reconnect_attempts.add(1, self._session.attributes | about)
        self._session.note("voxwire.reconnecting", {**about, ATTEMPT: event.attempt})
        if not event.planned:  # before a planned move nothing is cut off
            self._responses.cut_off()

    def _reconnected(self, event: Reconnected) -> None:
        about = {**self._session.attributes, PLANNED: event.planned}
        self._setup.instruments.reconnects.add(1, about)
        self._setup.instruments.reconnecting.record(event.seconds, about)
        marks = {PLANNED: event.planned, ATTEMPT: event.attempt, SECONDS: event.seconds}
        self._session.note("voxwire.reconnected", marks)

    def _refused(self, event: protocol.ErrorEvent) -> None:
        code = string(peek(event.error, "code")) or string(peek(event.error, "type")) or "error"
        about = {**self._session.attributes, ERROR_TYPE: code}
        self._setup.instruments.errors.add(1, about)
        self._session.note("voxwire.server.error", {ERROR_TYPE: code})
        self._responses.refused(event)

    def _truncated(self, event: protocol.ConversationItemTruncate) -> None:
        item = self._core.conversation.get(event.item_id)
        if item is not None and item.response_id is not None:
            self._responses.interrupted(item.response_id, "truncated")

    def _transcribed(self, event: Any) -> None:
        used = of_transcription(event.usage)
        incoming: Any = peek(peek(self._core.session, "audio"), "input")
        model = string(peek(peek(incoming, "transcription"), "model"))
        about = {OPERATION: TRANSCRIBE, **self._session.attributes}
        about.pop(REQUEST_MODEL, None)
        if model is not None:
            about[REQUEST_MODEL] = model
        instruments, heard = self._setup.instruments, used.transcription
        if heard.seconds:
            instruments.transcribed.add(heard.seconds, about)
        if heard.input.total or heard.output.total:
            instruments.tokens.record(heard.input.total, {**about, TOKEN_TYPE: "input"})
            instruments.tokens.record(heard.output.total, {**about, TOKEN_TYPE: "output"})
        bill = Entry(kind="transcription", model=model, usage=used).cost(self._setup.prices)
        if bill.lines and not bill.unpriced:
            instruments.cost.add(float(bill.total), about)
        self._quiet()

    def _handler_failed(self, event: HandlerFailed) -> None:
        about = {HANDLER: event.handler, ERROR_TYPE: type(event.exception).__qualname__}
        self._setup.instruments.handler_failures.add(1, {**self._session.attributes, **about})
        self._session.note("voxwire.handler.failure", about)

    def _overflowed(self, event: Overflow) -> None:
        self._setup.instruments.dropped.add(1, {**self._session.attributes, QUEUE: event.queue})
        self._session.note("voxwire.overflow", {QUEUE: event.queue, DROPPED: event.dropped})


def _guarded(sink: Callable[[Any], None]) -> Callable[[Any], None]:
    def heard(event: Any) -> None:
        try:
            sink(event)
        except Exception:  # who looks on must not stop what goes on
            log.exception("telemetry failed on %s", type(event).__name__)

    return heard
