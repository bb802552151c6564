"""What the tests of the code generator share: a small spec, generated once, and a way to run it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from codegen.pipeline import generate

MINI = Path(__file__).parent / "fixtures" / "mini"
Runner: TypeAlias = Callable[[Path, str], str]


@pytest.fixture(scope="session")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the small spec gives."""
    out = tmp_path_factory.mktemp("mini") / "generated"
    generate(MINI, out)
    return out


@pytest.fixture
def mini_specs(tmp_path: Path) -> Path:
    """A copy of the small spec, to be changed."""
    return Path(shutil.copytree(MINI, tmp_path / "specs"))


@pytest.fixture(scope="session")
def run_with() -> Runner:
    """Runs a program beside generated code, in a process of its own; gives what it prints."""

    def run(generated: Path, program: str) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            env={**os.environ, "PYTHONPATH": str(generated)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
