"""Tells whether `generated/` is what `specs/` gives, whether or not it has been committed.

Knows files; does not know how anything is generated.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

CURE = (
    "fix: run `make regenerate` and commit generated/ together with the change in specs/ or "
    "codegen/; never edit generated/ by hand"
)


def differences(there: Path, made: Path) -> Iterator[str]:
    """The lines of a diff from what is in one folder to what is in another; none where all is
    well. A file that is in one of them only counts as well."""
    before, after = _files(there), _files(made)
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name, ""), after.get(name, "")
        if old != new or (name in before) != (name in after):
            ends = (name if name in before else "/dev/null", name if name in after else "/dev/null")
            yield f"--- {ends[0]}"  # also of an empty file
            yield f"+++ {ends[1]}"
            lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="")
            yield from list(lines)[2:]


def _files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
