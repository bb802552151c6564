"""The programs of others: their environments, and how they are started.

An environment is installed once, and again when what is pinned for it changes. Where that is not
possible, what needs it is skipped, with the reason.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
PYTHON = HERE.parent / ".venv-peers"
NODE = HERE / "node"
INSTALL_SECONDS = 240
TALK_SECONDS = 60
OLDEST_NODE = 20


@pytest.fixture(scope="session")
def python() -> list[str]:
    """The Python that has other people's packages."""
    pinned = [HERE / "requirements.txt", HERE / "models-left-out.txt"]
    program = PYTHON / "bin" / "python"
    stamp = PYTHON / ".installed"
    if not _is_current(stamp, pinned):
        _install("a virtual environment", [sys.executable, "-m", "venv", str(PYTHON)])
        pip = [str(program), "-m", "pip", "--disable-pip-version-check", "install", "-q"]
        pip += ["--retries", "1", "--no-compile", "--no-deps", "--require-hashes"]
        for file in pinned:
            pip += ["-r", str(file)]
        _install("the Python peers", pip)
        stamp.write_text(_digest(pinned))
    return [str(program)]


@pytest.fixture(scope="session")
def node() -> list[str]:
    """The Node that has other people's packages."""
    pinned = [NODE / "package.json", NODE / "package-lock.json"]
    stamp = NODE / "node_modules" / ".installed"
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, timeout=30)
    if int(version.stdout.lstrip("v").split(".")[0] or 0) < OLDEST_NODE:
        pytest.skip(f"node {version.stdout.strip()} is older than {OLDEST_NODE}")
    if not _is_current(stamp, pinned):
        npm = ["npm", "ci", "--ignore-scripts", "--fetch-retries=1", "--loglevel=error"]
        _install("the Node peers", npm, cwd=NODE)
        stamp.write_text(_digest(pinned))
    return ["node"]


def _digest(files: Sequence[Path]) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _is_current(stamp: Path, files: Sequence[Path]) -> bool:
    return stamp.is_file() and stamp.read_text() == _digest(files)


def _install(what: str, command: list[str], cwd: Path = HERE) -> None:
    try:
        subprocess.run(
            command, cwd=cwd, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"{what} could not be installed in {INSTALL_SECONDS} s")
    except subprocess.CalledProcessError as error:
        told = [line for line in error.stderr.splitlines() if re.match("(npm )?error", line, re.I)]
        pytest.skip(f"{what} could not be installed: {'; '.join(told[:2]) or error}")


def _environment(extra: dict[str, str]) -> dict[str, str]:
    """This one, without what would send a client somewhere else than it is told."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OPENAI_", "PYTHON")) and not name.lower().endswith("_proxy")
    }
    return {**inherited, **extra}


@pytest.fixture
def talk(tmp_path: Path) -> Callable[..., Any]:
    """Run a client to its end, and give what it printed, read as JSON."""

    async def run(command: list[str], *arguments: str | Path, **extra: str) -> Any:
        process = await asyncio.create_subprocess_exec(
            *command,
            *map(str, arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(extra),
            cwd=tmp_path,
        )
        try:
            printed, noise = await asyncio.wait_for(process.communicate(), TALK_SECONDS)
        except TimeoutError:
            process.kill()
            printed, noise = await process.communicate()
            pytest.fail(f"{arguments[0]} hung; it said: {noise.decode()[-2000:]}")
        assert process.returncode == 0, noise.decode()[-4000:]
        return json.loads(printed.splitlines()[-1])

    return run


@pytest.fixture
def serving(tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[str]]:
    """Run a server while the block lasts; the block gets its URL."""

    @asynccontextmanager
    async def run(command: list[str], script: Path) -> AsyncIterator[str]:
        log = tmp_path / "server.log"
        with log.open("wb") as noise:
            process = await asyncio.create_subprocess_exec(
                *command,
                str(script),
                stdout=asyncio.subprocess.PIPE,
                stderr=noise,
                env=_environment({}),
                cwd=tmp_path,
            )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(TALK_SECONDS):
                while line := (await process.stdout.readline()).decode():
                    if line.startswith("listening on "):
                        break
                else:
                    pytest.fail(f"{script.name} did not start: {log.read_text()[-4000:]}")
            yield line.removeprefix("listening on ").strip()
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    return run
