"""From a target to a session that has been greeted, or to a typed error.

This module knows the order of things at the start: key, socket, first event. It does not know what
kind of session is opened.
"""

from __future__ import annotations

import asyncio
import math
import os
import ssl
from collections.abc import Awaitable, Callable, Generator, Mapping
from types import TracebackType
from typing import Any, Generic, TypedDict, TypeVar

from voxwire_protocol import ErrorEvent

from ..errors import AuthenticationError, ConnectTimeout, InvalidOption, UpgradeRejected
from ..protocol.redaction import redact_url
from ..transport.fast_websocket import WebSocket
from ..transport.open import dial
from ..transport.proxy import ProxyOption, check_proxy, veiled_proxy
from ..transport.url import Target
from .core import Core
from .reconnect.policy import Reconnect
from .reconnect.reconnector import LEAD_SECONDS, Reconnector
from .session import BaseSession
from .session_observers import watched
from .tool_loop import MOST_ROUNDS

__all__ = ["ConnectionOptions", "Opening", "connection", "opened", "refusal"]

GREETING_SECONDS = 5.0
"""How long a server may take for its first event before it counts as one that sends none."""

REFUSAL_SECONDS = 1.0
"""How long after an ``error`` as the first event a close still belongs to it."""

S = TypeVar("S", bound=BaseSession)


class ConnectionOptions(TypedDict, total=False):
    """What all ``connect`` functions take about the connection; see :func:`voxwire.connect`."""

    record: str | os.PathLike[str] | None
    """A file to write the whole session to, keys left out."""
    open_timeout: float | None
    """Seconds for the connection and the upgrade together; 10."""
    ping_interval: float | None
    """Seconds between pings to the server; 20. ``None`` sends none."""
    ping_timeout: float | None
    """Seconds without an answer to a ping after which the connection is broken; 20."""
    close_timeout: float | None
    """Seconds for the close handshake; 5."""
    drain_timeout: float
    """Seconds that handlers have to finish when the session is closed; 5."""
    reconnect: Reconnect | None
    """What to do when the connection is lost; ``None`` ends the session."""
    rotate: bool | float
    """Whether to move to another connection before the session's time is over: 5 minutes before, or
    so many seconds."""
    response_timeout: float | None
    """Seconds for which the server may send nothing of a response that was asked for or runs; then
    it is given up, with :class:`ResponseTimedOut`. ``None``, the default, for any."""
    tool_rounds: int
    """How many responses of one turn may call tools; 50. Then the model is asked once more without
    tools, with :class:`ToolRoundsExceeded`."""
    tls: ssl.SSLContext | None
    """A context of your own, for a private certificate authority."""
    proxy: ProxyOption
    """The proxy to go through, as ``"http://host:3128"``; True, the default, for that of the
    environment; ``None`` for none."""


def connection(options: ConnectionOptions) -> ConnectionOptions:
    """The options with what is left out filled in."""
    defaults: ConnectionOptions = {
        "record": None,
        "open_timeout": 10.0,
        "ping_interval": 20.0,
        "ping_timeout": 20.0,
        "close_timeout": 5.0,
        "drain_timeout": 5.0,
        "reconnect": None,
        "rotate": False,
        "response_timeout": None,
        "tool_rounds": MOST_ROUNDS,
        "tls": None,
        "proxy": True,
    }
    given: ConnectionOptions = {**defaults, **options}
    limit, rounds = given["response_timeout"], given["tool_rounds"]
    if limit is not None and not 0 < limit < math.inf:
        raise InvalidOption(f"response_timeout={limit}: give seconds, more than 0, or None")
    if rounds < 1:
        raise InvalidOption(f"tool_rounds={rounds}: give 1 or more")
    check_proxy(given["proxy"])
    given["proxy"] = veiled_proxy(given["proxy"])
    return given


class Opening(Generic[S]):
    """A session that is about to be opened: ``async with connect(...) as session``, or ``await``.

    With ``await`` the caller closes the session.
    """

    def __init__(self, open_it: Callable[[], Awaitable[S]]) -> None:
        self._open_it = open_it
        self._session: S | None = None

    async def __aenter__(self) -> S:
        self._session = await self.open()
        return self._session

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.__aexit__(kind, error, trace)

    def __await__(self) -> Generator[Any, None, S]:
        return self.open().__await__()

    async def open(self) -> S:
        """Open the session; the caller closes it."""
        return await self._open_it()


async def opened(
    where: Target,
    core: Core,
    make: Callable[..., S],
    options: ConnectionOptions,
    begin: Callable[[S], Awaitable[Any]],
    **details: Any,
) -> S:
    """Dial, make the session of the connection, wait to be greeted, and `begin`.

    Args:
        where: what to dial.
        core: the state of the session, new.
        make: the session's class.
        options: about the connection, complete.
        begin: what else belongs to the opening; where it fails, the session is closed again.
        details: for `make`.
    """
    core.address = redact_url(where.url, where.secrets)
    with watched(core):
        return await _opened(where, core, make, options, begin, details)


async def _opened(
    where: Target,
    core: Core,
    make: Callable[..., S],
    options: ConnectionOptions,
    begin: Callable[[S], Awaitable[Any]],
    details: Mapping[str, Any],
) -> S:
    dialing: dict[str, Any] = dict(options)
    record, drain_timeout = dialing.pop("record"), dialing.pop("drain_timeout")
    policy, rotate = dialing.pop("reconnect"), dialing.pop("rotate")
    core.response_timeout = dialing.pop("response_timeout")
    core.turns.most_rounds = dialing.pop("tool_rounds")
    place = where
    where = await _proved(where, dialing["open_timeout"])
    core.secrets = where.secrets
    if record is not None:
        from ..recording.recorder import Recorder  # for who records

        core.taps.append(Recorder(record, url=where.url, secrets=core.secrets))
    socket = await dial(where, **dialing)

    async def dial_again(key: str | None) -> WebSocket:
        target = place if key is None else place.with_key(key)
        target = await _proved(target, dialing["open_timeout"])
        core.hide(target.secrets)
        return await dial(target, **dialing)

    renewal = None
    if policy is not None or rotate:
        renewal = Reconnector(
            dial_again,
            policy,
            lead=lead_of(rotate),
            fresh_key=place.credential is not None,
            whole=place.greets,
        )
    patience = None
    if dialing["ping_timeout"] is not None and dialing["ping_interval"] is not None:
        patience = dialing["ping_interval"] + dialing["ping_timeout"]
    session = make(
        socket,
        core,
        drain_timeout=drain_timeout,
        renewal=renewal,
        patience=patience,
        **details,
    )
    try:
        if where.greets:
            await _greeted(session, where)
        await begin(session)
    except BaseException:
        await BaseSession.close(
            session
        )  # at once, whatever else a session of this kind does at its end
        raise
    return session


def lead_of(rotate: bool | float) -> float | None:
    """Seconds before the end of a session at which it moves; ``None`` for never."""
    if isinstance(rotate, bool):
        return LEAD_SECONDS if rotate else None
    if rotate < 0:
        raise InvalidOption(f"rotate={rotate}: give seconds before the end, True or False")
    return float(rotate)


async def _proved(where: Target, timeout: float | None) -> Target:
    try:
        async with asyncio.timeout(timeout):
            return await where.resolved()
    except TimeoutError:
        raise ConnectTimeout(
            f"no key for {redact_url(where.url)} within {timeout:g} s: what gives it did not answer"
        ) from None


async def _greeted(session: BaseSession, where: Target) -> None:
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
    refused = refusal(session, where)
    if refused is not None:
        raise refused


def refusal(session: BaseSession, where: Target) -> UpgradeRejected | None:
    """The exception for a server that closed before anything else; `None` while it is open."""
    closed = session.closed
    if closed is None:
        return None
    first = session.greeting.result() if session.greeting.done() else None
    event = first if isinstance(first, ErrorEvent) else None
    message = getattr(event.error, "message", None) if event is not None else None
    kind = AuthenticationError if closed.code == 3000 else UpgradeRejected
    return kind(
        f"{redact_url(where.url)} closed the session at once, with code {closed.code}"
        + (f" ({closed.reason})" if closed.reason else "")
        + (f": {message}" if message else ""),
        close_code=closed.code,
        event=event,
    )
