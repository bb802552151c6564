"""Tells whether `generated/` is what `specs/` gives, with git as the judge.

Knows git's status; does not know how anything is generated.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from .problems import CodegenError

CURE = (
    "cure: run `make regenerate` and commit generated/ together with the change in specs/ or "
    "codegen/; never edit generated/ by hand"
)


def differences(out: Path) -> str:
    """What git sees changed below `out`, new files too; empty where all is well."""
    status = _git(out, "status", "--porcelain", "--untracked-files=all", "--", ".")
    if not status:
        return ""
    return status + _git(out, "diff", "HEAD", "--", ".")


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CodegenError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout
