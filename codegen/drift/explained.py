"""Tells differences that are meant from drift, by the `drift` section of specs/quirks.yaml.

An entry:

    - path: ServerVad.threshold#default    # as the report prints it; `*` stands for anything
      kind: changed                        # added, removed or changed, likewise
      upstream: 0.8                        # what upstream has, if that is a value of its own
      reason: Why specs/ differ.
      evidence: ...

Instead of `path` it may have a list of `paths`. It explains a difference only as long as upstream
keeps saying the same, and an entry that explains nothing any more is itself reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .difference import Difference
from .documents import DriftError
from .shapes import MISSING

_KINDS = ("added", "removed", "changed")
_VALUED = ("type", "default", "limit", "access")


@dataclass(frozen=True)
class Entry:
    """One path of one entry of the section."""

    kind: str
    path: str
    upstream: Any
    reason: str

    def fits(self, difference: Difference) -> bool:
        return difference.kind == self.kind and _matches(self.path, difference.path)

    def explains(self, difference: Difference) -> bool:
        if not self.fits(difference):
            return False
        stated = difference.what in _VALUED and difference.upstream is not MISSING
        return self.upstream == difference.upstream if stated else True

    def __str__(self) -> str:
        return f"{self.kind} {self.path}"


def _matches(pattern: str, path: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), path) is not None


def entries(quirks: Any) -> list[Entry]:
    """The entries of the section; a wrong one raises, naming the cure."""
    section = quirks.get("drift") if isinstance(quirks, Mapping) else None
    found: list[Entry] = []
    for i, raw in enumerate(section or []):
        place = f"quirks.yaml#/drift/{i}"
        if not isinstance(raw, Mapping):
            raise DriftError(f"{place}: is not a mapping; write path, kind, reason, evidence.")
        if raw.get("kind") not in _KINDS:
            raise DriftError(f"{place}: `kind` must be one of {', '.join(_KINDS)}.")
        paths = [raw["path"]] if "path" in raw else raw.get("paths")
        if not isinstance(paths, list) or not paths or not all(isinstance(p, str) for p in paths):
            raise DriftError(f"{place}: needs `path` or `paths`, as `drift` prints them.")
        if not isinstance(raw.get("reason"), str) or not raw["reason"].strip():
            raise DriftError(f"{place}: has no `reason`; say why specs/ differ from upstream here.")
        if unknown := raw.keys() - {"path", "paths", "kind", "upstream", "reason", "evidence"}:
            raise DriftError(f"{place}: unknown key {sorted(unknown)[0]!r}; remove it.")
        for path in paths:
            upstream = raw.get("upstream", MISSING)
            found.append(Entry(raw["kind"], path, upstream, " ".join(raw["reason"].split())))
    return found


@dataclass(frozen=True)
class Verdict:
    """The differences, sorted into drift and what is meant."""

    drift: list[Difference]
    explained: list[tuple[Difference, Entry]]
    stale: list[Entry]
    said: dict[str, Any]
    """Stale entry whose path still fits -> what upstream says there now."""

    @property
    def clean(self) -> bool:
        return not self.drift and not self.stale


def judge(differences: Iterable[Difference], known: Iterable[Entry]) -> Verdict:
    """Sort the differences by the first entry that explains each."""
    everything = list(known)
    verdict = Verdict([], [], list(everything), {})
    for difference in differences:
        fitting = [entry for entry in everything if entry.explains(difference)]
        for entry in fitting:
            if entry in verdict.stale:
                verdict.stale.remove(entry)
        if fitting:
            verdict.explained.append((difference, fitting[0]))
        else:
            verdict.drift.append(difference)
    for entry in verdict.stale:
        near = [d for d in verdict.drift if entry.fits(d)]
        if near:
            verdict.said[str(entry)] = near[0].upstream
    return verdict
