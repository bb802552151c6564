"""All benchmarks in one run: ``python -m benchmarks``, or ``make bench``.

Writes benchmarks/results.json, and the tables and the picture beside it, from which the
documentation takes them. ``--quick`` is a short run; ``--check`` compares one with the committed
ratios, and fails where something has become slower.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks import baseline, plan, report
from benchmarks.contenders import PACKAGES
from benchmarks.figures import Figure
from benchmarks.plot import svg
from benchmarks.processes import Processes

HERE = Path(__file__).resolve().parent
SIZES = {"full": plan.FULL, "quick": plan.QUICK, "tiny": plan.TINY}


def machine() -> str:
    """What the figures are of: the interpreter, the machine, the versions."""
    versions: list[str] = []
    for package in (name for names in PACKAGES.values() for name in names):
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:  # said where its figures would be
            continue
    return (
        f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}, "
        f"{os.cpu_count()} processors, with {', '.join(versions)}"
    )


def run(size: plan.Size, only: list[str] | None = None) -> list[Figure]:
    """Measure; tells on stderr how far it is."""
    figures: list[Figure] = []
    with Processes() as processes:
        for name, step in plan.STEPS.items():
            if only and name not in only:
                continue
            began = time.monotonic()
            figures += [{**each, "step": name} for each in step(processes, size)]
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return figures


def write(folder: Path, result: dict[str, Any]) -> None:
    """The figures, the table and the picture."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1, ensure_ascii=False)
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")
    (folder / "results.md").write_text(report.markdown(result), encoding="utf-8")
    (folder / "results.svg").write_text(svg(result), encoding="utf-8")


def merged(folder: Path, figures: list[Figure]) -> list[Figure]:
    """The figures that are stored, with these in place of what their steps gave before."""
    path = folder / "results.json"
    stored = json.loads(path.read_text(encoding="utf-8"))["figures"] if path.is_file() else []
    steps, new = list(plan.STEPS), {each["step"] for each in figures}
    kept = [each for each in stored if each["step"] not in new]
    return sorted([*kept, *figures], key=lambda each: steps.index(each["step"]))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--quick", dest="size", action="store_const", const="quick")
    parser.add_argument(
        "--only", nargs="+", choices=plan.STEPS, metavar="STEP",
        help=f"of {', '.join(plan.STEPS)}; a full run puts them in place of what is stored",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, help="a folder; default: here for a full run")
    parser.add_argument("--check", action="store_true", help="compare with the committed ratios")
    parser.add_argument("--baseline", type=Path, default=baseline.PATH)
    parser.add_argument("--store", action="store_true", help="make this run's ratios the committed")
    options = parser.parse_args(arguments)

    figures = run(SIZES[options.size], options.only)
    result = {"machine": machine(), "quick": options.size != "full", "figures": figures}
    full = options.size == "full"
    folder = options.output or (HERE if full else HERE.parent / "out" / "benchmarks")
    if full and options.only:
        result["figures"] = merged(folder, figures)
    write(folder, result)
    print(report.markdown(result))
    print(f"written to {folder}", file=sys.stderr)
    if options.store:
        baseline.store(result["figures"], options.baseline)
    if not options.check:
        return 0
    committed = baseline.load(options.baseline)
    told = baseline.regressions(figures, committed)
    doubtful = baseline.steps_of(told, figures)
    if doubtful:
        print(f"once more: {', '.join(doubtful)}", file=sys.stderr)
        again = run(SIZES[options.size], doubtful)
        told = baseline.regressions(again, {name: committed[name] for name in told})
    for name, reason in told.items():
        print(f"slower: {name}: {reason}", file=sys.stderr)
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
