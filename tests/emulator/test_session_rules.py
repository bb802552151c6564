"""A session's rules without a socket: settings, items, sound that comes in, responses."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from bench import Bench, append, appended, errors, only, output, typed, types, update

from voxwire.emulator import Call, Habits, Reply, Script, UserTurn
from voxwire.emulator.session_settings import transcription
from voxwire.emulator.speech_synthesis import encoded, resampled, tone
from voxwire.protocol.audio_format import PCMA, PCMU, Format

CREATE = {"type": "response.create"}
COMMIT = {"type": "input_audio_buffer.commit"}
SILENCE = bytes(48 * 600)


def listening(**input: Any) -> dict[str, Any]:
    return update(audio={"input": input})


# --- settings ------------------------------------------------------------------------------------


def test_session_created_has_every_default() -> None:
    bench = Bench(model="gpt-realtime-2.1")
    bench.machine.open()
    session = only(bench.take(), "session.created").session
    assert session.audio.input.turn_detection.threshold == 0.5
    assert session.audio.input.turn_detection.prefix_padding_ms == 300
    assert session.audio.input.turn_detection.silence_duration_ms == 500
    assert session.audio.output.voice == "alloy"
    assert (session.tool_choice, session.max_output_tokens) == ("auto", "inf")
    assert (session.reasoning.effort, session.parallel_tool_calls) == ("low", True)


def test_an_update_is_a_merge() -> None:
    bench = Bench()
    vad = {"type": "server_vad", "create_response": False}
    bench.run(listening(turn_detection=vad, transcription={"model": "whisper-1"}))
    events = bench.run(listening(transcription={"language": "en"}), update(instructions="Hi."))
    session = events[-1].session
    assert session.audio.input.transcription.model == "whisper-1"
    assert session.audio.input.transcription.language == "en"
    assert session.audio.input.turn_detection.create_response is False
    assert session.audio.input.turn_detection.silence_duration_ms == 200
    assert session.instructions == "Hi."


def test_null_and_nothing_clear() -> None:
    bench = Bench()
    bench.run(update(tools=[{"type": "function", "name": "f"}], tracing="auto"))
    cleared = bench.run(
        update(
            instructions="",
            tools=[],
            tracing=None,
            audio={"input": {"turn_detection": None, "transcription": None}},
        )
    )
    session = only(cleared, "session.updated").session
    assert (session.instructions, session.tools, session.tracing) == ("", [], None)
    assert session.audio.input.turn_detection is None


def test_turn_detection_changes_its_kind_with_new_defaults() -> None:
    events = Bench().run(listening(turn_detection={"type": "semantic_vad"}))
    detection = only(events, "session.updated").session.audio.input.turn_detection
    assert (detection.type, detection.eagerness) == ("semantic_vad", "auto")


# --- items ---------------------------------------------------------------------------------------


def test_items_are_put_where_they_are_wanted() -> None:
    bench = Bench()
    bench.run(typed("b", id="b"), typed("c", id="c"))
    events = bench.run({**typed("a", id="a"), "previous_item_id": "root"})
    assert only(events, "conversation.item.added").previous_item_id is None
    events = bench.run({**typed("x", id="x"), "previous_item_id": "b"})
    assert only(events, "conversation.item.added").previous_item_id == "b"
    assert [record.id for record in bench.machine.items] == ["a", "b", "x", "c"]


def test_items_can_be_deleted_and_retrieved() -> None:
    bench = Bench()
    bench.run(typed("a", id="a"))
    retrieved = bench.run({"type": "conversation.item.retrieve", "item_id": "a"})
    assert only(retrieved, "conversation.item.retrieved").item.content[0].text == "a"
    deleted = bench.run({"type": "conversation.item.delete", "item_id": "a"})
    assert only(deleted, "conversation.item.deleted").item_id == "a"
    assert list(bench.machine.items) == []


def test_truncation_forgets_the_rest_of_the_sound_and_the_words() -> None:
    bench = Bench()
    item = only(bench.say("hello there"), "response.done").response.output[0]
    place = {"item_id": item.id, "content_index": 0, "audio_end_ms": 50}
    bench.run({"type": "conversation.item.truncate", **place})
    full = bench.run({"type": "conversation.item.retrieve", "item_id": item.id})[0].item
    assert len(base64.b64decode(full.content[0].audio)) == 48 * 50
    assert "transcript" not in full.content[0].to_dict()


def test_spoken_items_of_the_client_are_heard() -> None:
    bench = Bench()
    bench.script.hear("what time is it")
    audio = base64.b64encode(bytes(4800)).decode()
    bench.run(typed("", content=[{"type": "input_audio", "audio": audio}]))
    events = bench.run(CREATE)
    part = only(events, "response.done").response.output[0].content[0]
    assert part.transcript == "what time is it"


# --- sound that comes in --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["audio/pcm", "audio/pcmu", "audio/pcma"])
@pytest.mark.parametrize("size", [100, 4800, 10**6])
def test_turns_are_found_in_real_sound(name: str, size: int) -> None:
    format = {"audio/pcm": Format("audio/pcm"), "audio/pcmu": PCMU, "audio/pcma": PCMA}[name]
    pcm = bytes(48000) + tone("hello there") + bytes(48000)
    sound = encoded(resampled(pcm, 24000, format.rate), format)
    bench = Bench()
    bench.run(listening(format={"type": name}))
    events = bench.run(*appended(sound, size))
    started = only(events, "input_audio_buffer.speech_started")
    stopped = only(events, "input_audio_buffer.speech_stopped")
    committed = only(events, "input_audio_buffer.committed")
    assert abs(started.audio_start_ms - 700) <= 20  # 1000 less the padding
    assert abs(stopped.audio_end_ms - (1660 + 200)) <= 20
    assert started.item_id == stopped.item_id == committed.item_id
    full = bench.run({"type": "conversation.item.retrieve", "item_id": started.item_id})[0].item
    kept = format.ms(len(base64.b64decode(full.content[0].audio)))
    assert abs(kept - (stopped.audio_end_ms - started.audio_start_ms)) <= 20


def test_silence_is_no_turn() -> None:
    assert Bench().run(*appended(bytes(48 * 5000))) == []


def test_two_turns_in_one_piece_of_sound() -> None:
    bench = Bench()
    bench.run(listening(turn_detection={"type": "server_vad", "create_response": False}))
    events = bench.run(append((tone("one") + SILENCE) * 2))
    items = [e.item_id for e in events if e.type == "input_audio_buffer.committed"]
    assert len(set(items)) == 2
    before = [e.previous_item_id for e in events if e.type == "input_audio_buffer.committed"]
    assert before == [None, items[0]]


def test_semantic_turn_detection_waits_for_the_end_of_the_sentence() -> None:
    for text, stopped in (("Is it open?", 1), ("Well, I", 0)):
        bench = Bench()
        bench.script.hear(text)
        bench.run(listening(turn_detection={"type": "semantic_vad", "eagerness": "high"}))
        events = bench.run(*appended(tone("is it open") + bytes(48 * 1000)))
        assert types(events).count("input_audio_buffer.speech_stopped") == stopped
        assert "input_audio_buffer.speech_stopped" in types(
            [*events, *bench.run(*appended(bytes(48 * 1500)))]
        )


def test_push_to_talk() -> None:
    bench = Bench()
    bench.run(listening(turn_detection=None))
    events = bench.run(append(tone("hello")), COMMIT)
    assert types(events) == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert types(bench.run({"type": "input_audio_buffer.clear"})) == ["input_audio_buffer.cleared"]
    assert errors(bench.run(append(bytes(9600)), {"type": "input_audio_buffer.clear"}, COMMIT))


def test_too_long_a_silence_asks_the_user() -> None:
    bench = Bench()
    bench.run(listening(turn_detection={"type": "server_vad", "idle_timeout_ms": 5000}))
    assert bench.run(*appended(bytes(48 * 8000))) == []  # nobody has said anything yet
    bench.say("hi")  # 120 ms
    events = bench.run(*appended(bytes(48 * 6000)))
    triggered = only(events, "input_audio_buffer.timeout_triggered")
    assert triggered.audio_end_ms - triggered.audio_start_ms >= 5000
    assert triggered.item_id == only(events, "input_audio_buffer.committed").item_id
    assert "response.done" in types(events)


def test_input_transcripts_come_in_pieces_and_with_their_usage() -> None:
    for model, deltas, kind in (
        ("whisper-1", 0, "duration"),
        ("gpt-realtime-whisper", 3, "duration"),
        ("gpt-4o-transcribe", 3, "tokens"),
    ):
        bench = Bench()
        bench.script.hear("one two three")
        bench.run(listening(turn_detection=None, transcription={"model": model}))
        events = bench.run(append(tone("one two three")), COMMIT)
        name = "conversation.item.input_audio_transcription"
        pieces = [e.delta for e in events if e.type == f"{name}.delta"]
        completed = only(events, f"{name}.completed")
        assert len(pieces) == deltas
        assert "".join(pieces).strip() in ("", "one two three")
        assert completed.transcript == "one two three"
        assert completed.usage.type == kind


def test_speech_that_cannot_be_made_out() -> None:
    bench = Bench()
    bench.script.hear(None)
    bench.run(listening(turn_detection=None, transcription={"model": "whisper-1"}))
    events = bench.run(append(tone("mumble")), COMMIT)
    failed = only(events, "conversation.item.input_audio_transcription.failed")
    assert failed.error.code == "audio_unintelligible"


def test_log_probabilities_and_speakers() -> None:
    bench = Bench(session=transcription("sess_1", 1))
    bench.script.hear("one two")
    changes = {
        "type": "transcription",
        "include": ["item.input_audio_transcription.logprobs"],
        "audio": {
            "input": {
                "turn_detection": None,
                "transcription": {"model": "gpt-4o-transcribe-diarize"},
            }
        },
    }
    events = bench.run(
        {"type": "session.update", "session": changes}, append(tone("one two")), COMMIT
    )
    name = "conversation.item.input_audio_transcription"
    assert only(events, f"{name}.segment").text == "one two"
    assert [lp.token for lp in only(events, f"{name}.completed").logprobs] == [" one", " two"]


def test_transcription_session() -> None:
    bench = Bench(session=transcription("sess_1", 1))
    bench.machine.open()
    assert only(bench.take(), "session.created").session.object == "realtime.transcription_session"
    bench.script.hear("one two")
    changes = {"audio": {"input": {"transcription": {"model": "gpt-transcribe"}}}}
    bench.run({"type": "session.update", "session": {"type": "transcription", **changes}})
    events = bench.run(*appended(tone("one two") + SILENCE))
    assert types(events) == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
    ]


@pytest.mark.parametrize("model", ["gpt-live-transcribe", "gpt-realtime-whisper"])
@pytest.mark.parametrize("detection", [{"type": "server_vad"}, {"type": "semantic_vad"}])
def test_a_model_that_streams_has_no_turn_detection(model: str, detection: Any) -> None:
    bench = Bench(session=transcription("sess_1", 1))

    def changed(**incoming: Any) -> dict[str, Any]:
        session = {"type": "transcription", "audio": {"input": incoming}}
        return {"type": "session.update", "session": session}

    named = {"transcription": {"model": model}}
    refused = only(bench.run(changed(**named, turn_detection=detection)), "error").error
    assert (refused.type, refused.code, refused.param, refused.message) == (
        "invalid_request_error",
        "invalid_value",
        "session.audio.input.turn_detection",
        "Turn detection is not supported for this transcription model.",
    )
    assert bench.machine.settings.input["transcription"] is None  # dropped whole
    # Left out, it is off; and it cannot be switched on later.
    assert only(bench.run(changed(**named)), "session.updated")
    assert bench.machine.settings.input["turn_detection"] is None
    assert only(bench.run(changed(turn_detection=detection)), "error").error.code == "invalid_value"
    # Nothing is completed without a commit.
    bench.script.hear("one two")
    assert bench.run(*appended(tone("one two") + SILENCE)) == []
    events = bench.run(COMMIT)
    name = "conversation.item.input_audio_transcription.completed"
    assert only(events, name).transcript == "one two"


# --- responses ------------------------------------------------------------------------------------


def test_parallel_calls_after_words() -> None:
    script = Script(lambda turn: Reply(text="Wait.", calls=[Call("a"), Call("b", {"x": 1})]))
    bench = Bench(script, model="gpt-realtime-2")
    output_items = only(bench.say("go"), "response.done").response.output
    assert [item.type for item in output_items] == ["message", "function_call", "function_call"]
    assert output_items[0].phase == "commentary"
    assert [json.loads(item.arguments) for item in output_items[1:]] == [{}, {"x": 1}]
    assert len({item.call_id for item in output_items[1:]}) == 2


def test_rules_do_not_match_their_own_tool_output() -> None:
    bench = Bench()
    bench.script.on("table", call="book")
    call = only(bench.say("a table"), "response.done").response.output[0]
    events = bench.run(output(call.call_id, "the table is booked"), CREATE)
    (message,) = only(events, "response.done").response.output
    assert message.content[0].transcript == "the table is booked"


def test_out_of_band_responses_run_beside_and_leave_no_trace() -> None:
    bench = Bench()
    bench.send(typed("hello"), CREATE)
    for name in ("a", "b"):
        aside = {"conversation": "none", "metadata": {"name": name}, "output_modalities": ["text"]}
        bench.send({"type": "response.create", "response": aside})
    events = bench.run()
    done = [e.response for e in events if e.type == "response.done"]
    assert sorted(str(response.metadata) for response in done) == [
        "None",
        "{'name': 'a'}",
        "{'name': 'b'}",
    ]
    assert [r.conversation_id is None for r in done].count(True) == 2
    assert len(list(bench.machine.items)) == 2


def test_a_response_may_have_an_input_of_its_own() -> None:
    turns: list[UserTurn] = []
    script = Script(lambda turn: turns.append(turn) or "fine")
    bench = Bench(script)
    bench.run(typed("first", id="item_1"))
    own = [{"type": "item_reference", "id": "item_1"}, typed("second")["item"]]
    bench.run({"type": "response.create", "response": {"input": own, "conversation": "none"}})
    bench.run({"type": "response.create", "response": {"input": [], "instructions": "Do."}})
    assert [turn.text for turn in turns] == ["first\nsecond", ""]
    assert turns[1].response["instructions"] == "Do."


def test_cancel_closes_what_is_open() -> None:
    bench = Bench()
    bench.script.on(reply="one two three four", hold=2)
    bench.send(
        typed("go"), {"type": "response.create", "response": {"output_modalities": ["text"]}}
    )
    bench.stage.timeline.run()
    bench.take()
    events = bench.run({"type": "response.cancel"})
    assert types(events) == [
        "response.output_text.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    response = events[-1].response
    assert response.output[0].status == "incomplete"
    assert response.output[0].content[0].text == "one two"
    assert response.usage.output_tokens == 2


def test_cancel_before_anything_came() -> None:
    bench = Bench()
    bench.send(CREATE, {"type": "response.cancel"})
    events = bench.run()
    assert types(events) == ["response.created", "response.done"]
    assert events[-1].response.output == []


def test_incomplete_by_max_output_tokens() -> None:
    for modality in ("text", "audio"):
        events = Bench().say(
            "one two three four five six", output_modalities=[modality], max_output_tokens=4
        )
        response = only(events, "response.done").response
        assert response.status == "incomplete"
        assert response.status_details.reason == "max_output_tokens"
        assert response.output[0].status == "incomplete"
        assert 0 < response.usage.output_tokens <= 4


def test_failed_and_filtered() -> None:
    bench = Bench()
    bench.script.on("fail", error="rate_limit_exceeded")
    bench.script.on("filter", reply="Well", incomplete="content_filter")
    failed = only(bench.say("fail"), "response.done").response
    assert (failed.status, failed.status_details.error.code) == ("failed", "rate_limit_exceeded")
    filtered = only(bench.say("filter"), "response.done").response
    assert (filtered.status, filtered.status_details.reason) == ("incomplete", "content_filter")


def test_null_is_as_good_as_left_out() -> None:
    """LiveKit's client writes every setting that it does not use as null."""
    bench = Bench()
    item = typed("hello", id=None, status=None)
    nulls = {"instructions": None, "tools": None, "metadata": None, "max_output_tokens": None}
    events = bench.run(
        {**item, "previous_item_id": None}, {"type": "response.create", "response": nulls}
    )
    assert only(events, "response.done").response.status == "completed"


def test_silence_lasts_until_the_cancel() -> None:
    bench = Bench()
    bench.script.on(silence=True)
    assert types(bench.say("hello"))[-1] == "response.created"
    assert only(bench.run({"type": "response.cancel"}), "response.done").response.output == []


def test_delay_is_time_on_the_clock() -> None:
    bench = Bench()
    bench.script.on(reply="late", delay=7)
    bench.say("hello")
    assert bench.stage.timeline.now > 7


def test_a_forced_tool_is_called_by_the_echo() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    tool = {"type": "function", "name": "count", "parameters": schema}
    events = Bench().say("go", tools=[tool], tool_choice="required")
    (call,) = only(events, "response.done").response.output
    assert (call.name, json.loads(call.arguments)) == ("count", {"n": 0})


def test_usage_adds_up_and_is_cached_in_blocks() -> None:
    bench = Bench()
    usages = [only(bench.say("word " * 40), "response.done").response.usage for _ in range(3)]
    for usage in usages:
        read, written = usage.input_token_details, usage.output_token_details
        assert usage.total_tokens == usage.input_tokens + usage.output_tokens
        assert usage.input_tokens == read.text_tokens + read.audio_tokens + read.image_tokens
        assert usage.output_tokens == written.text_tokens + written.audio_tokens
        cached = read.cached_tokens_details
        parts = (cached.text_tokens, cached.audio_tokens, cached.image_tokens)
        assert read.cached_tokens == sum(parts)
        assert read.cached_tokens % 64 == 0
    assert [usage.input_token_details.cached_tokens > 0 for usage in usages] == [False, True, True]


def test_rate_limits_come_after_the_response() -> None:
    bench = Bench(habits=Habits(rate_limits_every=1, tokens_per_minute=1000))
    events = bench.say("hello")
    assert types(events)[-2:] == ["response.done", "rate_limits.updated"]
    (limit,) = events[-1].rate_limits
    assert limit.remaining == 1000 - events[-2].response.usage.total_tokens


def test_speech_interrupts_and_is_answered() -> None:
    bench = Bench()
    bench.script.on("story", reply="Once upon a time.", hold=True)
    bench.script.hear("stop")
    bench.send(typed("story"), CREATE)
    bench.until("response.output_audio_transcript.delta")
    events = bench.run(*appended(tone("stop") + SILENCE))
    done = [e.response for e in events if e.type == "response.done"]
    assert [response.status for response in done] == ["cancelled", "completed"]
    assert done[0].status_details.reason == "turn_detected"
    assert done[1].output[0].content[0].transcript == "stop"


def test_speech_that_may_not_interrupt_is_answered_afterwards() -> None:
    bench = Bench()
    bench.script.on("story", reply="Once upon a time.", hold=True)
    bench.run(listening(turn_detection={"type": "server_vad", "interrupt_response": False}))
    bench.send(typed("story"), CREATE)
    bench.until("response.output_audio_transcript.delta")
    assert "response.done" not in types(bench.run(*appended(tone("stop it") + SILENCE)))
    bench.machine.release()
    done = [e.response for e in bench.run() if e.type == "response.done"]
    assert [response.status for response in done] == ["completed", "completed"]


def test_the_same_seed_gives_the_same_session() -> None:
    one, two = ([e.to_dict() for e in Bench().say("hello there")] for _ in range(2))
    assert one == two


def test_replies_one_after_the_other() -> None:
    bench = Bench()
    bench.script.on("next", reply=["one", "two"], times=3)
    said = [
        only(bench.say("next", output_modalities=["text"]), "response.done").response.output[0]
        for _ in range(4)
    ]
    assert [item.content[0].text for item in said] == ["one", "two", "two", "next"]


# --- calls, where the server plays ---------------------------------------------------------------


def test_the_server_clears_what_it_plays() -> None:
    for stop in ({"type": "output_audio_buffer.clear"}, append(tone("stop it") + SILENCE)):
        bench = Bench(habits=Habits(media="call", rate_limits_every=0))
        bench.send(typed("a long story to be told"), CREATE)
        events = bench.until("response.done")
        assert "response.output_audio.delta" not in types(events)
        item = events[-1].response.output[0]
        bench.stage.timeline.advance(bench.stage.timeline.now + 0.5)
        events = bench.run(stop)
        assert only(events, "output_audio_buffer.cleared")
        assert only(events, "conversation.item.truncated").item_id == item.id
        assert only(events, "conversation.item.truncated").audio_end_ms == 500
        played = [e.response_id for e in events if e.type == "output_audio_buffer.stopped"]
        assert len(played) == (1 if stop["type"] == "input_audio_buffer.append" else 0)


def test_what_was_played_to_the_end_is_not_cut() -> None:
    bench = Bench(habits=Habits(media="call"))
    events = bench.say("hello")
    assert types(events)[-1] == "output_audio_buffer.stopped"
    assert bench.run({"type": "output_audio_buffer.clear"}) == []
