"""Makes a case that breaks something as small as it goes, and still break in the same way.

Knows steps and JSON; what breaks is for the caller to say.
"""

from __future__ import annotations

import copy
import json
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import attrs

from .cases import Case, Step
from .mutating import places, write

TRIES = 3000


def cause(play: Callable[[Case], None], case: Case) -> str | None:
    """What breaks when the case is played, by kind and place; ``None`` where all holds."""
    try:
        play(case)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        last = frames[-1]
        told = f": {str(error)[:60]}" if isinstance(error, AssertionError) else ""
        return f"{type(error).__name__} in {last.name} ({last.filename.rpartition('/')[2]}){told}"
    return None


def shrunk(case: Case, broken: Callable[[Case], bool]) -> Case:
    """The smallest case found that is still broken."""
    tries = 0
    better = True
    while better and tries < TRIES:
        better = False
        for smaller in _smaller(case):
            tries += 1
            if tries >= TRIES:
                break
            if broken(smaller):
                case, better = smaller, True
                break
    return case


def _smaller(case: Case) -> Iterator[Case]:
    steps = case.steps
    size = len(steps) // 2
    while size:
        for at in range(0, len(steps), size):
            yield attrs.evolve(case, steps=steps[:at] + steps[at + size :])
        size //= 2
    for at, step in enumerate(steps):
        for other in _lesser(step):
            yield attrs.evolve(case, steps=(*steps[:at], other, *steps[at + 1 :]))


def _lesser(step: Step) -> Iterator[Step]:
    what = step.what
    if isinstance(what, bytes):
        with suppress(UnicodeDecodeError):  # else it has to stay bytes
            yield Step(step.kind, what.decode())
    if len(what) > 2000:
        yield Step(step.kind, what[: len(what) // 2])
        yield Step(step.kind, what[len(what) // 2 :])
    try:
        data = json.loads(what)
    except (ValueError, RecursionError):
        return  # nothing to take apart
    if not isinstance(data, (dict, list)):
        return
    if write(data) != what:
        yield Step(step.kind, write(data))
    for number, (parent, key) in enumerate(list(places(data))):
        for change in _changes(parent[key]):
            copied = copy.deepcopy(data)
            holder, place = list(places(copied))[number]
            if change is _GONE:
                del holder[place]
            else:
                holder[place] = change
            text = write(copied)
            if len(text) < len(what):
                yield Step(step.kind, text)


_GONE: Any = object()


def _changes(value: Any) -> Iterator[Any]:
    yield _GONE
    if isinstance(value, (dict, list)) and value:
        yield type(value)()
    elif isinstance(value, str) and len(value) > 1:
        yield value[: len(value) // 2]
    elif isinstance(value, float) or (isinstance(value, int) and abs(value) > 1):
        yield 1
