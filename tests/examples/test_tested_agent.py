"""The agent with tests: its tests pass, they can fail, and its recording can be made anew."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from served import EXAMPLES

from voxwire.emulator import Emulator, load


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy, in which something may be changed."""
    target = tmp_path / "tested_agent"
    leave = shutil.ignore_patterns("__pycache__", ".pytest_cache")
    shutil.copytree(EXAMPLES / "tested_agent", target, ignore=leave)
    return target


def run(package: Path, *arguments: str) -> tuple[int, str]:
    """Its tests, as its author runs them: without a key."""
    environment = {name: text for name, text in os.environ.items() if "OPENAI" not in name}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *arguments],
        cwd=package,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_its_tests_pass(package: Path) -> None:
    code, said = run(package)
    assert code == 0, said
    assert "10 passed" in said


WRONG = (
    # What is there, what is put in its place, and which tests hear of it.
    ("1 <= people <= 8", "1 <= people <= 80", ["test_what_cannot_be"]),
    ("self.diary.book(evening, name, people)", "pass", ["by_voice", "outlives"]),
    ("Be brief and kind.", "Be brief.", ["test_a_table_on_friday"]),
)


def test_its_tests_fail_where_the_agent_is_wrong(package: Path) -> None:
    path = package / "front_desk" / "agent.py"
    for right, wrong, _ in WRONG:
        text = path.read_text()
        assert text.count(right) == 1
        path.write_text(text.replace(right, wrong))
    code, said = run(package)
    assert code == 1
    failed = [line for line in said.splitlines() if line.startswith("FAILED")]
    for _, _, names in WRONG:
        for name in names:
            assert any(name in line for line in failed), said
    assert "6 failed, 4 passed" in said


async def test_its_recording_can_be_made_anew(package: Path) -> None:
    recording = package / "tests" / "recordings" / "friday.jsonl"
    before = recording.read_text()
    script = load(package / "tests" / "model.json")
    async with Emulator(script=script) as server:
        how = ["--voxwire-record=all", "--voxwire-to", server.url, "tests/test_recorded.py"]
        code, said = await asyncio.to_thread(run, package, *how)
    assert code == 0, said
    after = recording.read_text()
    assert after != before
    assert len(after.splitlines()) == len(before.splitlines())
