"""Recorded conversations, cut at every frame, end as if nobody had disturbed them."""

from __future__ import annotations

import itertools
from pathlib import Path

from benchmarks.soak.recorded import (
    LEFT_OUT,
    UNDECIDED,
    Ended,
    Place,
    Recorded,
    differences,
    places,
    play,
    recorded,
)


def _wholes(recordings_dir: Path) -> list[tuple[Recorded, Ended]]:
    found, left_out = recorded(recordings_dir)
    assert left_out == LEFT_OUT
    wholes: list[tuple[Recorded, Ended]] = []
    for one in found:
        whole = play(one)
        assert isinstance(whole, Ended), (one.name, whole)
        assert whole.moves == 0
        assert whole.said or one.name == "server_aimock 3", one.name  # a response that failed
        wholes.append((one, whole))
    return wholes


def test_a_cut_at_any_frame_of_a_recording_changes_nothing(recordings_dir: Path) -> None:
    wrong: dict[tuple[str, Place], list[str]] = {}
    cuts = 0
    for one, whole in _wholes(recordings_dir):
        for place in places(whole):
            ended = play(one, [place])
            cuts += 1
            if not isinstance(ended, Ended) or ended.moves != 1 or differences(ended, whole):
                wrong[one.name, place] = differences(ended, whole)
    assert cuts > 450
    # Those that cannot be known are still told apart: the table does not grow old.
    assert {at: told for at, told in wrong.items() if at not in UNDECIDED} == {}
    assert set(wrong) == set(UNDECIDED)


def test_a_second_cut_while_it_is_restored_changes_nothing(recordings_dir: Path) -> None:
    wrong: list[tuple[str, list[Place], list[str]]] = []
    for one, whole in _wholes(recordings_dir):
        second: list[Place] = [("c2s", 0), ("c2s", 2), ("s2c", 1), ("s2c", 4), ("s2c", 7)]
        for row in itertools.product(places(whole)[3::9], second):
            if any((one.name, place) in UNDECIDED for place in row):
                continue
            told = differences(play(one, list(row)), whole)
            if told:
                wrong.append((one.name, list(row), told))
    assert wrong == []
