"""Options that several commands share, and what a shell completes for them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

__all__ = [
    "CA",
    "OUTPUT",
    "SESSION",
    "WHERE",
    "Insecure",
    "Instructions",
    "Json",
    "Local",
    "Model",
    "Reconnecting",
    "Record",
    "Resource",
    "Scripted",
    "Server",
    "ServerName",
    "SubtitleFormat",
    "Tools",
    "Url",
    "Voice",
    "faults",
    "models",
    "transcribers",
    "translators",
    "voices",
]


class SubtitleFormat(StrEnum):
    """How a transcript is written."""

    TEXT = "text"
    PLAIN = "plain"
    SRT = "srt"
    VTT = "vtt"
    JSON = "json"


WHERE = "Where to"
SESSION = "The session"
OUTPUT = "What comes out"


class ServerName(StrEnum):
    """A server that has a profile."""

    OPENAI = "openai"
    AZURE = "azure"
    XAI = "xai"


_VOICES = (
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "marin", "sage", "shimmer", "verse",
)  # fmt: skip
# What ends on 2027-01-20, gpt-realtime and gpt-realtime-mini, is suggested to nobody.
_MODELS = ("gpt-realtime-2.1", "gpt-realtime-2.1-mini", "gpt-realtime-2", "gpt-realtime-1.5")


_TRANSCRIBERS = ("gpt-live-transcribe", "gpt-transcribe", "gpt-realtime-whisper")
_TRANSLATORS = ("gpt-realtime-translate",)
# As the emulator has them, which takes too long to import for a completion.
_FAULTS = (
    "cut", "cut-frame", "close", "delay", "duplicate", "reorder", "unknown-events",
    "unknown-fields", "nulls", "malformed", "slow-reads", "lose-beginning", "lose-end", "expire",
    "rate-limit", "refuse", "hang", "garbage",
)  # fmt: skip


def voices(incomplete: str) -> list[str]:
    return [name for name in _VOICES if name.startswith(incomplete)]


def models(incomplete: str) -> list[str]:
    return [name for name in _MODELS if name.startswith(incomplete)]


def transcribers(incomplete: str) -> list[str]:
    return [name for name in _TRANSCRIBERS if name.startswith(incomplete)]


def translators(incomplete: str) -> list[str]:
    return [name for name in _TRANSLATORS if name.startswith(incomplete)]


def faults(incomplete: str) -> list[str]:
    return [name for name in _FAULTS if name.startswith(incomplete)]


Local: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--local",
        help="Talk to an emulator inside this command: no key, no network, no model.",
        rich_help_panel=WHERE,
    ),
]
Scripted: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--script",
        metavar="FILE",
        help="With --local: what the emulator answers (YAML or JSON); else it repeats.",
        show_default=False,
        rich_help_panel=WHERE,
    ),
]
Server: TypeAlias = Annotated[
    ServerName,
    typer.Option(
        "--server",
        envvar="VOXWIRE_SERVER",
        help="Who answers. The key is read from OPENAI_API_KEY, AZURE_OPENAI_API_KEY or "
        "XAI_API_KEY.",
        rich_help_panel=WHERE,
    ),
]
Url: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        envvar="VOXWIRE_URL",
        help="Any other server, by its full address, such as wss://host/v1/realtime. Its key is "
        "read from VOXWIRE_API_KEY.",
        show_default=False,
        rich_help_panel=WHERE,
    ),
]
Resource: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--resource",
        metavar="NAME",
        envvar="AZURE_OPENAI_ENDPOINT",
        help="With --server azure: the name of the resource, or its endpoint.",
        show_default=False,
        rich_help_panel=WHERE,
    ),
]
Insecure: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--insecure",
        help="Let the key travel to another machine without TLS.",
        rich_help_panel=WHERE,
    ),
]
CA: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--ca",
        metavar="FILE",
        help="Trust a server whose certificate is signed by this authority (PEM).",
        show_default=False,
        rich_help_panel=WHERE,
    ),
]
Reconnecting: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--reconnect",
        help="When the connection breaks, open a new one and go on.",
        rich_help_panel=WHERE,
    ),
]
Tools: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--tools",
        help="Functions that the model may call: module:name, file.py:name (a function, a list or "
        "a ToolSet), or a module whose functions have @voxwire.tool. May be given again.",
        metavar="MODULE[:NAME]",
        show_default=False,
        rich_help_panel=SESSION,
    ),
]
Model: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME",
        envvar="VOXWIRE_MODEL",
        help="The model; at Azure the deployment. A current one, if left out.",
        show_default=False,
        rich_help_panel=SESSION,
        autocompletion=models,
    ),
]
Voice: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--voice",
        metavar="NAME",
        envvar="VOXWIRE_VOICE",
        help="Whose voice, such as marin or cedar.",
        show_default=False,
        rich_help_panel=SESSION,
        autocompletion=voices,
    ),
]
Instructions: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--instructions",
        "-i",
        metavar="TEXT",
        envvar="VOXWIRE_INSTRUCTIONS",
        help="What the model is told to be and to do; @FILE reads it from a file.",
        show_default=False,
        rich_help_panel=SESSION,
    ),
]
Record: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--record",
        metavar="FILE",
        help="Write the whole session to this file, keys left out; one that exists is continued.",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]
Json: TypeAlias = Annotated[
    bool,
    typer.Option("--json", help="For programs: one JSON object a line.", rich_help_panel=OUTPUT),
]
