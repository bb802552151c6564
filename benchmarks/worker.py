"""Runs tasks for one contender in a process of its own: JSON lines in, JSON lines out.

``python -m benchmarks.worker bare`` reads ``{"task": "send", "url": ..., "count": 1000}`` and
answers with the figures, or with why there are none.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from benchmarks import codecs, crowd, footprint, tasks

ON_A_SOCKET: Mapping[str, Callable[..., Any]] = {
    "receive": tasks.receive,
    "send": tasks.send,
    "opening": tasks.opening,
    "latency": tasks.latency,
    "idle": crowd.idle,
    "crowd": crowd.crowd,
}
ALONE: Mapping[str, Callable[..., Any]] = {
    "decode": codecs.decode,
    "encode": codecs.encode,
    "import": footprint.measure,
}


def answer(contender: str, task: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The figures, ``{"absent": reason}`` for what cannot be compared, or ``{"error": ...}``."""
    try:
        if task in ALONE:
            return dict(ALONE[task](**arguments))
        if task in ("lengths", "memory"):
            lengths = import_module("benchmarks.lengths")
            return dict(lengths.times(**arguments) if task == "lengths" else lengths.memory())
        if task.startswith("steps."):
            steps = import_module("benchmarks.steps")
            doing = getattr(steps, task.partition(".")[2])(**arguments)
            return dict(asyncio.run(asyncio.wait_for(doing, 120.0)))
        who = import_module(f"benchmarks.contenders.{contender}")
        limit = arguments.pop("limit", 120.0)
        doing = ON_A_SOCKET[task](who, **arguments)
        assert inspect.iscoroutine(doing)
        return dict(asyncio.run(asyncio.wait_for(doing, limit)))
    except ImportError as error:  # one contender is not here: the table says so
        return {"absent": f"not installed ({error.name})"}
    except NotImplementedError as error:  # one that cannot do this: the table says so
        return {"absent": str(error)}
    except Exception as error:  # one contender that fails must not end the others' run
        return {"error": f"{type(error).__name__}: {error}"}


def main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        task = asked.pop("task")
        print(json.dumps(answer(sys.argv[1], task, asked)), flush=True)


if __name__ == "__main__":
    main()
