"""The command as a program: its entry, its extra, and pipes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import voxwire
from voxwire.cli import main

HIDE = """
import sys
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {name!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hide())
import voxwire.cli
voxwire.cli.main()
"""


@pytest.mark.parametrize("name", ["typer", "rich"])
def test_without_the_extra_the_cure_is_one_line(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HIDE.format(name=name)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"voxwire: the command line needs {name}: pip install 'voxwire[cli]'\n"


def test_another_missing_module_is_not_hidden() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HIDE.format(name="attrs"), "lint", "a.jsonl"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["voxwire", "--version"])
    with pytest.raises(SystemExit) as exited:
        main()
    assert exited.value.code in (0, None)
    assert capsys.readouterr().out == f"voxwire {voxwire.__version__}\n"


def test_a_pipe_that_ends_early_and_an_ascii_terminal(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    delta = '"response_id":"r","item_id":"i","output_index":0,"content_index":0'
    path.write_text(
        '{"dir":"s2c","event":{"type":"session.created","event_id":"e","session":{}}}\n'
        + '{"dir":"s2c","event":{"type":"response.output_text.delta","event_id":"e",'
        + delta
        + ',"delta":"Grüße 😀 "}}\n'
    )
    command = [sys.executable, "-m", "voxwire", "play", str(path)]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, check=False, env=environment)
    assert done.returncode == 0
    assert b"assistant    Gr??e ? " in done.stdout
    reader, writer = os.pipe()
    os.close(reader)
    try:
        broken = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writer)
    assert b"Traceback" not in broken.stderr
