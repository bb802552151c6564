"""Those who watch sessions: asked for each one, told of those that fail, and never in the way."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

import voxwire
from voxwire.emulator import Emulator
from voxwire.errors import ConnectRefused
from voxwire.session.core import Core
from voxwire.session.session_observers import WATCHERS


class Seen:
    def __init__(self) -> None:
        self.cores: list[Core] = []
        self.errors: list[BaseException] = []
        self.tools: list[Any] = []
        self.open = 0

    def opened(self) -> None:
        self.open += 1

    def __call__(self, core: Core) -> Seen:
        self.cores.append(core)
        core.around_tools.append(self._around)
        return self

    def failed(self, error: BaseException) -> None:
        self.errors.append(error)

    async def _around(self, call: Any, work: Any) -> Any:
        outcome = await work()
        self.tools.append((call.name, outcome.output, outcome.fault))
        return outcome


@pytest.fixture
def seen() -> Iterator[Seen]:
    watcher = Seen()
    WATCHERS.append(watcher)
    yield watcher
    WATCHERS.remove(watcher)


async def test_a_watcher_is_asked_for_each_session(connect: Any, seen: Seen) -> None:
    async with Emulator() as server:
        async with connect(url=server.url + "?api_key=sk-1234567890") as session:
            asked = []
            seen.cores[0].asking.append(asked.append)
            await session.say("Hi")
    assert "sk-1234567890" not in seen.cores[0].address
    assert seen.cores[0].address.startswith("ws://127.0.0.1:")
    assert len(asked) == 1
    assert (seen.open, seen.errors) == (1, [])


async def test_a_session_that_fails_is_told(seen: Seen) -> None:
    with pytest.raises(ConnectRefused) as refused:
        await voxwire.connect(url="ws://127.0.0.1:9/v1/realtime")
    assert (seen.open, seen.errors) == (0, [refused.value])


async def test_a_call_goes_through_those_around_it(connect: Any, seen: Seen) -> None:
    def rain(city: str) -> str:
        """Whether it rains."""
        return f"yes, in {city}"

    async with Emulator() as server:
        server.script.on("Oslo", call="rain", arguments={"city": "Oslo"})
        server.script.on("Bergen", call="rain", arguments={})
        async with connect(url=server.url, tools=[rain]) as session:
            await session.say("Oslo?")
            await session.say("Bergen?")
    assert seen.tools[0] == ("rain", "yes, in Oslo", None)
    assert seen.tools[1][2] == "invalid_arguments"


async def test_a_watcher_that_fails_is_not_in_the_way(caplog: pytest.LogCaptureFixture) -> None:
    def broken(core: Core) -> None:
        raise RuntimeError("oh")

    WATCHERS.append(broken)
    try:
        async with Emulator() as server:
            with caplog.at_level(logging.ERROR, "voxwire"):
                async with voxwire.connect(url=server.url) as session:
                    assert (await session.say("Hi")).transcript
    finally:
        WATCHERS.remove(broken)
    assert "watches not" in caplog.text
