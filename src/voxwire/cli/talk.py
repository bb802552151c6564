"""``voxwire talk``: its options, and through what the conversation is held."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import (
    CA,
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
    Voice,
    transcribers,
)

if TYPE_CHECKING:
    from ..session.voice_loop import Audio

__all__ = ["HELP", "talk"]

HELP = """Talk to a model with your voice, and cut in when you like.

Microphone and speaker need the extra audio, and headphones: nothing is done against the microphone
hearing the speaker. Without a device, a WAV file is heard and the answers are written to another
one, at the pace of speech, or as fast as it goes with --fast, which waits for each answer and so
never cuts in. Ctrl-C hangs up.

Examples:

  voxwire talk --voice marin
  voxwire talk --local --input question.wav --output answer.wav
  voxwire talk --input call.wav --output answers.wav --fast --record call.jsonl
  voxwire talk --input call.wav --json | jq -r .text
"""

_SOUND = "Sound"


def talk(
    context: typer.Context,
    input: Annotated[
        str | None,
        typer.Option(
            "--input",
            help="A WAV file to hear in place of the microphone; - is stdin.",
            metavar="FILE",
            show_default=False,
            rich_help_panel=_SOUND,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="With --input: write to this WAV file what was said in answer, as far as it was "
            "heard, without the pauses in between.",
            metavar="FILE",
            show_default=False,
            rich_help_panel=_SOUND,
        ),
    ] = None,
    fast: Annotated[
        bool,
        typer.Option(
            "--fast",
            help="With --input: do not keep the pace of speech, and let each answer end.",
            rich_help_panel=_SOUND,
        ),
    ] = False,
    microphone: Annotated[
        str | None,
        typer.Option(
            "--microphone",
            metavar="DEVICE",
            help="Which one: part of its name, or its number (python -m sounddevice lists them).",
            show_default=False,
            rich_help_panel=_SOUND,
        ),
    ] = None,
    speaker: Annotated[
        str | None,
        typer.Option(
            "--speaker",
            metavar="DEVICE",
            help="Which one: part of its name, or its number.",
            show_default=False,
            rich_help_panel=_SOUND,
        ),
    ] = None,
    tools: Tools = None,
    model: Model = None,
    voice: Voice = None,
    instructions: Instructions = None,
    transcription: Annotated[
        str,
        typer.Option(
            "--transcription",
            metavar="NAME",
            help="The model that writes down what you say; none does without.",
            show_default="gpt-transcribe, whisper-1 at Azure, none at xAI",
            rich_help_panel=SESSION,
            autocompletion=transcribers,
        ),
    ] = "",
    local: Local = False,
    script: Scripted = None,
    server: Server = ServerName.OPENAI,
    url: Url = None,
    resource: Resource = None,
    insecure: Insecure = False,
    ca: CA = None,
    reconnect: Reconnecting = False,
    record: Record = None,
    as_json: Json = False,
) -> None:
    """Hold a spoken conversation."""
    import asyncio

    from ..errors import InvalidOption
    from .load_tools import load_tools
    from .talk_session import hold
    from .target import instructions_of, place_of

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
    if input is None and (output is not None or fast):
        raise InvalidOption(
            f"{'--fast' if fast else '--output'} goes with --input: name the WAV file to hear"
        )
    if input is not None and (microphone is not None or speaker is not None):
        raise InvalidOption("--input stands in for the devices: leave --microphone and --speaker")
    if not transcription:
        own = {ServerName.AZURE: "whisper-1", ServerName.XAI: "none"}
        at = ServerName.OPENAI if local or place.url is not None else server
        transcription = own.get(at, "gpt-transcribe")
    settings: dict[str, Any] = {
        "model": model,
        "voice": voice,
        "instructions": instructions_of(instructions),
        "transcription": None if transcription == "none" else transcription,
        "tools": load_tools(tools or ()) or None,
        "record": record,
    }
    given = {name: value for name, value in settings.items() if value is not None}
    audio = _devices(microphone, speaker) if input is None else _files(input, output, fast)
    code = asyncio.run(
        hold(place, given, audio, files=input is not None, fast=fast, as_json=as_json)
    )
    raise typer.Exit(code)


def _devices(microphone: str | None, speaker: str | None) -> Audio:
    """The devices, tried once: better to fail now than when somebody listens."""
    from ..audio.devices import LocalAudio
    from ..errors import InvalidOption

    audio = LocalAudio(input_device=_device(microphone), output_device=_device(speaker))
    try:
        audio.open()
    except InvalidOption as error:  # no device, or nothing to open it with
        raise InvalidOption(
            f"{error}; or let it hear a file: --input question.wav --output answer.wav"
        ) from None
    audio.close()
    return audio


def _device(given: str | None) -> int | str | None:
    return int(given) if given is not None and given.isdecimal() else given


def _files(input: str, output: Path | None, fast: bool) -> Audio:
    from ..audio.files import FileAudio
    from .wav_files import sound_file, writable

    if output is not None:
        writable(output)
    return FileAudio(sound_file(input), output, speed=_FAST if fast else 1.0)


_FAST = 1000.0
