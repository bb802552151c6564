"""``voxwire transcribe``: its options, and the way of a file through a session."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import (
    CA,
    OUTPUT,
    SESSION,
    Insecure,
    Json,
    Local,
    Record,
    Resource,
    Scripted,
    Server,
    ServerName,
    SubtitleFormat,
    Url,
    transcribers,
)

if TYPE_CHECKING:
    from .target import CommandTarget

__all__ = ["HELP", "transcribe"]

HELP = """Write down what is said in a WAV file, line by line as it is understood.

Examples:

  voxwire transcribe meeting.wav
  voxwire transcribe meeting.wav --format srt -o meeting.srt
  ffmpeg -i talk.mp3 -f wav - | voxwire transcribe - --language en
  voxwire transcribe --json meeting.wav | jq -r .text
"""


def transcribe(
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(help="A WAV file; - is stdin.", metavar="FILE", show_default=False)
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME",
            envvar="VOXWIRE_TRANSCRIPTION_MODEL",
            help="Who writes; gpt-live-transcribe, if left out.",
            show_default=False,
            rich_help_panel=SESSION,
            autocompletion=transcribers,
        ),
    ] = None,
    language: Annotated[
        list[str] | None,
        typer.Option(
            "--language",
            "-l",
            metavar="CODE",
            help="What is spoken, such as en; found out, if left out. May be given again.",
            show_default=False,
            rich_help_panel=SESSION,
        ),
    ] = None,
    keyword: Annotated[
        list[str] | None,
        typer.Option(
            "--keyword",
            metavar="WORD",
            help="A name or a term to listen for. May be given again.",
            show_default=False,
            rich_help_panel=SESSION,
        ),
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            "--prompt",
            metavar="TEXT",
            help="A hint about words and style; @FILE reads it from a file.",
            show_default=False,
            rich_help_panel=SESSION,
        ),
    ] = None,
    segment: Annotated[
        float | None,
        typer.Option(
            "--segment",
            metavar="SECONDS",
            min=0.1,
            help="Cut the sound into lines of so many seconds, in place of the speaker's pauses.",
            show_default=False,
            rich_help_panel=SESSION,
        ),
    ] = None,
    local: Local = False,
    script: Scripted = None,
    server: Server = ServerName.OPENAI,
    url: Url = None,
    resource: Resource = None,
    insecure: Insecure = False,
    ca: CA = None,
    shape: Annotated[
        SubtitleFormat,
        typer.Option(
            "--format",
            "-f",
            help="text is lines with times, plain without; srt and vtt are subtitles.",
            rich_help_panel=OUTPUT,
        ),
    ] = SubtitleFormat.TEXT,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write to this file in place of the screen.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    record: Record = None,
    as_json: Json = False,
) -> None:
    """Write down what is said."""
    import asyncio

    from .target import instructions_of, place_of
    from .wav_files import writable

    place = place_of(
        context,
        local=local,
        script=script,
        server=server,
        url=url,
        resource=resource,
        insecure=insecure,
        ca=ca,
    )
    if output is not None:
        writable(output)
    several = language or []
    settings: dict[str, Any] = {
        "model": model,
        "language": several[0] if len(several) == 1 else None,
        "languages": several if len(several) > 1 else None,
        "keywords": keyword,
        "prompt": instructions_of(prompt, "--prompt"),
        "record": record,
    }
    given = {name: value for name, value in settings.items() if value is not None}
    shape = SubtitleFormat.JSON if as_json else shape
    raise typer.Exit(asyncio.run(_run(place, given, file, segment, shape, output)))


async def _run(
    place: CommandTarget,
    settings: dict[str, Any],
    file: str,
    segment: float | None,
    shape: SubtitleFormat,
    output: Path | None,
) -> int:
    from contextlib import AsyncExitStack

    from .. import connect_transcription
    from .event_text import error_text
    from .screen import fail, screen, steps
    from .subtitles import written
    from .usage_text import show_bill
    from .wav_files import Measured, sound_file

    sound = sound_file(file)
    failed = number = 0
    async with AsyncExitStack() as stack:
        target = None  # stdout, as it is then: lines go above the bar
        if output is not None:
            target = stack.enter_context(output.open("w", encoding="utf-8"))
        step = stack.enter_context(steps("transcribing", unit="s", console=screen()))
        where = await stack.enter_async_context(place.reached())
        # Without turn detection, lines end where the speaker pauses: that works with every model.
        opening = connect_transcription(**where, **settings, turn_detection=None)
        session = await stack.enter_async_context(opening)
        heard = Measured(sound, session.session, step)
        cut: dict[str, Any] = {} if segment is None else {"segment_ms": int(segment * 1000)}
        async for line in session.transcribe(heard, **cut):
            number += 1
            for text in written(number, line, shape):
                print(text, file=target, flush=output is None)
            if line.error is not None:
                failed += 1
                fail(f"a line could not be written: {error_text(line.error)}")
        usage = session.usage
    show_bill(usage, local=place.local)
    if number == 0:
        fail("no speech was found in it")
    return 1 if failed or number == 0 else 0
