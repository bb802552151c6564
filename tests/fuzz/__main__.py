"""``python -m fuzz``: try all targets in turn for some time, and write down what breaks."""

from __future__ import annotations

import argparse
import logging
import random
import sys
import time
from collections import Counter
from hashlib import sha256
from pathlib import Path

import attrs

from .cases import FINDINGS, Case
from .shrinking import cause, shrunk
from .targets import TARGETS


def main() -> int:
    about = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    about.add_argument("--seconds", type=float, default=60.0, help="how long to go on")
    about.add_argument("--seed", type=int, default=None, help="chance, if it is to be the same")
    about.add_argument("--only", default="", help="targets whose names begin like this")
    about.add_argument("--no-recordings", action="store_true", help="built frames only")
    about.add_argument("--into", type=Path, default=FINDINGS, help="the folder of what breaks")
    options = about.parse_args()
    logging.disable(logging.CRITICAL)
    seed = random.SystemRandom().randrange(2**32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    targets = [each for name, each in TARGETS.items() if name.startswith(options.only)]
    if not targets:
        print(f"no target begins with {options.only!r}: {', '.join(TARGETS)}")
        return 2
    known: set[tuple[str, str]] = set()
    tried: Counter[str] = Counter()
    until = time.monotonic() + options.seconds
    number = 0
    while time.monotonic() < until:
        target = targets[number % len(targets)]
        # Each case has a seed of its own, so that one can be made again by itself.
        recorded = (number // len(targets)) % 2 == 0 and not options.no_recordings
        case = target.case(random.Random(f"{seed}/{number}"), recordings=recorded)
        number += 1
        tried[target.name] += 1
        why = cause(target.play, case)
        if why is None or (target.name.split()[0], why) in known:
            continue
        known.add((target.name.split()[0], why))
        print(f"\n{target.name}: {why}\n  case {seed}/{number - 1}", flush=True)
        small = shrunk(case, lambda other: cause(target.play, other) == why)  # noqa: B023
        path = _keep(attrs.evolve(small, about=why), options.into, recorded)
        print(f"  {path}", flush=True)
    print(f"\n{number} cases:")
    for name, count in sorted(tried.items()):
        print(f"  {name:24} {count:8}")
    print(f"{len(known)} findings" if known else "nothing broke")
    return 1 if known else 0


def _keep(case: Case, folder: Path, recorded: bool) -> Path:
    """Write a finding. One that may have been made from a recording is not for the repository, and
    ignored by git: build it anew by hand from what it shows."""
    digest = sha256("".join(step.line() for step in case.steps).encode()).hexdigest()[:8]
    name = f"{'recorded_' if recorded else ''}{case.target.replace(' ', '_')}_{digest}.jsonl"
    folder.mkdir(parents=True, exist_ok=True)
    case.write(folder / name)
    return folder / name


if __name__ == "__main__":
    sys.exit(main())
