"""A server in the place of the service, to which the examples find their way by the environment."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from served import EXAMPLES, KEY

from voxwire.emulator import Emulator, Policy


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Emulator]:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    async with Emulator(policy=Policy(api_keys=[KEY])) as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.http_url)
        yield running
