"""All benchmarks, one after the other: ``python -m benchmarks``.

Leaves what they print in benchmarks/results, where the documentation takes it from.
"""

from __future__ import annotations

import contextlib
import io
import platform
import sys
from pathlib import Path

from benchmarks import conversation, decode

RESULTS = Path(__file__).parent / "results"
TITLES = {
    decode: "Reading and writing frames",
    conversation: "Following an hour of conversation",
}


def main() -> None:
    RESULTS.mkdir(exist_ok=True)
    for number, (benchmark, title) in enumerate(TITLES.items(), 1):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            benchmark.main([])
        # Where the figures were written to is of this machine, and no result.
        lines = [
            line for line in printed.getvalue().rstrip().splitlines() if "written to" not in line
        ]
        table = "\n".join(lines).rstrip()
        print(f"{table}\n", flush=True)
        python = f"CPython {platform.python_version()}, {platform.machine()}"
        name = benchmark.__name__.rpartition(".")[2]
        (RESULTS / f"{number}-{name}.md").write_text(
            f"## {title}\n\n{python}\n\n```text\n{table}\n```\n", encoding="utf-8"
        )


if __name__ == "__main__":
    sys.exit(main())
