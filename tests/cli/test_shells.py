"""The commands among others: completion in a shell, pipes that end early, Ctrl-C, quick starts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli.terminals import environment, run, terminal

import voxwire
from voxwire.audio import silence
from voxwire.emulator import tone

HEAVY = (
    "asyncio",
    "httpx",
    "msgspec",
    "voxwire_protocol",
    "voxwire.emulator",
    "voxwire.session.core",
)


@pytest.fixture
def command(tmp_path: Path) -> Path:
    """A folder with the command under its name, as an installation leaves it."""
    path = tmp_path / "bin" / "voxwire"
    path.parent.mkdir()
    path.write_text(f"#!{sys.executable}\nfrom voxwire.cli import main\nmain()\n")
    path.chmod(0o755)
    return path.parent


def test_help_and_completion_load_next_to_nothing() -> None:
    code = (
        "import sys\nfrom voxwire.cli.app import app\n"
        "try: app(['--help'])\nexcept SystemExit: pass\n"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=True
    )
    assert done.stderr == "\n"
    assert "transcribe" in done.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("tran", "transcribe translate"),
        ("chat --server ", "azure openai xai"),
        ("talk --voice ma", "marin"),
        ("chat --voice ma", "marin"),
        ("transcribe --model gpt-tr", "gpt-transcribe"),
        ("talk --transcription gpt-live", "gpt-live-transcribe"),
        ("translate --model ", "gpt-realtime-translate"),
        ("serve --fault cut", "cut cut-frame"),
        ("transcribe --for", "--format"),
        ("transcribe --format v", "vtt"),
    ],
)
def test_completion_in_bash(command: Path, words: str, found: str) -> None:
    script = f"""
        eval "$(voxwire --show-completion bash)"
        COMP_WORDS=(voxwire {words}{" ''" if words.endswith(" ") else ""})
        COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
        _voxwire_completion voxwire
        echo "${{COMPREPLY[@]}}"
    """
    path = f"{command}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        capture_output=True,
        text=True,
        env=environment(PATH=path),
        check=True,
    )
    assert " ".join(sorted(done.stdout.split())) == found, done.stderr


def test_completion_is_installed_where_the_shell_looks(command: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    settings = environment(
        PATH=f"{command}{os.pathsep}{os.environ['PATH']}",
        HOME=str(home),
        _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1",
    )
    subprocess.run(
        ["voxwire", "--install-completion", "bash"], env=settings, check=True, capture_output=True
    )
    assert "voxwire.sh" in (home / ".bashrc").read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ["chat", "--local", "--json", "Hello"],
        ["chat", "--local", "Hello"],
        ["lint", "recording.jsonl"],
        ["--help"],
    ],
)
def test_a_pipe_that_ends_early_is_no_fault(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "recording.jsonl").write_text(
        '{"dir":"s2c","event":{"type":"session.created","event_id":"e","session":{}}}\n'
    )
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "voxwire", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=environment(),
            check=False,
            timeout=60,
        )
    finally:
        os.close(writer)
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["translate", "long.wav", "--local", "--to", "es", "--source"], "translating"),
        (["talk", "--local", "--input", "long.wav"], "you speak|thinking|listening"),
        (["chat", "--local", "--script", "hold.yaml", "tell me"], "This"),
    ],
)
def test_ctrl_c_ends_what_takes_long(tmp_path: Path, arguments: list[str], shown: str) -> None:
    voxwire.write_wav(tmp_path / "long.wav", (silence(500) + tone("word")) * 60)
    (tmp_path / "hold.yaml").write_text("rules: [{reply: This never ends., hold: 1}]")
    with terminal(*arguments, cwd=tmp_path) as screen:
        screen.shows(shown)
        screen.press("\x03")
        assert screen.ends() == 130
    assert "Traceback" not in screen.text


def test_sigint_ends_a_pipe_with_130(tmp_path: Path) -> None:
    voxwire.write_wav(tmp_path / "long.wav", (silence(500) + tone("word")) * 60)
    process = subprocess.Popen(
        [sys.executable, "-m", "voxwire", "talk", "--local", "--input", "long.wav", "--json"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["kind"] == "session"
    while json.loads(process.stdout.readline())["kind"] != "speech":
        pass
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "")


def test_usage_errors_are_2(tmp_path: Path) -> None:
    done = run("chat", "--nothing")
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such option: --nothing" in done.stderr
