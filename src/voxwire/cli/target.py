"""Where a command goes: the emulator in its own process, a server by its profile, or an address.

Knows which key belongs to whom, and says in the words of the command line what is missing. Opens no
session.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import attrs

from ..errors import InvalidOption
from ..transport.providers.azure import Azure
from ..transport.providers.profile import ServerProfile
from ..transport.providers.xai import XAI
from ..transport.url import is_local
from .options import ServerName

if TYPE_CHECKING:
    import typer

    from ..emulator import Brain, Emulator

__all__ = ["CommandTarget", "instructions_of", "place_of"]


@attrs.frozen(kw_only=True)
class CommandTarget:
    """A server to go to."""

    local: bool = False
    script: Path | None = None
    url: str | None = None
    server: ServerProfile | None = attrs.field(default=None, repr=False)
    insecure: bool = False
    ca: Path | None = None
    reconnect: bool = False

    @asynccontextmanager
    async def reached(
        self, *, pace: float | None = None, brain: Brain | None = None
    ) -> AsyncGenerator[dict[str, Any]]:
        """The arguments about the connection for a ``connect`` function; while this lasts, the
        emulator runs, where that is the server.

        Args:
            pace: how fast the emulator is: 1.0 as people speak, None as fast as it goes.
            brain: what answers there where no script does.
        """
        again: dict[str, Any] = {}
        if self.reconnect:
            from ..session.reconnect.policy import Reconnect

            again["reconnect"] = Reconnect()
        if self.local:
            async with self._emulator(pace, brain) as emulator:
                yield {"url": emulator.url, **again}
            return
        options: dict[str, Any] = {"insecure": self.insecure, **again}
        if self.server is not None:
            options["server"] = self.server
        elif self.url is not None:
            options["url"] = self.url
            options["api_key"] = os.environ.get("VOXWIRE_API_KEY") or None
        if self.ca is not None:
            from .tls import authority

            options["tls"] = authority(self.ca)
        yield options

    @asynccontextmanager
    async def reached_by_http(self) -> AsyncGenerator[dict[str, Any]]:
        """The arguments of :class:`voxwire.AsyncClient`, likewise."""
        if self.local:
            async with self._emulator(None, None) as emulator:
                yield {"base_url": emulator.http_url}
            return
        options: dict[str, Any] = {"insecure": self.insecure}
        if self.server is not None:
            options["server"] = self.server
        elif self.url is not None:
            options["base_url"] = _http(self.url)
            options["api_key"] = os.environ.get("VOXWIRE_API_KEY") or None
        if self.ca is None:
            yield options
            return
        import httpx

        from .tls import authority

        async with httpx.AsyncClient(verify=authority(self.ca)) as client:
            yield {**options, "http_client": client}

    def _emulator(self, pace: float | None, brain: Brain | None) -> Emulator:
        from ..emulator import Emulator, Script, espeak, load

        script = Script() if self.script is None else load(self.script)
        if self.script is None and brain is not None:
            script.brain = brain
        return Emulator(script=script, pace=pace, voice=espeak, keep=False, seed=None)


def place_of(
    context: typer.Context,
    *,
    local: bool,
    script: Path | None,
    server: ServerName,
    url: str | None,
    resource: str | None,
    insecure: bool,
    ca: Path | None,
    reconnect: bool = False,
) -> CommandTarget:
    """The place that the options name. Those on the command line go before the environment's.

    Raises:
        InvalidOption: options that exclude each other, or a key that is missing.
    """
    typed = {name for name in ("server", "url", "resource") if _typed(context, name)}
    if local:
        if typed:
            raise InvalidOption(f"--local and --{min(typed)} exclude each other: leave one out")
        return CommandTarget(local=True, script=script, reconnect=reconnect)
    if script is not None:
        raise InvalidOption("--script is what the emulator of --local answers: add --local")
    if {"server", "url"} <= typed:
        raise InvalidOption("--server and --url exclude each other: leave one of them out")
    about: dict[str, Any] = {"insecure": insecure, "ca": ca, "reconnect": reconnect}
    if url is not None and "server" not in typed:
        return CommandTarget(url=url, **about)
    if server is ServerName.AZURE:
        if resource is None:
            raise InvalidOption(
                "--server azure wants your resource: give --resource NAME, or set "
                "AZURE_OPENAI_ENDPOINT"
            )
        _need_key("AZURE_OPENAI_API_KEY", "Azure OpenAI", Azure(resource, api_key="none"))
        return CommandTarget(server=Azure(resource), **about)
    if "resource" in typed:
        raise InvalidOption("--resource is Azure's: add --server azure")
    if server is ServerName.XAI:
        _need_key("XAI_API_KEY", "xAI")
        return CommandTarget(server=XAI(), **about)
    base = urlsplit(os.environ.get("OPENAI_BASE_URL") or "").hostname
    if not is_local(base or ""):
        _need_key("OPENAI_API_KEY", "OpenAI")
    return CommandTarget(**about)


def _http(url: str) -> str:
    """The base URL of the HTTP half of a server whose address is that of its sessions."""
    parts = urlsplit(url)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    path = parts.path.rstrip("/").removesuffix("/translations").removesuffix("/realtime")
    return urlunsplit((scheme, parts.netloc, path, "", ""))


def _need_key(variable: str, name: str, server: Azure | None = None) -> None:
    if os.environ.get(variable):
        return
    if server is not None:
        host = urlsplit(server.address("transcription", None, None)).hostname or ""
        if is_local(host):
            return
    raise InvalidOption(
        f"no key for {name}: set {variable} in the environment, or try it with --local, which "
        "needs none"
    )


def _typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def instructions_of(given: str | None, option: str = "--instructions") -> str | None:
    """What an option says: the text itself, or, behind an ``@``, that of a file.

    Raises:
        InvalidOption: the file cannot be read.
    """
    if given is None or not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:  # a file that is not there, or no text
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise InvalidOption(f"{option} {given}: {why}") from None
