"""What many tests share: where the recordings lie, and the two faces of a session."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from faces import FACES

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def recordings_dir() -> Path:
    """The folder of recorded sessions, which is not part of the repository."""
    named = os.environ.get("VOXWIRE_RECORDINGS")
    folder = Path(named) if named else ROOT.parent / "shared" / "recordings"
    if not folder.is_dir():
        pytest.skip(f"no recordings in {folder}; name their folder with VOXWIRE_RECORDINGS")
    return folder


@pytest.fixture(params=["asyncio", "threads"])
def connect(request: pytest.FixtureRequest) -> Any:
    """``connect``, of either face: the threaded one behaves like the other one in it."""
    return FACES[request.param]
