"""What a report says of a recording: turns, times, findings, checked by hand."""

from __future__ import annotations

import json
from base64 import b64encode
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from spoken_session import SESSION, Tape, lines, tone, usage

from voxwire import report
from voxwire.errors import RecordingError
from voxwire.recording.frames import Frame, entry
from voxwire.report import Session


def of(*made: dict[str, Any]) -> Session:
    (session,) = report.read([entry(line) for line in made]).sessions
    return session


@pytest.fixture(scope="module")
def spoken() -> Session:
    return of(*lines())


def recorded(folder: Path, name: str) -> Session:
    return report.read(folder / f"{name}.jsonl").sessions[0]


def told(session: Session) -> list[tuple[str, str]]:
    return [(turn.kind, turn.text) for turn in session.turns]


# --- a session that was made up, to the millisecond ----------------------------------------------


def test_the_turns_of_a_spoken_session(spoken: Session) -> None:
    assert told(spoken) == [
        ("user", "When is high water at pier four?"),
        ("tool", 'tide_at {"pier": 4}'),
        ("assistant", "High water at pier four is at five to"),
        ("user", ""),
        ("assistant", "Then pier two has more water"),
        ("user", "And tomorrow?"),
    ]
    ask, tool, answer, again, second, typed = spoken.turns
    assert (ask.at, ask.end, ask.audio) == pytest.approx((2.0, 4.0, 2.0))
    assert tool.output == '["01:55", "14:20"]'
    assert tool.end == 5.0
    assert answer.unheard == " two in the night and at twenty past two"
    assert (answer.interrupted, answer.audio, answer.heard) == (True, pytest.approx(6.0), 3.0)
    assert (again.missing, again.error) == ("not transcribed", "x: Too quiet.")
    assert second.heard is None
    assert (typed.at, typed.spoken, typed.clips) == (15.5, False, ())


def test_what_can_be_heard_of_a_turn(spoken: Session) -> None:
    ask, _, answer, again, *_ = spoken.turns
    (clip,) = ask.clips
    assert (clip.sound, clip.start, clip.end) == ("user-1", pytest.approx(1.0), pytest.approx(3.0))
    (clip,) = again.clips  # within the first ten seconds still
    assert (clip.start, clip.end) == (pytest.approx(7.5), pytest.approx(9.0))
    assert answer.clips[0].end == pytest.approx(6.0)


def test_latencies_are_what_a_watch_would_say(spoken: Session) -> None:
    _, tool, answer, again, second, _ = spoken.turns
    assert tool.latencies == {"tool": 400.0}
    # The user waited from 4.0 to 5.5, with a tool in between; it was asked for at 5.1.
    assert answer.latencies == {
        "speech_to_audio": 1500.0, "request_to_content": 350.0, "response_to_text": 150.0,
        "response_to_audio": 200.0, "interruption": 20.0,
    }  # fmt: skip
    assert second.latencies["speech_to_audio"] == 800.0
    assert "speech_to_transcript" not in again.latencies
    (timing,) = [one for one in spoken.timings if one.key == "speech_to_audio"]
    assert (timing.median, timing.p95, timing.max) == (1150.0, 1500.0, 1500.0)
    assert timing.values == (("item_a1", 1500.0), ("item_a2", 800.0))


def test_bars_are_where_things_happened(spoken: Session) -> None:
    bars = [(bar.kind, round(bar.at, 3), round(bar.end, 3), bar.cut) for bar in spoken.bars]
    assert bars == [
        ("speech", 2.0, 4.0, False),
        ("response", 4.3, 4.62, False),
        ("tool", 4.6, 5.0, False),
        ("response", 5.3, 7.11, False),
        ("playback", 5.5, 8.5, True),
        ("speech", 8.5, 10.0, False),
        ("response", 10.6, 11.41, False),
        ("playback", 10.8, 12.8, False),
        ("sent", 15.5, 15.52, False),
    ]


def test_loudness_lies_where_the_sound_was(spoken: Session) -> None:
    waves = spoken.waves["user"]
    assert waves[0].at == pytest.approx(1.0)
    assert waves[-1].end == pytest.approx(15.0)
    assert all(a.end == pytest.approx(b.at) for a, b in pairwise(waves))
    heard = spoken.waves["model"]
    assert [(round(w.at, 2), round(w.end, 2)) for w in heard] == [(5.5, 8.5), (10.8, 12.8)]


def test_what_went_wrong_stands_out(spoken: Session) -> None:
    found = [(one.level, one.what, one.rows) for one in spoken.findings]
    by_type = {row.type: row.n for row in spoken.rows}
    failed = by_type["conversation.item.input_audio_transcription.failed"]
    assert found == [
        ("error", "Not transcribed", (failed,)),
        ("error", "Error", (by_type["error"],)),
        ("warning", "Would be refused", (by_type["response.create"],)),
        ("warning", "No event", (by_type["(no type)"],)),
        ("note", "Not in the specs", (by_type["vendor.ping"],)),
    ]
    assert spoken.findings[1].text == "unknown_parameter: Unknown parameter: 'response.colour'."
    levels = {row.n: row.level for row in spoken.rows if row.level}
    assert levels == {row: one.level for one in spoken.findings for row in one.rows}


def test_tokens_and_cost(spoken: Session) -> None:
    assert spoken.usage["input"]["total"] == 610
    assert spoken.usage["cached"]["total"] == 40
    assert spoken.usage["transcription"]["seconds"] == 2.0
    cost = spoken.usage["cost"]
    amounts = [turn.amount for turn in spoken.turns if turn.amount is not None]
    assert sum(amounts) == pytest.approx(cost["total"] - 0.017 * 2 / 60)
    assert spoken.turns[1].tokens == {"input": 290, "output": 20}


def test_the_figures_at_the_head(spoken: Session) -> None:
    tiles = {tile.label: (tile.value, tile.note) for tile in spoken.tiles}
    assert tiles["Length"] == ("16.20 s", "146 frames sent, 88 received")
    assert tiles["Turns"] == ("6", "3 of the user, 1 tool call, 1 cut off")
    assert tiles["Latency"][0] == "1.15 s"
    assert tiles["Tokens"] == ("750", "610 in (40 cached), 140 out")
    assert tiles["Problems"] == ("2 errors", "2 warnings, 1 note")


def test_what_is_known_of_the_session(spoken: Session) -> None:
    facts = dict(spoken.facts)
    assert facts["Server"] == "harbour.example/v1/realtime"
    assert facts["Model"] == "gpt-realtime-2.1"
    assert facts["Turns"] == "server vad, after 200 ms of silence"
    assert facts["Tools"] == "tide_at"


def test_rows_are_the_entries_in_their_order(spoken: Session) -> None:
    assert [row.n for row in spoken.rows] == list(range(1, len(lines()) + 1))
    assert (spoken.sent, spoken.received) == (146, 88)
    append = next(row for row in spoken.rows if row.audio)
    assert append.dir == "sent"
    assert append.raw == (
        '{"type":"input_audio_buffer.append","audio":""}\nsound left out: /audio (6,400 characters)'
    )
    assert spoken.rows[0].type == "meta"
    assert spoken.rows[-1].dir == "closed"


def test_a_report_is_json_all_through() -> None:
    data = report.read([entry(line) for line in lines()], name="made up").to_dict()
    assert json.loads(json.dumps(data)) == data
    assert data["source"] == "made up"


# --- cases one by one ----------------------------------------------------------------------------

ABOUT = {"object": "realtime.response", "conversation_id": "conv_1"}


def message(id: str, text: str | None = None, **fields: Any) -> dict[str, Any]:
    content = [] if text is None else [{"type": "output_text", "text": text}]
    return {"id": id, "type": "message", "role": "assistant", "content": content, **fields}


def written(tape: Tape, t: float, response: str, item: str, text: str, **about: Any) -> None:
    fields = {**ABOUT, "id": response, **about}
    tape.server(t, "response.created", response={**fields, "status": "in_progress"})
    tape.server(t, "response.output_item.added", response_id=response, output_index=0,
                item=message(item, status="in_progress"))  # fmt: skip
    tape.server(t + 0.1, "response.output_text.delta", response_id=response, item_id=item,
                output_index=0, content_index=0, delta=text)  # fmt: skip
    done = message(item, text, status="completed")
    tape.server(t + 0.2, "response.done",
                response={**fields, "status": "completed", "output": [done],
                          "usage": usage(5, 0, 0, 11)})  # fmt: skip


def test_a_response_beside_the_conversation_is_a_turn_too() -> None:
    tape = Tape()
    tape.client(1.0, "response.create", response={"conversation": "none"})
    written(tape, 1.2, "r1", "i1", "A summary.", conversation_id=None)
    session = of(*tape.lines)
    assert told(session) == [("assistant", "A summary.")]
    (turn,) = session.turns
    assert turn.aside
    assert turn.latencies == {"request_to_content": 300.0, "response_to_text": 100.0}
    assert session.usage["responses"] == 1


def test_speech_that_is_committed_by_hand() -> None:
    tape = Tape()
    tape.server(0.1, "session.created", session={"type": "realtime", "audio": {
        "input": {"turn_detection": None, "format": {"type": "audio/pcmu"}}}})  # fmt: skip
    for i in range(10):
        sound = b64encode(bytes(800)).decode()
        tape.client(1.1 + i / 10, "input_audio_buffer.append", audio=sound)
    tape.client(2.2, "input_audio_buffer.commit")
    tape.client(2.2, "response.create")
    tape.server(2.3, "input_audio_buffer.committed", item_id="u", previous_item_id=None)
    item = {"id": "u", "type": "message", "role": "user", "status": "completed",
            "content": [{"type": "input_audio", "transcript": None}]}  # fmt: skip
    tape.item(2.31, item, None)
    tape.answer(2.9, "r", "a", "u", "Yes", tone(0.5), created=2.5)
    session = of(*tape.lines)
    user, model = session.turns
    assert (user.at, user.end, user.audio) == pytest.approx((1.0, 2.2, 1.0))
    assert model.latencies["speech_to_audio"] == 700.0
    assert model.latencies["request_to_content"] == 650.0
    report_sound = report.html([entry(line) for line in tape.lines])
    assert 'data-sound="0-0"' in report_sound


def test_a_manual_turn_of_a_server_that_reports_speech_in_any_case() -> None:
    tape = Tape()
    flat = {"model": "grok-voice", "voice": "ara", "modalities": ["audio"]}
    tape.server(0.0, "session.created", session={**flat, "turn_detection": {"type": None}})
    audio = {"input": {"format": {"type": "audio/pcm", "rate": 24000}}}
    tape.server(0.1, "session.updated", session={"model": "grok-voice", "audio": audio})
    tape.speak(1.0, tone(2.0))
    tape.client(3.2, "input_audio_buffer.commit")
    tape.server(3.3, "input_audio_buffer.speech_started", item_id="u", audio_start_ms=321)
    tape.server(3.4, "input_audio_buffer.speech_stopped", item_id="u", audio_end_ms=410)
    tape.server(3.4, "input_audio_buffer.committed", item_id="u")
    content = [{"type": "input_audio", "transcript": None}]
    item = {"id": "u", "type": "message", "role": "user", "content": content}
    tape.server(3.5, "conversation.item.added", item={**item, "status": "completed"})
    transcript = {"item_id": "u", "content_index": 0}
    name = "conversation.item.input_audio_transcription.completed"
    tape.server(3.5, name, **transcript, transcript="Hello", status="in_progress")
    tape.server(3.6, name, **transcript, transcript="Hello there", status="completed")
    tape.server(3.9, name, **transcript, transcript="Hello", status="in_progress")
    session = of(*tape.lines)
    (turn,) = session.turns
    assert (turn.text, turn.at, turn.end) == ("Hello there", pytest.approx(1.0), 3.2)
    assert turn.audio == 2.0
    assert turn.latencies == {"speech_to_transcript": 400.0}
    assert dict(session.facts)["Voice"] == "ara"


def idle(transcript: str) -> Session:
    tape = Tape()
    tape.server(0.0, "session.created", session=SESSION)
    tape.speak(0.0, bytes(48_000 * 6))
    times = {"audio_start_ms": 672, "audio_end_ms": 5792}
    tape.server(6.2, "input_audio_buffer.timeout_triggered", item_id="u", **times)
    tape.server(6.2, "input_audio_buffer.committed", item_id="u")
    content = [{"type": "input_audio", "transcript": None}]
    item = {"id": "u", "type": "message", "role": "user", "content": content}
    tape.item(6.2, {**item, "status": "completed"}, None)
    response = {"id": "r", "conversation_id": "c", "status": "in_progress", "output": []}
    tape.server(6.3, "response.created", response=response)
    place = {"response_id": "r", "item_id": "a", "output_index": 0, "content_index": 0}
    answer = {"id": "a", "type": "message", "role": "assistant", "status": "in_progress"}
    tape.server(
        6.4, "response.output_item.added", response_id="r", output_index=0,
        item={**answer, "content": []},
    )  # fmt: skip
    sound = b64encode(bytes(4800)).decode()
    tape.server(6.5, "response.output_audio.delta", **place, delta=sound)
    tape.server(
        6.6, "conversation.item.input_audio_transcription.completed", item_id="u",
        content_index=0, transcript=transcript,
    )  # fmt: skip
    return of(*tape.lines)


def test_silence_after_which_a_server_asks_by_itself_is_no_turn_of_the_user() -> None:
    session = idle("")
    silence, answer = session.turns
    assert (silence.kind, silence.who, silence.audio) == ("system", "Silence", 5.12)
    assert silence.text == "nobody spoke for 5.12 s: the server asks for a response"
    assert [(clip.start, clip.end) for clip in silence.clips] == [
        (pytest.approx(0.672), pytest.approx(5.792)),
    ]  # fmt: skip
    assert not silence.latencies
    assert "speech_to_audio" not in answer.latencies
    assert session.exchanges[0].trigger == "server"
    assert not [bar for bar in session.bars if bar.lane == "user"]
    assert "0 of the user" in session.tiles[1].note


def test_words_in_that_silence_are_the_users_all_the_same() -> None:
    silence, answer = idle("Er, hello?").turns
    assert (silence.kind, silence.text) == ("user", "Er, hello?")
    assert "speech_to_audio" not in answer.latencies


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ('{"error":"tool_failed","message":"No pier 4."}', "tool_failed: No pier 4."),
        ('{"error":{"type":"x","message":"No."}}', "x: No."),
        ('{"error":true}', "error"),
        ("An error occurred while running the tool. Error: no", "An error occurred"),
        ('{"error":null,"tide":3}', None),
        ('{"error":"refused","message":"Not before noon."}', None),
        ("{not json", None),
        ("An error of 3 cm", None),
    ],
)
def test_a_tool_that_failed_is_a_problem(output: str, why: str | None) -> None:
    tape = Tape()
    tape.server(0.0, "session.created", session=SESSION)
    call = {"id": "f", "type": "function_call", "call_id": "c", "name": "tide_at"}
    call |= {"arguments": "{}", "status": "completed"}
    tape.server(1.0, "conversation.item.added", item=call)
    tape.server(1.1, "response.output_item.done", response_id="r", output_index=0, item=call)
    answer = {"type": "function_call_output", "call_id": "c", "output": output}
    tape.client(1.5, "conversation.item.create", item=answer)
    tape.item(1.6, {**answer, "id": "o"}, "f")
    session = of(*tape.lines)
    (turn,) = session.turns
    problems = [(one.level, one.what, one.text) for one in session.findings]
    if why is None:
        assert problems == []
        assert turn.error is None
        return
    ((level, what, text),) = problems
    assert (level, what) == ("error", "Tool")
    assert text.startswith(f"tide_at failed: {why}")
    assert (turn.error or "").startswith(why)
    assert session.findings[0].rows == (5,)


def test_a_hosted_tool_that_failed_is_one_problem() -> None:
    tape = Tape()
    tape.server(0.0, "session.created", session=SESSION)
    call = {"id": "m", "type": "mcp_call", "name": "book", "server_label": "desk"}
    call |= {"arguments": "{}", "status": "failed", "error": {"type": "x", "message": "Full."}}
    place = {"item_id": "m", "output_index": 0}
    tape.server(1.0, "conversation.item.added", item={**call, "status": "in_progress"})
    tape.server(1.1, "response.mcp_call.failed", **place)
    tape.server(1.2, "response.output_item.done", response_id="r", output_index=0, item=call)
    problems = [(one.level, one.what, one.text, one.count) for one in of(*tape.lines).findings]
    assert problems == [("error", "Tool", "book failed: x: Full.", 1)]


def test_the_settings_of_servers_with_another_session_format() -> None:
    tape = Tape()
    tool = {"type": "function", "function": {"name": "tide_at", "parameters": {}}}
    voice = {"name": "en-US-AvaNeural", "type": "azure-standard"}
    flat = {"model": "m", "modalities": ["text", "audio"], "voice": voice, "tools": [tool]}
    tape.server(0.0, "session.created", session=flat)
    facts = dict(of(*tape.lines).facts)
    assert (facts["Voice"], facts["Tools"]) == ("en-US-AvaNeural", "tide_at")


def test_a_close_in_the_middle_ends_a_connection() -> None:
    created = {
        "dir": "s2c",
        "event": {"type": "session.created", "event_id": "e", "session": SESSION},
    }
    close = {"dir": "close", "code": 1011, "reason": "keepalive"}
    note = {"dir": "meta", "note": "taken up again"}
    made = report.read([entry(line) for line in (created, close, note, created, created)])
    first, second = made.sessions
    assert [(one.what, one.text) for one in first.findings] == [
        ("Closed", "closed with 1011: keepalive"),
    ]  # fmt: skip
    assert [row.n for row in first.rows] == [1, 2, 3]
    assert ([row.n for row in second.rows], second.findings) == ([4, 5], [])


def test_speech_that_goes_on_is_an_open_bar() -> None:
    tape = Tape()
    tape.server(1.0, "input_audio_buffer.speech_started", audio_start_ms=0, item_id="u")
    tape.server(3.0, "rate_limits.updated", rate_limits=[])
    (bar,) = of(*tape.lines).bars
    assert (bar.kind, bar.at, bar.end, bar.open) == ("speech", 1.0, 3.0, True)


def test_what_the_server_never_showed_is_there_all_the_same() -> None:
    tape = Tape()
    content = [{"type": "input_text", "text": "Hello?"}]
    item = {"type": "message", "role": "user", "content": content}
    tape.client(1.0, "conversation.item.create", item=item)
    (turn,) = of(*tape.lines).turns
    assert (turn.kind, turn.text, turn.unconfirmed) == ("user", "Hello?", True)


def test_a_deleted_item_stays_in_the_report() -> None:
    tape = Tape()
    written(tape, 1.0, "r1", "i1", "Forget this.")
    tape.server(2.0, "conversation.item.deleted", item_id="i1")
    written(tape, 3.0, "r2", "i2", "Keep this.")
    turns = of(*tape.lines).turns
    assert [(turn.text, turn.deleted) for turn in turns] == [
        ("Forget this.", True), ("Keep this.", False),
    ]  # fmt: skip


def test_a_tool_that_was_never_answered() -> None:
    tape = Tape()
    call = {"id": "c", "type": "function_call", "name": "f", "call_id": "k", "arguments": "{"}
    tape.server(1.0, "response.created", response={**ABOUT, "id": "r", "status": "in_progress"})
    tape.server(1.1, "response.output_item.added", response_id="r", output_index=0, item=call)
    tape.server(1.2, "response.output_item.done", response_id="r", output_index=0, item=call)
    session = of(*tape.lines)
    assert told(session) == [("tool", "f {")]
    assert ("note", "Tool", "f was never answered") in [
        (one.level, one.what, one.text) for one in session.findings
    ]
    assert [bar.open for bar in session.bars if bar.kind == "tool"] == [True]


@pytest.mark.parametrize(
    ("close", "text"),
    [
        ({"code": None}, "the connection broke off without a close frame"),
        ({"code": 1011, "reason": "oh", "by": "server"}, "closed by the server with 1011: oh"),
    ],
)
def test_a_bad_end(close: dict[str, Any], text: str) -> None:
    tape = Tape()
    tape.client(0.1, "response.create")
    session = of(*tape.lines, {"dir": "close", "t": 9, **close})
    assert [(one.level, one.text) for one in session.findings] == [("error", text)]
    assert session.duration == 9


@pytest.mark.parametrize(
    ("status", "details", "level", "text"),
    [
        ("failed", {"error": {"code": "x", "message": "No."}}, "error", "x: No."),
        ("incomplete", {"reason": "max_output_tokens"}, "warning", "max_output_tokens"),
    ],
)
def test_responses_that_went_wrong(
    status: str, details: dict[str, Any], level: str, text: str
) -> None:
    tape = Tape()
    tape.server(1, "response.created", response={**ABOUT, "id": "r", "status": "in_progress"})
    ended = {**ABOUT, "id": "r", "status": status, "output": []}
    tape.server(2, "response.done", response={**ended, "status_details": details})
    session = of(*tape.lines)
    assert [(one.level, one.text) for one in session.findings] == [(level, text)]
    assert [bar.cut for bar in session.bars] == [True]


def test_an_answer_that_the_server_broke_off_was_heard_until_the_user_spoke() -> None:
    tape = Tape()
    tape.server(0.1, "session.created", session={"type": "realtime"})
    tape.server(3.0, "input_audio_buffer.speech_started", audio_start_ms=0, item_id="u")
    tape.answer(1.0, "r", "a", "x", "one two three four", tone(8.0), status="cancelled",
                reason="turn_detected", until=3.1)  # fmt: skip
    session = of(*sorted(tape.lines, key=lambda line: line["t"]))
    (turn,) = session.turns
    assert turn.audio == pytest.approx(8.0)
    assert turn.heard == pytest.approx(2.0)
    assert turn.interrupted


def test_what_a_call_played_is_what_its_server_says() -> None:
    tape = Tape()
    written(tape, 1.0, "r1", "i1", "Good morning")
    tape.server(1.5, "output_audio_buffer.started", response_id="r1")
    tape.server(2.5, "output_audio_buffer.cleared", response_id="r1")
    tape.server(3.0, "output_audio_buffer.started", response_id="r2")
    tape.server(4.0, "output_audio_buffer.stopped", response_id="r2")
    bars = [bar for bar in of(*tape.lines).bars if bar.kind == "playback"]
    assert [(bar.at, bar.end, bar.turn, bar.cut) for bar in bars] == [
        (1.5, 2.5, "i1", True), (3.0, 4.0, None, False),
    ]  # fmt: skip


def test_an_interruption_that_the_server_was_not_told_of() -> None:
    tape = Tape()
    tape.answer(1.0, "r", "a", "x", "one two three four", tone(8.0))
    tape.server(4.0, "input_audio_buffer.speech_started", audio_start_ms=0, item_id="u")
    session = of(*tape.lines)
    assert [(one.level, one.what) for one in session.findings] == [("note", "Not told")]
    tape.client(4.1, "conversation.item.truncate", item_id="a", content_index=0,
                audio_end_ms=3000)  # fmt: skip
    assert of(*tape.lines).findings == []


def test_sound_that_comes_too_late() -> None:
    tape = Tape()
    place = {"response_id": "r", "item_id": "a", "output_index": 0, "content_index": 0}
    tape.server(1, "response.created", response={**ABOUT, "id": "r", "status": "in_progress"})
    tape.server(1, "conversation.item.added", item=message("a"), previous_item_id=None)
    sound = b64encode(tone(0.5)).decode()
    for t in (2.0, 2.1, 4.0):  # plays from 2.0 to 3.0, and goes on at 4.0
        tape.server(t, "response.output_audio.delta", **place, delta=sound)
    session = of(*tape.lines)
    assert [(one.level, one.what, one.at) for one in session.findings] == [("warning", "Gap", 3.0)]
    bars = [(bar.at, bar.end) for bar in session.bars if bar.kind == "playback"]
    assert bars == [(2.0, 3.0), (4.0, 4.5)]


def test_equal_findings_are_one() -> None:
    tape = Tape()
    for i in range(250):
        tape.server(i, "ping")
    (found,) = of(*tape.lines).findings
    assert (found.count, len(found.rows), found.rows[0]) == (250, 100, 2)


@pytest.mark.parametrize("t", [float("nan"), float("inf"), -4, 1e300])
def test_times_that_are_none(t: float) -> None:
    tape = Tape()
    tape.client(1.0, "response.create")
    tape.lines.append({"dir": "c2s", "t": t, "event": {"type": "response.cancel"}})
    tape.client(2.0, "response.create")
    session = of(*tape.lines)
    assert [row.at for row in session.rows] == [0, 1.0, 1.0, 2.0]
    assert session.duration == 2.0


def test_any_json_makes_a_report() -> None:
    deep: Any = []
    for _ in range(400):
        deep = [deep]
    odd = [
        None, 4, "text", [], {}, {"type": None}, {"type": "response.done", "response": 4},
        {"type": "session.created", "session": []}, {"type": "error", "error": "no"},
        {"type": "conversation.item.added", "item": {"id": 4, "content": [None, 4]}},
        {"type": "response.output_audio.delta", "item_id": "i", "delta": "@@@"},
        {"type": "response.output_audio.delta", "item_id": 7, "delta": "AAAA"},
        {"type": "conversation.item.truncated", "item_id": "i", "audio_end_ms": "x"},
        {"type": "rate_limits.updated", "rate_limits": {"a": 1}}, {"type": "x", "deep": deep},
        {"type": "input_audio_buffer.speech_started", "item_id": "u", "audio_start_ms": -1e9},
        {"type": "response.created", "response": {"id": "r", "audio": {"output": {"format": 4}}}},
    ]  # fmt: skip
    entries = [
        Frame(dir=way, t=i, event=one) for i, one in enumerate(odd) for way in ("s2c", "c2s")
    ]
    entries.append(Frame(dir="s2c", t=99, raw=b"\x00\xff"))
    found = report.read(entries)
    assert len(found.sessions[0].rows) == len(entries)
    json.dumps(found.to_dict())


def test_a_file_without_sessions(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_text('{"dir": "meta", "t": 0, "format": 1}\n')
    with pytest.raises(RecordingError, match="there is nothing in it"):
        report.read(path)


def test_keys_are_cut_out_once_more() -> None:
    key = "sk-proj-abcdefgh12345678"
    tape = Tape()
    tape.lines[0]["url"] = f"wss://user:{key}@host/v1/realtime?api-key=abc&model={key}"
    tape.lines.append({"dir": "meta", "t": 0, "headers": {"Authorization": f"Bearer {key}"}})
    tape.server(1, "session.created", session={"type": "realtime", "model": key, "tools": [
        {"type": "mcp", "server_label": "x", "headers": {"X-Thing": "hush-hush"}}]})  # fmt: skip
    tape.server(2, "error", error={"code": "invalid_api_key", "message": f"Incorrect: {key}"})
    written(tape, 3, f"r {key}", f"i {key}", f"My key is {key}.")
    tape.client(4, key)
    tape.lines.append({"dir": "s2c", "t": 5, "raw": f"not JSON {key}"})
    tape.lines.append({"dir": "close", "t": 6, "code": 4000, "reason": f"no {key}"})
    text = json.dumps(of(*tape.lines).to_dict())
    assert key not in text
    assert "abcdefgh12345678" not in text
    assert "hush-hush" not in text
    assert "api-key=abc" not in text
    assert "<redacted>" in text


# --- recordings of real servers ------------------------------------------------------------------


def test_every_recording_makes_a_report(
    recordings_dir: Path, recorded: list[Path], recorded_live: list[Path]
) -> None:
    with pytest.raises(RecordingError):  # a list of examples, and no recording
        report.read(recordings_dir / "spec_examples.jsonl")
    made = 0
    for path in recorded + recorded_live:
        found = report.read(path)
        json.dumps(found.to_dict())
        assert all(session.rows for session in found.sessions)
        assert "<script" in report.html(path)
        made += 1
    assert made >= 16


LONDON = "It is foggy and 12 degrees in London."
CALL = 'get_weather {"city": "London"}'
FRIEND = "Hi there, friend! How are you?"


@pytest.mark.parametrize(
    ("name", "turns"),
    [
        ("openai_ws__audio_in_server_vad_turn",
         [("user", "Hello, my name is Marcelo."),
          ("assistant", "Hello, Marcelo! Great to meet you. How can I help you today?")]),
        ("openai_ws__tool_call_round",
         [("user", "What is the weather in London?"), ("tool", CALL), ("assistant", LONDON)]),
        ("azure_ws__tool_call_round",
         [("user", "What is the weather in London?"), ("tool", CALL), ("assistant", LONDON)]),
        ("azure_voice_live_ws__text_in_audio_out_turn",
         [("user", "Say a short greeting."), ("assistant", "Hola, ¿qué tal?")]),
        ("xai_ws__tool_call_round",
         [("user", "What is the weather in London?"),
          ("assistant", "I'll check the weather for London right away."), ("tool", CALL),
          ("assistant", LONDON + " The weather is foggy and 12 degrees right now.")]),
        ("hist__cassettes__test_openai__test_openai_tool_call",
         [("user", "What is the weather in London?"), ("tool", CALL)]),
        ("openai_ws_sideband__webrtc_sideband_text_turn",
         [("user", "Say hello."), ("assistant", "Hello there!")]),
        ("vercel_ai_speech_translation",
         [("source", "The quick brown fox jumps over the lazy"),
          ("translation", "La rápida zorra marrón salta sobre el perro perezoso.")]),
    ],
)  # fmt: skip
def test_the_turns_of_real_servers(
    recordings_dir: Path, name: str, turns: list[tuple[str, str]]
) -> None:
    session = recorded(recordings_dir, name)
    shown = told(session)
    if name == "xai_ws__tool_call_round":
        assert shown[:3] == turns[:3]
        assert shown[3][1].startswith(LONDON)
        assert len(shown) == 4
    else:
        assert shown == turns
    # No times were recorded, so nothing is said about them.
    assert not session.timed
    assert session.timings == []
    assert not any(turn.latencies for turn in session.turns)
    tools = [turn for turn in session.turns if turn.kind == "tool"]
    if "round" in name:
        assert [turn.output for turn in tools] == [LONDON]


def test_several_connections_in_one_file(recordings_dir: Path) -> None:
    sessions = report.read(recordings_dir / "server_aimock.jsonl").sessions
    assert len(sessions) == 5
    assert told(sessions[0]) == [("user", "hello"), ("assistant", FRIEND)]
    assert told(sessions[1])[1] == ("tool", CALL)
    # From the recorder's times: asked at 1.5292, begun at 1.5318, first word at 1.5328.
    assert sessions[0].turns[1].latencies == {"request_to_content": 3.6, "response_to_text": 1.0}
    # Numbers of entries go on, so that they are those of the file.
    assert [one.rows[0].n for one in sessions] == [1, 19, 34, 45, 64]


def test_errors_of_real_servers(recordings_dir: Path) -> None:
    beta = report.read(recordings_dir / "server_aimock_beta.jsonl").sessions[0]
    assert [(one.level, one.what) for one in beta.findings] == [
        ("error", "Error"), ("error", "Closed"),
    ]  # fmt: skip
    assert "beta_api_shape_disabled" in beta.findings[0].text
    sessions = report.read(recordings_dir / "server_hf_speech_to_speech.jsonl").sessions
    whats = [one.what for one in sessions[3].findings]
    assert whats[:3] == ["Error", "Error", "Closed"]
    assert "Would be refused" in whats
    failed = report.read(recordings_dir / "server_aimock.jsonl").sessions[2]
    assert failed.findings[0].text == "no_fixture_match: No fixture matched"


def test_a_server_that_deviates(recordings_dir: Path) -> None:
    session = recorded(recordings_dir, "xai_ws__text_in_audio_out_turn")
    texts = [one.text for one in session.findings if one.level == "note"]
    assert "the server sends ping" in texts
    assert any("$.response.status_details" in text for text in texts)
    assert not [one for one in session.findings if one.level != "note"]
    assert session.usage["input"]["total"] == 5
    assert session.usage["cost"]["complete"] is False
