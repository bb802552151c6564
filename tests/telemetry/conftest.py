from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from collecting import Collected

from voxwire import telemetry
from voxwire.emulator import Emulator


@pytest.fixture
def collected() -> Iterator[Collected]:
    """Every session is reported on, to this pair of providers."""
    collected = Collected()
    telemetry.instrument(**collected.providers)
    yield collected
    telemetry.uninstrument()
    collected.shutdown()


@pytest.fixture
async def server() -> Any:
    async with Emulator() as server:
        yield server
