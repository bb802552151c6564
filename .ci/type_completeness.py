"""Holds the share of public names whose types are known to a user's type checker at its floor.

``pyright --verifytypes`` reads each package as a user's checker would. The floors only rise.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLOORS = {"voxwire": 82.0, "voxwire_protocol": 79.0}


def score(package: str) -> tuple[float, list[str]]:
    """Percent of the public names of `package`, and what is wrong with the rest."""
    # An editable install is a path, in which pyright does not look for py.typed.
    paths = os.pathsep.join(str(ROOT / name) for name in ("src", "generated"))
    command = ["pyright", "--pythonpath", sys.executable, "--outputjson", "--ignoreexternal"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [*command, "--verifytypes", package],
        env={**os.environ, "PYTHONPATH": paths, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout)["typeCompleteness"]
    wrong = [
        f"{symbol['name']}: {diagnostic['message'].splitlines()[0]}"
        for symbol in report["symbols"]
        for diagnostic in symbol["diagnostics"]
        if symbol["isExported"]
    ]
    return 100 * report["completenessScore"], wrong


def main() -> int:
    failed = False
    for package, floor in FLOORS.items():
        percent, wrong = score(package)
        print(f"{package:18} {percent:5.1f} %  floor {floor:5.1f} %")
        if percent < floor - 0.05:
            failed = True
            print("\n".join(wrong[:40]))
        elif "--all" in sys.argv:
            print("\n".join(wrong))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
