"""``voxwire record``: what it is told, and what it says while clients come and go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from .options import Json

if TYPE_CHECKING:
    from ..emulator.frame_pump import FramePump
    from ..emulator.proxy import RecordingProxy

__all__ = ["HELP", "record", "wording"]

HELP = """Stand between a client and a server, and record what passes.

Point the client at the address that is printed. Everything goes on as it came: headers, messages,
the end. Keys are never written. Sessions that run at once are sections of one recording, in the
order in which they began; a file that exists is continued. Ctrl-C ends it.

Examples:

  voxwire record --to wss://api.openai.com/v1/realtime session.jsonl
  voxwire record --to ws://127.0.0.1:8765/v1/realtime --no-audio --port 0
"""


def record(
    to: Annotated[
        str, typer.Option("--to", metavar="URL", help="The server, such as wss://host/v1/realtime.")
    ],
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="The recording; without it, a name with the date and time.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "--output", "-o", metavar="FILE", help="The same as FILE.", show_default=False
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="HOST",
            help="Where to listen; anything but this machine lets others in.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")
    ] = 8766,
    no_audio: Annotated[
        bool, typer.Option("--no-audio", help="Leave audio out of the recording.")
    ] = False,
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
    tls_cert: Annotated[
        Path | None,
        typer.Option(
            "--tls-cert",
            metavar="FILE",
            help="Listen with TLS: the certificate (PEM).",
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
        typer.Option("--tls-self-signed", help="Listen with a certificate made for this run."),
    ] = False,
    ca: Annotated[
        Path | None,
        typer.Option(
            "--ca",
            metavar="FILE",
            help="Trust a server whose certificate is signed by this authority (PEM).",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Record what passes between clients and a server, until Ctrl-C."""
    import asyncio
    import datetime
    import json

    from ..errors import InvalidOption
    from .screen import screen
    from .tls import authority, listening

    if file is not None and out is not None and file != out:
        raise InvalidOption("FILE and --out are the same thing; give one of them")
    path = file or out or Path(f"{datetime.datetime.now():voxwire-%Y%m%d-%H%M%S}.jsonl")
    if as_json and tls_self_signed:
        raise InvalidOption("--json prints JSON only: bring a certificate with --tls-cert")
    with listening(tls_cert, tls_key, self_signed=tls_self_signed) as tls:
        trust = None if ca is None else authority(ca)
        try:
            proxy = asyncio.run(
                _record(
                    to,
                    path,
                    host=host,
                    port=port,
                    audio=not no_audio,
                    tls=tls,
                    server_tls=trust,
                    origins=origin or (),
                    as_json=as_json,
                )
            )
        except KeyboardInterrupt:  # where there are no signal handlers
            return
    console = screen()
    came = [passage for passage in proxy.passages if passage.status is None]
    if console.is_terminal and not as_json:
        console.print()  # after the ^C that the terminal shows
    frames = sum(passage.sent + passage.received for passage in came)
    if as_json:
        about = {"kind": "end", "sessions": len(came), "frames": frames, "file": str(path)}
        print(json.dumps(about), flush=True)
        return
    if came:
        told = f"{_count(len(came), 'session')}, {_count(frames, 'frame')} in {path}"
    else:
        told = "nobody came: nothing is on record"
    console.print(told, soft_wrap=True)


async def _record(
    to: str, path: Path, *, host: str, port: int, as_json: bool, **options: Any
) -> RecordingProxy:
    import json
    import os

    from ..emulator.proxy import RecordingProxy
    from ..errors import InvalidOption
    from ..protocol.redaction import redact_url
    from ..transport.url import is_local
    from .screen import clean, inform, screen
    from .signals import ending

    console = screen()

    def ended(passage: FramePump) -> None:
        if as_json:
            print(json.dumps(values(passage)), flush=True)
            return
        style = "red" if passage.status is not None else None
        console.print(clean(wording(passage)), style=style, soft_wrap=True)

    with ending() as over:
        proxy = RecordingProxy(to, path, host=host, port=port, ended=ended, **options)
        try:
            await proxy.__aenter__()
        except OSError as error:
            # The text has the address once more; a host that is none has no number of the system.
            known = error.errno or 0
            why = os.strerror(known) if known > 0 else error.strerror or error
            raise InvalidOption(f"cannot listen at {host}:{port}: {why}") from None
        try:
            if as_json:
                where = {"kind": "listening", "url": proxy.url, "to": redact_url(proxy.to)}
                print(json.dumps({**where, "file": str(path)}), flush=True)
            else:
                console.print(
                    f"recording {clean(redact_url(proxy.to))} into {path}", soft_wrap=True
                )
                console.print(f"listening on {proxy.url}", soft_wrap=True)
            if not is_local(host):
                inform(f"{host} lets other machines in: what their clients say is on record")
            await over.wait()
        finally:
            await proxy.__aexit__(None, None, None)
    return proxy


def values(passage: FramePump) -> dict[str, Any]:
    """A session for programs."""
    from ..protocol.redaction import redact_url

    close = passage.closed
    return {
        "kind": "session",
        "number": passage.number,
        "url": redact_url(passage.url),
        "sent": passage.sent,
        "received": passage.received,
        "seconds": round(passage.seconds, 3),
        "status": passage.status,
        "refusal": passage.refusal,
        "close": None
        if close is None
        else {"by": close.by, "code": close.code, "reason": close.reason},
    }


def wording(passage: FramePump) -> str:
    """A session in a line."""
    address = urlsplit(passage.url)  # the host is the same for all
    query = f"?{address.query}" if address.query else ""
    text = f"{passage.number:>4}  {address.path}{query}  "
    if passage.status is not None:
        why = passage.refusal or f"refused with HTTP {passage.status}"
        return f"{text}{why}"
    text += f"{passage.sent} sent, {passage.received} received in {passage.seconds:.1f} s"
    close = passage.closed
    if close is None:
        return text
    if close.by is None:
        return f"{text}, stopped here"
    if close.code is None:
        return f"{text}, broken off by the {close.by}"
    return f"{text}, closed by the {close.by} with {close.code} {close.reason or ''}".rstrip()


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
