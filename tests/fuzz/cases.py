"""A case: what is put before a target, step by step; and how it lies in a file.

Knows neither targets nor how cases come about.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import attrs

FINDINGS = Path(__file__).parent / "findings"


@attrs.frozen
class Step:
    """A frame of the server (``s2c``) or of the client (``c2s``), or something that is done."""

    kind: str
    what: str | bytes

    @property
    def frame(self) -> bytes:
        """The frame in bytes; a lone surrogate becomes the bytes that stand for it."""
        what = self.what
        return what if isinstance(what, bytes) else what.encode("utf-8", "surrogatepass")

    def line(self) -> str:
        what = self.what
        told: Any = what if isinstance(what, str) else {"base64": base64.b64encode(what).decode()}
        return json.dumps({self.kind: told})


@attrs.frozen
class Case:
    """Steps for a target. ``about`` says what they once broke."""

    target: str
    steps: tuple[Step, ...]
    about: str = ""

    def write(self, path: Path) -> None:
        """One line for the target, one for each step."""
        head = json.dumps({"target": self.target, "about": self.about})
        lines = [head, *(step.line() for step in self.steps)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read(path: Path) -> Case:
    """A case from its file."""
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    about = json.loads(head)
    steps = []
    for line in lines:
        ((kind, what),) = json.loads(line).items()
        steps.append(Step(kind, base64.b64decode(what["base64"]) if type(what) is dict else what))
    return Case(about["target"], tuple(steps), about["about"])
