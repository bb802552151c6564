"""Ratios, tables and the picture of stored figures, and the comparison with the committed ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import __main__ as program
from benchmarks import baseline, report
from benchmarks.figures import figure, of_rounds, ratios
from benchmarks.plot import SHOWN, svg


def made(ours: float = 6.0) -> dict[str, Any]:
    samples = {"voxwire": [ours, ours + 1, ours - 1], "bare": [5.0], "openai_sdk": [60.0]}
    return figure(
        "receive.small", "Receive", "µs", samples,
        aims={"bare": 1.35, "openai_sdk": 1 / 5}, guarded=("bare",),
    )  # fmt: skip


def test_a_ratio_is_ours_to_theirs_of_medians() -> None:
    found = made()
    assert found["values"]["voxwire"] == {"median": 6.0, "low": 5.0, "high": 7.0, "rounds": 3}
    assert found["ratios"]["bare"] == {"ratio": 1.2, "aim": 1.35, "guarded": True}
    assert found["ratios"]["openai_sdk"] == {"ratio": 0.1, "aim": 0.2}
    assert ratios([found]) == {"receive.small / bare": 1.2}


def test_who_has_no_figure_is_told_with_the_reason() -> None:
    rounds = {"voxwire": [{"cpu": 2.0}], "bare": [{"absent": "not installed (orjson)"}]}
    found = of_rounds("send", "Send", "µs", rounds, "cpu")
    assert list(found["values"]) == ["voxwire"]
    assert found["ratios"] == {}
    run = {"machine": "a machine", "quick": False, "figures": [found]}
    assert "websockets + orjson: not installed (orjson)." in report.markdown(run)


def test_the_table_says_ratio_spread_and_aim() -> None:
    run = {"machine": "a machine", "quick": True, "figures": [made()]}
    text = report.markdown(run)
    assert "| Voxwire | 6 | 5 – 7 |  |  |" in text
    assert "| websockets + orjson | 5 |  | 1.20 | ≤ 1.35 |" in text
    assert "| openai | 60 |  | 1/10.0 | ≤ 1/5.0 |" in text
    assert "A quick run" in text


def test_the_picture_has_a_bar_for_each_contender() -> None:
    run = {"machine": "a machine", "quick": False, "figures": [made()]}
    picture = ElementTree.fromstring(svg(run))
    bars = [each for each in picture.iter() if each.tag.endswith("rect")]
    widths = [float(each.get("width", "0")) for each in bars]
    assert len(widths) == 3
    assert widths[2] == max(widths) == pytest.approx(widths[1] * 10, abs=1)  # ours, then theirs
    assert "receive.small" in SHOWN


def test_what_has_become_slower_is_told() -> None:
    committed = ratios([made()])
    assert baseline.regressions([made()], committed) == {}
    assert baseline.regressions([made(6.0 * 1.4)], committed) == {}  # noise
    told = baseline.regressions([made(6.0 * 1.6)], committed)
    assert told == {"receive.small / bare": "1.92, was 1.2; up to 1.8 is noise"}


def test_what_is_not_measured_any_more_is_told() -> None:
    told = baseline.regressions([], {"send / bare": 1.1})
    assert told == {"send / bare": "not measured, was 1.1"}
    assert baseline.steps_of(told, [{**made(), "step": "receiving"}]) == []


@pytest.mark.parametrize(
    ("times", "status", "runs"),
    [([6.0], 0, 1), ([12.0, 6.0], 0, 2), ([12.0, 11.0], 1, 2)],
    ids=["as fast", "slower once", "slower twice"],
)
def test_the_program_fails_over_a_regression_that_comes_again(
    times: list[float],
    status: int,
    runs: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked: list[Any] = []

    def run(size: Any, only: list[str] | None) -> list[Any]:
        asked.append(only)
        return [{**made(times[len(asked) - 1]), "step": "receiving"}]

    monkeypatch.setattr(program, "run", run)
    path = tmp_path / "baseline.json"
    path.write_text(json.dumps(ratios([made()])))
    words = ["--quick", "--check", "--baseline", str(path), "--output", str(tmp_path)]
    assert program.main(words) == status
    assert asked == [None, ["receiving"]][:runs]
    told = "slower: receive.small / bare: 2.2, was 1.2; up to 1.8 is noise"
    assert (told in capsys.readouterr().err) == (status == 1)
    assert json.loads((tmp_path / "results.json").read_text())["quick"] is True


def test_a_step_that_is_measured_anew_replaces_what_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(size: Any, only: list[str] | None) -> list[Any]:
        return [
            {**made(7.0 if only else 6.0), "step": step} for step in only or ["sending", "reading"]
        ]

    monkeypatch.setattr(program, "run", run)
    assert program.main(["--output", str(tmp_path)]) == 0
    assert program.main(["--output", str(tmp_path), "--only", "reading"]) == 0
    stored = json.loads((tmp_path / "results.json").read_text())["figures"]
    assert [each["step"] for each in stored] == ["reading", "sending"]
    assert [each["values"]["voxwire"]["median"] for each in stored] == [7.0, 6.0]


def test_the_committed_figures_are_those_that_the_tables_show() -> None:
    run = json.loads((program.HERE / "results.json").read_text(encoding="utf-8"))
    assert run["quick"] is False
    assert (program.HERE / "results.md").read_text(encoding="utf-8") == report.markdown(run)
    assert (program.HERE / "results.svg").read_text(encoding="utf-8") == svg(run)
    assert baseline.load().keys() == ratios(run["figures"]).keys()
