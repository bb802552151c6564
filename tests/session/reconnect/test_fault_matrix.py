"""Cut anywhere, a session ends as if nobody had disturbed it."""

from __future__ import annotations

import itertools

import pytest

from benchmarks.soak.matrix import Outcome, cuts, disturbed, run
from benchmarks.soak.scenes import SCENES, Scene


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name.replace(" ", "-"))
async def test_a_cut_anywhere_changes_nothing(scene: Scene) -> None:
    whole = await run(scene)
    assert whole.said
    assert whole.moves == 0
    # At every frame, in both directions: before one, inside the next.
    places = list(cuts(whole))
    rows = [[cut] for number, cut in enumerate(places) if cut.inside == number // 2 % 2]
    outcomes = await disturbed(scene, rows)
    wrong = [
        (row, outcome.differences(whole) if isinstance(outcome, Outcome) else outcome)
        for row, outcome in zip(rows, outcomes, strict=True)
        if not isinstance(outcome, Outcome) or outcome.differences(whole)
    ]
    assert not wrong
    moved = sum(isinstance(each, Outcome) and each.moves > 0 for each in outcomes)
    assert moved > len(rows) * 0.8  # the rest was cut in the last frames, when all was said


@pytest.mark.parametrize("name", ["tools", "push to talk", "turn detection"])
async def test_a_cut_while_a_session_is_being_restored_changes_nothing(name: str) -> None:
    scene = next(scene for scene in SCENES if scene.name == name)
    whole = await run(scene)
    places = list(cuts(whole))
    first = places[len(places) // 3 :: len(places) // 2]
    second = [cut for cut in places if cut.after < 12 and cut.inside == cut.after % 2]
    rows = [[cut, another] for cut, another in itertools.product(first, second)]
    outcomes = await disturbed(scene, rows)
    assert [
        (row, outcome.differences(whole) if isinstance(outcome, Outcome) else outcome)
        for row, outcome in zip(rows, outcomes, strict=True)
        if not isinstance(outcome, Outcome) or outcome.differences(whole)
    ] == []
