"""``voxwire play``: what is shown of a recording, in a pipe, a terminal and as JSON lines."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from voxwire.cli.app import app
from voxwire.cli.event_text import Piece
from voxwire.cli.play_session import Begun, Ended
from voxwire.cli.printer import Printer
from voxwire.cli.screen import clean

SESSION = {
    "type": "realtime",
    "model": "m-1",
    "output_modalities": ["audio"],
    "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"}},
    "tools": [{"type": "function", "name": "tide_at"}],
}


def s2c(kind: str, **fields: Any) -> dict[str, Any]:
    return {"dir": "s2c", "event": {"type": kind, "event_id": "e", **fields}}


def c2s(kind: str, **fields: Any) -> dict[str, Any]:
    return {"dir": "c2s", "event": {"type": kind, **fields}}


def delta(kind: str, text: str, item: str = "i1") -> dict[str, Any]:
    return s2c(f"response.{kind}.delta", response_id="r", item_id=item, output_index=0,
               content_index=0, delta=text)  # fmt: skip


def said(text: str) -> dict[str, Any]:
    content = [{"type": "input_text", "text": text}]
    item = {"type": "message", "role": "user", "content": content}
    return c2s("conversation.item.create", item=item)


def done(**fields: Any) -> dict[str, Any]:
    response = {"id": "r", "object": "realtime.response", "status": "completed", "output": []}
    return s2c("response.done", response={**response, **fields})


CREATED = s2c("session.created", session=SESSION)
CALL = {"id": "f1", "type": "function_call", "status": "completed", "name": "tide_at",
        "call_id": "c1", "arguments": '{ "pier" : 4 }'}  # fmt: skip
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "14:20"}


def write(path: Path, *lines: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def play(tmp_path: Path, *lines: dict[str, Any], options: tuple[str, ...] = ()) -> Result:
    path = write(tmp_path / "a.jsonl", *lines)
    result = CliRunner().invoke(app, ["play", str(path), *options])
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result


def test_a_conversation_with_a_tool(tmp_path: Path) -> None:
    result = play(
        tmp_path,
        CREATED,
        said("When is high tide?"),
        s2c("conversation.item.added", item={**said("When is high tide?")["event"]["item"],
                                             "id": "u1", "status": "completed"}),
        c2s("response.create"),
        s2c("response.output_item.done", response_id="r", output_index=0, item=CALL),
        done(output=[CALL]),
        c2s("conversation.item.create", item=OUTPUT),
        s2c("conversation.item.added", item={**OUTPUT, "id": "o1"}),
        c2s("response.create"),
        delta("output_audio_transcript", "At twenty "),
        delta("output_audio_transcript", "past two."),
        delta("output_audio", "AAAA" * 16000),
        s2c("response.output_audio_transcript.done", response_id="r", item_id="i1",
            output_index=0, content_index=0, transcript="At twenty past two."),
        done(),
        {"dir": "close", "code": 1000, "reason": "", "by": "client"},
    )  # fmt: skip
    assert result.stdout.splitlines() == [
        "session      m-1, audio, voice marin, tools tide_at",
        "user         When is high tide?",
        'assistant    → tide_at {"pier": 4}',
        "tool         ← 14:20",
        "assistant    ♪ At twenty past two.",
        "assistant    1.0 s of audio",
        "end          closed with 1000",
    ]


def test_as_json_lines_each_thing_said_is_whole(tmp_path: Path) -> None:
    close = {"dir": "close", "code": 1000, "reason": "bye"}
    lines = (CREATED, said("Hi"), delta("output_text", "Go"), delta("output_text", "od."), close)
    result = play(tmp_path, *lines, options=("--json",))
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {"connection": 0, "who": "session", "kind": "session",
         "text": "m-1, audio, voice marin, tools tide_at"},
        {"connection": 0, "who": "user", "kind": "text", "text": "Hi"},
        {"connection": 0, "who": "assistant", "kind": "text", "text": "Good."},
        {"connection": 0, "who": "end", "kind": "close", "code": 1000, "text": "bye"},
    ]  # fmt: skip


def test_what_is_not_streamed_is_shown_from_the_end(tmp_path: Path) -> None:
    part = {"type": "output_text", "text": "All at once."}
    message = {"id": "m1", "type": "message", "role": "assistant", "content": [part]}
    result = play(tmp_path, CREATED, done(output=[message]), done(output=[CALL]))
    assert "assistant    All at once." in result.stdout
    assert 'assistant    → tide_at {"pier": 4}' in result.stdout


def test_nothing_is_said_twice(tmp_path: Path) -> None:
    text = {"type": "output_text", "text": "Good."}
    message = {"id": "i1", "type": "message", "role": "assistant", "content": [text]}
    result = play(
        tmp_path,
        CREATED,
        s2c("conversation.item.added", item=message),
        delta("output_text", "Good."),
        s2c("response.output_text.done", response_id="r", item_id="i1", output_index=0,
            content_index=0, text="Good."),
        s2c("response.output_item.done", response_id="r", output_index=0, item=message),
        s2c("conversation.item.done", item=message),
        done(output=[message]),
    )  # fmt: skip
    assert result.stdout.count("Good.") == 1


def test_the_user_heard_and_items_of_another_socket(tmp_path: Path) -> None:
    item = {"id": "u1", **said("From elsewhere")["event"]["item"]}
    result = play(
        tmp_path,
        CREATED,
        s2c("conversation.item.added", item=item),
        s2c("conversation.item.done", item=item),
        s2c("conversation.item.input_audio_transcription.completed", item_id="u2",
            content_index=0, transcript=" Hello. ", usage={"type": "duration", "seconds": 1}),
    )  # fmt: skip
    assert result.stdout.splitlines()[1:3] == [
        "user         From elsewhere",
        "user         ♪ Hello.",
    ]


def transcribed(text: str, **more: Any) -> dict[str, Any]:
    return s2c("conversation.item.input_audio_transcription.completed", item_id="u1",
               content_index=0, transcript=text, **more)  # fmt: skip


def spoken(transcript: str | None, status: str = "completed") -> dict[str, Any]:
    content = [{"type": "input_audio", "transcript": transcript}]
    item = {"id": "u1", "type": "message", "role": "user", "status": status, "content": content}
    return s2c("conversation.item.added", item=item)


@pytest.mark.parametrize(
    "lines",
    [
        [spoken("Hello there."), transcribed("Hello there."), transcribed("Hello there.")],
        [transcribed("Hello there."), spoken("Hello there."), spoken("", "in_progress")],
        [spoken(None), transcribed("Hello", status="in_progress"),
         transcribed("Hello there.", status="completed"),
         transcribed("Hello", status="in_progress")],
        [spoken(""), transcribed("Hello there.", status="in_progress")],
    ],
)  # fmt: skip
def test_a_turn_that_the_user_spoke_is_shown_once(
    tmp_path: Path, lines: list[dict[str, Any]]
) -> None:
    result = play(tmp_path, CREATED, *lines)
    assert result.stdout.splitlines()[1:-1] == ["user         ♪ Hello there."]


def written(item: str, text: str) -> dict[str, Any]:
    return s2c("response.output_text.done", response_id="r", item_id=item, output_index=0,
               content_index=0, text=text)  # fmt: skip


def test_texts_that_are_written_at_the_same_time_are_shown_one_after_the_other(
    tmp_path: Path,
) -> None:
    lines = (
        delta("output_text", "One "),
        delta("output_text", "Two ", "i2"),
        delta("output_text", "and ", "i1"),
        transcribed("What the user said."),
        delta("output_text", "and ", "i2"),
        s2c("response.output_item.done", response_id="r", output_index=2, item=CALL),
        delta("output_text", "a half.", "i2"),
        written("i2", "Two and a half."),
        delta("output_text", "a third.", "i1"),
        written("i1", "One and a third."),
        done(),
    )
    result = play(tmp_path, CREATED, *lines)
    assert result.stdout.splitlines()[1:-1] == [
        "assistant    One and a third.",
        "user         ♪ What the user said.",
        "assistant    Two and a half.",
        'assistant    → tide_at {"pier": 4}',
    ]
    told = play(tmp_path, CREATED, *lines, options=("--json",)).stdout.splitlines()[1:]
    texts = [json.loads(line)["text"] for line in told]
    assert texts == [
        "What the user said.", "One and a third.", "Two and a half.", 'tide_at {"pier": 4}',
    ]  # fmt: skip


def test_a_text_without_an_end_holds_nothing_up(tmp_path: Path) -> None:
    other = {"id": "r2", "object": "realtime.response", "status": "in_progress", "output": []}
    result = play(
        tmp_path,
        CREATED,
        delta("output_text", "One and "),
        s2c("response.created", response=other),
        s2c("response.output_text.delta", response_id="r2", item_id="i2", output_index=0,
            content_index=0, delta="Two"),
        delta("output_text", "Three", "i3"),
    )  # fmt: skip
    assert result.stdout.splitlines()[1:-1] == [
        "assistant    One and ", "assistant    Two", "assistant    Three",
    ]  # fmt: skip


def test_what_a_client_puts_into_the_conversation_is_shown(tmp_path: Path) -> None:
    seeded = {"type": "function_call", "name": "tide_at", "call_id": "c0", "arguments": "{}"}
    told = {"type": "message", "role": "assistant",
            "content": [{"type": "output_text", "text": "Low tide."}]}  # fmt: skip
    elsewhere = {**told, "id": "i9", "content": [{"type": "output_text", "text": "From afar."}]}
    result = play(
        tmp_path,
        CREATED,
        c2s("conversation.item.create", item=seeded),
        s2c("conversation.item.added", item={**seeded, "id": "f0", "status": "completed"}),
        c2s("conversation.item.create", item={**OUTPUT, "call_id": "c0"}),
        c2s("conversation.item.create", item=told),
        s2c("conversation.item.done", item={**told, "id": "i8", "status": "completed"}),
        s2c("conversation.item.added", item={**elsewhere, "status": "completed"}),
        s2c("conversation.item.done", item={**elsewhere, "status": "completed"}),
        s2c("conversation.item.done", item={**CALL, "call_id": "c7"}),
    )
    assert result.stdout.splitlines()[1:-1] == [
        "assistant    → tide_at {}",
        "tool         ← 14:20",
        "assistant    Low tide.",
        "assistant    From afar.",
        'assistant    → tide_at {"pier": 4}',
    ]


def test_a_tool_that_failed(tmp_path: Path) -> None:
    output = {**OUTPUT, "output": '{"error":"tool_failed","message":"No pier 4."}'}
    result = play(
        tmp_path,
        CREATED,
        s2c("response.output_item.done", response_id="r", output_index=0, item=CALL),
        c2s("conversation.item.create", item=output),
    )
    assert "tool         tide_at failed: tool_failed: No pier 4.\n" in result.stdout


def test_the_settings_of_servers_with_another_session_format(tmp_path: Path) -> None:
    tool = {"type": "function", "function": {"name": "tide_at", "parameters": {}}}
    xai = {"model": "grok", "modalities": ["audio"], "voice": "ara", "tools": [tool]}
    result = play(tmp_path, s2c("session.created", session=xai))
    assert "session      grok, audio, voice ara, tools tide_at\n" in result.stdout
    voice = {"name": "en-US-AvaNeural", "type": "azure-standard"}
    live = {"model": "gpt-5", "modalities": ["text", "audio"], "voice": voice, "tools": []}
    result = play(tmp_path, s2c("session.created", session=live))
    assert "session      gpt-5, audio, voice en-US-AvaNeural\n" in result.stdout


def test_a_server_that_asks_because_nobody_speaks(tmp_path: Path) -> None:
    event = {"item_id": "u1", "audio_start_ms": 672, "audio_end_ms": 5792}
    result = play(
        tmp_path,
        CREATED,
        s2c("input_audio_buffer.timeout_triggered", **event),
        spoken(None),
        transcribed(""),
    )
    assert result.stdout.splitlines()[1:-1] == [
        "server       nobody spoke for 5.1 s: asks for a response",
    ]


def test_a_close_in_the_middle_ends_a_connection(tmp_path: Path) -> None:
    close = {"dir": "close", "code": 1011, "reason": "keepalive"}
    result = play(tmp_path, CREATED, said("Hi"), close, CREATED, said("Again"))
    assert result.stdout.splitlines() == [
        "connection 1 of 2",
        "session      m-1, audio, voice marin, tools tide_at",
        "user         Hi",
        "end          closed with 1011 keepalive",
        "",
        "connection 2 of 2",
        "session      m-1, audio, voice marin, tools tide_at",
        "user         Again",
        "end          end of the recording",
    ]


def test_a_translation_ends_its_lines_with_its_sentences(tmp_path: Path) -> None:
    lines = [s2c("session.created", session={"type": "translation", "model": "t-1"})]
    for heard, translated in (
        ("Good", "Buen"),
        (" day.", "os días."),
        (" Bye", " Adi"),
        ("", "ós"),
    ):
        lines.append(s2c("session.input_transcript.delta", delta=heard))
        lines.append(s2c("session.output_transcript.delta", delta=translated))
    result = play(tmp_path, *lines)
    assert result.stdout.splitlines()[2:-1] == [
        "speaker      ♪ Good day.",
        "translation  ♪ Buenos días.",
        "speaker      ♪ Bye",
        "translation  ♪ Adiós",
    ]


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        ([s2c("error", error={"type": "t", "code": "bad", "message": "No."})],
         "server       bad: No."),
        ([s2c("error", error="just text")], "server       just text"),
        ([done(status="failed", status_details={"type": "failed", "error": {"code": "x"}})],
         "server       response failed: x"),
        ([done(status="cancelled", status_details={"reason": "turn_detected"})],
         "server       response cancelled: turn_detected"),
        ([{"dir": "s2c", "raw": "not json"}], "server       sends what is no event: not JSON"),
        ([s2c("ping"), s2c("ping")], "server       sends ping, which is not in the specs"),
        ([c2s("response.cancel")], "client       cancels the response"),
        ([{"dir": "c2s", "raw": "{"}], "client       sends what is no event"),
        ([{"dir": "close", "code": None, "reason": None}], "end          broken off"),
        ([{"dir": "close", "code": 1001, "reason": "expired"}],
         "end          closed with 1001 expired"),
        ([], "end          end of the recording"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_shown_once(
    tmp_path: Path, lines: list[dict[str, Any]], shown: str
) -> None:
    result = play(tmp_path, CREATED, *lines)
    assert result.stdout.count(shown) == 1


def test_a_refusal_in_the_first_moment(tmp_path: Path) -> None:
    error = {"type": "invalid_request_error", "code": "invalid_api_key", "message": "Wrong key."}
    close = {"dir": "close", "code": 3000, "reason": "invalid_request_error.invalid_api_key"}
    result = play(tmp_path, s2c("error", error=error), close)
    assert result.stdout.splitlines() == [
        "server       invalid_api_key: Wrong key.",
        "end          closed with 3000 invalid_request_error.invalid_api_key",
    ]


def test_a_sideband_where_the_client_speaks_first(tmp_path: Path) -> None:
    update = c2s("session.update", session={"type": "realtime"})
    result = play(tmp_path, update, s2c("session.updated", session=SESSION))
    assert result.stdout.startswith("session      m-1, audio")


def test_several_connections(tmp_path: Path) -> None:
    meta = {"dir": "meta", "format": 1}
    result = play(tmp_path, meta, CREATED, meta, CREATED)
    assert "connection 1 of 2\nsession      m-1" in result.stdout
    assert "connection 2 of 2\nsession      m-1" in result.stdout


def test_a_translation_is_told_from_the_file(tmp_path: Path) -> None:
    session = {"type": "translation", "model": "t-1", "audio": {"output": {"language": "es"}}}
    result = play(
        tmp_path,
        s2c("session.created", session=session),
        s2c("session.input_transcript.delta", delta="Good "),
        s2c("session.input_transcript.delta", delta="morning"),
        s2c("session.output_transcript.delta", delta="Buenos días"),
    )
    assert result.stdout.splitlines() == [
        "session      translation, decoded straight from the file",
        "session      t-1, into es",
        "speaker      ♪ Good morning",
        "translation  ♪ Buenos días",
        "end          end of the recording",
    ]


def test_a_server_cannot_move_the_cursor(tmp_path: Path) -> None:
    result = play(tmp_path, CREATED, delta("output_text", "a\x1b[2Jb\x07\u202ec"))
    assert "assistant    a\ufffd[2Jb\ufffd\ufffdc\n" in result.stdout
    assert "\x1b" not in result.stdout
    assert clean("tab\tand\r\nline\n") == "tab\tand\nline\n"


def terminal(width: int, **options: Any) -> Console:
    return Console(
        file=io.StringIO(),
        force_terminal=True,
        width=width,
        highlight=False,
        markup=False,
        **options,
    )


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_terminal_wraps_streams_at_words_under_the_column() -> None:
    console = terminal(60, no_color=True, color_system=None)
    printer = Printer(console)
    for text in ("w" * 30, " one two", " three four", " fi", "ve", "\nsix"):
        printer.show(Piece(who="assistant", kind="text", text=text, key="k"))
    printer.show(Ended(1000, "", True))
    assert shown(console).splitlines() == [
        "assistant    " + "w" * 30 + " one two three",
        "             four five",
        "             six",
        "end          closed with 1000",
    ]


def test_in_a_narrow_terminal_who_speaks_has_a_line_of_its_own() -> None:
    console = terminal(20, no_color=True, color_system=None)
    printer = Printer(console)
    printer.show(Piece(who="tool", kind="output", text="{" + "x" * 30 + "} \u5929\u6c17"))
    assert shown(console).splitlines() == [
        "tool",
        "  \u2190 {" + "x" * 15,
        "  " + "x" * 15 + "}",
        "  \u5929\u6c17",
    ]


def test_streams_that_take_turns_get_a_line_each() -> None:
    console = terminal(80, no_color=True, color_system=None)
    printer = Printer(console)
    for key, text in (("a", "one"), ("a", " two"), ("b", "other"), ("a", " three")):
        printer.show(Piece(who="assistant", kind="text", text=text, key=key))
    printer.end_line()
    assert shown(console).splitlines() == [
        "assistant    one two",
        "assistant    other",
        "assistant    three",
    ]


def test_colour_only_where_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    piece = Piece(who="user", kind="text", text="hi")
    coloured = terminal(80, color_system="standard")
    Printer(coloured).show(piece)
    assert "\x1b[1;36muser" in shown(coloured)
    monkeypatch.setenv("NO_COLOR", "1")
    plain = terminal(80, color_system="standard")
    Printer(plain).show(piece)
    assert "\x1b[36m" not in shown(plain)
    assert ";36m" not in shown(plain)


def test_begun_names_only_what_is_worth_it() -> None:
    console = terminal(80, color_system=None)
    Printer(console).show(Begun(0, 1, True))
    assert shown(console) == ""


def test_all_shared_recordings_play(recorded: list[Path], recorded_live: list[Path]) -> None:
    for path in recorded + recorded_live:
        result = CliRunner().invoke(app, ["play", str(path), "--speed", "0"])
        assert result.exit_code == 0, path.name
        assert result.stderr == "", path.name
        assert result.stdout.splitlines()[-1].startswith("end "), path.name
