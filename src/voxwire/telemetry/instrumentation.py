"""Switching telemetry on and off: for all sessions of the process, or for one.

This module knows whom to watch. What is reported, the observers know.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from ..conversation.pricing import Price
from ..errors import InvalidOption
from ..session.core import Core, log
from ..session.session_observers import WATCHERS
from .session_observer import TelemetryObserver
from .setup import Setup

__all__ = [
    "TRACE_SECONDS",
    "Instrumentation",
    "VoxwireInstrumentor",
    "instrument",
    "instrument_session",
    "uninstrument",
]

TRACE_SECONDS = 900.0
"""How long a session's span lasts before another one takes over, in a trace of its own."""


class Instrumentation:
    """Telemetry of some sessions; :meth:`stop` ends it."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._observers: set[TelemetryObserver] = set()

    def watch(self, core: Core) -> TelemetryObserver:
        """Report on the session of `core`, which is about to be opened."""
        observer = TelemetryObserver(self._setup, core, self._observers.discard)
        self._observers.add(observer)
        return observer

    def stop(self) -> None:
        """Report nothing more. The open spans of running sessions end now."""
        if self.watch in WATCHERS:
            WATCHERS.remove(self.watch)
        for observer in tuple(self._observers):
            observer.stop()


_global: Instrumentation | None = None


def instrument(
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    content: bool | None = None,
    prices: Mapping[str, Price] | None = None,
    trace_seconds: float | None = TRACE_SECONDS,
) -> Instrumentation:
    """Report on all sessions that are opened from now on, of every kind and both faces.

    Called again without :func:`uninstrument` it changes nothing, and logs a warning.

    Args:
        tracer_provider: where spans go; the global provider where it is left out.
        meter_provider: where metrics go; the global provider where it is left out.
        content: whether texts, arguments and results go into spans. Left out, the environment
            decides: ``OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT``; without that, no.
        prices: of your own, by model; see :meth:`SessionUsage.cost`.
        trace_seconds: after how many seconds the span of a session ends and another one begins in
            a trace of its own, linked to it; ``None`` keeps a session in one trace, however long.

    Raises:
        InvalidOption: `trace_seconds` is less than nothing.
    """
    global _global
    if _global is not None:
        log.warning("voxwire is instrumented already: call voxwire.telemetry.uninstrument() first")
        return _global
    _global = Instrumentation(
        _setup(
            tracer_provider=tracer_provider,
            meter_provider=meter_provider,
            content=content,
            prices=prices,
            trace_seconds=trace_seconds,
        )
    )
    WATCHERS.append(_global.watch)
    return _global


def uninstrument() -> None:
    """Undo :func:`instrument`; the open spans of running sessions end now."""
    global _global
    if _global is not None:
        _global.stop()
        _global = None


def instrument_session(
    session: Any,
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    content: bool | None = None,
    prices: Mapping[str, Price] | None = None,
    trace_seconds: float | None = TRACE_SECONDS,
) -> Instrumentation:
    """Report on one open session, of either face, from now on. Arguments as for :func:`instrument`.

    Raises:
        InvalidOption: it is no session.
    """
    inner = getattr(session, "_inner", session)
    core, portal = getattr(inner, "_core", None), getattr(session, "_portal", None)
    if not isinstance(core, Core):
        raise InvalidOption(f"{type(session).__name__} is no session: give what connect() gave")
    instrumentation = Instrumentation(
        _setup(
            tracer_provider=tracer_provider,
            meter_provider=meter_provider,
            content=content,
            prices=prices,
            trace_seconds=trace_seconds,
        )
    )
    begin = partial(_begin, instrumentation, core)
    if portal is None:
        begin()
    else:
        portal.run(begin)  # a session belongs to its own thread
    return instrumentation


def _begin(instrumentation: Instrumentation, core: Core) -> None:
    observer = instrumentation.watch(core)
    observer.joined()


def _setup(**options: Any) -> Setup:
    seconds = options["trace_seconds"]
    if seconds is not None and seconds < 0:
        raise InvalidOption(f"trace_seconds={seconds}: give 0 or more, or None for one trace")
    return Setup.of(**options)


class VoxwireInstrumentor:
    """What ``opentelemetry-instrument`` calls: the shape of its instrumentors."""

    def instrumentation_dependencies(self) -> list[str]:
        """None: it comes with what it instruments."""
        return []

    def instrument(self, **options: Any) -> None:
        """See :func:`instrument`; other options, which such commands pass, are left aside."""
        known = {"tracer_provider", "meter_provider", "content", "prices", "trace_seconds"}
        instrument(**{name: value for name, value in options.items() if name in known})

    def uninstrument(self, **_: Any) -> None:
        """See :func:`uninstrument`."""
        uninstrument()
