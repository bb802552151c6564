"""``voxwire diff``: where two recordings differ, in a table or as JSON."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .options import Json

__all__ = ["HELP", "diff"]

HELP = """Tell where two recordings differ.

Ids and times may be others, as long as each id stands for the same one throughout. Events of the
same kind are compared with each other. Exits with 1 when there is a difference.

Examples:

  voxwire diff yesterday.jsonl today.jsonl
  voxwire diff a.jsonl b.jsonl --join --audio ignore
  voxwire diff a.jsonl b.jsonl --ignore 'rate_limits.*' --json
"""


class Audio(StrEnum):
    """How audio is compared."""

    LENGTH = "length"
    CONTENT = "content"
    IGNORE = "ignore"


def diff(
    a: Annotated[Path, typer.Argument(metavar="A", help="A recording.", show_default=False)],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another one.", show_default=False)],
    audio: Annotated[Audio, typer.Option("--audio", help="How to compare audio.")] = Audio.LENGTH,
    join: Annotated[
        bool,
        typer.Option("--join", help="Compare text and audio as a whole, however it was cut."),
    ] = False,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            "--ignore",
            metavar="PATTERN",
            help="Pass over a type of event such as 'rate_limits.*', or a path such as "
            "'$.response.usage*'. May be given again.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare two recordings."""
    from ..recording.diff import compare
    from ..recording.reader import read_redacted
    from .diff_table import frames, print_differences
    from .screen import screen

    found = compare(
        list(read_redacted(a)),
        list(read_redacted(b)),
        audio=audio.value,
        join=join,
        ignore=ignore or (),
    )
    if as_json:
        print(json.dumps({"a": str(a), "b": str(b), **found.to_dict()}, ensure_ascii=False))
    elif not found.differences:
        screen().print(f"no difference in {frames(found.frames)}")
    else:
        print_differences(screen(), a, b, found.differences)
    if found.differences:
        raise typer.Exit(1)
