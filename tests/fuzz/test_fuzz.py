"""A short run over all targets, always with the same chance; ``make fuzz`` is the long one."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import seeds
from .cases import FINDINGS, Case, Step, read
from .shrinking import cause, shrunk
from .targets import TARGETS

EACH = 100
"""Cases for each target."""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Hostile frames lead to log lines, which nobody wants to read here."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_breaks_a_target(name: str) -> None:
    target = TARGETS[name]
    for number in range(EACH):
        case = target.case(random.Random(f"{name}/{number}"), recordings=False)
        why = cause(target.play, case)
        if why is not None:
            small = shrunk(case, lambda other: cause(target.play, other) == why)  # noqa: B023
            steps = "\n".join(step.line() for step in small.steps)
            pytest.fail(f"{why}\n{steps}")


@pytest.mark.parametrize("path", sorted(FINDINGS.glob("*.jsonl")), ids=lambda path: path.stem)
def test_what_once_broke_a_target_does_so_no_more(path: Path) -> None:
    case = read(path)
    TARGETS[case.target].play(case)


@pytest.mark.parametrize("name", TARGETS)
def test_sound_sessions_break_nothing(name: str) -> None:
    """What holds for spoilt frames holds for the sound ones that they are made of."""
    family = name.split()[1]
    sides = {"c2s"} if name.startswith("emulator") else {"s2c", "c2s"}
    for session, frames in seeds.sessions().items():
        if not name.startswith(("desk", "webhook")) and session.startswith(family):
            steps = [Step(way, json.dumps(event)) for way, event in frames if way in sides]
            TARGETS[name].play(Case(name, tuple(steps)))


def test_a_finding_is_written_as_it_was_and_made_small(tmp_path: Path) -> None:
    case = Case("codec realtime", (Step("s2c", b"\xff"), Step("c2s", '{"a": [1, {"bb": "cc"}]}')))
    path = tmp_path / "case.jsonl"
    case.write(path)
    assert read(path) == case
    small = shrunk(case, lambda other: any('"bb"' in str(step.what) for step in other.steps))
    assert small.steps == (Step("c2s", '{"a":[{"bb":"c"}]}'),)


def test_the_same_seed_makes_the_same_case() -> None:
    for target in TARGETS.values():
        one, two = (target.case(random.Random(7), recordings=False) for _ in range(2))
        assert one == two
