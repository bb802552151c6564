"""The commands: their arguments, what they print, and their exit codes.

0 is well; 1 means that what was asked about is not well; 2 that there is no answer.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import aclosing
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from .. import __version__
from ..errors import VoxwireError
from .diff import HELP as DIFF_HELP
from .diff import diff
from .lint import Counts, Report, lint
from .playing import play
from .printing import JsonLines, Printer
from .record import HELP as RECORD_HELP
from .record import record
from .report import HELP as REPORT_HELP
from .report import report
from .screen import clean, fail, inform, screen
from .serve import HELP as SERVE_HELP
from .serve import serve

__all__ = ["app", "run"]

app = typer.Typer(
    name="voxwire",
    help="Tools for sessions of the Realtime API.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_SHOWN_PROBLEMS = 30


def run() -> None:
    """Run the command with errors in a line and without tracebacks for what is no bug."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a letter
    try:
        app(prog_name="voxwire")
    except VoxwireError as error:
        # What the user can mend: a message is enough, a traceback too much.
        fail(str(error))
        sys.exit(2)
    except KeyboardInterrupt:  # Ctrl-C: the exit code that shells know for it
        sys.exit(130)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"voxwire {__version__}")
        raise typer.Exit


@app.callback()
def _options(  # pyright: ignore[reportUnusedFunction]
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


_LINT_HELP = (
    "Decode every frame of recordings and report what does not fit the specs.\n\n"
    "Each connection is read as realtime or as translation, whichever its frames tell. "
    "Exits with 1 when a frame failed: it could not be decoded, or not be rebuilt as it was."
)


@app.command("lint", help=_LINT_HELP)
def _lint(  # pyright: ignore[reportUnusedFunction]
    files: Annotated[list[Path], typer.Argument(help="Recordings, or folders of them.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the report as one JSON object.")
    ] = False,
) -> None:
    """Check recordings."""
    found = lint(files)
    if as_json:
        print(json.dumps(found.to_dict(), ensure_ascii=False, indent=2))
    else:
        _print_report(found)
    if found.total.failed:
        raise typer.Exit(1)


def _print_report(report: Report) -> None:
    console = screen()
    columns = ("frames", "typed", "unknown", "tolerated", "failed")
    # The name comes last, as in wc: it is as long as it is.
    console.print("  ".join(columns) + "  recording", style="bold")
    for name, file in report.files.items():
        family = "" if file.families == ["realtime"] else f" ({', '.join(file.families)})"
        _print_counts(console, file.counts, columns, clean(Path(name).name) + family)
    if len(report.files) > 1:
        _print_counts(console, report.total, columns, "total", "bold")
    data = report.to_dict()
    if data["problems"]:
        console.print("\nWhere values are not as the specs say", style="bold")
        for found in data["problems"][:_SHOWN_PROBLEMS]:
            console.print(f"{found['count']:>6}  {clean(found['path'])}", soft_wrap=True)
            console.print(f"        {clean(found['example'])}", style="dim", soft_wrap=True)
        rest = len(data["problems"]) - _SHOWN_PROBLEMS
        if rest > 0:
            console.print(f"        and {rest} more; --json lists all", style="dim")
    if data["unknown_types"]:
        console.print("\nNot in the specs", style="bold")
        for name, count in data["unknown_types"].items():
            console.print(f"{count:>6}  {clean(name)}", soft_wrap=True)
    for failure in report.failures:
        where = f"{failure.file}, entry {failure.entry} ({failure.type})"
        console.print(clean(f"\nfailed: {where}: {failure.reason}"), style="red", soft_wrap=True)
    for name, reason in report.skipped.items():
        inform(f"skipped {name}: {reason}")


def _print_counts(
    console: Console, counts: Counts, columns: tuple[str, ...], name: str, style: str = ""
) -> None:
    row = "  ".join(f"{getattr(counts, column):>{len(column)}}" for column in columns)
    console.print(f"{row}  {name}", style="red" if counts.failed else style, soft_wrap=True)


@app.command("play")
def _play(  # pyright: ignore[reportUnusedFunction]
    file: Annotated[Path, typer.Argument(help="A recording.")],
    speed: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="How fast: 1 as recorded, 2 twice as fast, 0 without waiting. "
            "Without it, 1 in a terminal and 0 in a pipe.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each thing said as a JSON object on a line.")
    ] = False,
) -> None:
    """Play a recording as a live session, through a socket on this machine."""
    console = screen()
    if speed is None:
        speed = 1.0 if console.is_terminal and not as_json else 0.0
    show = JsonLines(console) if as_json else Printer(console)

    async def perform() -> None:
        async with aclosing(play(file, speed or None, inform)) as scenes:
            async for scene in scenes:
                show.show(scene)

    try:
        asyncio.run(perform())
    finally:
        show.end_line()


app.command("diff", help=DIFF_HELP)(diff)
app.command("record", help=RECORD_HELP)(record)
app.command("report", help=REPORT_HELP)(report)
app.command("serve", help=SERVE_HELP)(serve)
