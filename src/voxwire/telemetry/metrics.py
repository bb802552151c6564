"""The instruments: what is counted and measured, in which unit, and in which buckets.

This module makes them. When something is recorded, it does not know.
"""

from __future__ import annotations

from opentelemetry.metrics import Meter

__all__ = ["Instruments"]

_SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
_LATENCY = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0]
"""Finer than the conventions' where it matters: what people feel in a conversation."""
_LONG = [1.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 14400.0]
_TOKENS = [4.0**power for power in range(14)]


class Instruments:
    """All instruments of one meter."""

    def __init__(self, meter: Meter) -> None:
        self.duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="From the request, or the server's own start, to the end of a response",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self.tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Tokens read and written by a response or a transcription",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )
        self.first_chunk = meter.create_histogram(
            "gen_ai.client.operation.time_to_first_chunk",
            unit="s",
            description="From the request for a response to its first piece of text or sound",
            explicit_bucket_boundaries_advisory=_LATENCY,
        )
        self.tool_duration = meter.create_histogram(
            "gen_ai.execute_tool.duration",
            unit="s",
            description="From the call of a tool to its output",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self.first_audio = meter.create_histogram(
            "voxwire.response.time_to_first_audio",
            unit="s",
            description="From the end of the user's speech, or the request, to the first sound",
            explicit_bucket_boundaries_advisory=_LATENCY,
        )
        self.connecting = meter.create_histogram(
            "voxwire.session.open.duration",
            unit="s",
            description="From the call to a session that is ready, or that could not be opened",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self.sessions = meter.create_up_down_counter(
            "voxwire.sessions.open", unit="{session}", description="Sessions that are open"
        )
        self.lasting = meter.create_histogram(
            "voxwire.session.duration",
            unit="s",
            description="How long a session was open",
            explicit_bucket_boundaries_advisory=_LONG,
        )
        self.interruptions = meter.create_counter(
            "voxwire.interruptions",
            unit="{interruption}",
            description="Responses that were cut short, or speech that was not heard to its end",
        )
        self.reconnects = meter.create_counter(
            "voxwire.reconnects",
            unit="{reconnect}",
            description="Moves of a session to another connection",
        )
        self.reconnect_attempts = meter.create_counter(
            "voxwire.reconnect.attempts",
            unit="{attempt}",
            description="Attempts to go on over another connection",
        )
        self.reconnecting = meter.create_histogram(
            "voxwire.reconnect.duration",
            unit="s",
            description="How long nothing could be sent, until a session went on",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self.dropped = meter.create_counter(
            "voxwire.queue.overflows",
            unit="{overflow}",
            description="Times that a queue of events was full and began to drop the oldest",
        )
        self.handler_failures = meter.create_counter(
            "voxwire.handler.failures", unit="{failure}", description="Handlers that raised"
        )
        self.tool_failures = meter.create_counter(
            "voxwire.tool.failures",
            unit="{failure}",
            description="Calls of tools that came to no result, the model's faults among them",
        )
        self.errors = meter.create_counter(
            "voxwire.server.errors", unit="{error}", description="Error events of the server"
        )
        self.cost = meter.create_counter(
            "voxwire.cost",
            unit="{USD}",
            description="What responses and transcriptions of models with a known price cost",
        )
        self.transcribed = meter.create_counter(
            "voxwire.transcription.audio",
            unit="s",
            description="Sound that was transcribed and is billed by its length",
        )
