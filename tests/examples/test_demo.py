"""The demonstration runs as it is shown, and its recording is what its script writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from voxwire.cli.lint import lint
from voxwire.frames import Frame, read

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
HARBOUR = EXAMPLES / "recordings" / "harbour.jsonl"


def test_the_recording_is_what_the_script_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import make_recording

    target = tmp_path / "harbour.jsonl"
    for _ in range(2):  # writing it anew does not add to it
        make_recording.make(target)
        assert target.read_bytes() == HARBOUR.read_bytes(), "run examples/make_recording.py"


def test_every_frame_of_the_recording_is_as_the_specs_say() -> None:
    total = lint([HARBOUR]).total
    assert total.typed == total.frames > 80


def test_the_demonstration_converses_and_leaves_its_files(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "dev", "-W", "error", str(EXAMPLES / "demo.py")]
    environment = {**os.environ, "OPENAI_API_KEY": "sk-never-to-be-sent-anywhere"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.returncode == 0
    answer = "High water at pier four is at twenty past two this afternoon."
    assert f"assistant    ♪ {answer}" in done.stdout
    assert 'tool         ← {"pier": 4, "high_water": ["01:55", "14:20"]}' in done.stdout

    out = tmp_path / "out"
    transcript = (out / "transcript.md").read_text()
    assert f"**assistant** says: {answer}\n" in transcript
    assert '**assistant** calls: `tide_at {"pier": 4}`\n' in transcript

    frames = [frame for frame in read(out / "demo.jsonl") if isinstance(frame, Frame)]
    recorded = [frame for frame in read(HARBOUR) if isinstance(frame, Frame)]
    assert [frame.type for frame in frames if frame.dir == "c2s"] == [
        frame.type for frame in recorded if frame.dir == "c2s"
    ]
    assert json.loads(frames[-1].data) == recorded[-1].event
    assert "sk-never" not in (out / "demo.jsonl").read_text()

    with wave.open(str(out / "reply.wav")) as file:
        assert file.getframerate() == 24_000
        assert 1.0 < file.getnframes() / file.getframerate() < 2.0
