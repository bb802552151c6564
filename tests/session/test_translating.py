"""Translations over a real socket: a pace without gaps, and an end that loses nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pybase64
import pytest
from manual_clock import ManualClock, settled

import voxwire
import voxwire.sync
from voxwire import SessionClosed, Translated
from voxwire.audio import silence
from voxwire.emulator import CloseAfter, Emulator, UserTurn
from voxwire.emulator.replay import ReplayServer
from voxwire.errors import ConnectionClosedError, InvalidEvent, InvalidOption
from voxwire.protocol.codec import TRANSLATION
from voxwire.recording.frames import Frame, read

FRAME = 9600


def _spanish(turn: UserTurn) -> str:
    return {"good morning all": "buenos días a todos", "thank you": "gracias"}[turn.text]


def _talk(server: Emulator) -> bytes:
    return (
        silence(300) + server.speech("good morning all") + silence(900) + server.speech("thank you")
    )


def _appended(server: Any, number: int = 0) -> list[bytes]:
    return [
        pybase64.b64decode(event["audio"])
        for event in server.connections[number].events
        if event["type"] == "session.input_audio_buffer.append"
    ]


async def _whole(session: voxwire.Translator, source: Any) -> list[Translated]:
    return [chunk async for chunk in session.translate(source)]


async def test_translations_come_in_the_order_of_the_speech() -> None:
    second = asyncio.Event()

    async def slow_at_first(turn: UserTurn) -> str:
        if turn.number == 0:
            await second.wait()
        second.set()
        return f"{_spanish(turn)}."

    async with Emulator(brain=slow_at_first) as server:
        async with voxwire.connect_translation(to="es", url=server.url, speed=None) as session:
            chunks = await _whole(session, _talk(server))
    assert "".join(chunk.text for chunk in chunks) == "buenos días a todos.gracias."


async def test_speech_goes_in_and_speech_comes_out() -> None:
    async with Emulator(brain=_spanish) as server:
        talk = _talk(server)
        async with voxwire.connect_translation(
            to="es", url=server.url, speed=None, transcription="gpt-realtime-whisper"
        ) as session:
            assert session.session.audio.output.language == "es"
            chunks = await _whole(session, talk)
        guest = server.connections[0]
    assert "".join(chunk.text for chunk in chunks) == "buenos días a todosgracias"
    assert "".join(chunk.source_text for chunk in chunks) == " good morning all thank you"
    assert len(b"".join(chunk.audio for chunk in chunks)) > FRAME
    assert (guest.path, guest.query) == (
        "/v1/realtime/translations",
        {"model": "gpt-realtime-translate"},
    )
    frames = _appended(server)
    assert {len(frame) for frame in frames} == {FRAME}
    assert b"".join(frames)[: len(talk)] == talk
    assert guest.events[-1]["type"] == "session.close"
    assert guest.closed is not None
    assert guest.closed.code == 1000


async def test_silence_fills_the_gaps_until_the_end() -> None:
    clock = ManualClock()
    async with Emulator(brain=_spanish) as server:
        async with voxwire.connect_translation(to="es", url=server.url, clock=clock) as session:
            await clock.wind(10.0)
            assert _appended(server) == []  # nothing is sent before there is anything to say
            await session.append_audio(b"\1" * FRAME * 3)
            await clock.wind(1.0)
            await _until(lambda: len(_appended(server)) == 6)
            await clock.wind(1.0)
            await _until(lambda: len(_appended(server)) == 11)
            assert [any(frame) for frame in _appended(server)] == [True] * 3 + [False] * 8
        assert server.connections[0].events[-1]["type"] == "session.close"


async def _until(true: Any) -> None:
    async with asyncio.timeout(5):
        while not true():
            await settled()


async def test_what_waits_is_sent_before_the_end() -> None:
    clock = ManualClock()
    async with Emulator(brain=_spanish) as server:
        talk = server.speech("thank you")
        async with voxwire.connect_translation(to="es", url=server.url, clock=clock) as session:
            deltas: list[Any] = []
            session.on("session.output_transcript.delta", deltas.append)
            await session.append_audio(talk)
            await session.close()
            with pytest.raises(ConnectionClosedError):
                await session.append_audio(talk)
        assert b"".join(_appended(server))[: len(talk)] == talk
    assert [delta.delta for delta in deltas] == ["gracias"]


async def test_closing_is_final_and_twice_is_once() -> None:
    async with Emulator() as server:
        async with voxwire.connect_translation(to="es", url=server.url) as session:
            closing = asyncio.create_task(session.close())
            await asyncio.sleep(0)
            with pytest.raises(InvalidOption, match="being closed"):
                await session.append_audio(b"\0\0")
            await closing
            await session.close()
        closes = [e for e in server.connections[0].events if e["type"] == "session.close"]
    assert len(closes) == 1


async def test_a_block_that_raises_does_not_wait_for_the_rest() -> None:
    async with Emulator() as server:
        with pytest.raises(KeyError):
            async with voxwire.connect_translation(to="es", url=server.url) as session:
                await session.append_audio(silence(200))
                raise KeyError
        assert session.closed is not None
        assert session.closed.expected
        assert "session.close" not in [e["type"] for e in server.connections[0].events]


async def test_a_server_that_says_no_goodbye_is_left(caplog: pytest.LogCaptureFixture) -> None:
    session = {"id": "s", "type": "translation", "model": "m"}
    script: list[dict[str, Any]] = [
        {"dir": "s2c", "event": {"type": "session.created", "event_id": "e", "session": session}},
        {"dir": "c2s", "event": {"type": "session.update", "session": {}}},
        {"dir": "s2c", "event": {"type": "session.updated", "event_id": "e", "session": session}},
    ]
    async with ReplayServer(script, hold=True) as server:
        async with voxwire.connect_translation(
            to="es", url=server.url, finish_timeout=0.01
        ) as live:
            assert await _whole(live, b"") == []
        assert server.connections[0].received[-1].type == "session.close"
    assert "not finished within 0.01 s" in caplog.text


async def test_a_connection_that_breaks_is_an_error() -> None:
    async with Emulator(faults=[CloseAfter(4, 1011, "broken")], brain=_spanish) as server:
        async with voxwire.connect_translation(to="es", url=server.url, speed=None) as session:
            with pytest.raises(ConnectionClosedError, match="1011"):
                await _whole(session, _talk(server))


async def test_it_offers_only_what_it_can_do() -> None:
    async with Emulator() as server:
        async with voxwire.connect_translation(to="es", url=server.url) as session:
            for name in ("say", "respond", "commit_audio", "clear_audio", "conversation", "tool"):
                assert not hasattr(session, name)
            with pytest.raises(InvalidEvent):
                await session.send({"type": "input_audio_buffer.commit"})


async def test_the_language_changes_on_the_way() -> None:
    async with Emulator() as server:
        async with voxwire.connect_translation(
            to="es", url=server.url, transcription="gpt-realtime-whisper"
        ) as session:
            await session.update(to="fr")
            assert session.session.audio.output.language == "fr"
            assert session.session.audio.input.transcription.model == "gpt-realtime-whisper"
        last = [e for e in server.connections[0].events if e["type"] == "session.update"][-1]
    assert last["session"] == {"audio": {"output": {"language": "fr"}}}


async def test_one_at_a_time() -> None:
    async with Emulator(brain=_spanish) as server:
        async with voxwire.connect_translation(to="es", url=server.url, speed=None) as session:
            first = session.translate(_talk(server))
            await anext(first)
            with pytest.raises(InvalidOption, match="one translate"):
                await anext(session.translate(b""))
            await first.aclose()


def test_a_piece_does_not_show_its_sound() -> None:
    shown = repr(Translated(audio=b"\1" * 9600, elapsed_ms=200))
    assert shown == ("Translated(audio=<9600 bytes>, text='', source_text='', elapsed_ms=200)")


async def test_a_recorded_translation(recordings_dir: Path) -> None:
    path = recordings_dir / "vercel_ai_speech_translation.jsonl"
    served = [e.event for e in read(path) if isinstance(e, Frame) and e.dir == "s2c"]
    # The client's half was not recorded: what it must have said goes where it belongs.
    script: list[dict[str, Any]] = [{"dir": "s2c", "event": event} for event in served]
    script.insert(1, {"dir": "c2s", "event": {"type": "session.update", "session": {}}})
    said = {"type": "session.input_audio_buffer.append", "audio": ""}
    script.insert(3, {"dir": "c2s", "event": said})
    script.insert(-1, {"dir": "c2s", "event": {"type": "session.close"}})
    seen: list[voxwire.Event] = []
    async with ReplayServer(script, timeout=10) as server:
        async with voxwire.connect_translation(to="es", url=server.url, speed=None) as session:
            chunks = await _whole(session, silence(200))
            seen += [event async for event in session]
    assert server.deviations == []
    assert [type(event) for event in seen[:-1]] == [
        TRANSLATION.server[event["type"]] for event in served
    ]
    assert isinstance(seen[-2], SessionClosed)
    for field, name in (
        ("source_text", "session.input_transcript.delta"),
        ("text", "session.output_transcript.delta"),
    ):
        text = "".join(getattr(chunk, field) for chunk in chunks)
        assert text == "".join(event["delta"] for event in served if event["type"] == name)
    assert text == "La rápida zorra marrón salta sobre el perro perezoso."
    assert b"".join(chunk.audio for chunk in chunks) == b"\1\2\3"
    assert [chunk.elapsed_ms for chunk in chunks] == [
        event["elapsed_ms"] for event in served if "elapsed_ms" in event
    ]


@pytest.mark.parametrize("option", [{"reconnect": voxwire.Reconnect()}, {"rotate": True}])
async def test_going_on_after_the_connection_is_not_promised(option: Any) -> None:
    for connect in (voxwire.connect_translation, voxwire.sync.connect_translation):
        with pytest.raises(InvalidOption, match=f"{next(iter(option))}=: a translation ends with"):
            connect(to="es", url="ws://127.0.0.1:1", **option)
    off: Any = {"reconnect": None, "rotate": False}
    voxwire.connect_translation(to="es", url="ws://127.0.0.1:1", **off)
