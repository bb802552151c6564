"""``voxwire report``: what it is told, and what it says of the page that it makes."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["HELP", "report"]

HELP = """Make a page of a recording, to look at and listen to.

One HTML file with all in it: timeline, transcript, events, latencies, problems, tokens and cost. It
needs no network and shows no key. With --follow, a page on this machine shows a session while it is
being recorded; Ctrl-C ends it.

Examples:

  voxwire report session.jsonl --open
  voxwire report session.jsonl -o page.html --no-audio
  voxwire report --follow session.jsonl
"""

_OURS = '<meta name="generator" content="voxwire '
_LARGE = 24 * 1024 * 1024
_LONG = 4 * 1024 * 1024


class Audio(StrEnum):
    """How the sound is put in."""

    FULL = "full"
    COMPACT = "compact"
    NONE = "none"


def report(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recording.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "--output",
            "-o",
            help="The page; without it, FILE with .html.",
            show_default=False,
        ),
    ] = None,
    audio: Annotated[
        Audio | None,
        typer.Option(
            "--audio",
            help="The sound as recorded (full), as on a phone (compact), or none. Without it, full "
            "up to 48 MiB of sound, then compact.",
            show_default=False,
        ),
    ] = None,
    no_audio: Annotated[bool, typer.Option("--no-audio", help="The same as --audio none.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what the page shows as one JSON object.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Show the recording while it is written.")
    ] = False,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="For --follow: 0 takes a free one.")
    ] = 0,
    show: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Make a page of a recording."""
    from ..errors import InvalidOption
    from ..report import read

    if no_audio and audio not in (None, Audio.NONE):
        raise InvalidOption(f"--no-audio leaves out what --audio {audio} puts in: give one of them")
    mode = Audio.NONE if no_audio else audio
    if follow:
        if out is not None or as_json:
            raise InvalidOption("--follow shows a page and writes none: leave --out and --json out")
        _follow(file, port, sound=mode is not Audio.NONE, show=show)
    elif as_json:
        print(json.dumps(read(file).to_dict(), ensure_ascii=False))
    else:
        _write(file, out or _default(file), mode, show=show)


def _write(file: Path, out: Path, mode: Audio | None, *, show: bool) -> None:
    import webbrowser

    from ..report import write
    from .screen import clean, inform, screen

    console = screen()
    with _progress(file) as progress:
        how = write(file, out, audio=mode.value if mode else None, progress=progress)
    size = out.stat().st_size
    told = {
        "full": "with the sound as recorded",
        "compact": "with the sound as on a phone (--audio full keeps it as recorded)",
        "none": "without sound",
        None: "there was no sound in it",
    }[how]
    console.print(f"{clean(str(out))}: {_megabytes(size)}, {told}", soft_wrap=True)
    if size > _LARGE and how != "none":
        inform("a large page takes a while to open: --no-audio makes it small")
    if show:
        webbrowser.open(out.resolve().as_uri())


def _default(file: Path) -> Path:
    """Where the page goes: beside the recording, and over no file that is no such page."""
    from ..errors import InvalidOption

    out = file.with_suffix(".html")
    if out.exists():
        with out.open(encoding="utf-8", errors="replace") as there:
            if _OURS not in there.read(4096):
                raise InvalidOption(f"{out} is there and is no report: name another file with -o")
    return out


def _follow(file: Path, port: int, *, sound: bool, show: bool) -> None:
    import asyncio
    import webbrowser

    from ..report.server import LiveReport
    from .screen import clean, inform, screen
    from .signals import ending

    console = screen()
    there = file.exists()

    async def serve() -> None:
        with ending() as over:
            async with LiveReport(file, port=port, sound=sound) as live:
                if not there:
                    inform(f"{file} is not there yet: the page shows it as soon as it is")
                console.print(f"following {clean(str(file))}", soft_wrap=True)
                console.print(live.url, soft_wrap=True)
                if show:
                    webbrowser.open(live.url)
                await over.wait()

    with suppress(KeyboardInterrupt):  # Ctrl-C is the regular end
        asyncio.run(serve())


@contextmanager
def _progress(file: Path) -> Generator[Callable[[int], None] | None]:
    """Something that moves while a long recording is read, where somebody sees it."""
    from .screen import moving, screen

    console = screen(error=True)
    if not moving(console) or not file.exists() or file.stat().st_size < _LONG:
        yield None
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(f"reading {file.name}")
        yield lambda done: bar.update(task, description=f"reading {file.name}: {done:,} entries")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.0f} kB"
