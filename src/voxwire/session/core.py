"""The session without I/O: frame in -> event, state and routed event; event in -> frame to send.

The one module that knows all the parts of a session. It never awaits, never blocks and touches no
socket, so the asyncio face, the threaded face and the tests share it.
"""

from __future__ import annotations

import logging
from collections import ChainMap
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs
from voxwire_protocol import (
    UNSET,
    ClientEvent,
    ConversationItemCreate,
    ErrorEvent,
    Event,
    InputAudioBufferAppend,
    ResponseCancel,
    ResponseCreate,
    ServerEvent,
    SessionUpdate,
)

from ..audio.playback.playback import Playback
from ..conversation.call_ids import long_call, short_call
from ..conversation.conversation import AudioRetention, Conversation, ConversationTracker
from ..conversation.local_events import (
    ConversationUpdated,
)
from ..errors import ConnectionClosedError, InvalidEvent, ResponseTimeoutError, SessionExpired
from ..protocol import codec
from ..protocol.event_ids import EventIds
from ..protocol.local_event import LOCAL_EVENTS, LocalEvent
from ..protocol.redaction import REDACTED, SHORTEST_SECRET, redact_text
from ..tools.mcp import Approvals
from ..tools.runner import Before
from ..tools.tool import Call
from ..tools.toolset import ToolSet
from .acknowledgements import Acknowledgements, SentEvent
from .concerns import DESCRIBING, KNOWN, concerns
from .input_audio import Uplink
from .local_events import (
    ConnectionClosed,
    HandlerFailed,
    ObserverFailed,
    ResponseTimedOut,
    ToolRoundsExceeded,
)
from .observers import FrameObservers
from .responses import Policy, ResponseQueue
from .responses.state import ResponseState
from .router import Router
from .sent_settings import Settings
from .tool_loop import ToolLoop

if TYPE_CHECKING:
    from ..conversation.pricing import SessionUsage

__all__ = ["Around", "Core"]

log = logging.getLogger("voxwire")

MOST_ITEMS = 10_000
"""How many items a conversation keeps, unless another number is given: weeks of talk, and some tens
of megabytes."""


Around: TypeAlias = Callable[[Call, Callable[[], Awaitable[Any]]], Awaitable[Any]]
"""What the running of a call goes through: given the call and what runs it, awaits that and returns
its outcome."""


@lru_cache(maxsize=16)
def _names(protocol: codec.Codec) -> Mapping[str, type[Event]]:
    """The names of a family's events, and of Voxwire's own: one table for all sessions of a
    process."""
    return ChainMap({**protocol.client, **protocol.server}, LOCAL_EVENTS)


class Core:
    """What one connection knows.

    Args:
        protocol: the family of events that the connection speaks.
        audio: which audio the conversation keeps; see :class:`ConversationTracker`.
        tail: seconds of the user's latest audio to hold for another connection.
        items: how many items the conversation keeps; ``None`` for all.
        playback: follows what the listener has heard.
        tools: the functions that the model may call.
        acknowledged: whether the server says that it has changed the session.
    """

    def __init__(
        self,
        protocol: codec.Codec = codec.REALTIME,
        *,
        audio: AudioRetention = "none",
        tail: float = 0.0,
        items: int | None = MOST_ITEMS,
        playback: Playback | None = None,
        tools: ToolSet | None = None,
        acknowledged: bool = True,
    ) -> None:
        self.codec = protocol
        self._decode = protocol.decode
        self.acknowledged = acknowledged
        self.router = Router(_names(protocol))
        self.address = ""
        """Where the session leads to, without keys."""
        self.taps = FrameObservers()
        self.taps.failed = self._observer_failed
        self.secrets: tuple[str, ...] = ()
        """What was sent as proof, and must not be seen again in what the server says of it."""
        self.around_tools: list[Around] = []
        """What each call of a tool goes through, the last one outermost."""
        self.before_tools: list[Before] = []
        """Asked when a tool is about to begin, after its approval."""
        self.asking: list[Callable[[ResponseState], None]] = []
        """Told of each request for a response, in the context of who asks."""
        self.session: Any = None
        self.last_error: ErrorEvent | None = None
        self.closed: ConnectionClosed | None = None
        self.down = False
        """Whether the session is between two connections: nothing may be written."""
        self.keep_items = items
        """How many items the conversation keeps; ``None`` for all."""
        self.cache = ConversationTracker(audio=audio, tail=tail, most=items)
        self.router.changed = self._listeners_changed
        self.playback = playback or Playback()
        self.responses = ResponseQueue(self.next_event_id)
        self.turns = ToolLoop(self.responses, ToolSet() if tools is None else tools)
        self.acks = Acknowledgements()
        self.settings = Settings()
        self.short_calls: dict[str, str] = {}
        """Ids of calls that a client may not use, with those by which the server knows them."""
        self.uplink = Uplink()
        self.approvals = Approvals()
        self.response_timeout: float | None = None
        """Seconds for which a response may be silent; ``None`` for any."""
        self.outbox: list[ClientEvent] = []  # short: an empty deque takes 760 bytes
        """What to send on account of what was received or asked for, in order."""
        self._event_ids = EventIds()

    @property
    def tools(self) -> ToolSet:
        """The functions that the model may call."""
        return self.turns.tools

    @property
    def usage(self) -> SessionUsage:
        """What the session has used."""
        from ..conversation.pricing import (
            SessionUsage,
        )  # for who asks: reading prices is no part of a session

        audio: Any = getattr(getattr(self.session, "audio", None), "input", None)
        transcription = getattr(getattr(audio, "transcription", None), "model", None)
        model = getattr(self.session, "model", None)
        return SessionUsage.of(
            self.conversation.usage,
            self.conversation.spent,
            model=model if isinstance(model, str) else None,
            transcription_model=transcription if isinstance(transcription, str) else None,
        )

    @property
    def conversation(self) -> Conversation:
        """The items so far."""
        return self.cache.conversation

    def received(self, frame: bytes | str) -> Event:
        """Take a frame from the server: decode it, keep what it changes, and route it.

        Never raises for what the frame holds. What is to be sent because of it is in `outbox`.
        """
        if self.taps:
            self.taps.server(frame)
        event = self._decode(frame)
        kind = type(event)
        rare, played, spoken, piece = KNOWN.get(kind) or concerns(kind)
        if self.secrets and not piece:
            event = self._without_secrets(event)
            kind = type(event)
        if log.isEnabledFor(logging.DEBUG):
            log.debug("<- %s", redact_text(repr(event), self.secrets))
        mirrored = False
        if rare:
            if self.short_calls:
                event = long_call(event, self.short_calls)
            mirrored = self.cache.mirrors(event)
        # The cache first, handlers after: a handler finds in the cache what its event tells.
        changes = self.cache.apply(event)
        if rare:
            changes = self._take_rare(event, changes)
        if played and (wanted := self.playback.apply(event)):
            self.outbox.extend(wanted)
        if piece:
            if wanted := self.responses.apply(event):
                self.outbox.extend(wanted)
        elif spoken and (wanted := self.turns.apply(event)):
            self.outbox.extend(wanted)
            self._report_rounds()
        if rare:
            self.acks.apply(event)
        if not mirrored:  # else it tells of the past
            self.router.dispatch(event, ServerEvent)
        for change in changes:
            self.local(change)
        return event

    def _without_secrets(self, event: Event) -> Event:
        """An event as it came, unless it repeats the key: then without that, for it goes into logs,
        exceptions, stores, relays and whatever a program makes of it. Deltas are left alone: they
        are many, and the event that ends them has all of it again."""
        frame = event.raw or b""
        # A shorter one, as in a test, would be found within words.
        secrets = [key.encode() for key in self.secrets if len(key) >= SHORTEST_SECRET]
        found = [key for key in secrets if key in frame]
        for key in found:
            frame = frame.replace(key, REDACTED.encode())
        return self.codec.decode(frame) if found else event

    def _take_rare(self, event: Event, changes: list[LocalEvent]) -> list[LocalEvent]:
        """Keep what an event that comes now and then says of the session itself."""
        if isinstance(event, DESCRIBING):
            self.session = self.codec.session(event)
        elif isinstance(event, ErrorEvent):
            self.last_error = event
            self.settings.refused(getattr(event.error, "event_id", None))
        requests = self.approvals.apply(event)
        return changes + requests if requests else changes

    def _listeners_changed(self) -> None:
        self.cache.told = self.router.heard(ConversationUpdated, ConversationUpdated)

    def prepare(
        self, event: ClientEvent | Mapping[str, Any], *, extra: Mapping[str, Any] | None = None
    ) -> tuple[ClientEvent, bytes]:
        """Check what the caller wants to send, and give it an `event_id` where it has none.

        Returns the event and its frame. Raises :class:`InvalidEvent` before anything is sent, and
        :class:`ConnectionClosedError` once the connection has ended.
        """
        self.require_open()
        checked = self.codec.event(event, extra=extra)
        if getattr(checked, "event_id", None) is UNSET:
            named: Any = checked  # every client event is an attrs class; their base is none
            checked = attrs.evolve(named, event_id=self.next_event_id())
        wire = short_call(checked, self.short_calls) if self.short_calls else checked
        return checked, self.codec.encode(wire, extra=extra, checked=True)

    def sent(self, event: ClientEvent | None, frame: bytes | str) -> SentEvent | None:
        """Note a frame that goes to the socket now, and route its event."""
        if self.taps:
            self.taps.client(frame)
        # What is sent raw is the caller's own business, and may be anything.
        seen = self.codec.decode_client(frame) if event is None else event
        if log.isEnabledFor(logging.DEBUG):
            log.debug("-> %s", redact_text(repr(seen), self.secrets))
        receipt = None
        if isinstance(seen, ClientEvent):
            receipt = self.acks.sent(seen, frame)
            if isinstance(seen, SessionUpdate):
                self.settings.sent(seen)
            self.outbox.extend(self.turns.sent(seen))
            self.uplink.sent(seen)
            for change in self.cache.apply(seen, sent=True):
                self.local(change)
        self.router.dispatch(seen, ClientEvent)
        return receipt

    def append(self, piece: bytes | memoryview) -> bytes:
        """Note audio that goes to the socket now; returns its frame."""
        frame = self.uplink.frame(piece, self.next_event_id())
        self.cache.append_audio(piece)
        if self.taps:
            self.taps.client(frame)
        if self.router.heard(InputAudioBufferAppend, ClientEvent, early=False):
            self.router.dispatch(self.codec.decode_client(frame), ClientEvent)
        return frame

    def hold(self, piece: bytes | memoryview) -> None:
        """Keep audio that cannot be sent now, for the next connection."""
        self.uplink.appended += len(piece)
        self.cache.append_audio(piece)

    def respond(
        self,
        event: ResponseCreate,
        policy: Policy = "wait",
        item: ConversationItemCreate | None = None,
    ) -> ResponseState:
        """Ask for a response, to `item` if there is one, in its turn. Raises like
        :meth:`prepare`."""
        self.require_open()
        items = [] if item is None else [item]
        for wanted in (*items, event):
            self.codec.event(wanted)  # what is wrong is the caller's to hear of, and now
        turn, events = self.responses.request(event, policy, items=items)
        self.outbox.extend(events)
        for told in self.asking:
            told(turn)
        return turn

    def cancel(self, turn: ResponseState | None = None) -> None:
        """Stop a turn, or the running one."""
        self.outbox.extend(self.responses.cancel(turn))

    def interrupt(
        self,
        played_ms: float | None = None,
        *,
        item_id: str | None = None,
        samples: int | None = None,
    ) -> None:
        """Stop the model where the listener is, and whatever is about to speak: what was played is
        the playback's to say, what runs or has been asked for the queue's."""
        ending = self.playback.cancelled
        events = self.playback.interrupt(played_ms, item_id=item_id, samples=samples)
        playing = [e.response_id or None for e in events if isinstance(e, ResponseCancel)]
        cancels = self.responses.stop(playing, ending)
        cuts = [event for event in events if not isinstance(event, ResponseCancel)]
        # A server that plays by itself is stopped before its buffer is cleared.
        first, then = (cancels, cuts) if self.playback.mode == "server" else (cuts, cancels)
        self.outbox += [*first, *then]

    def abandon(self, turn: ResponseState, error: BaseException | None = None) -> None:
        """Wait no longer for a turn; see :meth:`ResponseQueue.abandon`."""
        self.outbox.extend(self.turns.abandon(turn, error))

    def unsendable(self, event: ClientEvent, error: InvalidEvent) -> None:
        """An event of the outbox breaks the protocol after all. A request goes with its items, or
        not at all, and who waits for its answer is told."""
        behind = 0
        while isinstance(event, ConversationItemCreate) and behind < len(self.outbox):
            event, behind = self.outbox[behind], behind + 1
        if isinstance(event, ResponseCreate):
            del self.outbox[:behind]
            self.outbox.extend(self.responses.unsendable(event, error))

    def answered(self, call: Call, output: str) -> None:
        """A call of a tool has its output."""
        self.outbox.extend(self.turns.answered(call, output))
        self._report_rounds()

    def _report_rounds(self) -> None:
        for turn in self.turns.exceeded:
            last = turn.responses[-1].id if turn.responses else None
            response_id = last if isinstance(last, str) else None
            self.local(ToolRoundsExceeded(rounds=len(turn.responses), response_id=response_id))
        self.turns.exceeded.clear()

    def give_up_overdue(self, looks: int) -> None:
        """Give up the responses of which nothing has come for so many looks at the clock."""
        if self.down or self.response_timeout is None:
            return
        for turn in self.responses.overdue(looks):
            seconds, response_id = self.response_timeout, turn.response_id
            what = response_id or "a response that was asked for"
            error = ResponseTimeoutError(f"nothing of {what} came within {seconds:g} s")
            self.abandon(turn, error)
            self.local(ResponseTimedOut(response_id=response_id, seconds=seconds))

    def postponed(self, call: Call) -> None:
        """A call of a tool will be answered later; the conversation goes on without it."""
        self.outbox.extend(self.turns.postponed(call))

    def local(self, event: LocalEvent) -> None:
        """Route an event of Voxwire's own."""
        self.router.dispatch(event, type(event))

    def handler_failed(
        self, handler: Callable[..., Any], event: Event, error: BaseException
    ) -> None:
        """Report a handler that raised: a log line with the traceback, and an event."""
        name = getattr(handler, "__qualname__", None) or repr(handler)
        log.error("handler %s failed on %s", name, type(event).__name__, exc_info=error)
        # A handler of HandlerFailed that fails in turn has its log line; an event would loop.
        if not isinstance(event, HandlerFailed):
            self.local(HandlerFailed(handler=name, event=event, exception=error))

    def _observer_failed(self, observer: object, error: BaseException) -> None:
        self.local(ObserverFailed(observer=type(observer).__name__, exception=error))

    def left(self, closed: ConnectionClosed) -> None:
        """A connection is gone. The session may go on over another."""
        log.debug("closed: %d %s", closed.code, closed.reason)
        broken = closed.code == 1006
        by: Literal["client", "server"] | None = "client" if closed.expected else "server"
        told = (None if broken else closed.code, closed.reason or None)
        self.taps.closed(*told, by=None if broken else by)

    def hide(self, secrets: Iterable[str]) -> None:
        """Another key is used: keep it out of all that is written down, too."""
        new = tuple(secret for secret in secrets if secret not in self.secrets)
        self.secrets += new
        self.taps.hide(new)

    def arrived(self) -> None:
        """There is another connection."""
        self.taps.begin()

    def written(self, frame: str | bytes) -> None:
        """Tell who looks on of a frame that goes to the socket now."""
        self.taps.client(frame)

    def ended(self, closed: ConnectionClosed, *, told: bool = False) -> None:
        """Note that the session is over. Only the first call counts.

        Args:
            told: whether who looks on has heard of the connection's end.
        """
        if self.closed is None:
            self.closed = closed
            self.down = False
            if not told:
                self.left(closed)
            error = self.closing_error()
            assert error is not None  # it has just closed
            self.turns.close(error)
            self.acks.close(error)
            self.local(self.closed)

    def closing_error(self) -> ConnectionClosedError | None:
        """The exception for those who wait for what can no longer come; `None` while open."""
        if self.closed is None:
            return None
        # OpenAI ends a session at its time limit with 1001 and says so in the reason.
        expired = self.closed.code == 1001 and not self.closed.expected
        cls = SessionExpired if expired else ConnectionClosedError
        error = cls(self.closed.code, self.closed.reason, event=self.last_error)
        error.__cause__ = self.closed.error
        return error

    def reading_error(self) -> ConnectionClosedError | None:
        """The exception that ends an iteration: none where the end was asked for or regular."""
        if self.closed is None or self.closed.expected or self.closed.code in (1000, 1005):
            return None
        return self.closing_error()

    def require_open(self) -> None:
        """Raise :class:`ConnectionClosedError` once the connection has ended."""
        error = self.closing_error()
        if error is not None:
            raise error

    def next_event_id(self) -> str:
        """An `event_id` that no other event of this process has."""
        return next(self._event_ids)
