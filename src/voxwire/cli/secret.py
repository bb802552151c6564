"""``voxwire secret``: a key for a browser or a phone, on stdout, and until when on stderr."""

from __future__ import annotations

from enum import StrEnum
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
    Resource,
    Server,
    ServerName,
    Url,
    Voice,
)

if TYPE_CHECKING:
    from .target import CommandTarget

__all__ = ["HELP", "secret"]

HELP = """Make a client secret: a key for a browser or a phone, good for a short time.

It opens sessions with the settings that it is made with. The secret alone goes to stdout, and until
when it is good to stderr.

Examples:

  voxwire secret --voice marin -i "You run a harbour office."
  voxwire secret --for transcription --expires 60
  SECRET=$(voxwire secret --for translation --to es)
  voxwire secret --json | jq -r .value
"""


class Purpose(StrEnum):
    """What sessions a secret opens."""

    CONVERSATION = "conversation"
    TRANSCRIPTION = "transcription"
    TRANSLATION = "translation"


def secret(
    context: typer.Context,
    purpose: Annotated[
        Purpose,
        typer.Option("--for", help="What it is to open.", rich_help_panel=SESSION),
    ] = Purpose.CONVERSATION,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            help="With --for translation: the language to translate into.",
            metavar="LANGUAGE",
            show_default=False,
            rich_help_panel=SESSION,
        ),
    ] = None,
    expires: Annotated[
        int | None,
        typer.Option(
            "--expires",
            min=10,
            max=7200,
            help="For how many seconds it opens sessions; the server's choice (600), if left out.",
            metavar="SECONDS",
            show_default=False,
            rich_help_panel=SESSION,
        ),
    ] = None,
    model: Model = None,
    voice: Voice = None,
    instructions: Instructions = None,
    local: Local = False,
    server: Server = ServerName.OPENAI,
    url: Url = None,
    resource: Resource = None,
    insecure: Insecure = False,
    ca: CA = None,
    as_json: Json = False,
) -> None:
    """Make a client secret."""
    import asyncio

    from ..errors import InvalidOption
    from .target import instructions_of, place_of

    place = place_of(
        context,
        local=local,
        script=None,
        server=server,
        url=url,
        resource=resource,
        insecure=insecure,
        ca=ca,
    )
    if (purpose is Purpose.TRANSLATION) != (to is not None):
        wants = "wants" if to is None else "is what wants"
        raise InvalidOption(f"--for translation {wants} --to LANGUAGE: give both or neither")
    typed = {"voice": voice, "instructions": instructions_of(instructions)}
    given = {name: value for name, value in typed.items() if value is not None}
    if purpose is not Purpose.CONVERSATION:
        given = {}  # from the environment; they mean nothing here
    if model is not None:
        given["model"] = model
    asyncio.run(_run(place, purpose, to, expires, given, as_json))


async def _run(
    place: CommandTarget,
    purpose: Purpose,
    to: str | None,
    expires: int | None,
    settings: dict[str, Any],
    as_json: bool,
) -> None:
    import datetime
    import json
    from contextlib import AsyncExitStack

    from .. import (
        AsyncClient,
        realtime_session,
        transcription_session,
        translation_session,
    )
    from .screen import inform

    async with AsyncExitStack() as stack:
        where = await stack.enter_async_context(place.reached_by_http())
        client = await stack.enter_async_context(AsyncClient(**where))
        made: Any
        if purpose is Purpose.TRANSLATION:
            session: Any = translation_session(to=to, **settings)
            made = await client.translations.client_secrets.create(
                session=session, expires_after=expires
            )
        else:
            make: Any = (
                realtime_session if purpose is Purpose.CONVERSATION else transcription_session
            )
            made = await client.client_secrets.create(
                session=make(**settings), expires_after=expires
            )
    until = datetime.datetime.fromtimestamp(made.expires_at).astimezone()
    if as_json:
        fields = {
            "value": made.value,
            "expires_at": made.expires_at,
            "session": made.session.to_dict(),
        }
        print(json.dumps(fields, ensure_ascii=False))
    else:
        print(made.value)
        left = round(made.expires_at - datetime.datetime.now().timestamp())
        inform(f"good until {until:%Y-%m-%d %H:%M:%S %Z} ({left} s)")
    if place.local:
        inform("the emulator that made it has ended: this one opens nothing")
