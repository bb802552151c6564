"""``connect`` and ``attach``: from arguments to a conversation whose settings the server has taken.

This module knows what is mandatory when a conversation begins, and what is not.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from voxwire_protocol import RealtimeCallIncoming, RealtimeSession, SessionUpdate

from ..audio.playback.playback import Playback
from ..conversation.conversation import AudioRetention, Conversation
from ..errors import ConnectionClosedError, InvalidOption
from ..protocol import codec
from ..protocol.redaction import veiled, veiled_headers, veiled_tools
from ..transport.credentials import Credential
from ..transport.providers.profile import ServerProfile, located
from ..transport.proxy import ProxyOption, veiled_proxy
from ..transport.url import Target
from .actions import GivenTool
from .core import MOST_ITEMS, Core
from .lifecycle import ConnectionOptions, Opening, connection, lead_of, opened, refusal
from .options import SessionOptions, realtime_session, refuse_unknown
from .reconnect.policy import Reconnect
from .session import Session
from .tool_loop import MOST_ROUNDS

if TYPE_CHECKING:
    from ..store.base import Store
    from ..store.opening import StoreOpening
    from ..store.options import StoreOptions

__all__ = ["AttachOptions", "Connect", "attach", "connect", "tail_of"]


class Connect(Opening[Session]):
    """A conversation that is about to be opened: ``async with connect(...) as session``, or
    ``await``. With ``await`` the caller closes the session.
    """


def connect(
    *,
    model: str | None = None,
    api_key: Credential | None = None,
    url: str | None = None,
    server: ServerProfile | None = None,
    call_id: str | None = None,
    headers: Mapping[str, str] | None = None,
    insecure: bool = False,
    session: RealtimeSession | None = None,
    tools: Sequence[GivenTool] | None = None,
    conversation: Conversation | Mapping[str, Any] | None = None,
    keep_audio: AudioRetention = "none",
    keep_items: int | None = MOST_ITEMS,
    record: str | os.PathLike[str] | None = None,
    store: Store | None = None,
    session_id: str | None = None,
    storing: StoreOptions | None = None,
    open_timeout: float | None = 10.0,
    ping_interval: float | None = 20.0,
    ping_timeout: float | None = 20.0,
    close_timeout: float | None = 5.0,
    drain_timeout: float = 5.0,
    reconnect: Reconnect | None = None,
    rotate: bool | float = False,
    response_timeout: float | None = None,
    tool_rounds: int = MOST_ROUNDS,
    tls: ssl.SSLContext | None = None,
    proxy: ProxyOption = True,
    **settings: Unpack[SessionOptions],
) -> Connect:
    """Open a realtime session.

    Args:
        model: the model; ``gpt-realtime-2.1`` where nothing else names what to open.
        api_key: a project key or an ephemeral one, or a function, plain or async, that gives one
            for each connection; else ``OPENAI_API_KEY``, which goes to OpenAI and to the host of
            ``OPENAI_BASE_URL`` only. A server on this machine needs none.
        url: the full address (``ws``, ``wss``, ``http``, ``https``); else ``/realtime`` under
            ``OPENAI_BASE_URL``, or OpenAI's.
        server: another server than OpenAI's, such as ``voxwire.Azure(...)``; excludes `url`.
        call_id: attach to a WebRTC or SIP call that is under way; excludes `model`. See
            :func:`attach`.
        headers: further headers; they win over those made here.
        insecure: allow a key to travel without TLS to another machine.
        session: a session object to begin with; `settings` go on top of it.
        tools: functions the model may call, and definitions of tools.
        conversation: one to go on with, or its ``snapshot()``: its items are added before the
            session is handed out; see :meth:`Session.load`.
        keep_audio: which audio the conversation keeps in memory: ``"none"``, ``"all"``, or the last
            so many seconds.
        keep_items: how many items the conversation keeps in memory, the latest; of more, the oldest
            go, with an :class:`Overflow`. ``None`` keeps all.
        record: a file to write the whole session to, keys left out.
        store: where the session is kept beyond this process: a :class:`SQLiteStore` or a
            :class:`RedisStore`. See ``voxwire.resume``, ``voxwire.observe``, ``voxwire.remote``.
        session_id: what it is called there; made up where it is left out, and in
            ``session.kept.session_id``.
        storing: how it is kept; see :class:`StoreOptions`.
        open_timeout: seconds for the connection and the upgrade together.
        ping_interval: seconds between pings to the server; ``None`` sends none.
        ping_timeout: seconds without an answer to a ping after which the connection is broken.
        close_timeout: seconds for the close handshake.
        drain_timeout: seconds that handlers have to finish when the session is closed.
        reconnect: what to do when the connection is lost: ``Reconnect()`` goes on over another,
            with the conversation restored; ``None`` ends the session.
        rotate: move to another connection before the server ends the session (after 60 minutes, at
            OpenAI): True for 5 minutes before, or so many seconds.
        response_timeout: seconds for which the server may send nothing of a response that was asked
            for or runs; then the response is given up, with :class:`ResponseTimedOut`, and what
            waits goes on. ``None`` waits as long as the connection lasts.
        tool_rounds: how many responses of one turn may call tools; then the model is asked once
            more without tools, with :class:`ToolRoundsExceeded`.
        tls: a context of your own, for a private certificate authority.
        proxy: the proxy to go through, such as ``"http://user:password@host:3128"`` or
            ``"socks5://host:1080"`` (extra ``socks``). True takes that of the environment
            (``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY``), though not for a server on this machine;
            ``None`` takes none.
        settings: instructions, voice, turn detection and so on: see :class:`SessionOptions`. They
            are sent, and acknowledged or refused, before the session is handed out.

    Raises:
        InvalidOption, InvalidEvent: now, for arguments that cannot work together, a missing key, or
            a setting that breaks the protocol.
        ConnectError: on entering; :class:`ConnectTimeout`, :class:`ConnectRefused`,
            :class:`ProxyError`, :class:`AuthenticationError`, :class:`PermissionDenied` or
            :class:`UpgradeRejected`.
        ServerError: on entering; the server refused the settings.
        StoreError: on entering; the store has an unfinished session of that name, or does not
            answer.
    """
    # From here on: an error's frames may be printed with their variables.
    api_key, headers = veiled(api_key), headers and veiled_headers(headers)
    proxy = veiled_proxy(proxy)
    tools = veiled_tools(tools)
    keep = None
    if not (store is None and session_id is None and storing is None):
        from ..store.opening import keeping  # the stores, and sqlite3: for who keeps a session

        keep = keeping(store, session_id, storing)
    profile, where = located(
        "realtime" if call_id is None else "call",
        server=server,
        model=model,
        call_id=call_id,
        api_key=api_key,
        url=url,
        headers=headers,
        insecure=insecure,
    )
    about: ConnectionOptions = {
        "record": record,
        "open_timeout": open_timeout,
        "ping_interval": ping_interval,
        "ping_timeout": ping_timeout,
        "close_timeout": close_timeout,
        "drain_timeout": drain_timeout,
        "reconnect": reconnect,
        "rotate": rotate,
        "response_timeout": response_timeout,
        "tool_rounds": tool_rounds,
        "tls": tls,
        "proxy": proxy,
    }
    about = connection(about)
    refuse_unknown(settings, SessionOptions, connect)
    lead_of(rotate)
    if keep_items is not None and keep_items < 1:
        raise InvalidOption(f"keep_items={keep_items}: keep at least 1, or None for all")
    wanted = None
    if session is not None or settings or tools or profile.session:
        wanted = _wanted(session, tools, settings)
    if conversation is not None and not isinstance(conversation, Conversation):
        conversation = Conversation.restore(conversation)  # what is wrong is told now
    return Connect(
        _opener(profile, where, about, wanted, tools, keep_audio, keep, keep_items, conversation)
    )


class AttachOptions(SessionOptions, ConnectionOptions, total=False):
    """What :func:`attach` takes, as :func:`connect` does."""

    api_key: Credential | None
    """A key, or what gives one."""
    url: str | None
    """The server's address, without the call."""
    server: ServerProfile | None
    """Where the call is, if not at OpenAI."""
    headers: Mapping[str, str] | None
    """Further headers."""
    insecure: bool
    """Allow a key to travel without TLS to another machine."""
    session: RealtimeSession | None
    """A session object to begin with."""
    tools: Sequence[GivenTool] | None
    """Functions the model may call."""


def attach(call: str | RealtimeCallIncoming, **options: Unpack[AttachOptions]) -> Connect:
    """Attach to a call over WebRTC or SIP that is under way: hear its events, run its tools.

    The sound of the call does not pass here. The server does not greet on this line, so an update
    of the session is sent, also an empty one, and its answer awaited for up to 5 seconds: after
    that, ``session.session`` is known. What the listener has heard is known to the server, so
    ``interrupt()`` stops the voice there.

    Args:
        call: its id, as ``calls.create`` gave it, or the webhook that told of it.
        options: as for :func:`connect`; what is left out of the settings stays as it is.

    Raises:
        InvalidOption, InvalidEvent, ConnectError, ServerError: as :func:`connect`. A call that is
            not there, or over, is an :class:`UpgradeRejected`.
    """
    options["api_key"] = veiled(options.get("api_key"))
    options["headers"] = veiled_headers(options.get("headers"))
    options["tools"] = veiled_tools(options.get("tools"))
    given: dict[str, Any] = dict(options)
    refuse_unknown(given, AttachOptions)
    call_id = call.data.call_id if isinstance(call, RealtimeCallIncoming) else call
    if not isinstance(call_id, str) or not call_id or call_id.startswith("evt_"):
        raise InvalidOption(
            f"{call_id!r} is no call: give the webhook's data.call_id, or the call_id of the "
            "answer to an offer; it begins with rtc_"
        )
    address: dict[str, Any] = {name: given.pop(name) for name in _ADDRESS if name in given}
    profile, where = located("call", call_id=call_id, **address)
    session, tools = given.pop("session", None), given.pop("tools", None)
    about: Any = {
        name: given.pop(name) for name in ConnectionOptions.__annotations__ if name in given
    }
    wanted = _wanted(session, tools, given)
    return Connect(_opener(profile, where, connection(about), wanted, tools, "none"))


_ADDRESS = ("api_key", "url", "server", "headers", "insecure")


def _wanted(
    session: RealtimeSession | None, tools: Sequence[GivenTool] | None, settings: Mapping[str, Any]
) -> RealtimeSession:
    """The session to ask for. Wrong settings are told here, and not in the middle of opening."""
    definitions = Core().turns.replace(tools or ())
    wanted = realtime_session(base=session, tools=definitions or None, **settings)
    codec.REALTIME.event(SessionUpdate(session=wanted))
    return wanted


def tail_of(about: ConnectionOptions) -> float:
    """Seconds of the user's audio to hold for another connection."""
    policy = about.get("reconnect")
    if policy is None:
        return Reconnect().audio_seconds if about.get("rotate") else 0.0
    return policy.audio_seconds


def _opener(
    profile: ServerProfile,
    where: Target,
    about: ConnectionOptions,
    wanted: RealtimeSession | None,
    tools: Sequence[GivenTool] | None,
    keep_audio: AudioRetention,
    keep: StoreOpening | None = None,
    keep_items: int | None = MOST_ITEMS,
    conversation: Conversation | None = None,
) -> Callable[[], Awaitable[Session]]:
    sideband = "call_id=" in where.url

    async def begin(session: Session) -> None:
        await configure(session)
        if conversation is not None:
            await session.load(conversation)

    async def configure(session: Session) -> None:
        if wanted is None:
            return
        try:
            await session.update(wanted)
        except ConnectionClosedError:
            # A call that is over closes the sideband: that is a refusal to the caller.
            refused = refusal(session, where) if sideband else None
            if refused is None:
                raise
            raise refused from None

    async def open_it() -> Session:
        core = Core(
            profile.codec("call" if sideband else "realtime"),
            audio=keep_audio,
            tail=tail_of(about),
            items=keep_items,
            playback=Playback(
                mode="server" if sideband else "client", truncates=profile.abilities.truncates
            ),
            acknowledged=profile.abilities.acknowledges,
        )
        core.turns.replace(tuple(tools or ()))

        async def now() -> Session:
            return await opened(where, core, Session, about, begin)

        return await (now() if keep is None else keep.opened(core, now))

    return open_it
