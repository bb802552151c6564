"""``voxwire record``: what it is told, and what it says while clients come and go."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import os
import shutil
import signal
import ssl
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from ..emulator.certificates import context_of, self_signed
from ..emulator.passing import Passage
from ..emulator.proxy import RecordingProxy
from ..errors import InvalidOption
from ..redaction import redact_url
from .screen import clean, inform, screen

__all__ = ["HELP", "record", "wording"]

HELP = (
    "Stand between a client and a server, and record what passes.\n\n"
    "Point the client at the address that is printed. Everything goes on as it came: headers, "
    "messages, the end. Keys are never written. Sessions that run at once are sections of one "
    "recording, in the order in which they began; a file that exists is continued. "
    "Ctrl-C ends it."
)


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
        Path | None, typer.Option("--out", help="The same as FILE.", show_default=False)
    ] = None,
    host: Annotated[
        str, typer.Option(help="Where to listen; anything but this machine lets others in.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8766,
    no_audio: Annotated[
        bool, typer.Option("--no-audio", help="Leave audio out of the recording.")
    ] = False,
    origin: Annotated[
        list[str] | None,
        typer.Option(
            help="Let web pages from there in, such as https://app.example, besides those of this "
            "machine; * for all. May be given again.",
            show_default=False,
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None,
        typer.Option(help="Listen with TLS: the certificate (PEM).", show_default=False),
    ] = None,
    tls_key: Annotated[
        Path | None,
        typer.Option(help="Its key (PEM), if it is not in the same file.", show_default=False),
    ] = None,
    tls_self_signed: Annotated[
        bool,
        typer.Option("--tls-self-signed", help="Listen with a certificate made for this run."),
    ] = False,
    ca: Annotated[
        Path | None,
        typer.Option(
            help="Trust a server whose certificate is signed by this authority (PEM).",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Record what passes between clients and a server, until Ctrl-C."""
    if file is not None and out is not None and file != out:
        raise InvalidOption("FILE and --out are the same thing; give one of them")
    path = file or out or Path(f"{datetime.datetime.now():voxwire-%Y%m%d-%H%M%S}.jsonl")
    console = screen()

    def ended(passage: Passage) -> None:
        style = "red" if passage.status is not None else None
        console.print(clean(wording(passage)), style=style, soft_wrap=True)

    folder = Path(tempfile.mkdtemp(prefix="voxwire-")) if tls_self_signed else None

    async def serve() -> RecordingProxy:
        over = asyncio.Event()
        with suppress(NotImplementedError):  # on Windows; there Ctrl-C comes as an exception
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, over.set)
        proxy = RecordingProxy(
            to,
            path,
            host=host,
            port=port,
            audio=not no_audio,
            tls=_certificate(tls_cert, tls_key, folder),
            server_tls=_authority(ca),
            origins=origin or (),
            ended=ended,
        )
        try:
            await proxy.__aenter__()
        except OSError as error:
            # The text has the address once more; a host that is none has no number of the system.
            known = error.errno or 0
            why = os.strerror(known) if known > 0 else error.strerror or error
            raise InvalidOption(f"cannot listen at {host}:{port}: {why}") from None
        try:
            console.print(f"recording {clean(redact_url(proxy.to))} into {path}", soft_wrap=True)
            console.print(f"listening on {proxy.url}", soft_wrap=True)
            if not _local(host):
                inform(f"{host} lets other machines in: what their clients say is on record")
            await over.wait()
        finally:
            await proxy.__aexit__(None, None, None)
        return proxy

    try:
        proxy = asyncio.run(serve())
    except KeyboardInterrupt:  # Ctrl-C where there are no signal handlers: the regular end there
        return
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
    came = [passage for passage in proxy.passages if passage.status is None]
    if console.is_terminal:
        console.print()  # after the ^C that the terminal shows
    frames = sum(passage.sent + passage.received for passage in came)
    if came:
        told = f"{_count(len(came), 'session')}, {_count(frames, 'frame')} in {path}"
    else:
        told = "nobody came: nothing is on record"
    console.print(told, soft_wrap=True)


def wording(passage: Passage) -> str:
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


def _local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, not an address: it may be that of any machine
        return False


def _certificate(
    certificate: Path | None, key: Path | None, folder: Path | None
) -> ssl.SSLContext | None:
    if folder is not None:
        if certificate is not None or key is not None:
            raise InvalidOption("--tls-self-signed makes its own certificate: leave --tls-cert out")
        certificate = self_signed(folder)
        screen().print(
            f"certificate {certificate}: trust it with SSL_CERT_FILE or NODE_EXTRA_CA_CERTS",
            soft_wrap=True,
        )
    if certificate is None:
        if key is not None:
            raise InvalidOption("--tls-key goes with --tls-cert: name the certificate too")
        return None
    return context_of(certificate, key)


def _authority(path: Path | None) -> ssl.SSLContext | None:
    if path is None:
        return None
    try:
        return ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as error:
        raise InvalidOption(f"{path}: no certificate of an authority: {error}") from None
