"""OpenTelemetry for sessions: spans and metrics, with ``pip install 'voxwire[otel]'``.

``voxwire.telemetry.instrument()`` reports on all sessions that are opened from then on, through the
global providers or those that are given; :func:`instrument_session` on one alone. Texts and
arguments are left out unless they are asked for.
"""

from __future__ import annotations

try:
    from .instrumentation import (
        Instrumentation,
        VoxwireInstrumentor,
        instrument,
        instrument_session,
        uninstrument,
    )
except ModuleNotFoundError as error:  # an extra: said in words, if that is what is missing
    if (error.name or "").partition(".")[0] != "opentelemetry":
        raise
    raise ImportError(
        "telemetry needs the OpenTelemetry API: pip install 'voxwire[otel]'", name=error.name
    ) from error

__all__ = [
    "Instrumentation",
    "VoxwireInstrumentor",
    "instrument",
    "instrument_session",
    "uninstrument",
]
