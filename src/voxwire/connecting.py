"""``connect``: from arguments to a session that has been greeted, or to a typed error.

This module knows the order of things at the start: address, socket, first event.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Generator, Mapping, Sequence
from types import TracebackType
from typing import Any, Unpack

from voxwire_protocol import ErrorEvent, RealtimeSession, SessionUpdate

from . import codec
from .acting import GivenTool
from .conversation import AudioRetention
from .core import Core
from .dialing import dial
from .errors import AuthenticationError, UpgradeRejected
from .options import SessionOptions, realtime_session
from .recording import Recorder
from .redaction import redact_url
from .servers import Target, target
from .session import Session

__all__ = ["Connect", "connect"]

GREETING_SECONDS = 5.0
"""How long a server may take for its first event before it counts as one that sends none."""

REFUSAL_SECONDS = 1.0
"""How long after an ``error`` as the first event a close still belongs to it."""


class Connect:
    """A session that is about to be opened: ``async with connect(...) as session``, or ``await``.

    With ``await`` the caller closes the session.
    """

    def __init__(self, where: Target, options: Mapping[str, Any]) -> None:
        self._where = where
        self._options = options
        self._session: Session | None = None

    async def __aenter__(self) -> Session:
        self._session = await self.open()
        return self._session

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    def __await__(self) -> Generator[Any, None, Session]:
        return self.open().__await__()

    async def open(self) -> Session:
        """Open the session; the caller closes it."""
        return await _open(self._where, **self._options)


def connect(
    *,
    model: str | None = None,
    api_key: str | None = None,
    url: str | None = None,
    call_id: str | None = None,
    headers: Mapping[str, str] | None = None,
    insecure: bool = False,
    session: RealtimeSession | None = None,
    tools: Sequence[GivenTool] | None = None,
    keep_audio: AudioRetention = "none",
    record: str | os.PathLike[str] | None = None,
    open_timeout: float | None = 10.0,
    ping_interval: float | None = 20.0,
    ping_timeout: float | None = 20.0,
    close_timeout: float | None = 5.0,
    drain_timeout: float = 5.0,
    tls: ssl.SSLContext | None = None,
    **settings: Unpack[SessionOptions],
) -> Connect:
    """Open a realtime session.

    Args:
        model: the model; ``gpt-realtime-2.1`` where nothing else names what to open.
        api_key: a project key or an ephemeral one; else ``OPENAI_API_KEY``. A server on this
            machine needs none, and is not sent the one from the environment.
        url: the full address (``ws``, ``wss``, ``http``, ``https``); else ``/realtime`` under
            ``OPENAI_BASE_URL``, or OpenAI's.
        call_id: attach to a WebRTC or SIP call that is under way; excludes `model`.
        headers: further headers; they win over those made here.
        insecure: allow a key to travel without TLS to another machine.
        session: a session object to begin with; `settings` go on top of it.
        tools: functions the model may call, and definitions of tools.
        keep_audio: which audio the conversation keeps in memory: ``"none"``, ``"all"``, or the last
            so many seconds.
        record: a file to write the whole session to, keys left out.
        open_timeout: seconds for the connection and the upgrade together.
        ping_interval: seconds between pings to the server; ``None`` sends none.
        ping_timeout: seconds without an answer to a ping after which the connection is broken.
        close_timeout: seconds for the close handshake.
        drain_timeout: seconds that handlers have to finish when the session is closed.
        tls: a context of your own, for a private certificate authority.
        settings: instructions, voice, turn detection and so on: see :class:`SessionOptions`. They
            are sent, and acknowledged or refused, before the session is handed out.

    Raises:
        InvalidOption, InvalidEvent: now, for arguments that cannot work together, a missing key, or
            a setting that breaks the protocol.
        ConnectError: on entering; :class:`ConnectTimeout`, :class:`ConnectRefused`,
            :class:`AuthenticationError`, :class:`PermissionDenied` or :class:`UpgradeRejected`.
        ServerError: on entering; the server refused the settings.
    """
    where = target(
        model=model, call_id=call_id, api_key=api_key, url=url, headers=headers, insecure=insecure
    )
    wanted = None
    if session is not None or settings or tools:
        # Wrong settings are told here, and not in the middle of opening.
        definitions = Core().turns.replace(tools or ())
        wanted = realtime_session(base=session, tools=definitions or None, **settings)
        codec.REALTIME.event(SessionUpdate(session=wanted))
    options = {
        "wanted": wanted,
        "tools": tuple(tools or ()),
        "keep_audio": keep_audio,
        "record": record,
        "drain_timeout": drain_timeout,
        "dialing": {
            "open_timeout": open_timeout,
            "ping_interval": ping_interval,
            "ping_timeout": ping_timeout,
            "close_timeout": close_timeout,
            "tls": tls,
        },
    }
    return Connect(where, options)


async def _open(
    where: Target,
    *,
    wanted: RealtimeSession | None,
    tools: Sequence[Any],
    keep_audio: AudioRetention,
    record: str | os.PathLike[str] | None,
    drain_timeout: float,
    dialing: Mapping[str, Any],
) -> Session:
    secrets = where.secrets
    core = Core(codec.REALTIME, audio=keep_audio)
    core.turns.replace(tools)
    if record is not None:
        core.taps.append(Recorder(record, url=where.url, secrets=secrets))
    socket = await dial(where, **dialing)
    session = Session(socket, core, secrets=secrets, drain_timeout=drain_timeout)
    try:
        if where.greets:
            await _greeted(session, where)
        if wanted is not None:
            await session.update(wanted)
    except BaseException:
        await session.close()
        raise
    return session


async def _greeted(session: Session, where: Target) -> None:
    """Wait for the first event. OpenAI refuses a wrong key or model only now: with an ``error``
    and a close in the same moment. A server that sends nothing is taken as it is."""
    await asyncio.wait([session.greeting], timeout=GREETING_SECONDS)
    if not session.greeting.done():
        return
    first = session.greeting.result()
    if isinstance(first, ErrorEvent):
        await asyncio.wait([session.reading], timeout=REFUSAL_SECONDS)
    elif first is not None:
        return  # greeted; whatever comes next is for the reader of the session
    closed = session.closed
    if closed is None:
        return
    event = first if isinstance(first, ErrorEvent) else None
    message = getattr(event.error, "message", None) if event is not None else None
    kind = AuthenticationError if closed.code == 3000 else UpgradeRejected
    raise kind(
        f"{redact_url(where.url)} closed the session at once, with code {closed.code}"
        + (f" ({closed.reason})" if closed.reason else "")
        + (f": {message}" if message else ""),
        close_code=closed.code,
        event=event,
    )
