"""What many tests share: where the recordings lie, the two faces of a session, and a browser."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import chromium
import pytest
from faces import FACES
from said import recorded_in

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """The command line, run within a test, turns the log to stderr: the next one finds it as it
    was."""
    logger = logging.getLogger("voxwire")
    handlers, level, propagate = list(logger.handlers), logger.level, logger.propagate
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)
    logger.propagate = propagate


@pytest.fixture(scope="session")
def recordings_dir() -> Path:
    """The folder of recorded sessions, which is not part of the repository."""
    named = os.environ.get("VOXWIRE_RECORDINGS")
    folder = Path(named) if named else ROOT.parent / "shared" / "recordings"
    if not folder.is_dir():
        pytest.skip(f"no recordings in {folder}; name their folder with VOXWIRE_RECORDINGS")
    return folder


@pytest.fixture(scope="session")
def recorded(recordings_dir: Path) -> list[Path]:
    """The recorded sessions; without those of GPT-Live, a protocol that is not here yet."""
    return recorded_in(recordings_dir)


@pytest.fixture(scope="session")
def recorded_live(recordings_dir: Path) -> list[Path]:
    """Recorded sessions of GPT-Live: frames that are unknown here."""
    return sorted((recordings_dir / "live").glob("*.jsonl"))


@pytest.fixture(params=["asyncio", "threads"])
def connect(request: pytest.FixtureRequest) -> Any:
    """``connect``, of either face: the threaded one behaves like the other one in it."""
    return FACES[request.param]


@pytest.fixture(scope="session")
def running_chromium() -> Iterator[chromium.Chromium]:
    """Chromium, started once for all tests that need it."""
    program = chromium.found()
    if program is None:
        pytest.skip("there is no Chromium; install it, or name it with VOXWIRE_CHROMIUM")
    try:
        running = chromium.Chromium(program)
    except (OSError, RuntimeError) as error:
        pytest.skip(f"{program} does not run here: {error}")
    yield running
    running.stop()


@pytest.fixture
async def browser(running_chromium: chromium.Chromium) -> AsyncIterator[chromium.Browser]:
    """A real browser: ``page = await browser.page("file:///...")``; see ``tests/chromium.py``."""
    async with chromium.Browser(running_chromium.url) as browser:
        yield browser
