"""What the other kinds of sessions give, as a type checker sees it. It is checked, not run."""

from __future__ import annotations

from typing import assert_type

import voxwire
import voxwire.sync


async def kinds() -> None:
    async with voxwire.connect_transcription(language="en", turn_detection=None) as transcriber:
        assert_type(transcriber, voxwire.Transcriber)
        async for line in transcriber.transcribe("meeting.wav"):
            assert_type(line.text, str)
            assert_type(line.start_ms, int | None)
        transcriber.say("Hello")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    async with voxwire.connect_translation(to="es", speed=None) as translator:
        assert_type(translator, voxwire.Translator)
        async for chunk in translator.translate([b"\0\0"]):
            assert_type(chunk.audio, bytes)
    async with voxwire.attach("rtc_1", instructions="Be brief.") as session:
        assert_type(session, voxwire.Session)
    voxwire.connect_translation()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    voxwire.connect_transcription(voice="marin")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def token() -> str:
    return ""


def servers() -> None:
    voxwire.connect(server=voxwire.Azure("r", deployment="d", credential=token))
    voxwire.connect(server=voxwire.XAI(api_key=token))
    voxwire.connect(server=voxwire.OpenAICompatible("wss://h.test/", key_form="api-key", flat=True))
    voxwire.connect(server="azure")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    voxwire.OpenAICompatible("wss://h.test/", key_form="basic")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def threads() -> None:
    with voxwire.sync.connect_transcription() as session:
        for line in session.transcribe("meeting.wav"):
            assert_type(line, voxwire.TranscriptLine)
