"""Sessions that are no conversations: transcription and translation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from voxwire_protocol import (
    SessionUpdate,
    TranscriptionSession,
    TranslationSessionUpdate,
)

from ..audio.pacing import Clock
from ..errors import InvalidOption
from ..protocol.codec import TRANSLATION
from ..protocol.dialect import TRANSCRIPTION
from ..protocol.redaction import veiled, veiled_headers
from ..transport.credentials import Credential
from ..transport.providers.profile import ServerProfile, located
from .core import Core
from .lifecycle import ConnectionOptions, Opening, connection, opened
from .media_options import (
    TranscriptionOptions,
    TranslationOptions,
    transcription_session,
    translation_session,
)
from .options import refuse_unknown
from .transcription import Transcriber
from .translation import Translator, changes

__all__ = [
    "ConnectTranscription",
    "ConnectTranslation",
    "connect_transcription",
    "connect_translation",
]


class ConnectTranscription(Opening[Transcriber]):
    """A transcription session that is about to be opened: ``async with``, or ``await``."""


class ConnectTranslation(Opening[Translator]):
    """A translation session that is about to be opened: ``async with``, or ``await``."""


class _Transcription(TranscriptionOptions, ConnectionOptions, total=False):
    pass


def connect_transcription(
    *,
    api_key: Credential | None = None,
    url: str | None = None,
    server: ServerProfile | None = None,
    headers: Mapping[str, str] | None = None,
    insecure: bool = False,
    session: TranscriptionSession | None = None,
    **options: Unpack[_Transcription],
) -> ConnectTranscription:
    """Open a transcription session: ``async for line in session.transcribe("meeting.wav")``.

    Args:
        api_key, url, server, headers, insecure: as for :func:`voxwire.connect`.
        session: a session object to begin with.
        options: the model (``gpt-live-transcribe``), the language and so on: see
            :class:`TranscriptionOptions`; and of the connection, as for :func:`voxwire.connect`,
            but for ``reconnect`` and ``rotate``: a transcription does not outlive its connection.

    Raises:
        InvalidOption, InvalidEvent, ConnectError, ServerError: as :func:`voxwire.connect`.
    """
    api_key, headers = veiled(api_key), headers and veiled_headers(headers)
    given: dict[str, Any] = dict(options)
    refuse_unknown(given, _Transcription, connect_transcription)
    about: Any = {
        name: given.pop(name) for name in ConnectionOptions.__annotations__ if name in given
    }
    about = connection(about)
    _refuse_renewal(
        about,
        "a transcription ends with its connection: leave it out, and connect again with the sound "
        "behind the end of the last line",
    )
    wanted = transcription_session(base=session, **given)
    TRANSCRIPTION.event(SessionUpdate(session=wanted))  # what is wrong is told now
    profile, where = located(
        "transcription",
        server=server,
        api_key=api_key,
        url=url,
        headers=headers,
        insecure=insecure,
    )

    async def begin(session: Transcriber) -> None:
        await session.change(wanted)

    async def open_it() -> Transcriber:
        core = Core(profile.codec("transcription"), acknowledged=profile.abilities.acknowledges)
        return await opened(where, core, Transcriber, about, begin)

    return ConnectTranscription(open_it)


class _Translation(TranslationOptions, ConnectionOptions, total=False):
    pass


def connect_translation(
    *,
    to: str,
    model: str | None = None,
    api_key: Credential | None = None,
    url: str | None = None,
    server: ServerProfile | None = None,
    headers: Mapping[str, str] | None = None,
    insecure: bool = False,
    speed: float | None = 1.0,
    clock: Clock | None = None,
    finish_timeout: float = 10.0,
    **options: Unpack[_Translation],
) -> ConnectTranslation:
    """Open a translation session: ``async for chunk in session.translate(microphone)``.

    Args:
        to: the language to translate into, as in ``"es"``.
        model: who translates; ``gpt-realtime-translate``.
        api_key, url, server, headers, insecure: as for :func:`voxwire.connect`.
        speed: how fast sound is sent: 1 is the pace of speech, which the service expects; ``None``
            is as fast as it goes, without silence in between, for a server that can take it.
        clock: what tells the time of the sending, for tests.
        finish_timeout: seconds for the server to say what it has yet to say, at the end.
        options: see :class:`TranslationOptions`; and of the connection, as for
            :func:`voxwire.connect`, but for ``reconnect`` and ``rotate``: a translation does not
            outlive its connection.

    Raises:
        InvalidOption, InvalidEvent, ConnectError, ServerError: as :func:`voxwire.connect`.
    """
    if speed is not None and speed <= 0:
        raise InvalidOption("speed= is 1 for the pace of speech, or None for as fast as it goes")
    api_key, headers = veiled(api_key), headers and veiled_headers(headers)
    given: dict[str, Any] = dict(options)
    refuse_unknown(given, _Translation, connect_translation)
    about: Any = {
        name: given.pop(name) for name in ConnectionOptions.__annotations__ if name in given
    }
    about = connection(about)
    _refuse_renewal(
        about,
        "a translation ends with its connection, for the server does not tell how much of the "
        "sound it has translated: leave it out, and connect again with what comes after",
    )
    wanted = translation_session(to=to, model=model, **given)
    TRANSLATION.event(TranslationSessionUpdate(session=changes(wanted)))
    profile, where = located(
        "translation",
        server=server,
        model=model,
        api_key=api_key,
        url=url,
        headers=headers,
        insecure=insecure,
    )

    async def begin(session: Translator) -> None:
        await session.change(wanted)

    async def open_it() -> Translator:
        core = Core(profile.codec("translation"), acknowledged=profile.abilities.acknowledges)
        return await opened(
            where,
            core,
            Translator,
            about,
            begin,
            speed=speed,
            clock=clock,
            finish_timeout=finish_timeout,
        )

    return ConnectTranslation(open_it)


def _refuse_renewal(about: ConnectionOptions, why: str) -> None:
    """Raise for what would promise to go on after the connection, and could not keep it."""
    for name in ("reconnect", "rotate"):
        given = about.get(name)
        if given is not None and given is not False:
            raise InvalidOption(f"{name}=: {why}")
