"""``resume``: taking a session over that is kept in a store, after its owner has died or let go.

This module knows the order of things: the claim, the log, the connection, what was under way. The
rules of restoring are those of a session that goes on over another connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Unpack
from urllib.parse import parse_qs, urlsplit

from voxwire_protocol import (
    UNSET,
    ClientEvent,
    RealtimeSession,
    ResponseCreate,
    ResponseCreateParams,
    SessionUpdate,
)

from ..audio.playback.playback import Playback
from ..conversation.conversation import AudioRetention, ConversationTracker
from ..errors import InvalidOption, StateLost, StoreError, UnknownSession
from ..protocol.redaction import REDACTED
from ..protocol.response_request import METADATA_KEY
from ..session.actions import GivenTool
from ..session.connect import AttachOptions, Connect, tail_of
from ..session.core import Core
from ..session.lifecycle import ConnectionOptions, connection, opened
from ..session.options import realtime_session
from ..session.reconnect.restorer import Restorer
from ..session.session import Session
from ..tools.runner import error_text
from ..tools.tool import Call
from ..transport.providers.profile import located
from .base import Store, Stored
from .event_log import ReplayedLog
from .lease import claimed
from .local_events import Resumed
from .opening import keeping, kept_open
from .options import StoreOptions
from .progress import Asked, OpenResponse, Progress
from .stored_session import StoredSession

__all__ = ["ResumeOptions", "resume"]

UNKNOWN = (
    "It is not known whether this call did what it does: the program stopped while it was under "
    "way. It was not repeated. Find out before you call it again."
)
"""What the model is told of a call that had begun elsewhere."""

RESTORE_SECONDS = 10.0
"""How long a server may take to take the session back."""


class ResumeOptions(AttachOptions, total=False):
    """What :func:`resume` takes, as :func:`voxwire.connect` does."""

    model: str | None
    """Another model than the one before."""
    keep_audio: AudioRetention
    """Which audio the conversation keeps in memory."""
    keep_items: int | None
    """How many items it keeps; as many as before, where it is left out. ``None`` keeps all."""


def resume(
    store: Store,
    session_id: str,
    *,
    wait: float = 0.0,
    storing: StoreOptions | None = None,
    **options: Unpack[ResumeOptions],
) -> Connect:
    """Take over a session that is kept in a store: claim it, restore its conversation over a new
    connection, and finish what was under way.

    A response that was cut off is asked for again. A tool that had not begun, or is ``idempotent``,
    is run; of any other that had begun, the model is told that its outcome is unknown: no call runs
    twice. :class:`Resumed`, the first event of the session, reports all of this; a handler receives
    it with ``catch_up=True``.

    Args:
        store: where the session is kept.
        session_id: what it is called there.
        wait: seconds to wait for the lease of an owner that lives, or has just died, and for a
            store that does not answer.
        storing: how it is kept from now on.
        options: as for :func:`connect`. Functions and keys are in no store: give `tools` and
            `api_key` again. The address and the settings are those that the session had; settings
            named here change it.

    Raises:
        InvalidOption, InvalidEvent: now, for arguments that cannot be.
        UnknownSession: on entering; there is no such session, it was closed, or it never began:
            its worker died while it opened it. Then :func:`voxwire.connect` may take the name.
        SessionOwned: on entering; another process holds it.
        StoreUnavailable: on entering; the store does not answer.
        ConnectError, ServerError: on entering, as for :func:`connect`. The session can be resumed
            again.
    """
    keep = None if store is None else keeping(store, session_id, storing)
    if keep is None:
        raise InvalidOption("resume needs a store: pass a SQLiteStore or a RedisStore")
    given: dict[str, Any] = dict(options)
    tools: Sequence[GivenTool] | None = given.pop("tools", None)
    audio: AudioRetention = given.pop("keep_audio", "none")
    items_given, most_items = "keep_items" in given, given.pop("keep_items", None)
    if most_items is not None and most_items < 1:
        raise InvalidOption(f"keep_items={most_items}: keep at least 1, or None for all")
    address = {name: given.pop(name) for name in _ADDRESS if name in given}
    about: Any = {
        name: given.pop(name) for name in ConnectionOptions.__annotations__ if name in given
    }
    changes = _changes(given.pop("session", None), tools, given)
    ConversationTracker(audio=audio)  # what is wrong is told now

    async def open_it() -> Session:
        lease = await claimed(store, session_id, keep.options, new=False, wait=wait)
        try:
            stored, replay = await _replayed(store, session_id)
            if not stored.last and stored.snapshot is None and stored.lines:
                raise StateLost(
                    f"{session_id}: the store has lost all {stored.lines} lines of it. "
                    "store.forget() deletes what is left"
                )
            if not stored.last and stored.snapshot is None:
                raise UnknownSession(
                    f"{session_id} has never begun: its worker died while it opened it. "
                    "connect(store=..., session_id=...) begins it"
                )
            profile, where = located("realtime", **_where(address, replay))
        except BaseException:  # also a cancelled attempt leaves it to the next
            await store.release(lease, ended=False)
            raise
        items = most_items if items_given else replay.keep_items
        core = Core(
            profile.codec("realtime"),
            items=items,
            playback=Playback(mode="client", truncates=profile.abilities.truncates),
            acknowledged=profile.abilities.acknowledges,
        )
        core.cache = ConversationTracker(
            conversation=replay.cache.conversation, audio=audio, tail=tail_of(about), most=items
        )
        core.acks, core.settings = replay.acks, replay.settings
        # Requests are asked for again in their turn; what else was not answered is sent as it was.
        for sent in core.acks.take():
            if not isinstance(sent.event, ResponseCreate):
                core.acks.again(sent)
        if changes is not None:
            core.settings.sent(changes)
        core.turns.replace(tuple(tools or ()))
        kept = StoredSession(store, lease, core, keep.options)
        kept.take_over(replay.progress, replay.extra)
        restoration = Restorer(core)
        restoration.lost(None)
        before = stored.claims[-2].owner if len(stored.claims) > 1 else ""

        async def begin(session: Session) -> None:
            taking = _TakeOver(core, replay.progress)
            for frame in restoration.settings():
                await session.restore(frame)
            await _answered(restoration)
            taking.settle()
            for frame in restoration.items():
                await session.restore(frame)
            await _answered(restoration)
            for frame in restoration.rest():
                await session.restore(frame)
            # From here on nothing waits: what is sent next finds all in its place.
            taking.go_on()
            told = restoration.done(attempt=0, seconds=0.0, planned=True)
            kept.taken_over(taking.left)
            core.local(
                Resumed(
                    owner=before,
                    restored=told.restored,
                    left_out=told.left_out,
                    renamed=told.renamed,
                    repeated=told.repeated,
                    asked_again=taking.asked_again + told.asked_again,
                    abandoned=tuple(taking.abandoned),
                    run=tuple(taking.run),
                    unknown=tuple(taking.unknown),
                    missing=stored.missing,
                )
            )
            session.restored()

        return await kept_open(kept, lambda: opened(where, core, Session, connection(about), begin))

    return Connect(open_it)


_ADDRESS = ("api_key", "url", "server", "headers", "insecure", "model")


def _changes(
    session: RealtimeSession | None,
    tools: Sequence[GivenTool] | None,
    settings: Mapping[str, Any],
) -> SessionUpdate | None:
    if session is None and tools is None and not settings:
        return None
    definitions = None if tools is None else Core().turns.replace(tools)
    wanted = realtime_session(base=session, tools=definitions, **settings)
    update = SessionUpdate(session=wanted)
    Core().codec.event(update)
    return update


async def _replayed(store: Store, session_id: str) -> tuple[Stored, ReplayedLog]:
    """The state of a session as its log tells it."""
    stored = await store.load(session_id)
    replay = ReplayedLog.of(stored)
    position = stored.covers
    while found := await store.read(session_id, position):
        for entry in found:
            replay.apply(entry)
            position = entry.position
    wanted = replay.settings.told()
    if wanted is not None:
        bare = SessionUpdate.from_dict({"session": _bare(wanted.to_dict())})
        replay.settings = type(replay.settings)()
        replay.settings.sent(bare)
    return stored, replay


def _bare(value: Any) -> Any:
    """Settings without the places where a key was cut out."""
    known: Any = value
    if isinstance(value, dict):
        return {key: _bare(each) for key, each in known.items() if each != REDACTED}
    return [_bare(each) for each in known] if isinstance(value, list) else value


def _where(address: Mapping[str, Any], replay: ReplayedLog) -> dict[str, Any]:
    """Where to connect to: where the session was, unless the caller names another place."""
    found = dict(address)
    if any(found.get(name) is not None for name in ("url", "server")):
        if found.get("server") is None or found.get("model") is not None:
            return found
        return {**found, "model": _model(replay.address)}
    if not replay.address:
        raise StoreError("the store does not know where the session led to: pass url=")
    if REDACTED in replay.address:
        raise InvalidOption("the session's address had a key in it: pass url= again")
    if found.get("model") is not None:
        replay.address = replay.address.partition("?")[0]
    return {**found, "url": replay.address}


def _model(address: str) -> str | None:
    return next(iter(parse_qs(urlsplit(address).query).get("model", [])), None)


async def _answered(restoration: Restorer) -> None:
    """Wait for the server to take what was sent to restore the session; raises what it refuses of
    the settings."""
    for sent in restoration.own:
        woken = asyncio.Event()
        sent.subscribe(woken.set)
        try:
            async with asyncio.timeout(RESTORE_SECONDS):
                await woken.wait()
        except TimeoutError:  # a server that does not say so
            return
        finally:
            sent.unsubscribe(woken.set)
        if sent.error is not None and isinstance(sent.event, SessionUpdate):
            raise sent.error


class _TakeOver:
    """Decides for all that was under way in a session of another process."""

    def __init__(self, core: Core, progress: Progress) -> None:
        self._core = core
        self._progress = progress
        self._open: list[OpenResponse] = []
        self.left = Progress()
        """What is still under way when the session goes on."""
        self.asked_again = 0
        self.abandoned: list[str] = []
        self.run: list[Call] = []
        self.unknown: list[Call] = []

    def settle(self) -> None:
        """Drop what was being said, and ask for it again, in the order in which it was asked."""
        core, progress = self._core, self._progress
        removal = core.cache.removal
        wanted: list[tuple[ResponseCreate, list[ClientEvent]]] = []
        for each in progress.open.values():
            if each.over or each.calls:
                if not each.over:
                    removal.end_response(each.response_id)
                self._open.append(each)
                self.left.open[each.response_id] = each
                each.over = True
                continue
            removal.drop_response(each.response_id, {})
            if each.beside:
                self.abandoned.append(each.response_id)
            else:
                wanted.append((each.asked or ResponseCreate(), []))
        wanted += [(request, []) for request in progress.requests if not _beside(request)]
        for asked in progress.asked.values():
            wanted.append((asked.event, list(asked.items)))
        for number, (request, items) in enumerate(wanted, 1):
            event = _unmarked(request)
            turn, _ = core.responses.request(event, items=items)  # it is sent when all is restored
            creates: Any = items
            self.left.ask(Asked(number=number, event=event, items=creates, token=turn.token))
        self.asked_again = len(wanted)

    def go_on(self) -> None:
        """Answer the calls that were open, or run them."""
        turns = self._core.turns
        for each in self._open:
            asked = each.asked.response if each.asked is not None else UNSET
            params = asked if isinstance(asked, ResponseCreateParams) else ResponseCreateParams()
            self._core.outbox.extend(
                turns.reopen(
                    each.response_id,
                    each.calls.values(),
                    each.waiting,
                    params,
                    goes_on=each.goes_on,
                )
            )
        for call in list(turns.to_run):
            tool = turns.tools.get(call.name)
            again = tool is not None and tool.idempotent
            if again or not any(call.call_id in each.started for each in self._open):
                self.run.append(call)
                continue
            self.unknown.append(call)
            turns.to_run.remove(call)
            self._core.answered(call, error_text("unknown_outcome", UNKNOWN))


def _beside(request: ResponseCreate) -> bool:
    params = request.response
    return isinstance(params, ResponseCreateParams) and params.conversation == "none"


def _unmarked(request: ResponseCreate) -> ResponseCreate:
    """A request without its id and the mark that it was given when it was sent."""
    data = request.to_dict()
    data.pop("event_id", None)
    params: Any = data.get("response") or {}
    metadata: Any = params.get("metadata") or {}
    metadata.pop(METADATA_KEY, None)
    if not metadata:
        params.pop("metadata", None)
    if not params:
        data.pop("response", None)
    return ResponseCreate.from_dict(data)
