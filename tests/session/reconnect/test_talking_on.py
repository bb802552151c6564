"""A spoken conversation whose connection breaks: what the listener has heard, and hears again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

import voxwire
from benchmarks.soak.line import Line
from voxwire import Reconnect, Reconnected
from voxwire.emulator import Emulator
from voxwire.protocol.audio_format import Format

WORDS = " ".join(f"word{number}" for number in range(40))


class Ears:
    """Hears nothing; plays when it is told to."""

    def __init__(self) -> None:
        self.microphone, self.speaker = self._nothing(), self
        self.written, self.heard = b"", 0

    async def _nothing(self) -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    def open(self, input: Format, output: Format) -> None: ...

    def close(self) -> None: ...

    def write(self, data: bytes, /) -> None:
        self.written += data

    def flush(self) -> None: ...

    def clear(self) -> None:
        self.written = self.written[: self.heard]

    @property
    def played(self) -> float:
        return self.heard / 48

    @property
    def pending(self) -> float:
        return (len(self.written) - self.heard) / 48


@pytest.mark.parametrize("heard_ms", [0, 200])
async def test_nothing_is_heard_twice(heard_ms: int) -> None:
    ears = Ears()
    async with asyncio.timeout(20), Emulator() as server, Line(server.url) as line:
        server.on("long", reply=WORDS, hold=30)
        async with voxwire.connect(
            url=line.url, voice="marin", reconnect=Reconnect(first_delay=0.0)
        ) as session:
            talking = asyncio.create_task(session.talk(ears))
            await asyncio.sleep(0)
            answer = session.say("long")
            while len(ears.written) < 48 * 300:
                await asyncio.sleep(0.005)
            ears.heard = 48 * heard_ms
            async with session.expect(Reconnected, timeout=10) as back:
                line.cut()
            assert (await back).asked_again == 1
            while not answer.done:
                server.release()  # once it holds again
                await asyncio.sleep(0.005)
            spoken = [item for item in session.conversation if item.role == "assistant"]
            if heard_ms:
                assert spoken[0].audio_ms == heard_ms
                assert spoken[0].interrupted
            assert spoken[-1].completed
            # What was heard, and all of the new one: nothing of what was dropped.
            whole: Any = sum(item.audio_ms for item in spoken)
            while len(ears.written) < whole * 48:
                await asyncio.sleep(0.005)
            assert len(ears.written) == whole * 48
            assert session.playback.playing == spoken[-1].id
            talking.cancel()
            await asyncio.gather(talking, return_exceptions=True)
            assert session.playback.ear is None
            assert session.playback.hush is None
