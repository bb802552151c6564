"""``voxwire chat``: in a terminal, in a pipe, with tools, interrupted, and when it breaks."""

from __future__ import annotations

import json
import sys
import wave
from pathlib import Path
from typing import Any

import pytest
from cli.terminals import call, run, terminal

from voxwire.recording import read

TOOLS = """\
import voxwire

@voxwire.tool
async def get_weather(city: str, days: int = 1) -> dict:
    "The weather in a city."
    return {"city": city, "days": days}

def broken(x: int) -> int:
    "Fails."
    raise ValueError("no such x")

nothing = 5
"""

SCRIPT = """\
rules:
  - match: story
    reply: "Once upon a time there was a cat that had a hat, and it never ended."
    hold: 3
  - match: fail
    error: server_error
  - match: drop
    reply: "This will break in the middle."
    fault: cut:3
default: "Hm?"
"""

CTRL_C, CTRL_D, ALT_ENTER, ENTER = "\x03", "\x04", "\x1b\r", "\r"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "weather.py").write_text(TOOLS)
    (tmp_path / "script.yaml").write_text(SCRIPT)
    return tmp_path


# --- in a terminal --------------------------------------------------------------------------------


def test_a_conversation_with_tools(here: Path) -> None:
    options = ["chat", "--local", "--tools", "weather", "--tools", "weather.py:broken"]
    with terminal(*options, cwd=here) as screen:
        screen.shows(r"^session +gpt-realtime-2\.1, text, tools get_weather, broken$")
        screen.shows(r"^you +Alt-Enter: new line")
        screen.press("Hello there" + ENTER)
        screen.shows(r"^you +Hello there\nassistant +Hello there$")
        screen.press("two" + ALT_ENTER + "lines\\" + ENTER + "three" + ENTER)
        screen.shows(r"^assistant +two\n +lines\n +three$")
        screen.press("call get_weather city=Oslo days=2" + ENTER)
        screen.shows(r'^assistant +→ get_weather \{"city": "Oslo", "days": 2\}$')
        screen.shows(r'^tool +← \{"city": "Oslo", "days": 2\}$')
        screen.shows(r"^assistant +get_weather says: ")
        screen.press("call broken x=1" + ENTER)
        screen.shows(r"^tool +broken failed: ValueError: no such x$")
        screen.shows(r"^assistant +broken says: ")
        screen.press("/tools" + ENTER)
        screen.shows(r"^note +get_weather +The weather in a city\.\n +broken +Fails\.$")
        screen.press("/nothing" + ENTER)
        screen.shows(r"no command /nothing")
        screen.press(CTRL_D)
        screen.shows(r"^usage +6 responses, .* at the service$|^usage +6 responses, ")
        assert screen.ends() == 0
    assert "Traceback" not in screen.text


def test_ctrl_c_stops_an_answer_and_then_leaves(here: Path) -> None:
    with terminal("chat", "--local", "--script", "script.yaml", cwd=here) as screen:
        screen.shows(r"^you +")
        screen.press("tell a story" + ENTER)
        screen.shows(r"^assistant +Once upon a")
        screen.press(CTRL_C)
        screen.shows(r"^assistant +interrupted\nyou")
        screen.press("and?" + ENTER)
        screen.shows(r"^assistant +Hm\?\nyou")
        screen.press("typed and thrown away" + CTRL_C)
        screen.press("story" + ENTER)
        screen.shows(r"^you +story\nassistant +Once upon a$")
        screen.press(CTRL_C)
        screen.shows(r"^you +story\nassistant +Once upon a\nassistant +interrupted\nyou")
        screen.press(CTRL_C)
        assert screen.ends() == 130


def test_ctrl_c_with_nothing_to_stop_asks_once_more(here: Path) -> None:
    with terminal("chat", "--local", size=(40, 30), cwd=here) as screen:
        screen.shows(r"^you$")
        screen.press(CTRL_C)
        screen.shows(r"^note\n  Ctrl-C again leaves")
        screen.press(CTRL_C)
        assert screen.ends() == 130
    assert max(map(len, screen.text.splitlines())) <= 40


def test_a_broken_connection_ends_it(here: Path) -> None:
    with terminal("chat", "--local", "--script", "script.yaml", cwd=here) as screen:
        screen.shows(r"^you +")
        screen.press("drop" + ENTER)
        screen.shows(r"^session +the connection broke$")
        assert screen.ends() == 1
    assert "Traceback" not in screen.text


def test_another_connection_goes_on(here: Path) -> None:
    (here / "once.yaml").write_text(
        "rules: [{match: drop, reply: This will break in the middle., fault: 'cut:3', times: 1}]\n"
        "default: All is well.\n"
    )
    options = ["chat", "--local", "--script", "once.yaml", "--reconnect"]
    with terminal(*options, "drop it", cwd=here) as screen:
        screen.shows(r"^session +the connection was lost: attempt 1 in [0-9.]+ s$")
        screen.shows(r"^session +connected again after [0-9.]+ s$")
        screen.shows(r"^assistant +All is well\.$")
        assert screen.ends() == 0
    assert screen.text.count("gpt-realtime") == 1  # its settings are no news


@pytest.mark.parametrize("setting", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_yield(here: Path, setting: dict[str, str]) -> None:
    with terminal("chat", "--local", "Hello", cwd=here, env=setting) as screen:
        screen.shows(r"^assistant +Hello$")
        assert screen.ends() == 0
    for colour in (b"\x1b[31", b"\x1b[32", b"\x1b[33", b"\x1b[36", b";32m", b";36m"):
        assert colour not in screen.raw


# --- on pipes -------------------------------------------------------------------------------------


def test_a_message_gives_its_answer_and_nothing_else(here: Path) -> None:
    done = run("chat", "--local", "Hello", "you", cwd=here)
    assert (done.stdout, done.stderr, done.returncode) == ("Hello you\n", "", 0)
    whole = run("chat", "--local", "-", say="one\ntwo\n")
    assert whole.stdout == "one\ntwo\n"


def test_each_line_of_a_pipe_is_a_message_and_json_has_all(here: Path) -> None:
    said = "first\n\ncall get_weather city=Oslo\n"
    options = ["chat", "--local", "--json", "--tools", "weather", "--record", "a.jsonl"]
    done = run(*options, say=said, cwd=here)
    assert (done.stderr, done.returncode) == ("", 0)
    lines: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    told = [(line["who"], line["kind"]) for line in lines]
    assert told == [
        ("session", "session"),
        ("note", "note"),
        ("user", "text"),
        ("assistant", "text"),
        ("user", "text"),
        ("assistant", "call"),
        ("tool", "output"),
        ("assistant", "text"),
        ("usage", "usage"),
    ]
    assert lines[5]["name"] == "get_weather"
    assert lines[5]["arguments"] == {"city": "Oslo"}
    assert lines[6]["output"] == {"city": "Oslo", "days": 1}
    assert lines[5]["call_id"] == lines[6]["call_id"]
    assert lines[8]["cost"]["currency"] == "USD"
    assert lines[8]["local"] is True
    names = [getattr(entry, "type", None) for entry in read(here / "a.jsonl")]
    assert names.count("response.done") == 3


def test_a_spoken_answer_is_kept(here: Path) -> None:
    done = run("chat", "--local", "--output", "a.wav", "Hello you", cwd=here)
    assert (done.stdout, done.returncode) == ("Hello you\n", 0)
    with wave.open(str(here / "a.wav")) as file:
        assert file.getframerate() == 24000
        assert file.getnframes() > 4800


def test_what_fails_is_said_on_stderr(here: Path) -> None:
    options = ["chat", "--local", "--script", "script.yaml"]
    failed = run(*options, "fail", cwd=here)
    assert (failed.stdout, failed.returncode) == ("", 1)
    assert failed.stderr.startswith("voxwire: response failed: server_error")
    broken = run(*options, "drop", cwd=here)
    assert broken.returncode == 1
    assert broken.stderr == "voxwire: the connection broke\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["chat", "hi"], "no key for OpenAI: set OPENAI_API_KEY in the environment, or try it"),
        (["chat", "hi", "--server", "xai"], "no key for xAI: set XAI_API_KEY"),
        (["chat", "hi", "--server", "azure"], "give --resource NAME"),
        (["chat", "hi", "--server", "azure", "--resource", "r"], "set AZURE_OPENAI_API_KEY"),
        (["chat", "hi", "--resource", "r"], "add --server azure"),
        (["chat", "hi", "--local", "--url", "ws://x/"], "--local and --url exclude each other"),
        (["chat", "hi", "--url", "ws://x/", "--server", "xai"], "--server and --url exclude"),
        (["chat", "hi", "--script", "script.yaml"], "add --local"),
        (["chat", "hi", "--local", "--script", "none.yaml"], "cannot be read"),
        (["chat", "hi", "--url", "nowhere"], "no address of a server"),
        (["chat", "hi", "--local", "-i", "@none.txt"], "none.txt: No such file"),
        (["chat", "hi", "--local", "--tools", "nix"], "there is no module nix here"),
        (["chat", "hi", "--local", "--tools", "nix.py:f"], "there is no file nix.py"),
        (["chat", "hi", "--local", "--tools", "weather:brokn"], "did you mean broken?"),
        (["chat", "hi", "--local", "--tools", "weather:nothing"], "nothing is a int"),
        (["chat", "hi", "--local", "--tools", "bad"], "division by zero (line 2)"),
        (["chat", "hi", "--local", "--tools", "plain"], "marked with @voxwire.tool"),
        (["chat", "hi", "--local", "--tools", "weather", "--tools", "weather"], "already"),
        (["chat", "hi", "--local", "--record", "weather.py/x"], "cannot be written"),
        (["chat", "hi", "--url", "wss://192.0.2.1/", "--ca", "none.pem"], "no certificate of an"),
    ],
)  # fmt: skip
def test_what_a_user_can_do_wrong_is_a_line_with_the_cure(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    options: list[str],
    said: str,
) -> None:
    (here / "bad.py").write_text("x = 1\nx / 0\n")
    (here / "plain.py").write_text("def f(): ...\n")
    monkeypatch.chdir(here)
    monkeypatch.setattr("sys.path", sys.path.copy())
    for name in ("weather", "bad", "plain", "nix"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    done = call(monkeypatch, capfd, *options)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert done.stderr.startswith("voxwire: ")
    assert done.stderr.count("\n") == 1


def test_a_server_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    done = call(monkeypatch, capfd, "chat", "hi", "--url", "ws://127.0.0.1:9/v1/realtime")
    assert done.returncode == 1
    assert done.stderr.startswith("voxwire: cannot reach ws://127.0.0.1:9/v1/realtime")


@pytest.mark.parametrize("output", ["missing/a.wav", "."])
def test_an_output_that_cannot_be_written_is_refused_first(here: Path, output: str) -> None:
    done = run("chat", "--local", "Hello", "--output", output, cwd=here)
    assert (done.stdout, done.returncode) == ("", 2)
    assert done.stderr.count("\n") == 1
    assert output in done.stderr


@pytest.mark.parametrize("pipe", [None, "cat"])
def test_an_answer_stays_whole_beside_a_log(here: Path, pipe: str | None) -> None:
    size = (300, 60)
    options = ("--debug", "chat", "--local", "one two three four five six")
    with terminal(*options, cwd=here, size=size, pipe=pipe) as screen:
        # What another program passes on may stand behind a line of the log, but in one piece.
        whole = "one two three four five six"
        screen.shows(whole if pipe else rf"^(assistant +)?{whole}$")
        screen.ends()


def test_completion_knows_every_fault_and_voice() -> None:
    from voxwire.cli import options
    from voxwire.emulator import faults

    assert sorted(options.faults("")) == sorted(faults._WORDS)
