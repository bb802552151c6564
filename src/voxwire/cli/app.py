"""The commands by name, what ends them, and their exit codes. What they do is in their modules.

0 is well; 1 that it failed, or that what was asked about is not well; 2 that it was asked wrongly;
130 that Ctrl-C ended it. Importing this must stay cheap: each TAB in a shell does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from io import TextIOWrapper
from typing import Annotated

import typer

from .chat import HELP as CHAT_HELP
from .chat import chat
from .diff import HELP as DIFF_HELP
from .diff import diff
from .lint import HELP as LINT_HELP
from .lint import lint_files
from .play import HELP as PLAY_HELP
from .play import play_file
from .record import HELP as RECORD_HELP
from .record import record
from .report import HELP as REPORT_HELP
from .report import report
from .secret import HELP as SECRET_HELP
from .secret import secret
from .serve import HELP as SERVE_HELP
from .serve import serve
from .talk import HELP as TALK_HELP
from .talk import talk
from .transcribe import HELP as TRANSCRIBE_HELP
from .transcribe import transcribe
from .translate import HELP as TRANSLATE_HELP
from .translate import translate

__all__ = ["app", "run"]

_EPILOG = (
    "Add --local to try a command without a key. Keys are read from the environment: "
    "OPENAI_API_KEY, AZURE_OPENAI_API_KEY, XAI_API_KEY, and VOXWIRE_API_KEY for --url."
)

app = typer.Typer(
    name="voxwire",
    help="Talk to models over the Realtime API, and work with what was said.",
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run() -> None:
    """Run the command with errors in a line and without tracebacks for what is no bug."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a letter
    try:
        app(prog_name="voxwire")
    except Exception as error:  # what is no known error is a bug, and shown as one
        from .error_exit import exit_code_of

        code = exit_code_of(error)
        if code is None:
            raise
        sys.exit(code)
    except KeyboardInterrupt:  # Ctrl-C: the exit code that shells know for it
        sys.exit(130)


def _version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        print(f"voxwire {__version__}")
        raise typer.Exit


@app.callback()
def _options(  # pyright: ignore[reportUnusedFunction]
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[
        bool,
        typer.Option(
            "--debug",
            envvar="VOXWIRE_DEBUG",
            help="Log what the library does to stderr, with tracebacks; no key is ever in it.",
        ),
    ] = False,
) -> None:
    from .screen import begin

    begin(debug)


def _prose(text: str) -> str:
    """A help text with its paragraphs in one line each, for any width; examples stay lines."""
    paragraphs = text.strip().split("\n\n")
    return "\n\n".join(
        part if part.startswith("  ") else " ".join(part.split("\n")) for part in paragraphs
    )


_COMMANDS: dict[str, dict[str, tuple[Callable[..., None], str]]] = {
    "Talk": {
        "chat": (chat, CHAT_HELP),
        "talk": (talk, TALK_HELP),
        "transcribe": (transcribe, TRANSCRIBE_HELP),
        "translate": (translate, TRANSLATE_HELP),
    },
    "Look into recordings": {
        "report": (report, REPORT_HELP),
        "play": (play_file, PLAY_HELP),
        "lint": (lint_files, LINT_HELP),
        "diff": (diff, DIFF_HELP),
    },
    "Serve": {
        "secret": (secret, SECRET_HELP),
        "serve": (serve, SERVE_HELP),
        "record": (record, RECORD_HELP),
    },
}

for _panel, _commands in _COMMANDS.items():
    for _name, (_command, _help) in _commands.items():
        app.command(_name, help=_prose(_help), rich_help_panel=_panel)(_command)
