"""The demonstration runs as it is shown, and its recording is what its script writes."""

from __future__ import annotations

import os
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from voxwire.recording.frames import Frame, read
from voxwire.recording.lint import lint

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
    command = [sys.executable, "-W", "error", str(EXAMPLES / "demo.py")]
    environment = {**os.environ, "OPENAI_API_KEY": "sk-never-to-be-sent-anywhere"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.returncode == 0
    shown = " ".join(done.stdout.split())
    assert "after a written turn" in shown
    assert "calls berth_free" in shown
    assert "interrupted 3.99 s" in shown
    assert "4 responses" in shown

    out = tmp_path / "out"
    transcript = (out / "transcript.md").read_text()
    assert "**assistant**: calls tide_at, berth_free\n" in transcript
    assert "harbour office is shut until Monday" in transcript
    assert "Traceback" not in transcript
    assert "**user**: And the weather?\n" in transcript

    assert lint([out / "demo.jsonl"]).total.tolerated == 0
    frames = [frame for frame in read(out / "demo.jsonl") if isinstance(frame, Frame)]
    types = [frame.type for frame in frames]
    assert types.count("response.create") == 3
    assert types.count("response.done") == 4
    assert types.count("conversation.item.truncated") == 1
    assert "sk-never" not in (out / "demo.jsonl").read_text()

    with wave.open(str(out / "reply.wav")) as file:
        assert file.getframerate() == 24_000
        assert round(file.getnframes() / file.getframerate(), 2) == 3.99
