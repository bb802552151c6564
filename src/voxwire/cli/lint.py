"""``voxwire lint``: its arguments and its exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .options import Json

__all__ = ["HELP", "lint_files"]

HELP = """Decode every frame of recordings and report what does not fit the specs.

Each connection is read as realtime or as translation, whichever its frames tell. Exits with 1 when
a frame failed: it could not be decoded, or not be rebuilt as it was.

Examples:

  voxwire lint session.jsonl
  voxwire lint --json recordings/ | jq .failed
"""


def lint_files(
    files: Annotated[
        list[Path], typer.Argument(help="Recordings, or folders of them.", show_default=False)
    ],
    as_json: Json = False,
) -> None:
    """Check recordings."""
    from ..recording.lint import lint
    from .screen import steps

    with steps("checking", shown=not as_json) as step:
        report = lint(files, step)
    if as_json:
        print(json.dumps(report.to_dict(), ensure_ascii=False))
    else:
        from .lint_table import print_report

        print_report(report)
    if report.total.failed:
        raise typer.Exit(1)
