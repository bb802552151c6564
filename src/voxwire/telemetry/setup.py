"""What an instrumentation was made with: where spans and metrics go, and what may be in them.

This module knows the providers and the environment. It sees no session.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs
from opentelemetry import metrics, trace

from ..conversation.pricing import Price
from .metrics import Instruments
from .names import PROVIDER, REQUEST_MODEL, SERVER_ADDRESS, SERVER_PORT

__all__ = ["Place", "Setup", "wants_content"]

CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""The conventions' own switch; what other instrumentations take as yes for spans is one here."""


def wants_content(asked: bool | None) -> bool:
    """Whether texts and arguments go into spans: as asked, else as the environment says."""
    if asked is not None:
        return asked
    return os.environ.get(CONTENT, "").strip().lower() in (
        "true",
        "1",
        "span_only",
        "span_and_event",
    )


@attrs.frozen(kw_only=True)
class Setup:
    """Where to, and what."""

    tracer: trace.Tracer
    instruments: Instruments
    content: bool
    prices: Mapping[str, Price] | None
    trace_seconds: float | None

    @classmethod
    def of(
        cls,
        *,
        tracer_provider: trace.TracerProvider | None,
        meter_provider: metrics.MeterProvider | None,
        content: bool | None,
        prices: Mapping[str, Price] | None,
        trace_seconds: float | None,
    ) -> Setup:
        """The global providers where none are given."""
        from .. import __version__

        return cls(
            tracer=trace.get_tracer("voxwire", __version__, tracer_provider),
            instruments=Instruments(metrics.get_meter("voxwire", __version__, meter_provider)),
            content=wants_content(content),
            prices=prices,
            trace_seconds=trace_seconds,
        )


@attrs.frozen
class Place:
    """Where a session leads to, as its address tells."""

    provider: str
    host: str
    port: int | None
    model: str | None
    """As the address names it."""
    kind: str
    """``conversation``, ``call``, ``transcription`` or ``translation``."""

    @classmethod
    def of(cls, address: str) -> Place:
        """Read an address."""
        parts = urlsplit(address)
        host, query = parts.hostname or "", parse_qs(parts.query)
        named = [*query.get("model", ()), *query.get("deployment", ())]
        kind = "conversation"
        if "call_id" in query:
            kind = "call"
        elif query.get("intent") == ["transcription"]:
            kind = "transcription"
        elif parts.path.rstrip("/").endswith("/translations"):
            kind = "translation"
        port = parts.port or (443 if parts.scheme == "wss" else 80)
        return cls(_provider(host), host, port if host else None, next(iter(named), None), kind)

    def attributes(self, model: str | None) -> dict[str, Any]:
        """What every span and most metrics carry."""
        found: dict[str, Any] = {PROVIDER: self.provider}
        if model:
            found[REQUEST_MODEL] = model
        if self.host:
            found[SERVER_ADDRESS] = self.host
        if self.port:
            found[SERVER_PORT] = self.port
        return found


def _provider(host: str) -> str:
    if host.endswith((".azure.com", ".azure.us", ".azure.cn")):
        return "azure.ai.openai"
    # Any other server is spoken with in OpenAI's protocol; its address tells it apart.
    return "x_ai" if host == "x.ai" or host.endswith(".x.ai") else "openai"
