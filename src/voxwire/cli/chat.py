"""``voxwire chat``: its options, and which way messages come and answers go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import (
    CA,
    OUTPUT,
    SESSION,
    Insecure,
    Instructions,
    Json,
    Local,
    Model,
    Reconnecting,
    Record,
    Resource,
    Scripted,
    Server,
    ServerName,
    Tools,
    Url,
    voices,
)

if TYPE_CHECKING:
    from .target import CommandTarget

__all__ = ["HELP", "chat"]

HELP = """Talk to a model in text; answers stream, and tools are shown as they run.

Enter sends, Alt-Enter (or Enter behind a backslash) begins a new line. Ctrl-C stops an answer, and
once more leaves; Ctrl-D leaves. In a pipe, each line is a message, and nothing but the answers is
printed.

Examples:

  voxwire chat --local
  voxwire chat --tools weather.py:get_weather -i "Be brief."
  voxwire chat "What is a duologue?"
  voxwire chat - < letter.txt
  voxwire chat --json "Hello" | jq -r .text
"""


def chat(
    context: typer.Context,
    message: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MESSAGE]...",
            help="What to say; then the answer is printed, and that is all. - reads a message "
            "from stdin, whole.",
            show_default=False,
        ),
    ] = None,
    tools: Tools = None,
    model: Model = None,
    instructions: Instructions = None,
    voice: Annotated[
        str | None,
        typer.Option(
            "--voice",
            metavar="NAME",
            help="Have answers spoken in this voice: their words are shown, and --output keeps "
            "the sound.",
            show_default=False,
            rich_help_panel=SESSION,
            autocompletion=voices,
        ),
    ] = None,
    local: Local = False,
    script: Scripted = None,
    server: Server = ServerName.OPENAI,
    url: Url = None,
    resource: Resource = None,
    insecure: Insecure = False,
    ca: CA = None,
    reconnect: Reconnecting = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Have answers spoken, and write their sound to this WAV file.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    record: Record = None,
    as_json: Json = False,
) -> None:
    """Hold a conversation in text."""
    import asyncio

    from .load_tools import load_tools
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
        reconnect=reconnect,
    )
    if output is not None:
        writable(output)
    spoken = voice is not None or output is not None
    settings: dict[str, Any] = {
        "model": model,
        "instructions": instructions_of(instructions),
        "voice": voice,
        "output_modalities": ["audio" if spoken else "text"],
        "tools": load_tools(tools or ()) or None,
        "record": record,
    }
    given = {name: value for name, value in settings.items() if value is not None}
    raise typer.Exit(asyncio.run(_run(place, given, message or [], output, as_json)))


async def _run(
    place: CommandTarget,
    settings: dict[str, Any],
    message: list[str],
    output: Path | None,
    as_json: bool,
) -> int:
    import sys
    from contextlib import AsyncExitStack

    from .. import connect
    from ..audio.files import write_wav
    from ..protocol.audio_format import PCM16, format_of
    from .chat_loop import Chat
    from .event_text import Piece
    from .local_echo import HINT, TOOL_HINT, repeat
    from .printer import JsonLines, Plain, Printer, View, Whole
    from .prompt import hushed
    from .screen import logged_here, screen
    from .session_view import SessionView
    from .usage_text import bill

    console = screen()
    view: View = JsonLines(console, numbered=False) if as_json else Printer(console)
    people = console.is_terminal and not as_json
    if not as_json and not console.is_terminal:
        view = Plain(console)
    if logged_here() and not as_json:
        view = Whole(view)
    typing = people and sys.stdin.isatty() and not message
    pace = 1.0 if people else None
    async with AsyncExitStack() as stack:
        if typing:
            stack.enter_context(hushed())
        where = await stack.enter_async_context(place.reached(pace=pace, brain=repeat))
        session = await stack.enter_async_context(connect(**where, **settings))
        async with SessionView(session, view, typed=not as_json) as telling:
            telling.keep_audio = output is not None
            if place.local and place.script is None:
                hint = HINT + (TOOL_HINT if settings.get("tools") else "")
                view.show(Piece(who="note", kind="note", text=hint))
            talk = Chat(session, telling, view, console, local=place.local)
            code = await (talk.by_keyboard() if typing else talk.by_pipe(message, sys.stdin))
        for piece in bill(session.usage, local=place.local):
            view.show(piece)
        view.end_line()
        if output is not None:
            write_wav(output, telling.audio, format_of(session.session, default=PCM16))
    return code
