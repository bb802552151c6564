"""The benchmarks run, each of them, as small as they go. What they take is not looked at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks import frames, plan
from benchmarks.processes import Processes


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    with Processes() as started:
        yield started


@pytest.mark.parametrize("step", ["reading", "writing", "sending", "waiting"])
def test_a_step_gives_figures(
    step: str, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "ALL", plan.FLOOR)
    figures = list(plan.STEPS[step](processes, plan.TINY))
    assert figures
    for each in figures:
        assert not each["absent"], each
        assert {"voxwire", "bare"} <= each["values"].keys(), each


@pytest.mark.parametrize("kind", ["small", "audio", "mix"])
def test_all_contenders_hear_all_events(kind: str, processes: Processes) -> None:
    for contender in plan.FLOOR:
        found = processes.ask(
            contender, "receive", url=processes.url, kind=kind, count=3000, limit=30
        )
        assert set(found) == {"cpu", "per second"}, found


def test_a_crowd_hears_all_that_was_sent(processes: Processes) -> None:
    for contender in plan.FLOOR:
        found = processes.ask(contender, "crowd", url=processes.url, count=2, seconds=0.3, limit=30)
        assert found["heard share"] > 0, found


def test_who_is_not_installed_is_said(processes: Processes) -> None:
    found = processes.ask("nobody", "send", url=processes.url, count=1)
    assert found == {"absent": "not installed (benchmarks.contenders.nobody)"}


def test_a_mix_without_recordings_is_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOXWIRE_RECORDINGS", "/nowhere")
    frames.recorded_frames.cache_clear()
    try:
        assert b'"session.created"' in frames.recorded_frames()[0]
        assert len(frames.recorded_frames()) > 100
    finally:
        frames.recorded_frames.cache_clear()
