"""``voxwire play``: its arguments, and the pace."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import typer

from .options import Json

__all__ = ["HELP", "play_file"]

HELP = """Play a recording as a live session, through a socket on this machine.

Examples:

  voxwire play session.jsonl
  voxwire play --speed 4 session.jsonl
  voxwire play --json session.jsonl | jq -r .text
"""


def play_file(
    file: Annotated[Path, typer.Argument(help="A recording.", show_default=False)],
    speed: Annotated[
        float | None,
        typer.Option(
            "--speed",
            min=0,
            metavar="FACTOR",
            help="How fast: 1 as recorded, 2 twice as fast, 0 without waiting. "
            "Without it, 1 in a terminal and 0 in a pipe.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show who said what."""
    import asyncio

    from .play_session import play
    from .printer import JsonLines, Printer
    from .screen import inform, screen

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
