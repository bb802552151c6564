"""Every setting by its everyday name, and the session or response that it makes on the wire."""

from __future__ import annotations

import json
from typing import Any

import pytest
from voxwire_protocol import (
    UNSET,
    AudioInput,
    AudioTranscription,
    CustomVoice,
    FunctionTool,
    ItemReference,
    NoiseReduction,
    PcmuAudioFormat,
    Prompt,
    RealtimeAudio,
    RealtimeSession,
    Reasoning,
    ResponseCreate,
    RetentionRatioTruncation,
    SemanticVad,
    ServerVad,
    SessionUpdate,
    ToolChoiceFunction,
    TracingConfig,
    TranscriptionSession,
)

import voxwire
from voxwire.errors import InvalidEvent, InvalidOption
from voxwire.protocol.codec import REALTIME
from voxwire.session.options import (
    ResponseOptions,
    SessionOptions,
    realtime_session,
    response_params,
)


def session(**options: Any) -> Any:
    """The session object on the wire."""
    update = SessionUpdate(session=realtime_session(**options))
    sent = json.loads(REALTIME.encode(REALTIME.event(update)))["session"]
    assert sent.pop("type") == "realtime"
    return sent


def response(**options: Any) -> Any:
    create = ResponseCreate(response=response_params(**options))
    return json.loads(REALTIME.encode(REALTIME.event(create)))["response"]


def inward(**fields: Any) -> dict[str, Any]:
    return {"audio": {"input": fields}}


def outward(**fields: Any) -> dict[str, Any]:
    return {"audio": {"output": fields}}


VAD = {"type": "server_vad", "threshold": 0.5}
PCM = {"type": "audio/pcm", "rate": 24000}
ULAW = {"type": "audio/pcmu"}
CUT = {"type": "retention_ratio", "retention_ratio": 0.5}
ONE = {"type": "function", "name": "f"}
LOGPROBS = ["item.input_audio_transcription.logprobs"]

SESSION: list[tuple[str, Any, Any]] = [
    ("instructions", "Be brief.", {"instructions": "Be brief."}),
    ("instructions", "", {"instructions": ""}),
    ("output_modalities", ["text"], {"output_modalities": ["text"]}),
    ("voice", "marin", outward(voice="marin")),
    ("voice", CustomVoice(id="voice_1"), outward(voice={"id": "voice_1"})),
    ("voice", {"id": "voice_1"}, outward(voice={"id": "voice_1"})),
    ("speed", 1.25, outward(speed=1.25)),
    ("turn_detection", None, inward(turn_detection=None)),
    ("turn_detection", ServerVad(threshold=0.5), inward(turn_detection=VAD)),
    ("turn_detection", VAD, inward(turn_detection=VAD)),
    ("turn_detection", SemanticVad(), inward(turn_detection={"type": "semantic_vad"})),
    ("transcription", "gpt-transcribe", inward(transcription={"model": "gpt-transcribe"})),
    ("transcription", AudioTranscription(language="en"), inward(transcription={"language": "en"})),
    ("transcription", {"language": "en"}, inward(transcription={"language": "en"})),
    ("transcription", None, inward(transcription=None)),
    ("noise_reduction", "far_field", inward(noise_reduction={"type": "far_field"})),
    ("noise_reduction", NoiseReduction(type="near_field"),
     inward(noise_reduction={"type": "near_field"})),
    ("noise_reduction", {"type": "near_field"}, inward(noise_reduction={"type": "near_field"})),
    ("noise_reduction", None, inward(noise_reduction=None)),
    ("input_format", "pcm", inward(format=PCM)),
    ("input_format", "pcma", inward(format={"type": "audio/pcma"})),
    ("input_format", PcmuAudioFormat(), inward(format=ULAW)),
    ("input_format", ULAW, inward(format=ULAW)),
    ("output_format", "pcmu", outward(format=ULAW)),
    ("tool_choice", "required", {"tool_choice": "required"}),
    ("tool_choice", ToolChoiceFunction(name="f"), {"tool_choice": ONE}),
    ("tool_choice", ONE, {"tool_choice": ONE}),
    ("parallel_tool_calls", False, {"parallel_tool_calls": False}),
    ("reasoning", "low", {"reasoning": {"effort": "low"}}),
    ("reasoning", Reasoning(effort="high"), {"reasoning": {"effort": "high"}}),
    ("reasoning", {"effort": "low"}, {"reasoning": {"effort": "low"}}),
    ("max_output_tokens", 100, {"max_output_tokens": 100}),
    ("max_output_tokens", "inf", {"max_output_tokens": "inf"}),
    ("truncation", "disabled", {"truncation": "disabled"}),
    ("truncation", RetentionRatioTruncation(retention_ratio=0.5), {"truncation": CUT}),
    ("truncation", CUT, {"truncation": CUT}),
    ("tracing", "auto", {"tracing": "auto"}),
    ("tracing", None, {"tracing": None}),
    ("tracing", TracingConfig(workflow_name="w"), {"tracing": {"workflow_name": "w"}}),
    ("tracing", {"workflow_name": "w"}, {"tracing": {"workflow_name": "w"}}),
    ("prompt", Prompt(id="p"), {"prompt": {"id": "p"}}),
    ("prompt", {"id": "p"}, {"prompt": {"id": "p"}}),
    ("prompt", None, {"prompt": None}),
    ("include", LOGPROBS, {"include": LOGPROBS}),
    ("model", "m", {"model": "m"}),
    ("tools", [FunctionTool(name="f")], {"tools": [ONE]}),
    ("tools", [ONE], {"tools": [ONE]}),
    ("tools", (), {"tools": []}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "made"), SESSION)
def test_each_setting_of_a_session(name: str, value: Any, made: dict[str, Any]) -> None:
    assert session(**{name: value}) == made


def test_no_setting_of_a_session_is_left_out() -> None:
    assert {name for name, _, _ in SESSION} == {*SessionOptions.__annotations__, "model", "tools"}


RESPONSE: list[tuple[str, Any, Any]] = [
    ("instructions", "Sum up.", {"instructions": "Sum up."}),
    ("output_modalities", ["audio"], {"output_modalities": ["audio"]}),
    ("voice", "marin", outward(voice="marin")),
    ("voice", {"id": "voice_1"}, outward(voice={"id": "voice_1"})),
    ("output_format", "pcmu", outward(format=ULAW)),
    ("conversation", "none", {"conversation": "none"}),
    ("metadata", {"topic": "x"}, {"metadata": {"topic": "x"}}),
    ("input", [], {"input": []}),
    ("input", (ItemReference(id="i"),), {"input": [{"type": "item_reference", "id": "i"}]}),
    ("input", [{"type": "item_reference", "id": "i"}],
     {"input": [{"type": "item_reference", "id": "i"}]}),
    ("tool_choice", "none", {"tool_choice": "none"}),
    ("tools", (FunctionTool(name="f"),), {"tools": [ONE]}),
    ("tools", [ONE], {"tools": [ONE]}),
    ("parallel_tool_calls", True, {"parallel_tool_calls": True}),
    ("reasoning", "minimal", {"reasoning": {"effort": "minimal"}}),
    ("max_output_tokens", 4096, {"max_output_tokens": 4096}),
    ("prompt", Prompt(id="p"), {"prompt": {"id": "p"}}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "made"), RESPONSE)
def test_each_setting_of_a_response(name: str, value: Any, made: dict[str, Any]) -> None:
    assert response(**{name: value}) == made


def test_no_setting_of_a_response_is_left_out() -> None:
    assert {name for name, _, _ in RESPONSE} == set(ResponseOptions.__annotations__)


def test_what_is_unset_is_left_out() -> None:
    assert session(voice=UNSET, instructions=UNSET) == {}
    assert response(voice=UNSET, instructions=UNSET, input=UNSET) == {}


def test_all_together() -> None:
    made = session(voice="marin", speed=1.1, input_format="pcmu", turn_detection=None)
    assert made == {
        "audio": {
            "input": {"format": ULAW, "turn_detection": None},
            "output": {"voice": "marin", "speed": 1.1},
        }
    }


# -- a session to start from ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "audio",
    [
        RealtimeAudio(input=AudioInput(turn_detection=None, format=PcmuAudioFormat())),
        RealtimeAudio.from_dict(inward(turn_detection=None, format=ULAW)["audio"]),
        inward(turn_detection=None, format=ULAW)["audio"],
        {"input": AudioInput(turn_detection=None, format=PcmuAudioFormat())},
    ],
)
def test_what_is_there_stays_where_no_option_names_it(audio: Any) -> None:
    base = RealtimeSession(instructions="Stay.", audio=audio)
    made = session(base=base, voice="marin", transcription="m", instructions=UNSET)
    assert made == {
        "instructions": "Stay.",
        "audio": {
            "input": {"turn_detection": None, "format": ULAW, "transcription": {"model": "m"}},
            "output": {"voice": "marin"},
        },
    }
    assert session(base=base) == {
        "instructions": "Stay.",
        "audio": {"input": {"turn_detection": None, "format": ULAW}},
    }


def test_the_given_session_is_not_changed() -> None:
    base = RealtimeSession(tools=[FunctionTool(name="f")])
    assert session(base=base, tools=[], instructions="New.") == {
        "tools": [],
        "instructions": "New.",
    }
    assert base == RealtimeSession(tools=[FunctionTool(name="f")])


@pytest.mark.parametrize("base", [{"type": "realtime"}, TranscriptionSession(), "m"])
def test_what_is_no_realtime_session_is_refused(base: Any) -> None:
    with pytest.raises(InvalidOption, match="takes a RealtimeSession"):
        realtime_session(base=base, voice="marin")


# -- mistakes -------------------------------------------------------------------------------------

MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"turn_detection": {"type": "server_vad", "treshold": 0.5}},
     r"\$\.session\.audio\.input\.turn_detection\.treshold: .*threshold"),
    ({"turn_detection": {"type": "vad"}},
     r"\$\.session\.audio\.input\.turn_detection\.type: .*server_vad"),
    ({"turn_detection": "server_vad"}, r"\$\.session\.audio\.input\.turn_detection: "),
    ({"turn_detection": ServerVad(threshold=2)},
     r"\$\.session\.audio\.input\.turn_detection\.threshold: "),
    ({"transcription": {"langauge": "en"}},
     r"\$\.session\.audio\.input\.transcription\.langauge: .*language"),
    ({"noise_reduction": "nearfield"},
     r"\$\.session\.audio\.input\.noise_reduction\.type: .*near_field"),
    ({"input_format": {"type": "audio/mp3"}}, r"\$\.session\.audio\.input\.format\.type: "),
    ({"voice": {"name": "v"}}, r"\$\.session\.audio\.output\.voice"),
    ({"speed": 3}, r"\$\.session\.audio\.output\.speed: .*1\.5"),
    ({"output_modalities": ["text", "audio"]}, r"\$\.session\.output_modalities: "),
    ({"output_modalities": "text"}, r"\$\.session\.output_modalities: "),
    ({"reasoning": "huge"}, r"\$\.session\.reasoning\.effort: .*xhigh"),
    ({"reasoning": {"efort": "low"}}, r"\$\.session\.reasoning\.efort: .*effort"),
    ({"max_output_tokens": 5000}, r"\$\.session\.max_output_tokens: .*4096"),
    ({"truncation": {"type": "retention_ratio", "retention_ratio": 2}},
     r"\$\.session\.truncation\.retention_ratio: "),
    ({"tracing": {"workflow": "w"}}, r"\$\.session\.tracing\.workflow: "),
    ({"tool_choice": {"type": "function"}}, r"\$\.session\.tool_choice\.name: "),
    ({"prompt": {}}, r"\$\.session\.prompt\.id: "),
    ({"include": ["logprobs"]}, r"\$\.session\.include\[0\]: "),
    ({"instructions": None}, r"\$\.session\.instructions: .*leave it out"),
    ({"tools": [{"type": "function", "nam": "f"}]}, r"\$\.session\.tools\[0\]\.nam: .*name"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "message"), MISTAKES)
def test_a_mistake_is_told_with_its_place(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidEvent, match=message):
        session(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input": "Hello"}, r"\$\.response\.input: "),
        ({"input": [{"type": "item_reference"}]}, r"\$\.response\.input\[0\]\.id: "),
        ({"tools": [print]}, r"\$\.response\.tools\[0\]: "),
        ({"metadata": {"a": 1}}, r"\$\.response\.metadata\.a: "),
        ({"max_output_tokens": 0}, r"\$\.response\.max_output_tokens: "),
        ({"reasoning": "huge"}, r"\$\.response\.reasoning\.effort: "),
    ],
)
def test_a_mistake_in_a_response_is_told_with_its_place(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidEvent, match=message):
        response(**options)


@pytest.mark.parametrize("name", ["audio", "type", "id", "object", "expires_at", "temperature"])
def test_what_is_no_setting_is_refused_with_those_that_there_are(name: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        realtime_session(**{name: None})
    said, offered = str(caught.value).split(": expected one of ")
    assert said == f"unknown setting of a session {name!r}"
    assert set(offered.split(", ")) == {*SessionOptions.__annotations__, "model", "tools"}


@pytest.mark.parametrize("name", ["audio", "speed", "model", "turn_detection"])
def test_what_is_no_setting_of_a_response_is_refused(name: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        response_params(**{name: None})
    said, offered = str(caught.value).split(": expected one of ")
    assert said == f"unknown setting of a response {name!r}"
    assert set(offered.split(", ")) == set(ResponseOptions.__annotations__)


@pytest.mark.parametrize("name", ["input_format", "output_format"])
def test_a_format_that_there_is_not(name: str) -> None:
    with pytest.raises(InvalidOption, match="unknown audio format 'mp3': expected one of pcm, "):
        session(**{name: "mp3"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"intructions": "Be brief."}, "argument 'intructions': did you mean 'instructions'"),
        ({"modalities": ["text"]}, "'modalities': did you mean 'output_modalities'"),
        ({"input_audio_transcription": None}, "did you mean 'transcription'"),
        ({"max_response_output_tokens": 1}, "did you mean 'max_output_tokens'"),
        ({"opn_timeout": 5}, "'opn_timeout': did you mean 'open_timeout'"),
        ({"keep_audios": "all"}, "did you mean 'keep_audio'"),
        ({"input_format": "pcm16"}, "unknown audio format 'pcm16': did you mean 'pcm'"),
        ({"output_format": "g711_ulaw"}, "did you mean 'pcmu'"),
    ],
)
def test_a_misspelt_or_former_argument_is_refused_with_the_one_that_is_meant(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidOption, match=message):
        voxwire.connect(url="ws://127.0.0.1:9", **options)


def test_the_other_ways_to_connect_give_the_same_hints() -> None:
    here = "ws://127.0.0.1:9"
    wrong: dict[str, Any] = {"opn_timeout": 5}
    for opening in (
        lambda: voxwire.attach("rtc_1", url=here, **wrong),
        lambda: voxwire.connect_transcription(url=here, **wrong),
        lambda: voxwire.connect_translation(url=here, to="es", **wrong),
    ):
        with pytest.raises(InvalidOption, match="did you mean 'open_timeout'"):
            opening()
    wrong = {"languges": ["en"]}
    with pytest.raises(InvalidOption, match="did you mean 'languages'"):
        voxwire.connect_transcription(url=here, **wrong)
    wrong = {"moddel": "m"}
    with pytest.raises(InvalidOption, match="did you mean 'model'"):
        voxwire.connect_translation(url=here, to="es", **wrong)
    wrong = {"modalities": ["text"]}
    with pytest.raises(InvalidOption, match="did you mean 'output_modalities'"):
        response_params(**wrong)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"turn_detection": "server_vad"},
            "expected TurnDetection object or null, got string "
            '(did you mean {"type": "server_vad"}?)',
        ),
        ({"turn_detection": "semantic-vad"}, '(did you mean {"type": "semantic_vad"}?)'),
        ({"turn_detection": 5}, "expected TurnDetection object or null, got integer"),
        (
            {"max_output_tokens": "lots"},
            "expected integer from 1 to 4096 or 'inf', got 'lots'",
        ),
        (
            {"max_output_tokens": 5000},
            "expected integer from 1 to 4096 or 'inf', got 5000",
        ),
        ({"output_modalities": "text"}, "got string (did you mean ['text']?)"),
        (
            {"truncation": "none"},
            "expected one of 'auto', 'disabled' or Truncation object, got 'none'",
        ),
        (
            {"session": RealtimeSession.from_dict(
                {"type": "realtime", "audio": {"input": {"noise_reduction": "near_field"}}}
            )},
            '(did you mean {"type": "near_field"}?)',
        ),
    ],
)  # fmt: skip
def test_a_word_in_the_place_of_an_object_is_refused_with_the_object(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidEvent) as caught:
        voxwire.connect(url="ws://127.0.0.1:9", **options)
    assert message in str(caught.value)
