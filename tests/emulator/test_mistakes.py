"""What a client does wrong, and the code that the live service has for it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bench import Bench, append, errors, only, output, typed, types, update

TOOL = {"type": "function", "name": "f"}


@pytest.mark.parametrize(
    ("frame", "code", "param"),
    [
        ("not json", "invalid_json", None),
        ('{"type": ', "invalid_json", None),
        ("[" * 5000, "invalid_json", None),
        ('{"type": NaN}', "invalid_json", None),
        ("[]", "invalid_event", None),
        ("{}", "invalid_event", None),
        ('{"type": 7}', "invalid_event", None),
        (b"\x00", "invalid_event", None),
        ({"type": "session.upgrade"}, "invalid_value", "type"),
        ({"type": "session.created"}, "invalid_value", "type"),
        ({"type": "session.update"}, "missing_required_parameter", "session"),
        ({"type": "session.update", "session": {}}, "missing_required_parameter", "session.type"),
        (update(bogus_field=1), "unknown_parameter", "session.bogus_field"),
        (update(id="sess_2"), "unknown_parameter", "session.id"),
        (update(voice="marin"), "unknown_parameter", "session.voice"),
        (update(instructions=7), "invalid_type", "session.instructions"),
        (update(instructions=None), "invalid_type", "session.instructions"),
        (update(tools={}), "invalid_type", "session.tools"),
        (update(max_output_tokens=0), "integer_below_min_value", "session.max_output_tokens"),
        (update(max_output_tokens=5000), "integer_above_max_value", "session.max_output_tokens"),
        (update(max_output_tokens="lots"), "invalid_value", "session.max_output_tokens"),
        (update(max_output_tokens=[]), "invalid_type", "session.max_output_tokens"),
        (update(model="gpt-realtime-9"), "invalid_parameter", "session.model"),
        (update(output_modalities=["smell"]), "invalid_value", "session.output_modalities[0]"),
        (update(tool_choice="maybe"), "invalid_value", "session.tool_choice"),
        (update(tracing=7), "invalid_type", "session.tracing"),
        (update(reasoning={"effort": "low"}), "unsupported_parameter", "session.reasoning"),
        (
            update(tools=[{**TOOL, "description": "x" * 1025}]),
            "string_above_max_length",
            "session.tools[0].description",
        ),
        (
            update(tools=[{"type": "function"}]),
            "missing_required_parameter",
            "session.tools[0].name",
        ),
        (update(tools=[{"type": "gun"}]), "invalid_value", "session.tools[0].type"),
        (
            update(audio={"input": {"format": {"type": "audio/pcm", "rate": 16000}}}),
            "integer_below_min_value",
            "session.audio.input.format.rate",
        ),
        (
            update(audio={"input": {"turn_detection": {"type": "server_vad", "threshold": 2}}}),
            "decimal_above_max_value",
            "session.audio.input.turn_detection.threshold",
        ),
        (
            update(audio={"output": {"speed": 9}}),
            "decimal_above_max_value",
            "session.audio.output.speed",
        ),
        (
            {"type": "session.update", "session": {"type": "transcription"}},
            "invalid_parameter",
            "session.type",
        ),
        (
            {"type": "input_audio_buffer.append", "audio": "no base64!"},
            "invalid_value",
            "audio",
        ),
        ({"type": "input_audio_buffer.commit"}, "input_audio_buffer_commit_empty", None),
        ({"type": "output_audio_buffer.clear"}, "invalid_value", "type"),
        ({"type": "response.cancel"}, "response_cancel_not_active", None),
        (typed("x", role="butler"), "invalid_value", "item.role"),
        (typed("x", content="y"), "invalid_type", "item.content"),
        (typed("x", content=[{"type": "smell"}]), "invalid_value", "item.content[0].type"),
        (
            typed("x", role="assistant", content=[{"type": "output_audio", "audio": ""}]),
            "invalid_value",
            "item.content[0].type",
        ),
        (
            {**typed("x"), "previous_item_id": "item_9"},
            "item_create_invalid_previous_item_id",
            "previous_item_id",
        ),
        (output("call_9", "x"), "invalid_tool_call_id", "item.call_id"),
        (
            {
                "type": "conversation.item.create",
                "item": {
                    "type": "function_call",
                    "name": "f",
                    "arguments": "{}",
                    "call_id": "c" * 33,
                },
            },
            "string_above_max_length",
            "item.call_id",
        ),
        (
            {
                "type": "conversation.item.create",
                "item": {
                    "id": "i" * 33,
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "Hello"}],
                },
            },
            "string_above_max_length",
            "item.id",
        ),
        (
            {"type": "conversation.item.delete", "item_id": "item_9"},
            "item_delete_invalid_item_id",
            "item_id",
        ),
        (
            {"type": "conversation.item.retrieve", "item_id": "item_9"},
            "item_retrieve_invalid_item_id",
            "item_id",
        ),
        (
            {
                "type": "conversation.item.truncate",
                "item_id": "item_9",
                "content_index": 0,
                "audio_end_ms": 1,
            },
            "item_truncate_invalid_item_id",
            "item_id",
        ),
        (
            {"type": "response.create", "response": {"metadata": {str(i): "" for i in range(17)}}},
            "object_above_max_properties",
            "response.metadata",
        ),
        (
            {"type": "response.create", "response": {"conversation": "conv_9"}},
            "invalid_value",
            "response.conversation",
        ),
        (
            {"type": "response.create", "response": {"temperature": 1}},
            "unknown_parameter",
            "response.temperature",
        ),
        (
            {
                "type": "response.create",
                "response": {"input": [{"type": "item_reference", "id": "item_9"}]},
            },
            "item_reference_invalid_item_id",
            "response.input[0].id",
        ),
    ],
)
def test_codes(frame: Any, code: str, param: str | None) -> None:
    bench = Bench()
    if isinstance(frame, dict):
        frame = {"event_id": "mine", **frame}
    events = bench.run(frame)
    assert errors(events) == [(code, param)], events
    error = events[0].error
    assert error.type == "invalid_request_error"
    assert error.event_id == ("mine" if isinstance(frame, dict) else None)
    assert error.message
    assert len(events) == 1


def test_a_refused_update_changes_nothing() -> None:
    bench = Bench()
    before = bench.machine.settings.session
    assert errors(bench.run(update(instructions="New.", speed=1)))
    assert bench.machine.settings.session == before


def test_a_second_response_is_refused_from_the_first_request_on() -> None:
    bench = Bench()
    create = {"type": "response.create"}
    bench.send(typed("hello"), create, create)
    events = bench.take()
    assert errors(events) == [("conversation_already_has_active_response", None)]
    assert only(events, "response.created").response.id in only(events, "error").error.message
    assert only(bench.run(), "response.done").response.status == "completed"
    assert not errors(bench.run(create))


def test_voice_is_fixed_once_it_was_heard() -> None:
    bench = Bench()
    voice = update(audio={"output": {"voice": "marin"}})
    assert not errors(bench.run(voice))
    bench.say("hello")
    assert not errors(bench.run(voice))
    other = update(audio={"output": {"voice": "cedar"}}, instructions="New.")
    assert errors(bench.run(other)) == [("cannot_update_voice", None)]
    assert bench.machine.settings["instructions"] != "New."


def test_tracing_is_fixed_once_it_is_on() -> None:
    bench = Bench()
    assert not errors(bench.run(update(tracing="auto"), update(tracing="auto")))
    changed = bench.run(update(tracing={"workflow_name": "w"}))
    assert errors(changed) == [("invalid_parameter", "session.tracing")]
    assert not errors(bench.run(update(tracing=None)))


def test_truncation_is_refused_where_there_is_nothing_to_cut() -> None:
    bench = Bench()
    events = bench.say("twelve chars")
    item = only(events, "response.done").response.output[0]

    def cut(item_id: str, ms: int, index: int = 0) -> Any:
        place = {"item_id": item_id, "content_index": index, "audio_end_ms": ms}
        return bench.run({"type": "conversation.item.truncate", **place})

    (error,) = cut(item.id, 721)
    assert (error.error.code, error.error.param) == ("invalid_value", None)
    assert error.error.message == "Audio content of 720ms is already shorter than 721ms"
    assert errors(cut(item.id, 0)) == [("integer_below_min_value", "audio_end_ms")]
    assert errors(cut(item.id, 10, 1)) == [("invalid_value", "content_index")]
    user = only(bench.run(typed("x")), "conversation.item.added").item
    assert errors(cut(user.id, 10)) == [("invalid_value", "item_id")]
    assert types(cut(item.id, 720)) == ["conversation.item.truncated"]


def test_an_item_cannot_come_twice() -> None:
    bench = Bench()
    bench.run(typed("x", id="item_mine"))
    again = bench.run(typed("y", id="item_mine"))
    assert errors(again) == [("item_create_duplicate_item_id", "item.id")]


def test_responses_do_not_belong_into_a_transcription_session() -> None:
    from voxwire.emulator.session_settings import transcription

    bench = Bench(session=transcription("sess_1", 1))
    assert errors(bench.run({"type": "response.create"})) == [("invalid_value", "type")]


def test_a_commit_needs_a_tenth_of_a_second() -> None:
    bench = Bench()
    bench.run(update(audio={"input": {"turn_detection": None}}), append(bytes(4798)))
    commit = {"type": "input_audio_buffer.commit"}
    (error,) = bench.run(commit)
    assert error.error.code == "input_audio_buffer_commit_empty"
    assert "99.96ms" in error.error.message
    assert not errors(bench.run(append(bytes(2)), commit))


def test_errors_do_not_show_audio_or_long_values() -> None:
    bench = Bench()
    (error,) = bench.run({"type": "x" * 5000})
    assert len(json.dumps(error.to_dict())) < 1500
