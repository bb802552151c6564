"""Check what is installed: every pin has hashes, and no known vulnerability is among the pins.

The pins are read here; the advisories are asked for by pip-audit, from the public database that it
knows. Where that cannot be reached, nothing is known, which is said in so many words and is no
failure: a build without a network is still a build. A finding is one.

    python .ci/audit.py requirements/run.txt ...  [--osv-url URL] [--ignore ID ...]
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PIN = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[\w,.-]*\])?==(?P<version>[^\s;\\]+)")
UNREACHABLE = re.compile(r"Connection|[Tt]imeout|timed out|resolve|ServiceError|HTTPError|50\d")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})(?=\s|\\|$)")
TIMEOUT = "10"


def entries(text: str) -> Iterator[tuple[int, str]]:
    """The requirements of a lock with the number of their first line, without comments."""
    whole, begun = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.partition("#")[0].strip()
        if bare and not whole:
            begun = number
        whole = f"{whole} {bare}".strip() if bare else whole
        if whole and not whole.endswith("\\") and not line.rstrip().endswith("\\"):
            yield begun, whole
            whole = ""


def unpinned(lock: Path, known: dict[str, frozenset[str]]) -> Iterator[str]:
    """What is wrong with the pins of a lock; ``known`` collects the hashes of all locks."""
    for number, entry in entries(lock.read_text(encoding="utf-8")):
        at = f"{lock}:{number}"
        pin = PIN.match(entry)
        if pin is None:
            yield f"{at}: not pinned to a version: {entry[:60]}"
            continue
        named = f"{pin['name'].lower().replace('_', '-')}=={pin['version']}"
        hashes = frozenset(HASH.findall(entry))
        if not hashes:
            yield f"{at}: {named} has no sha256 hash"
        elif known.setdefault(named, hashes) != hashes:
            yield f"{at}: {named} has other hashes in another lock"


class Unreachable(Exception):
    """The database of advisories does not answer."""


def advisories(lock: Path, osv_url: str | None) -> list[dict[str, Any]]:
    """What pip-audit says of each pin. Raises Unreachable where it gets no answer."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--no-deps", "--require-hashes"]
    command += ["-r", str(lock), "-f", "json", "--progress-spinner", "off", "--timeout", TIMEOUT]
    command += ["-s", "osv", *(["--osv-url", osv_url] if osv_url else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        found = json.loads(done.stdout)
    except ValueError:  # it ends with a traceback, and nothing on its output
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        if UNREACHABLE.search(reason):
            raise Unreachable(reason.partition(": ")[2][:150] or reason[:150]) from None
        sys.exit(f"pip-audit failed: {done.stderr}")
    listed: list[dict[str, Any]] = found["dependencies"]
    return listed


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="audit", description=__doc__)
    parser.add_argument("locks", nargs="+", type=Path)
    parser.add_argument("--osv-url", help="another database of the same kind")
    parser.add_argument("--pins-only", action="append", default=[], type=Path, metavar="LOCK")
    parser.add_argument("--ignore", action="append", default=[], metavar="ID")
    given = parser.parse_args(arguments)
    known: dict[str, frozenset[str]] = {}
    locks = [*given.locks, *given.pins_only]
    wrong = [problem for lock in locks for problem in unpinned(lock, known)]
    for problem in wrong:
        print(problem)
    print(f"{len(known)} pins in {len(locks)} locks, {len(wrong)} without what they need")
    if wrong:
        return 1
    found, unknown, asked = 0, 0, 0
    for lock in given.locks:
        try:
            said = advisories(lock, given.osv_url)
        except Unreachable as reason:  # no network is no finding, and no all-clear either
            print(f"NOT AUDITED: the advisories cannot be reached from here ({reason})")
            return 1 if found else 0
        for one in said:
            asked += 1
            unknown += "skip_reason" in one
            for advisory in one.get("vulns", []):
                names = {advisory["id"], *advisory.get("aliases", [])}
                if not names & set(given.ignore):
                    found += 1
                    fixed = ", ".join(advisory.get("fix_versions") or []) or "none yet"
                    pin = f"{one['name']} {one['version']}"
                    print(f"{lock}: {pin}: {advisory['id']}, fixed in {fixed}")
    print(f"{asked - unknown} pins audited, {unknown} could not be: {found} known vulnerabilities")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
