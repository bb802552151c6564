"""``voxwire report``: what it writes, says and refuses."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from voxwire.cli.app import app
from voxwire.errors import InvalidOption, RecordingError

HARBOUR = Path(__file__).resolve().parents[2] / "examples" / "recordings" / "harbour.jsonl"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["report", *map(str, arguments)])


@pytest.fixture
def call(tmp_path: Path) -> Path:
    path = tmp_path / "call.jsonl"
    path.write_bytes(HARBOUR.read_bytes())
    return path


def test_a_page_beside_the_recording(call: Path) -> None:
    result = run(call)
    assert result.exit_code == 0
    out = call.with_suffix(".html")
    assert re.fullmatch(
        rf"{re.escape(str(out))}: [0-9.]+ [kM]B, with the sound as recorded\n", result.stdout
    )
    page = out.read_text()
    assert page.startswith("<!doctype html>")
    assert run(call, "--no-audio").exit_code == 0  # over a page of its own
    assert "data-sound=" not in out.read_text().split("<script>")[0]
    assert len(out.read_text()) < len(page)


def test_no_other_file_is_overwritten_unasked(call: Path) -> None:
    other = call.with_suffix(".html")
    other.write_text("my diary")
    result = run(call)
    assert isinstance(result.exception, InvalidOption)
    assert "name another file with -o" in str(result.exception)
    assert other.read_text() == "my diary"
    assert run(call, "-o", other).exit_code == 0
    assert other.read_text() != "my diary"


def test_for_programs(call: Path) -> None:
    result = run(call, "--json")
    assert result.exit_code == 0
    data = json.loads(result.stdout)
    (session,) = data["sessions"]
    assert [turn["kind"] for turn in session["turns"]] == [
        "user", "assistant", "user", "tool", "assistant",
    ]  # fmt: skip
    # From the recording: asked at 1.108, first word at 1.43; called at 3.39, answered at 3.422.
    timings = {one["key"]: one["values"] for one in session["timings"]}
    assert timings["request_to_content"][0] == ["item_greeting", 322.0]
    assert timings["tool"] == [["item_tide", 32.0]]
    assert not call.with_suffix(".html").exists()


def test_what_is_no_recording(tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_text("hello\n")
    result = run(path)
    assert isinstance(result.exception, RecordingError)
    assert "this is no recording" in str(result.exception)
    assert isinstance(run(tmp_path / "none.jsonl").exception, RecordingError)
    assert sorted(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--no-audio", "--audio", "full"], "give one of them"),
        (["--follow", "--json"], "leave --out and --json out"),
        (["--follow", "-o", "x.html"], "leave --out and --json out"),
    ],
)
def test_options_that_do_not_go_together(call: Path, options: list[str], said: str) -> None:
    result = run(call, *options)
    assert isinstance(result.exception, InvalidOption)
    assert said in str(result.exception)


def test_following_until_ctrl_c(call: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "voxwire", "report", "--follow", str(call)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"following {call}\n"
        url = process.stdout.readline().strip()
        assert httpx.get(url, trust_env=False).status_code == 200
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert errors == ""
