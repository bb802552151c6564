"""What is wrong with a spec, told so that one can mend it: file, JSON pointer, fault and cure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NoReturn


@dataclass(frozen=True)
class Place:
    """A spot in a spec file; `/` on a place leads one step deeper."""

    file: str
    pointer: str = ""

    def __truediv__(self, key: object) -> Place:
        step = str(key).replace("~", "~0").replace("/", "~1")
        return Place(self.file, f"{self.pointer}/{step}")

    def __str__(self) -> str:
        return f"{self.file}#{self.pointer}"


@dataclass(frozen=True)
class Problem:
    """One fault at one place, and what to do about it."""

    place: Place
    fault: str
    cure: str

    def __str__(self) -> str:
        return f"{self.place}: {self.fault}\n    cure: {self.cure}"


class CodegenError(Exception):
    """The run cannot go on; the message says why and what to do."""


class SpecErrors(CodegenError):
    """All faults that one pass over the specs has found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Problems:
    """Collects faults, so that one run reports them all."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._found)

    def add(self, place: Place, fault: str, cure: str) -> None:
        problem = Problem(place, fault, cure)
        if problem not in self._found:
            self._found.append(problem)

    def raise_if_any(self) -> None:
        if self._found:
            raise SpecErrors(self._found)


def fail(place: Place, fault: str, cure: str) -> NoReturn:
    """Stop at once: without this nothing after it makes sense."""
    raise SpecErrors([Problem(place, fault, cure)])
