"""What sessions have used, entry by entry: on recordings, by hand, and over real sockets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from said import SAID

import voxwire
import voxwire.sync
from voxwire.audio import silence
from voxwire.conversation.pricing import Price, SessionUsage
from voxwire.conversation.usage import Tokens, Transcribed, Usage, UsageRecord
from voxwire.emulator import Emulator
from voxwire.protocol.codec import REALTIME, TRANSLATION, Codec
from voxwire.recording.frames import Frame, read
from voxwire.session.core import Core


def usages(path: Path, codec: Codec = REALTIME) -> list[SessionUsage]:
    """What each connection in a recording has used."""
    cores = [Core(codec)]
    used = False
    for entry in read(path):
        if isinstance(entry, Frame):
            used = True
            frame = json.dumps(entry.event) if entry.raw is None else entry.raw
            if entry.dir == "c2s":
                cores[-1].sent(None, frame)
            else:
                cores[-1].received(frame)
        elif "url" in str(entry) and used:
            cores.append(Core(codec))
            used = False
    return [core.usage for core in cores]


def test_a_spoken_turn_to_the_cent(recordings_dir: Path) -> None:
    [usage] = usages(recordings_dir / "openai_ws__audio_in_server_vad_turn.jsonl")
    [heard, answered] = sorted(usage.entries, key=lambda entry: entry.kind, reverse=True)
    assert (heard.kind, heard.model) == ("transcription", "gpt-realtime-whisper")
    assert heard.usage.transcription == Transcribed(count=1, seconds=3)
    assert heard.cost().total == Decimal("0.00085")  # 0.05 min at $0.017
    assert (answered.id, answered.model) == ("resp_E6U0xfWhN878XBMhc0LKn", "gpt-realtime")
    assert answered.status == "completed"
    assert (answered.input, answered.output) == (
        Tokens(total=41, text=14, audio=27),
        Tokens(total=164, text=28, audio=136),
    )
    # 14 x $4 + 27 x $32 + 28 x $16 + 136 x $64, a million each
    assert answered.cost().total == Decimal("0.010072")
    assert usage.cost().total == Decimal("0.010922")
    assert usage.cost().unpriced == ()


def test_cached_tokens_of_a_tool_round_to_the_cent(recordings_dir: Path) -> None:
    [usage] = usages(recordings_dir / "openai_ws__tool_call_round.jsonl")
    called, answered = usage.by_response
    assert called.cost().total == Decimal("0.000604")  # 63 x $4 + 22 x $16
    # (103 - 64) x $4 + 64 x $0.4 + 13 x $16
    assert answered.cost().total == Decimal("0.0003896")
    assert answered.usage.cached == Tokens(total=64, text=64)
    assert usage.cost().total == Decimal("0.0009936")
    assert usage.responses == 2


def test_a_model_that_nobody_knows_has_its_tokens_by_response(recordings_dir: Path) -> None:
    [usage] = usages(recordings_dir / "xai_ws__tool_call_round.jsonl")
    assert [(e.model, e.input.total, e.output.audio) for e in usage.by_response] == [
        ("grok-voice-latest", 7, 104),
        ("grok-voice-latest", 0, 250),
    ]
    assert usage.cost().total == 0
    assert sum(line.quantity for line in usage.cost().unpriced) == 7 + 113 + 269
    own = {"grok-voice-latest": Price(text=Decimal(1), text_out=Decimal(2), audio_out=Decimal(3))}
    assert usage.cost(own).total == Decimal("0.001125")  # 7 x $1 + 28 x $2 + 354 x $3


@pytest.mark.parametrize("name", SAID)
def test_the_entries_are_the_whole(name: str, recordings_dir: Path) -> None:
    for usage in usages(recordings_dir / f"{name}.jsonl"):
        assert sum((entry.usage for entry in usage.entries), Usage()) == usage.usage
        assert len(usage.by_response) == usage.responses
        assert sum((e.cost().total for e in usage.entries), Decimal(0)) == usage.cost().total
        assert json.loads(json.dumps(usage.to_dict())) == usage.to_dict()


def test_many_sessions_make_one_bill(recordings_dir: Path) -> None:
    spoken, tools, other = (
        usages(recordings_dir / f"{name}.jsonl")[0]
        for name in (
            "openai_ws__audio_in_server_vad_turn",
            "azure_ws__tool_call_round",
            "xai_ws__text_in_audio_out_turn",
        )
    )
    whole = sum([spoken, tools, other])
    assert isinstance(whole, SessionUsage)
    assert whole.responses == 4
    assert whole.cost().total == spoken.cost().total + tools.cost().total
    assert (whole.model, spoken.model) == (None, "gpt-realtime")
    assert {line.model for line in whole.cost().unpriced} == {"grok-voice-latest"}
    table = str(whole.cost())
    assert "gpt-realtime: text input " in table
    assert "grok-voice-latest: text input " in table
    assert "gpt-realtime-whisper: transcription " in table
    assert (spoken + tools).model == "gpt-realtime"
    with pytest.raises(TypeError):
        spoken + 1  # type: ignore[operator]


def test_sums_without_entries_add_up_too() -> None:
    one = SessionUsage(
        usage=Usage(responses=1, output=Tokens(total=5, text=5)), model="gpt-realtime"
    )
    two = SessionUsage(
        usage=Usage(transcription=Transcribed(count=1, seconds=60)),
        model="gpt-realtime",
        transcription_model="gpt-realtime-whisper",
    )
    assert (one + two).cost().total == one.cost().total + two.cost().total == Decimal("0.01708")


def _session(**audio: Any) -> str:
    incoming = {"format": {"type": "audio/pcm", "rate": 24000}, **audio}
    session = {"type": "realtime", "model": "gpt-realtime-2.1", "audio": {"input": incoming}}
    return json.dumps({"type": "session.updated", "event_id": "e", "session": session})


def _transcribed(item: str, seconds: float) -> str:
    return json.dumps(
        {
            "type": "conversation.item.input_audio_transcription.completed",
            "event_id": "e", "item_id": item, "content_index": 0, "transcript": "x",
            "usage": {"type": "duration", "seconds": seconds},
        }
    )  # fmt: skip


def test_each_transcription_has_the_model_of_its_time() -> None:
    core = Core()
    core.received(_session(transcription={"model": "gpt-live-transcribe"}))
    core.received(_transcribed("a", 60))
    core.received(_session())  # what is left out stays as it is
    core.received(_transcribed("b", 60))
    core.received(_session(transcription={"model": "gpt-transcribe"}))
    core.received(_transcribed("c", 60))
    core.received(_session(transcription=None))
    core.received(_transcribed("d", 60))
    assert [(entry.id, entry.model) for entry in core.usage.entries] == [
        ("a", "gpt-live-transcribe"),
        ("b", "gpt-live-transcribe"),
        ("c", "gpt-transcribe"),
        ("d", None),
    ]
    assert core.usage.cost().total == Decimal("0.0385")
    assert [line.quantity for line in core.usage.cost().unpriced] == [1]


def test_a_bill_of_an_old_session_can_be_stored() -> None:
    core = Core()
    core.received(_session(transcription={"model": "gpt-live-transcribe"}))
    core.received(_transcribed("a", 30))
    stored = json.loads(json.dumps(core.conversation.snapshot()))
    conversation = voxwire.Conversation.restore(stored)
    assert conversation.spent == (
        UsageRecord(
            kind="transcription",
            id="a",
            model="gpt-live-transcribe",
            usage=Usage(transcription=Transcribed(count=1, seconds=30)),
        ),
    )
    usage = SessionUsage.of(conversation.usage, conversation.spent)
    assert usage.cost().total == Decimal("0.0085")


def test_what_is_translated_is_billed_by_the_minute(recordings_dir: Path) -> None:
    core = Core(TRANSLATION)
    path = recordings_dir / "vercel_ai_speech_translation.jsonl"
    described = next(entry.event for entry in read(path) if isinstance(entry, Frame))
    core.received(json.dumps(described))
    for _ in range(5):  # 6 s each
        event, frame = core.prepare(voxwire.SessionInputAudioBufferAppend(audio="A" * 384_000))
        core.sent(event, frame)
    usage = core.usage
    assert usage.translated == 30
    assert [(e.kind, e.model) for e in usage.entries] == [("translation", "gpt-realtime-translate")]
    assert str(usage.cost()).splitlines() == [
        "translation  0.5 minutes  $0.017000",
        "total                     $0.017000",
    ]
    assert usage.to_dict()["translated_seconds"] == 30


async def test_a_session_of_either_face(connect: Any) -> None:
    async with Emulator() as server:
        async with connect(url=server.url, output_modalities=["text"]) as session:
            first = await session.say("One two three")
            aside = await session.respond(conversation="none", instructions="Say it again.")
            usage = session.usage
    assert [entry.id for entry in usage.by_response] == [first.id, aside.id]
    assert {entry.model for entry in usage.by_response} == {"gpt-realtime-2.1"}
    assert usage.by_response[0].output.text == 3
    logged = usage.to_dict()
    assert logged["responses"] == 2
    assert logged["cost"]["complete"]
    assert logged["entries"][0]["cost"]["total"] > 0


@pytest.fixture
def server() -> Iterator[Emulator]:
    portal = voxwire.sync.Portal()
    emulator = Emulator(brain=lambda turn: "hola")
    portal.call(emulator.__aenter__())
    yield emulator
    portal.call(emulator.__aexit__(None, None, None))
    portal.close()


def test_a_translation_and_a_transcription_on_one_bill(server: Emulator) -> None:
    sound = silence(300) + server.speech("good morning") + silence(300)
    with voxwire.sync.connect_translation(to="es", url=server.url, speed=None) as translator:
        for _ in translator.translate([sound]):
            pass
        translated = translator.usage
    assert translated.model == "gpt-realtime-translate"
    assert translated.translated * 1000 >= len(sound) / 48
    with voxwire.sync.connect_transcription(url=server.url, language="en") as transcriber:
        list(transcriber.transcribe([sound], settle=0.05))
        written = transcriber.usage
    assert {line.model for line in written.cost().lines} == {"gpt-live-transcribe"}
    both = sum([translated, written])
    assert isinstance(both, SessionUsage)
    assert [line.unit for line in both.cost().lines] == ["minutes", "minutes"]
    assert both.cost().total == translated.cost().total + written.cost().total > 0
