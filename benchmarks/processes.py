"""The server and the workers, as processes: started when needed, asked in turns, ended at the end.

Each contender has a process of its own, for what one imports must not weigh on another.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent


class Processes:
    """Use it as a context manager: all that it started is ended with the block."""

    def __init__(self) -> None:
        self._started: dict[str, subprocess.Popen[str]] = {}
        self.url = ""

    def __enter__(self) -> Self:
        server = self._start("server")
        assert server.stdout is not None
        self.url = f"ws://127.0.0.1:{int(server.stdout.readline())}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for name in list(self._started):
            self._end(name)

    def _start(self, *words: str) -> subprocess.Popen[str]:
        # What would send a client somewhere else than it is told is left out.
        inherited = {key: value for key, value in os.environ.items() if "OPENAI" not in key}
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{words[0]}", *words[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**inherited, "PYTHONPATH": path},
        )
        self._started[" ".join(words)] = process
        return process

    def _end(self, name: str) -> None:
        process = self._started.pop(name)
        assert process.stdin is not None
        process.stdin.close()  # both kinds end with their input
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:  # it hangs, and must not hold up the others
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def ask(self, contender: str, task: str, /, **arguments: Any) -> dict[str, Any]:
        """Have the contender's worker do something, and wait for its figures."""
        name = f"worker {contender}"
        worker = self._started.get(name) or self._start("worker", contender)
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(json.dumps({"task": task, **arguments}) + "\n")
        worker.stdin.flush()
        line = worker.stdout.readline()
        if not line:
            self._end(name)
            return {"error": "its process has died"}
        found: dict[str, Any] = json.loads(line)
        return found

    def anew(self, contender: str, task: str, /, **arguments: Any) -> dict[str, Any]:
        """The same of a new process: where things lie in memory makes a difference of its own."""
        if f"worker {contender}" in self._started:
            self._end(f"worker {contender}")
        return self.ask(contender, task, **arguments)

    def rounds(
        self,
        contenders: Iterable[str],
        task: str,
        rounds: int,
        *,
        fresh: bool = False,
        warm: bool = False,
        **what: Any,
    ) -> dict[str, list[dict[str, Any]]]:
        """The same for all contenders, round by round, in an order that changes.

        Args:
            fresh: a new process for each, where memory counts.
            warm: once before that, uncounted: an interpreter is slow with what it has not run yet.
        """
        names = list(contenders)
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        for round in range(-1 if warm else 0, rounds):
            random.shuffle(names)
            for name in list(names):
                about = {"contender": name} if task == "import" else {"url": self.url}
                ask = self.anew if fresh else self.ask
                answer = ask(name, task, **about, **what)
                if round >= 0 or "absent" in answer or "error" in answer:
                    found[name].append(answer)
                if "absent" in answer or "error" in answer:
                    names.remove(name)
        return found
