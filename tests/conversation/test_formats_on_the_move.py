"""What the user said is heard again over another connection, whatever format it is in."""

from __future__ import annotations

import base64

import pytest

import voxwire
from voxwire import Reconnect, ResponseDone
from voxwire.audio import silence
from voxwire.emulator import Emulator
from voxwire.protocol.audio_format import PCM16, PCMA, PCMU, Format


@pytest.mark.parametrize(
    ("name", "format"), [("pcm", PCM16), ("pcmu", PCMU), ("pcma", PCMA)], ids=str
)
async def test_speech_is_heard_again(name: str, format: Format) -> None:
    async with Emulator() as server:
        server.on("a story", reply="Once upon a time.", fault="cut:2", times=1)
        server.on("a story", reply="Where were we?")
        speech = server.speech("Tell me a story", format) + silence(800, format)
        async with voxwire.connect(
            url=server.url,
            input_format=name,
            output_format=name,
            reconnect=Reconnect(first_delay=0),
        ) as session:
            async with session.expect(ResponseDone, timeout=20):
                await session.append_audio(speech)
            assert session.conversation[-1].transcript == "Where were we?"
            assert [item.role for item in session.conversation] == ["user", "assistant"]
        first, second = (
            b"".join(base64.b64decode(e["audio"]) for e in guest.events if "audio" in e)
            for guest in server.connections
        )
        assert first == speech
        assert speech.endswith(second)
        assert second.startswith(server.speech("Tell me a story", format)[:1000])
