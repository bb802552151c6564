"""The file that several sessions write to: what was there, what is left over, what cannot be."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from voxwire.emulator.multi_recording import MultiRecording, begin_or_log
from voxwire.recording import Frame, read, sessions


def names(path: Path) -> list[list[str | None]]:
    found = sessions(read(path))
    return [[entry.type for entry in each if isinstance(entry, Frame)] for each in found]


def test_sections_follow_what_is_there_also_after_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    old = '{"t":0,"dir":"meta","format":1}\n{"t":0,"dir":"s2c","event":{"type":"old"}}\n{"t":1,"di'
    path.write_text(old)
    tape = MultiRecording(path)
    first, second = tape.begin("ws://a/"), tape.begin("ws://b/", client="mine")
    second.recorder.client('{"type": "b"}')  # the first one never says anything
    tape.end(second)
    assert path.read_text() == old
    tape.end(first)
    assert names(path) == [["old"], ["b"]]
    assert json.loads(path.read_text().splitlines()[3])["client"] == "mine"


def test_what_a_crash_left_beside_the_file_stays(tmp_path: Path) -> None:
    path, left = tmp_path / "a.jsonl", tmp_path / "a.jsonl.2.part"
    left.write_text("left\n")
    tape = MultiRecording(path)
    sections = [tape.begin("ws://a/") for _ in range(3)]
    for number, section in enumerate(sections):
        section.recorder.server(f'{{"type": "{number}"}}')
    tape.close()
    assert names(path) == [["0"], ["1"], ["2"]]
    assert left.read_text() == "left\n"
    assert sorted(tmp_path.iterdir()) == [path, left]


def test_a_file_that_was_there_stays_though_nobody_came(tmp_path: Path) -> None:
    old, new = tmp_path / "old.jsonl", tmp_path / "new.jsonl"
    old.touch()
    for path in (old, new):
        tape = MultiRecording(path)
        tape.begin("ws://a/")
        tape.close()
    assert list(tmp_path.iterdir()) == [old]


def test_a_section_that_cannot_be_written_is_said_and_no_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "deep"
    tape = MultiRecording(folder / "a.jsonl")
    first = tape.begin("ws://a/")
    first.recorder.server('{"type": "a"}')
    folder.rename(tmp_path / "moved")
    folder.touch()  # a file, where the folder was
    with caplog.at_level(logging.ERROR, "voxwire"):
        assert begin_or_log(tape, "ws://b/") is None
    assert "a session is not recorded" in caplog.text
    tape.close()
    assert names(tmp_path / "moved" / "a.jsonl") == [["a"]]
