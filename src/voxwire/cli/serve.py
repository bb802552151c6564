"""``voxwire serve``: the emulator for people, from its options to its end."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Json, faults, models

if TYPE_CHECKING:
    from ..emulator import Emulator

__all__ = ["HELP", "serve"]

HELP = """Run a Realtime server on this machine, without a key and without a model.

It speaks the protocol to any client: text and audio, turn detection, tools, transcription,
translation, client secrets and calls. What it answers comes from a script, or is an echo. Ctrl-C
ends it.

Examples:

  voxwire serve
  voxwire serve --script desk.yaml --record recordings/
  voxwire serve --fault cut:40 --fault delay:0.2
  VOXWIRE_TOKEN=... voxwire serve --host 0.0.0.0 --tls-cert cert.pem
"""


def serve(
    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="HOST",
            help="Where to listen; anything but this machine needs a --token.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")
    ] = 8765,
    script: Annotated[
        Path | None,
        typer.Option(
            "--script",
            metavar="FILE",
            help="What to answer, as YAML or JSON.",
            show_default=False,
        ),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            "--fault",
            metavar="FAULT",
            help="Something to do wrong, such as cut:5, close:4000@9, delay:0.2, duplicate, "
            "reorder, unknown-events, unknown-fields, nulls, malformed:3, slow-reads:1, expire:9, "
            "lose-beginning, lose-end, rate-limit:1, refuse:503, hang. May be given again.",
            show_default=False,
            autocompletion=faults,
        ),
    ] = None,
    pace: Annotated[
        float, typer.Option("--pace", min=0, help="How fast: 1 is real time, 0 as fast as it goes.")
    ] = 1.0,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record",
            metavar="FOLDER",
            help="Leave a recording of each connection here.",
            show_default=False,
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            envvar="VOXWIRE_TOKEN",
            metavar="TOKEN",
            help="What clients have to send as their key. Without one, only this machine is let "
            "in. Other users of this machine can read a command line: prefer the variable.",
            show_default=False,
        ),
    ] = None,
    api_key: Annotated[
        list[str] | None,
        typer.Option(
            "--api-key",
            metavar="KEY",
            help="Accept this key, and no unknown one; may be given again.",
            show_default=False,
        ),
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(
            "--origin",
            metavar="ORIGIN",
            help="Let web pages from there in, such as https://app.example, besides those of this "
            "machine; * for all. May be given again.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="NAME",
            help="Know this model only; may be given again.",
            show_default=False,
            autocompletion=models,
        ),
    ] = None,
    beta: Annotated[
        bool, typer.Option("--beta", help="Serve clients of the old beta shape too.")
    ] = False,
    voice: Annotated[
        str,
        typer.Option(
            "--voice",
            metavar="NAME",
            help="espeak (a tone where espeak-ng is not installed) or tone.",
        ),
    ] = "espeak",
    seed: Annotated[
        int | None, typer.Option("--seed", help="The same ids on every run.", show_default=False)
    ] = None,
    session_minutes: Annotated[
        float, typer.Option("--session-minutes", min=0.001, help="How long a session may last.")
    ] = 60.0,
    tls_cert: Annotated[
        Path | None,
        typer.Option(
            "--tls-cert",
            metavar="FILE",
            help="Serve TLS: the certificate (PEM).",
            show_default=False,
        ),
    ] = None,
    tls_key: Annotated[
        Path | None,
        typer.Option(
            "--tls-key",
            metavar="FILE",
            help="Its key (PEM), if it is not in the same file.",
            show_default=False,
        ),
    ] = None,
    tls_self_signed: Annotated[
        bool,
        typer.Option("--tls-self-signed", help="Serve TLS with a certificate made for this run."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Serve until Ctrl-C."""
    import asyncio
    import shutil

    from ..emulator import Emulator, Policy, Script, espeak, fault_of, load, tone
    from ..errors import InvalidOption
    from .tls import listening

    if voice not in ("espeak", "tone"):
        raise InvalidOption(f"--voice is espeak or tone, not {voice!r}")
    if as_json and tls_self_signed:
        raise InvalidOption("--json prints JSON only: bring a certificate with --tls-cert")
    with listening(tls_cert, tls_key, self_signed=tls_self_signed) as tls:
        emulator = Emulator(
            script=Script() if script is None else load(script),
            faults=[fault_of(text) for text in fault or ()],
            host=host,
            port=port,
            token=token,
            pace=pace or None,
            seed=seed,
            policy=Policy(
                api_keys=api_key or None, models=model or None, beta=beta, origins=origin or ()
            ),
            voice=espeak if voice == "espeak" else tone,
            session_seconds=session_minutes * 60,
            tls=tls,
            record=record,
            keep=False,
        )
        with suppress(KeyboardInterrupt):  # where there are no signal handlers
            silent = voice == "espeak" and shutil.which("espeak-ng") is None
            asyncio.run(_run(emulator, host, port, as_json, silent))


async def _run(emulator: Emulator, host: str, port: int, as_json: bool, silent: bool) -> None:
    import json
    import sys

    from ..errors import InvalidOption
    from ..transport.url import is_local
    from .screen import inform, screen
    from .signals import ending

    with ending() as over:
        try:
            await emulator.__aenter__()
        except OSError as error:
            raise InvalidOption(
                f"cannot listen at {host}:{port}: {error.strerror or error}"
            ) from None
        try:
            about = {"kind": "listening", "url": emulator.url, "http_url": emulator.http_url}
            print(json.dumps(about) if as_json else f"listening on {emulator.url}", flush=True)
            people = sys.stdout.isatty() and not as_json
            if people:
                hint = f"over HTTP: {emulator.http_url}; Ctrl-C ends it"
                screen().print(hint, style="dim", soft_wrap=True)
            if silent:
                inform("espeak-ng is not installed: what is said is a tone of the right length")
            if not is_local(host):
                plain = "" if emulator.url.startswith("wss") else "; without TLS it can be read"
                inform(f"{host} lets other machines in, with the token{plain}")
            await over.wait()
            if people:
                print()  # after the ^C that the terminal shows
        finally:
            await emulator.__aexit__(None, None, None)
