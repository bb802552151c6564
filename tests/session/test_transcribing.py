"""Transcriptions over a real socket: with turns found by the server, and by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from speech import apart, noisy, spoken

import voxwire
import voxwire.sync
from voxwire import ConnectionClosed, InputAudioBufferCommitted, TranscriptLine
from voxwire.audio import silence
from voxwire.emulator import CloseAfter, Emulator, Policy, Refuse
from voxwire.emulator.replay import ReplayServer
from voxwire.errors import (
    AuthenticationError,
    ConnectionClosedError,
    InvalidEvent,
    InvalidOption,
    PermissionDenied,
    ServerError,
)
from voxwire.protocol.audio_format import PCMU

VAD: Any = {"type": "server_vad", "silence_duration_ms": 500}
BY_SERVER: Any = {"model": "gpt-transcribe", "turn_detection": VAD}
SAID = ("good morning all", "let us begin", "any questions")


def _meeting(server: Emulator) -> bytes:
    return b"".join(silence(500) + server.speech(text) + silence(900) for text in SAID)


async def _read(session: voxwire.Transcriber, source: Any, **options: Any) -> list[TranscriptLine]:
    return [line async for line in session.transcribe(source, settle=0.05, **options)]


async def test_the_server_finds_the_lines() -> None:
    async with Emulator() as server:
        async with voxwire.connect_transcription(
            url=server.url, language="en", model="gpt-transcribe", turn_detection=VAD
        ) as session:
            assert session.session.audio.input.transcription.model == "gpt-transcribe"
            lines = await _read(session, _meeting(server))
            assert session.usage.usage.transcription.count == 3
            assert session.usage.cost().total > 0
        guest = server.connections[0]
    assert [line.text for line in lines] == list(SAID)
    starts = [line.start_ms for line in lines]
    assert starts == sorted(starts)  # type: ignore[type-var]
    assert starts[0] == 200  # half a second of silence, less 300 ms of padding
    assert all(line.end_ms > line.start_ms for line in lines)  # type: ignore[operator]
    assert lines[0].languages == ("en",)
    assert guest.query == {"intent": "transcription"}
    assert guest.path == "/v1/realtime"
    types = [event["type"] for event in guest.events]
    assert types[0] == "session.update"
    assert set(types) == {"session.update", "input_audio_buffer.append"}
    assert guest.events[0]["session"]["type"] == "transcription"


async def test_lines_are_cut_by_hand_where_nobody_finds_turns() -> None:
    async with Emulator() as server:
        sound = b"".join(server.speech(text) for text in SAID[:2])
        async with voxwire.connect_transcription(
            url=server.url, turn_detection=None, model="gpt-transcribe"
        ) as session:
            half = len(server.speech(SAID[0])) // 48
            lines = await _read(session, sound, segment_ms=half)
    assert [line.text for line in lines] == list(SAID[:2])
    assert [line.start_ms for line in lines] == [0, half]
    assert lines[1].end_ms == len(sound) // 48


async def test_the_last_cut_is_never_too_short_to_be_taken() -> None:
    async with Emulator() as server:
        async with voxwire.connect_transcription(url=server.url, turn_detection=None) as session:
            lines = await _read(session, silence(510), segment_ms=500)
    assert [(line.start_ms, line.end_ms) for line in lines] == [(0, 500), (500, 510)]


async def test_nothing_said_is_no_line() -> None:
    async with Emulator() as server:
        for detection in (VAD, None):
            async with voxwire.connect_transcription(
                url=server.url, model="gpt-transcribe", turn_detection=detection
            ) as session:
                assert await _read(session, b"") == []


async def test_sound_comes_from_files_pieces_and_iterators(tmp_path: Path) -> None:
    async with Emulator() as server:
        sound = _meeting(server)
        path = tmp_path / "meeting.wav"
        voxwire.write_wav(path, sound)

        async def pieces() -> AsyncIterator[bytes]:
            for at in range(0, len(sound), 4800):
                yield sound[at : at + 4800]

        def plain() -> Iterator[bytes]:
            for at in range(0, len(sound), 48_000):
                yield sound[at : at + 48_000]

        for source in (path, str(path), path.open("rb"), bytearray(sound), pieces(), plain()):
            async with voxwire.connect_transcription(
                url=server.url, model="gpt-transcribe", turn_detection=VAD
            ) as session:
                assert [line.text for line in await _read(session, source)] == list(SAID)
            if hasattr(source, "read"):
                source.close()


async def test_a_phones_sound() -> None:
    async with Emulator() as server:
        sound = silence(400, PCMU) + server.speech("hello from the phone", PCMU)
        async with voxwire.connect_transcription(
            url=server.url, input_format="pcmu", model="gpt-transcribe", turn_detection=VAD
        ) as session:
            [line] = await _read(session, sound)
    assert line.text == "hello from the phone"
    assert line.start_ms == 100


async def test_by_hand_event_by_event() -> None:
    async with Emulator() as server:
        server.hear("one", "two")
        async with voxwire.connect_transcription(url=server.url, turn_detection=None) as session:
            await session.append_audio(silence(200))
            await (await session.clear_audio()).acknowledged(5)
            with pytest.raises(InvalidOption, match="at least 100 ms"):
                await session.commit_audio()
            await session.append_audio(silence(200))
            name = "conversation.item.input_audio_transcription.completed"
            async with session.expect(name, timeout=5) as done:
                receipt = await session.commit_audio()
            committed = await receipt.acknowledged(5)
            assert isinstance(committed, InputAudioBufferCommitted)
            assert (await done).item_id == committed.item_id


async def test_it_offers_only_what_it_can_do() -> None:
    async with Emulator() as server:
        async with voxwire.connect_transcription(url=server.url) as session:
            with pytest.raises(InvalidEvent, match="no event that a client sends here"):
                await session.send(voxwire.ResponseCreate())
            for name in ("say", "respond", "interrupt", "talk", "tool", "conversation"):
                assert not hasattr(session, name)
        assert [event["type"] for event in server.connections[0].events] == ["session.update"]


async def test_settings_change_on_the_way() -> None:
    async with Emulator() as server:
        async with voxwire.connect_transcription(url=server.url, model="whisper-1") as session:
            await session.update(language="de", noise_reduction="near_field")
            incoming = session.session.audio.input
            assert incoming.transcription.model == "whisper-1"
            assert incoming.transcription.language == "de"
            assert incoming.noise_reduction.type == "near_field"


async def test_one_at_a_time_and_another_after_a_break() -> None:
    async with Emulator() as server:
        async with voxwire.connect_transcription(
            url=server.url, model="gpt-transcribe", turn_detection=VAD
        ) as session:
            first = session.transcribe(_meeting(server), settle=0.05)
            assert (await anext(first)).text == SAID[0]
            with pytest.raises(InvalidOption, match="one transcribe"):
                await anext(session.transcribe(b""))
            await first.aclose()
            await (await session.clear_audio()).acknowledged(5)
            said = silence(300) + server.speech("once more")
            assert (await _read(session, said))[-1].text == "once more"


@pytest.mark.parametrize("source", [7, None])
async def test_what_is_no_sound_is_told(source: Any) -> None:
    async with Emulator() as server:
        async with voxwire.connect_transcription(url=server.url) as session:
            with pytest.raises(InvalidOption, match="is no sound"):
                await _read(session, source)
            for options in ({"segment_ms": 10}, {"pause_ms": 10}):
                with pytest.raises(InvalidOption, match="at least 100 ms"):
                    await _read(session, b"", **options)
            with pytest.raises(InvalidOption, match="longest_ms=10: give 1000 or more"):
                await _read(session, b"", longest_ms=10)


async def test_a_source_that_fails_is_the_callers_to_see() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield silence(100)
        raise OSError("the microphone is unplugged")

    async with Emulator() as server:
        async with voxwire.connect_transcription(url=server.url) as session:
            with pytest.raises(OSError, match="unplugged"):
                await _read(session, broken())
            assert session.closed is None


async def test_a_connection_that_breaks_is_an_error() -> None:
    async with Emulator(faults=[CloseAfter(6, 1011, "broken")]) as server:
        async with voxwire.connect_transcription(
            url=server.url, model="gpt-transcribe", turn_detection=VAD
        ) as session:
            with pytest.raises(ConnectionClosedError, match="1011"):
                await _read(session, _meeting(server))


async def test_a_line_that_never_comes_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    began = {"type": "input_audio_buffer.speech_started", "event_id": "e", "item_id": "i"}
    detection = {"type": "server_vad", "silence_duration_ms": 1}
    session = {"type": "transcription", "audio": {"input": {"turn_detection": detection}}}
    update = {"dir": "c2s", "event": {"type": "session.update", "session": {}}}
    updated = {"type": "session.updated", "event_id": "e", "session": session}
    script: list[dict[str, Any]] = [
        {"dir": "s2c", "event": {**updated, "type": "session.created"}},
        update,
        {"dir": "s2c", "event": updated},
        {"dir": "c2s", "event": {"type": "input_audio_buffer.append", "audio": ""}},
        {"dir": "s2c", "event": {**began, "audio_start_ms": 0}},
        update,
        {"dir": "s2c", "event": updated},
    ]
    async with ReplayServer(script, hold=True) as server:
        async with voxwire.connect_transcription(url=server.url) as live:
            assert await _read(live, b"", patience=0.01) == []
    assert "1 lines did not come" in caplog.text


async def test_refusals_are_typed() -> None:
    async with Emulator(policy=Policy(api_keys=["sk-right"])) as server:
        with pytest.raises(AuthenticationError):
            await voxwire.connect_transcription(url=server.url, api_key="sk-wrong")
    async with Emulator(faults=[Refuse(403)]) as server:
        with pytest.raises(PermissionDenied):
            await voxwire.connect_transcription(url=server.url)


async def test_a_refused_setting_is_an_error_and_closes() -> None:
    async with Emulator() as server:
        real = voxwire.Transcriber.send

        async def wrong(self: Any, event: Any, **options: Any) -> Any:
            return await real(self, event, extra={"/session/bogus": 1})

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(voxwire.Transcriber, "send", wrong)
            with pytest.raises(ServerError, match="bogus"):
                await voxwire.connect_transcription(url=server.url)
        async with asyncio.timeout(5):
            while server.connections[0].closed is None:
                await asyncio.sleep(0)


async def test_it_is_recorded_and_iterated_like_any_session(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    async with Emulator() as server:
        async with voxwire.connect_transcription(url=server.url, record=path) as session:
            assert repr(session).startswith("<voxwire.Transcriber sess_")
            await session.close()
            events = [event async for event in session]
    assert [type(event).__name__ for event in events] == [
        "SessionCreated",
        "SessionUpdated",
        "ConnectionClosed",
    ]
    assert isinstance(events[-1], ConnectionClosed)
    assert "?intent=transcription" in path.read_text()


@pytest.mark.parametrize("option", [{"reconnect": voxwire.Reconnect()}, {"rotate": True}])
async def test_going_on_after_the_connection_is_not_promised(option: Any) -> None:
    said = f"{next(iter(option))}=: a transcription ends with"
    for connect in (voxwire.connect_transcription, voxwire.sync.connect_transcription):
        with pytest.raises(InvalidOption, match=said):
            connect(url="ws://127.0.0.1:1", **option)
    off: Any = {"reconnect": None, "rotate": False}
    voxwire.connect_transcription(url="ws://127.0.0.1:1", **off)


@pytest.mark.parametrize("model", [None, "gpt-live-transcribe", "gpt-realtime-whisper"])
async def test_without_turn_detection_it_commits_at_the_pauses(model: str | None) -> None:
    options: Any = {} if model is None else {"model": model}
    async with Emulator() as server:
        sound = _meeting(server) + silence(5000)
        async with voxwire.connect_transcription(url=server.url, **options) as session:
            assert session.session.audio.input.turn_detection is None
            lines = await _read(session, sound)
            with pytest.raises(InvalidOption, match="has no turn detection"):
                await session.update(turn_detection=VAD)
        events = server.connections[0].events
        length = [len(server.speech(text)) // 48 for text in SAID]
    assert [line.text for line in lines] == list(SAID)
    assert lines[0].start_ms == 500
    for line, ms in zip(lines, length, strict=True):
        assert abs(line.end_ms - line.start_ms - ms) <= 20  # type: ignore[operator]
    assert [event["type"] for event in events].count("input_audio_buffer.commit") == 3
    sent = sum(len(event.get("audio", "")) * 3 // 4 for event in events)
    assert sent < len(sound) - 48 * 4500  # silence is not sent, but for a little around the speech


async def test_real_speech_is_committed_phrase_by_phrase() -> None:
    phrases = ["Good morning all.", "Let us begin with the budget.", "Yes.", "Any questions?"]
    sound, places = apart([spoken(phrase) for phrase in phrases], 700)
    async with Emulator() as server:
        server.hear(*phrases)
        async with voxwire.connect_transcription(url=server.url) as session:
            lines = await _read(session, noisy(sound, -60))
    assert [line.text for line in lines] == phrases
    for line, (begins, ends) in zip(lines, places, strict=True):
        assert abs((line.start_ms or 0) - begins) < 80
        assert abs((line.end_ms or 0) - ends) < 80


async def test_speech_without_a_pause_becomes_several_lines() -> None:
    async with Emulator() as server:
        words = " ".join(["harbour"] * 12)
        async with voxwire.connect_transcription(url=server.url) as session:
            lines = await _read(session, server.speech(words), longest_ms=2000)
    assert len(lines) >= 3
    assert lines[0].start_ms == 0
    for one, other in pairwise(lines):
        assert one.end_ms == other.start_ms
        assert 500 < one.end_ms - one.start_ms <= 2000  # type: ignore[operator]


@pytest.mark.parametrize("model", ["gpt-live-transcribe", "gpt-realtime-whisper"])
async def test_a_model_that_knows_no_turns_refuses_turn_detection(model: str) -> None:
    hearing = {"transcription": {"model": model}, "turn_detection": VAD}
    update: Any = {"type": "transcription", "audio": {"input": hearing}}
    async with Emulator() as server:
        async with voxwire.connect_transcription(url=server.url) as session:
            wanted = voxwire.SessionUpdate.from_dict({"session": update})
            receipt = await session.send(wanted)
            with pytest.raises(voxwire.ServerError, match="Turn detection is not supported"):
                await receipt.acknowledged(10)
