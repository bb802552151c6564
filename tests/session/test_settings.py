"""Sessions of transcriptions and translations by everyday names."""

from __future__ import annotations

from typing import Any

import pytest
from voxwire_protocol import (
    AudioInput,
    AudioTranscription,
    NoiseReduction,
    PcmuAudioFormat,
    ServerVad,
    TranscriptionAudio,
    TranscriptionSession,
)

import voxwire
from voxwire import transcription_session, translation_session
from voxwire.errors import InvalidEvent, InvalidOption


def test_a_transcription_names_its_model_in_the_session() -> None:
    assert transcription_session().to_dict() == {
        "type": "transcription",
        "audio": {
            "input": {
                "transcription": {"model": "gpt-live-transcribe"},
                "turn_detection": None,  # the model refuses any
            }
        },
    }


def test_everything_that_a_transcription_can_be_told() -> None:
    made = transcription_session(
        model="gpt-transcribe",
        language="en",
        keywords=["Voxwire"],
        turn_detection=ServerVad(silence_duration_ms=300),
        noise_reduction="far_field",
        input_format="pcmu",
        include=["item.input_audio_transcription.logprobs"],
    )
    assert made == TranscriptionSession(
        audio=TranscriptionAudio(
            input=AudioInput(
                transcription=AudioTranscription(
                    model="gpt-transcribe", language="en", keywords=["Voxwire"]
                ),
                turn_detection=ServerVad(silence_duration_ms=300),
                noise_reduction=NoiseReduction(type="far_field"),
                format=PcmuAudioFormat(),
            )
        ),
        include=["item.input_audio_transcription.logprobs"],
    )


def test_a_base_stays_where_nothing_else_is_said() -> None:
    base = transcription_session(model="whisper-1", language="en")
    again = transcription_session(base=base, language="de")
    assert again.to_dict()["audio"]["input"]["transcription"] == {
        "model": "whisper-1",
        "language": "de",
    }
    assert transcription_session(base=base) == base


@pytest.mark.parametrize("model", [None, "gpt-live-transcribe", "gpt-realtime-whisper"])
def test_a_model_without_turns_has_none(model: str | None) -> None:
    named: Any = {} if model is None else {"model": model}
    made = transcription_session(**named).to_dict()
    assert made["audio"]["input"]["turn_detection"] is None
    said = f"{model or 'gpt-live-transcribe'} has no turn detection. Leave it out"
    with pytest.raises(InvalidOption, match=said):
        transcription_session(**named, turn_detection=ServerVad())


def test_a_model_with_turns_keeps_the_servers_default() -> None:
    made = transcription_session(model="gpt-transcribe").to_dict()
    assert "turn_detection" not in made["audio"]["input"]


def test_a_translation() -> None:
    made = translation_session(to="es", transcription="gpt-realtime-whisper")
    assert made.to_dict() == {
        "model": "gpt-realtime-translate",
        "audio": {
            "input": {"transcription": {"model": "gpt-realtime-whisper"}},
            "output": {"language": "es"},
        },
    }
    again = translation_session(base=made, model="m", transcription=None).to_dict()
    assert again["model"] == "m"
    assert again["audio"]["input"]["transcription"] is None
    assert again["audio"]["output"] == {"language": "es"}
    assert "audio" not in translation_session().to_dict()


@pytest.mark.parametrize(
    ("wrong", "kind", "message"),
    [
        (lambda: transcription_session(voice="marin"), InvalidOption, "a transcription 'voice'"),
        (lambda: translation_session(to="es", voice="marin"), InvalidOption, "translation 'voice'"),
        (lambda: voxwire.connect_transcription(api_key="k", instructions="x"),  # type: ignore[call-arg]
         InvalidOption, "argument 'instructions': expected one of"),
        (lambda: voxwire.connect_transcription(api_key="k", delay="never"),  # type: ignore[arg-type]
         InvalidEvent, "transcription.delay"),
        (lambda: voxwire.connect_translation(api_key="k", to=7),  # type: ignore[arg-type]
         InvalidEvent, "output.language"),
        (lambda: voxwire.connect_translation(api_key="k", to="es", speed=0), InvalidOption,
         "speed= is 1"),
        (lambda: voxwire.connect_transcription(server=voxwire.XAI(api_key="k")), InvalidOption,
         "no transcription sessions"),
    ],
)  # fmt: skip
def test_wrong_settings_are_told_at_once(wrong: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        wrong()
