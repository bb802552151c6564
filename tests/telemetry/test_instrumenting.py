"""Switching telemetry on and off, and what it costs where nobody does."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from collecting import Collected, attributes

import voxwire
import voxwire.sync
from voxwire import telemetry
from voxwire.emulator import Emulator
from voxwire.errors import InvalidOption
from voxwire.session.core import Core
from voxwire.session.session_observers import WATCHERS, watched
from voxwire.telemetry.setup import Place


async def test_one_session_of_either_face(server: Emulator, connect: Any) -> None:
    collected = Collected()
    async with connect(url=server.url, output_modalities=["text"]) as session:
        await session.say("unseen")
        instrumentation = telemetry.instrument_session(
            getattr(session, "inner", session), **collected.providers
        )
        seen = await session.say("seen")
        assert collected.sums("voxwire.sessions.open") == {(): 1}
        instrumentation.stop()
        assert collected.sums("voxwire.sessions.open") == {(): 0}
        await session.say("unseen again")
    assert attributes(collected.span("generate_content"))["gen_ai.response.id"] == seen.id
    assert attributes(collected.span("session"))["voxwire.session.id"].startswith("sess_")
    assert not WATCHERS


async def test_uninstrumented_sessions_report_nothing_more(server: Emulator) -> None:
    collected = Collected()
    telemetry.instrument(**collected.providers)
    server.on("go", call="work", arguments={})

    def work() -> str:
        """Work."""
        return "done"

    async with voxwire.connect(url=server.url, tools=[work]) as session:
        await session.say("Hi")
        telemetry.uninstrument()
        telemetry.uninstrument()  # again, for nothing
        before = len(collected.spans)
        await session.say("go")
    assert len(collected.spans) == before == 2
    assert collected.points("gen_ai.execute_tool.duration") == []


def test_a_second_time_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    collected = Collected()
    first = telemetry.instrument(**collected.providers)
    try:
        with caplog.at_level(logging.WARNING, "voxwire"):
            assert telemetry.instrument() is first
    finally:
        telemetry.uninstrument()
    assert "instrumented already" in caplog.text
    assert len(WATCHERS) == 0


@pytest.mark.parametrize("wrong", [None, "session", object()])
def test_what_is_no_session(wrong: Any) -> None:
    with pytest.raises(InvalidOption, match="is no session"):
        telemetry.instrument_session(wrong)


def test_what_is_no_length() -> None:
    with pytest.raises(InvalidOption, match="trace_seconds=-1"):
        telemetry.instrument(trace_seconds=-1)
    assert len(WATCHERS) == 0


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("true", True),
        ("SPAN_ONLY", True),
        ("span_and_event", True),
        ("1", True),
        ("false", False),
        ("no_content", False),
        ("event_only", False),
        ("", False),
        (None, False),
    ],
)
def test_the_conventions_switch_for_content(
    said: str | None, meant: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
    monkeypatch.delenv(name, raising=False)
    if said is not None:
        monkeypatch.setenv(name, said)
    from voxwire.telemetry.setup import wants_content

    assert wants_content(None) is meant
    assert wants_content(True) is True
    assert wants_content(False) is False


@pytest.mark.parametrize(
    ("address", "place"),
    [
        (
            "wss://api.openai.com/v1/realtime?model=gpt-realtime",
            ("openai", "api.openai.com", 443, "gpt-realtime", "conversation"),
        ),
        (
            "wss://api.openai.com/v1/realtime?call_id=rtc_1",
            ("openai", "api.openai.com", 443, None, "call"),
        ),
        (
            "wss://me.openai.azure.com/openai/v1/realtime?model=voice",
            ("azure.ai.openai", "me.openai.azure.com", 443, "voice", "conversation"),
        ),
        ("wss://api.x.ai/v1/realtime", ("x_ai", "api.x.ai", 443, None, "conversation")),
        (
            "ws://localhost:8765/v1/realtime/translations?model=t",
            ("openai", "localhost", 8765, "t", "translation"),
        ),
        (
            "wss://api.openai.com/v1/realtime?intent=transcription",
            ("openai", "api.openai.com", 443, None, "transcription"),
        ),
        ("", ("openai", "", None, None, "conversation")),
    ],
)
def test_where_a_session_leads_to(address: str, place: tuple[Any, ...]) -> None:
    assert Place.of(address) == Place(*place)


def test_the_command_of_opentelemetry_finds_it() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    value = declared["opentelemetry_instrumentor"]["voxwire"]
    instrumentor = EntryPoint("voxwire", value, "opentelemetry_instrumentor").load()()
    assert instrumentor.instrumentation_dependencies() == []
    collected = Collected()
    instrumentor.instrument(skip_dep_check=True, **collected.providers)
    assert len(WATCHERS) == 1
    instrumentor.uninstrument()
    assert len(WATCHERS) == 0


def test_a_fault_of_a_provider_fails_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    collected = Collected()
    telemetry.instrument(**collected.providers)
    core = Core()
    with watched(core):
        pass
    [observer] = telemetry.instrumentation._global._observers  # type: ignore[union-attr]
    observer._responses._setup = None  # type: ignore[assignment]
    with caplog.at_level(logging.ERROR, "voxwire"):
        core.received('{"type": "response.created", "event_id": "e", "response": {"id": "r"}}')
    assert "telemetry failed on ResponseCreated" in caplog.text
    assert core.conversation.usage.responses == 0
    telemetry.uninstrument()
    collected.shutdown()


ROOT = Path(__file__).resolve().parents[2]
CHECK = """
import sys, asyncio
import voxwire, voxwire.sync
from voxwire.emulator import Emulator

async def main():
    async with Emulator() as server:
        async with voxwire.connect(url=server.url) as session:
            await session.say("Hi")
            assert not session._core.around_tools and not session._core.asking
    assert not [name for name in sys.modules if name.startswith("opentelemetry")]

asyncio.run(main())
sys.modules["opentelemetry"] = None
try:
    import voxwire.telemetry
except ImportError as error:
    print(error)
"""


def test_it_is_not_there_where_it_is_not_used() -> None:
    path = os.pathsep.join(p for p in sys.path if p and Path(p).is_dir())
    done = subprocess.run(
        [sys.executable, "-c", CHECK],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == (
        "telemetry needs the OpenTelemetry API: pip install 'voxwire[otel]'"
    )


GLOBAL = """
import asyncio
from opentelemetry import metrics, trace
import voxwire
from collecting import Collected
from voxwire import telemetry
from voxwire.emulator import Emulator

telemetry.instrument()  # the providers may come later
collected = Collected()
trace.set_tracer_provider(collected.tracer_provider)
metrics.set_meter_provider(collected.meter_provider)

async def main():
    async with Emulator() as server:
        async with voxwire.connect(url=server.url) as session:
            await session.say("Hi")

asyncio.run(main())
print([span.name for span in collected.spans], collected.sums("voxwire.session.duration"))
"""


def test_the_global_providers() -> None:
    path = os.pathsep.join(p for p in sys.path if p and Path(p).is_dir())
    done = subprocess.run(
        [sys.executable, "-c", GLOBAL],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    model = "gpt-realtime-2.1"
    assert done.stdout.strip() == f"['generate_content {model}', 'session {model}'] {{(): 1}}"
