"""``voxwire lint``: what it counts, what it reports, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from voxwire.cli.app import app
from voxwire.recording.frames import entry
from voxwire.recording.reader import family_of

GOOD = {"type": "response.output_text.delta", "event_id": "e", "response_id": "r", "item_id": "i",
        "output_index": 0, "content_index": 0, "delta": "hi", "undeclared": [1]}  # fmt: skip
MISFIT = {**GOOD, "delta": 5}
UNKNOWN = {"type": "ping", "event_id": "e"}


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["lint", *map(str, arguments)])


def write(path: Path, *events: Any, direction: str = "s2c") -> Path:
    lines = [json.dumps({"dir": direction, "event": event}) for event in events]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_every_frame_is_counted_as_one_of_four(tmp_path: Path) -> None:
    first = write(tmp_path / "a.jsonl", GOOD, MISFIT, MISFIT, UNKNOWN)
    second = write(tmp_path / "b.jsonl", GOOD)
    result = run(first, second, "--json")
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert result.stderr == ""
    total = {name: report[name] for name in ("frames", "typed", "unknown", "tolerated", "failed")}
    assert total == {"frames": 5, "typed": 2, "unknown": 1, "tolerated": 2, "failed": 0}
    assert report["files"][str(second)] == {
        "frames": 1,
        "typed": 1,
        "unknown": 0,
        "tolerated": 0,
        "failed": 0,
        "families": ["realtime"],
    }
    (problem,) = report["problems"]
    assert problem["path"] == "response.output_text.delta $.delta"
    assert problem["count"] == 2
    assert "string" in problem["example"]
    assert problem["files"] == [str(first)]
    assert report["unknown_types"] == {"ping": 1}


def test_array_indices_are_one_place(tmp_path: Path) -> None:
    limits = [{"name": 1, "limit": 1, "remaining": 1, "reset_seconds": 1.0}] * 3
    event = {"type": "rate_limits.updated", "event_id": "e", "rate_limits": limits}
    report = json.loads(run(write(tmp_path / "a.jsonl", event), "--json").stdout)
    assert [(p["path"], p["count"]) for p in report["problems"]] == [
        ("rate_limits.updated $.rate_limits[*].name", 3)
    ]


def test_both_directions_are_decoded(tmp_path: Path) -> None:
    # What only a client sends is unknown from a server, and the other way round.
    path = write(tmp_path / "a.jsonl", {"type": "response.create"}, direction="c2s")
    assert json.loads(run(path, "--json").stdout)["typed"] == 1
    path = write(tmp_path / "a.jsonl", {"type": "response.create"})
    assert json.loads(run(path, "--json").stdout)["unknown"] == 1


def test_frames_that_are_no_json_are_unknown(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"dir":"meta","format":1}\n{"dir":"c2s","raw":"{"}\n'
        '{"dir":"s2c","raw":"//8=","encoding":"base64"}\n{"dir":"close","code":1000}\n'
    )
    report = json.loads(run(path, "--json").stdout)
    assert (report["frames"], report["unknown"]) == (2, 2)


def test_a_frame_that_is_not_rebuilt_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxwire.recording.lint.rebuild", lambda event: {**GOOD, "delta": "other"})
    path = write(tmp_path / "a.jsonl", GOOD)
    result = run(path, "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert (report["failed"], report["typed"]) == (1, 0)
    assert report["failures"] == [
        {
            "file": str(path),
            "entry": 1,
            "type": "response.output_text.delta",
            "reason": "not rebuilt: $.delta is 'other', recorded is 'hi'",
        }
    ]
    screen = run(path)
    assert screen.exit_code == 1
    assert "failed: " in screen.stdout
    assert "$.delta is 'other'" in screen.stdout


def test_a_frame_that_raises_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(event: object) -> object:
        raise KeyError("x")

    monkeypatch.setattr("voxwire.recording.lint.problems", broken)
    report = json.loads(run(write(tmp_path / "a.jsonl", GOOD), "--json").stdout)
    assert report["failures"][0]["reason"] == "KeyError: 'x'"
    assert report["failed"] == 1


def test_the_screen_shows_files_total_and_problems(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", GOOD, MISFIT)
    write(tmp_path / "b.jsonl", UNKNOWN)
    result = run(tmp_path)
    lines = result.stdout.splitlines()
    assert [line.split() for line in lines[:4]] == [
        ["frames", "typed", "unknown", "tolerated", "failed", "recording"],
        ["2", "1", "0", "1", "0", "a.jsonl"],
        ["1", "0", "1", "0", "0", "b.jsonl"],
        ["3", "1", "1", "1", "0", "total"],
    ]
    assert "1  response.output_text.delta $.delta" in result.stdout
    assert "1  ping" in result.stdout


def test_a_folder_passes_over_what_is_no_recording(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", GOOD)
    (tmp_path / "other.jsonl").write_text('{"schema": "X"}\n')
    (tmp_path / "deep").mkdir()
    write(tmp_path / "deep" / "b.jsonl", GOOD)
    result = run(tmp_path, "--json")
    report = json.loads(result.stdout)
    assert report["frames"] == 2
    assert list(report["skipped"]) == [str(tmp_path / "other.jsonl")]
    assert "skipped" in run(tmp_path).stderr


@pytest.mark.parametrize("name", ["other.jsonl", "absent.jsonl", "empty"])
def test_a_file_that_was_named_must_be_a_recording(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from voxwire.cli import main

    (tmp_path / "other.jsonl").write_text('{"schema": "X"}\n')
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr("sys.argv", ["voxwire", "lint", str(tmp_path / name)])
    with pytest.raises(SystemExit) as exited:
        main()
    assert exited.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"voxwire: {tmp_path / name}")
    assert len(shown.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("lines", "family"),
    [
        ([], "realtime"),
        ([("s2c", {"type": "error"})], "realtime"),
        ([("s2c", {"type": "session.output_audio.delta"})], "translation"),
        ([("c2s", {"type": "session.close"})], "translation"),
        ([("s2c", {"type": "error"}), ("c2s", {"type": "response.create"})], "realtime"),
        ([("s2c", {"type": "session.created", "session": {"type": "translation"}})], "translation"),
        ([("s2c", {"type": "session.created", "session": {"type": "realtime"}}),
          ("c2s", {"type": "session.close"})], "realtime"),
    ],
)  # fmt: skip
def test_the_family_is_told_by_the_frames(lines: list[Any], family: str) -> None:
    assert family_of(entry({"dir": d, "event": event}) for d, event in lines) == family


def test_all_shared_recordings_decode(recordings_dir: Path) -> None:
    result = run(recordings_dir, "--json")
    report = json.loads(result.stdout)
    assert report["failures"] == []
    assert result.exit_code == 0
    assert report["frames"] > 700
    assert report["typed"] + report["tolerated"] + report["unknown"] == report["frames"]
    translation = report["files"][str(recordings_dir / "vercel_ai_speech_translation.jsonl")]
    assert translation["families"] == ["translation"]
    assert translation["typed"] == translation["frames"]
    openai = [file for name, file in report["files"].items() if "openai_ws" in name]
    assert all(file["typed"] == file["frames"] for file in openai)


def test_the_shared_recordings_have_no_frame_that_fails(
    recorded: list[Path], recorded_live: list[Path]
) -> None:
    report = json.loads(run(*recorded, *recorded_live, "--json").stdout)
    assert len(report["files"]) == len(recorded) + len(recorded_live)
    assert report["failed"] == 0
    for path in recorded:
        counts = report["files"][str(path)]
        if path.name.startswith(("openai_ws", "azure_ws")):
            assert counts["typed"] == counts["frames"], path.name
