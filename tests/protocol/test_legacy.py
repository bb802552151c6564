"""The sessions of the beta and those of today, converted both ways."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from voxwire import (
    UNSET,
    AudioInput,
    AudioOutput,
    AudioTranscription,
    CustomVoice,
    FunctionTool,
    InvalidOption,
    LegacyInputAudioTranscription,
    LegacySession,
    LegacySessionCreateRequest,
    LegacySessionCreateResponse,
    LegacyTranscriptionSessionCreateRequest,
    LegacyTurnDetection,
    McpTool,
    NoiseReduction,
    PcmaAudioFormat,
    PcmAudioFormat,
    PcmuAudioFormat,
    RealtimeAudio,
    RealtimeSession,
    Reasoning,
    RetentionRatioTruncation,
    SemanticVad,
    ServerVad,
    TranscriptionAudio,
    TranscriptionSession,
    Unknown,
    is_valid,
    problems,
)
from voxwire.protocol.legacy import from_legacy, left_out, to_legacy

TOOL = FunctionTool(name="tide_at", parameters={"type": "object"})
FLAT = LegacySession(
    id="sess_1",
    object="realtime.session",
    expires_at=5,
    modalities=["text", "audio"],
    model="gpt-realtime",
    instructions="Be brief.",
    voice="ash",
    input_audio_format="g711_ulaw",
    output_audio_format="g711_alaw",
    input_audio_transcription=AudioTranscription(model="whisper-1"),
    turn_detection=SemanticVad(eagerness="low"),
    input_audio_noise_reduction=NoiseReduction(type="near_field"),
    speed=1.1,
    tracing="auto",
    tools=[TOOL],
    tool_choice="required",
    max_response_output_tokens=200,
    truncation=RetentionRatioTruncation(retention_ratio=0.8),
    prompt=None,
    include=["item.input_audio_transcription.logprobs"],
)
NESTED = RealtimeSession(
    id="sess_1",
    object="realtime.session",
    expires_at=5,
    output_modalities=["audio"],
    model="gpt-realtime",
    instructions="Be brief.",
    audio=RealtimeAudio(
        input=AudioInput(
            format=PcmuAudioFormat(),
            transcription=AudioTranscription(model="whisper-1"),
            noise_reduction=NoiseReduction(type="near_field"),
            turn_detection=SemanticVad(eagerness="low"),
        ),
        output=AudioOutput(format=PcmaAudioFormat(), voice="ash", speed=1.1),
    ),
    tracing="auto",
    tools=[TOOL],
    tool_choice="required",
    max_output_tokens=200,
    truncation=RetentionRatioTruncation(retention_ratio=0.8),
    prompt=None,
    include=["item.input_audio_transcription.logprobs"],
)


def test_every_setting_of_the_beta_has_gone_somewhere() -> None:
    filled = {f.name for f in attrs.fields(LegacySession) if getattr(FLAT, f.name) is not UNSET}
    assert {f.name for f in attrs.fields(LegacySession)} - filled == {
        "temperature",
        "client_secret",
    }
    assert from_legacy(FLAT) == NESTED
    assert left_out(FLAT) == []


def test_and_back() -> None:
    assert to_legacy(NESTED) == FLAT
    assert from_legacy(to_legacy(NESTED)) == NESTED


def test_a_json_object_will_do() -> None:
    assert from_legacy(FLAT.to_dict()) == NESTED


@pytest.mark.parametrize(
    ("flat", "nested"),
    [(["text"], ["text"]), (["audio", "text"], ["audio"]), (["audio"], ["audio"]), ([], [])],
)
def test_speech_now_includes_its_text(flat: Any, nested: Any) -> None:
    assert from_legacy(LegacySession(modalities=flat)).to_dict()["output_modalities"] == nested


def test_nothing_comes_of_nothing() -> None:
    assert from_legacy(LegacySession()) == RealtimeSession()
    assert to_legacy(RealtimeSession()) == LegacySession()
    assert to_legacy(TranscriptionSession()) == LegacySession()


def test_null_is_not_the_same_as_left_out() -> None:
    flat = LegacySession(turn_detection=None, input_audio_transcription=None, tracing=None)
    audio = RealtimeAudio(input=AudioInput(turn_detection=None, transcription=None))
    nested = RealtimeSession(audio=audio, tracing=None)
    assert from_legacy(flat) == nested
    assert to_legacy(nested) == flat


def test_a_request_of_the_beta_becomes_one_of_today() -> None:
    request = LegacySessionCreateRequest(
        model="gpt-realtime",
        modalities=["text"],
        input_audio_format="pcm16",
        input_audio_transcription=LegacyInputAudioTranscription(model="whisper-1"),
        turn_detection=LegacyTurnDetection(threshold=0.4),
        voice=CustomVoice(id="voice_1"),
    )
    session = from_legacy(request)
    assert is_valid(session)
    assert session == RealtimeSession(
        model="gpt-realtime",
        output_modalities=["text"],
        audio=RealtimeAudio(
            input=AudioInput(
                format=PcmAudioFormat(rate=24000),
                transcription=AudioTranscription(model="whisper-1"),
                turn_detection=ServerVad(threshold=0.4),
            ),
            output=AudioOutput(voice=CustomVoice(id="voice_1")),
        ),
    )


def test_a_transcription_session_stays_one() -> None:
    request = LegacyTranscriptionSessionCreateRequest(
        input_audio_format="pcm16",
        input_audio_transcription=AudioTranscription(model="gpt-4o-transcribe", language="en"),
        input_audio_noise_reduction=None,
    )
    session = from_legacy(request)
    assert session == TranscriptionSession(
        audio=TranscriptionAudio(
            input=AudioInput(
                format=PcmAudioFormat(rate=24000),
                transcription=AudioTranscription(model="gpt-4o-transcribe", language="en"),
                noise_reduction=None,
            )
        )
    )
    reported = LegacySession(object="realtime.transcription_session", input_audio_format="pcm16")
    assert isinstance(from_legacy(reported), TranscriptionSession)
    assert isinstance(from_legacy(reported.to_dict()), TranscriptionSession)
    assert to_legacy(session).input_audio_transcription == request.input_audio_transcription


def test_an_answer_in_both_shapes_is_read_in_both() -> None:
    answer = LegacySessionCreateResponse.from_dict(
        {
            "output_modalities": ["text"],
            "max_output_tokens": 7,
            "audio": {"input": {"noise_reduction": None}, "output": {"voice": "ash"}},
            "turn_detection": {"threshold": 0.5},
            "client_secret": {"value": "ek_0123456789", "expires_at": 1},
        }
    )
    session = from_legacy(answer)
    assert session == RealtimeSession(
        output_modalities=["text"],
        max_output_tokens=7,
        audio=RealtimeAudio(
            input=AudioInput(noise_reduction=None, turn_detection=ServerVad(threshold=0.5)),
            output=AudioOutput(voice="ash"),
        ),
    )
    assert left_out(answer) == ["client_secret"]


def test_what_a_server_says_is_never_an_error() -> None:
    odd: dict[str, Any] = {
        "modalities": "audio",
        "voice": {"name": "en-US-Ava", "type": "azure-standard"},
        "input_audio_format": "opus",
        "output_audio_format": 5,
        "turn_detection": {"type": "azure_semantic_vad", "remove_filler_words": True},
        "input_audio_transcription": "whisper",
        "tools": None,
        "temperature": None,
        "avatar": {},
    }
    for session in (odd, LegacySession.from_dict(odd)):
        nested = from_legacy(session)
        assert isinstance(nested, RealtimeSession)
        values = nested.to_dict()
        assert values["output_modalities"] == "audio"
        assert values["audio"]["input"]["format"] == {"type": "opus"}
        assert values["audio"]["input"]["turn_detection"] == odd["turn_detection"]
        assert values["audio"]["output"]["format"] == 5
        assert isinstance(nested.audio, RealtimeAudio)
        assert isinstance(nested.audio.input, AudioInput)
        assert isinstance(nested.audio.input.turn_detection, Unknown)
        assert "$.output_modalities" in {problem.path for problem in problems(nested)}


def test_what_a_server_says_in_todays_shape_is_no_error_either() -> None:
    odd = {"type": "realtime", "tools": 5, "audio": {"input": 5, "output": None}, "include": 5}
    session = RealtimeSession.from_dict(odd)
    assert left_out(session) == []
    assert to_legacy(session).to_dict() == {"tools": 5, "include": 5}


@pytest.mark.parametrize(
    ("session", "lost"),
    [
        (LegacySession(temperature=0.8, voice="ash"), ["temperature"]),
        (RealtimeSession(reasoning=Reasoning(effort="low")), ["reasoning"]),
        (RealtimeSession(parallel_tool_calls=True, tools=[TOOL]), ["parallel_tool_calls"]),
        (RealtimeSession(tools=[TOOL, McpTool(server_label="crm")]), ["tools[1]"]),
        (
            RealtimeSession(
                audio=RealtimeAudio(input=AudioInput(format=PcmAudioFormat(rate=48000)))
            ),  # type: ignore[arg-type]
            ["audio/input/format"],
        ),
        (NESTED, []),
    ],
)
def test_what_has_no_counterpart_is_named(session: Any, lost: list[str]) -> None:
    assert left_out(session) == lost


def test_what_the_beta_did_not_have_is_refused_or_dropped() -> None:
    audio = RealtimeAudio(output=AudioOutput(format=Unknown("opus", {"type": "opus"})))
    session = RealtimeSession(
        model="m",
        reasoning=Reasoning(effort="low"),
        tools=[McpTool(server_label="crm"), TOOL],
        audio=audio,
    )
    with pytest.raises(InvalidOption, match=r"no audio/output/format, no reasoning, no tools\[0\]"):
        to_legacy(session)
    assert to_legacy(session, drop=True) == LegacySession(model="m", tools=[TOOL])
