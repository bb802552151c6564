"""Holds the coverage of each package, by the tests that mirror it, at or above its floor.

``tests/conversation`` covers ``src/voxwire/conversation``, and so on: what another package's tests
happen to run counts for nothing here, since they would not notice a fault. Branches count. The
floors are in ``.ci/coverage.json``; ``--raise`` writes what is reached now where that is more. They
never fall. Needs the data of a run with ``--cov --cov-context=test``.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from coverage import Coverage

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ROOT / ".ci" / "coverage.json"
SLACK = 0.5
"""Percent that a run may be below its floor: timing decides whether some branches are taken."""


def packages() -> list[str]:
    source = ROOT / "src" / "voxwire"
    return sorted(
        path.name
        for path in source.iterdir()
        if (path / "__init__.py").exists() and (ROOT / "tests" / path.name).is_dir()
    )


def reached(data: Path) -> dict[str, float]:
    """Percent of lines and branches of each package that its own tests run."""
    found = {}
    for package in packages():
        coverage = Coverage(data_file=str(data), config_file=str(ROOT / "pyproject.toml"))
        coverage.load()
        out = data.with_suffix(f".{package}.json")
        found[package] = round(
            coverage.json_report(
                include=[f"*/src/voxwire/{package}/*"],
                contexts=[rf"^tests/{package}/"],
                outfile=str(out),
            ),
            1,
        )
        out.unlink()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT / ".coverage")
    parser.add_argument("--raise", dest="higher", action="store_true")
    arguments = parser.parse_args()
    floors: dict[str, float] = json.loads(FLOORS.read_text()) if FLOORS.exists() else {}
    now = reached(arguments.data)
    below = {name: floor for name, floor in floors.items() if now.get(name, 0.0) < floor - SLACK}
    for name, percent in now.items():
        mark = "BELOW" if name in below else ""
        print(f"{name:14} {percent:5.1f} %  floor {floors.get(name, 0.0):5.1f} % {mark}".rstrip())
    if arguments.higher:
        higher = {name: max(percent, floors.get(name, 0.0)) for name, percent in now.items()}
        FLOORS.write_text(json.dumps(higher, indent=2) + "\n")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
