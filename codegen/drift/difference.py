"""One difference between specs/ and the upstream document, as reports and quirks name it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from .documents import Node
from .shapes import MISSING

Kind = Literal["added", "removed", "changed"]
What = Literal[
    "event",
    "operation",
    "webhook",
    "field",
    "member",
    "value",
    "type",
    "nullable",
    "required",
    "access",
    "default",
    "limit",
    "deprecated",
]


@dataclass(frozen=True)
class Difference:
    """Something that is in only one of the documents, or not the same in both.

    `added` is in the upstream document and not in specs/, `removed` the other way round.
    `path` is stable: it is made of the names of specs/, or of wire names, and never of positions.
    """

    kind: Kind
    what: What
    path: str
    ours: Any = MISSING
    upstream: Any = MISSING
    place: Node | None = field(default=None, compare=False, repr=False)
    """Where in specs/ a person would change something."""
    source: Node | None = field(default=None, compare=False, repr=False)
    """Where the upstream document says it."""
    required: bool = field(default=False, compare=False, repr=False)
    """Of an added field: whether upstream requires it."""

    def as_json(self) -> dict[str, Any]:
        out: dict[str, Any] = {"kind": self.kind, "what": self.what, "path": self.path}
        if self.ours is not MISSING:
            out["ours"] = self.ours
        if self.upstream is not MISSING:
            out["upstream"] = self.upstream
        return out


def shown(value: Any) -> str:
    """A value as the table shows it, in one line."""
    if value is MISSING:
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
