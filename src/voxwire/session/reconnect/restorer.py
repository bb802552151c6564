"""From one connection to the next, without I/O: what to settle, what to send, what to tell.

A server forgets a session with its connection. This module takes the state of a session that holds
for one connection apart from what outlives it, and says what to send on the new one, in order. It
opens nothing and waits for nothing; when to try again is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Literal

import attrs
from voxwire_protocol import (
    UNSET,
    ClientEvent,
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemDeleted,
    ConversationItemTruncate,
    ConversationItemTruncated,
    Event,
    FunctionCall,
    InputAudioBufferClear,
    InputAudioBufferCleared,
    InputAudioBufferCommit,
    InputText,
    OutputAudioBufferClear,
    RealtimeResponse,
    ResponseCancel,
    ResponseCreate,
    SessionUpdate,
    SystemMessage,
)

from ...conversation.conversation import Conversation
from ...conversation.migration import Again, short_id
from ...errors import ConnectionClosedError, InvalidEvent
from ...protocol.constraints import LONGEST_ID
from ..acknowledgements import SentEvent
from ..core import Core, log
from ..input_audio import pieces
from ..local_events import ConnectionClosed, Reconnected
from ..responses.state import ResponseState

__all__ = ["Restorer"]

MOST_CUTS = 5
"""How often a request whose response was cut off, or did not begin, is sent again."""

# What is about something that went with the connection.
_GONE: Final = (ResponseCancel, OutputAudioBufferClear)


class Restorer:
    """What takes one session from each of its connections to the next.

    Call :meth:`lost`, then, on a new connection that has greeted, write the frames of
    :meth:`settings`, :meth:`items` and :meth:`rest` in this order, and call :meth:`done`. When that
    connection is lost in between, begin again.

    Args:
        responses: what becomes of responses that were cut off: see :class:`Reconnect`.
        reminder: a system message behind the restored items.
        whole: False where the conversation outlives the connection, as on the line beside a call:
            then only the settings are told again.
    """

    def __init__(
        self,
        core: Core,
        *,
        responses: Literal["again", "report"] = "again",
        reminder: str | Callable[[Conversation], str | None] | None = None,
        whole: bool = True,
    ) -> None:
        self._core = core
        self._again = responses == "again"
        self._reminder = reminder
        self._whole = whole
        self._unanswered: list[SentEvent] = []
        self._own: dict[str, SentEvent] = {}
        self._cuts: dict[str, int] = {}  # how often requests that the caller sent were cut off
        self._told = Reconnected(attempt=0, seconds=0.0)
        self._closed: ConnectionClosed | None = None

    @property
    def own(self) -> list[SentEvent]:
        """What was sent to restore the session, and waits for an answer or has it."""
        return list(self._own.values())

    def lost(self, closed: ConnectionClosed | None) -> None:
        """The connection is gone, or may not be written to any more (``None``)."""
        core = self._core
        core.down = True
        core.turns.pause()
        core.cache.removal.begin()
        if closed is not None:
            self._closed = closed
            core.left(closed)

    # -- the new connection ------------------------------------------------------------------

    def settings(self) -> Iterator[bytes]:
        """What the session is to be: one frame, or none."""
        core = self._core
        self._take_unanswered()
        self._own.clear()  # only now: what an attempt before this one sent is not repeated
        repeated = {sent.event_id for sent in self._unanswered if sent.event_id}
        wanted = core.settings.told(leaving_out=repeated)
        if wanted is not None:
            yield self._frame(SessionUpdate(session=wanted))

    def items(self) -> Iterator[bytes]:
        """What was said, as far as a client may tell it."""
        core = self._core
        removal = core.cache.removal
        told: list[Event] = []
        self._settle_outbox()  # first: a turn that is to be asked for again forgets its request
        again, interrupted = self._settle_turns(told)
        heard = Again()
        creates: list[ConversationItemCreate] = []
        left_out: list[str] = []
        renamed: dict[str, str] = {}
        asked = len(again)
        if self._whole:
            heard = removal.hear_again()
            if self._due() and not any(not turn.beside for turn in again):
                core.responses.request(ResponseCreate())
                asked += 1
            creates, left_out, renamed = removal.items()
        core.playback.leave()
        core.approvals.leave()
        core.turns.leave(again)
        removal.arrive()
        core.uplink.appended = 0
        if self._whole:
            self._hold(heard.turns, heard.rest)
        else:
            self._give_up()
        for change in told:
            core.router.dispatch(change, type(change))
        self._told = Reconnected(
            attempt=0,
            seconds=0.0,
            restored=len(creates),
            left_out=tuple(left_out),
            renamed=renamed,
            repeated=len(self._unanswered),
            asked_again=asked,
            interrupted=tuple(interrupted),
            lost_audio_ms=heard.lost_ms,
        )
        for create in creates:
            try:
                frame = self._frame(self._named(create))
            except InvalidEvent as error:  # what a server has said need not be what a client may
                log.warning("an item cannot be restored: %s", error)
                self._leave_out(create)
                continue
            yield frame
        if self._reminder and self._whole:
            yield from self._reminded(self._reminder)

    def rest(self) -> Iterator[bytes]:
        """What was sent and not answered, and the audio that has to be heard again."""
        core = self._core
        commits = {
            sent.event_id: sent
            for sent in self._unanswered
            if isinstance(sent.event, InputAudioBufferCommit)
        }
        for sent in list(self._unanswered):
            if sent.event_id in commits:
                continue
            # One by one: this connection may be lost in the middle, too.
            self._unanswered.remove(sent)
            core.acks.again(sent)
            core.outbox.extend(core.turns.sent(sent.event))
            core.cache.apply(sent.event, sent=True)
            yield self._repeated(sent)
        appended, at = core.cache.appended, 0
        for mark in appended.marks:
            yield from self._audio(at, mark.position)
            at = mark.position
            commit = commits.get(mark.event_id)
            if commit is not None:
                self._unanswered.remove(commit)
                core.acks.again(commit)
                yield self._repeated(commit)
        core.uplink.appended = appended.total - at
        # More may come while this is written.
        while at < appended.total:
            end = appended.total
            yield from self._audio(at, end)
            at = end

    def done(self, *, attempt: int, seconds: float, planned: bool) -> Reconnected:
        """All is sent: the session goes on. Returns what to tell of it."""
        core = self._core
        core.down = False
        core.outbox.extend(core.turns.resume())
        refused = [
            getattr(getattr(sent.event, "item", None), "id", None)
            for sent in self.own
            if sent.error is not None
        ]
        left_out = (*self._told.left_out, *(id for id in refused if isinstance(id, str)))
        return attrs.evolve(
            self._told, attempt=attempt, seconds=seconds, planned=planned, left_out=left_out
        )

    # -- how ---------------------------------------------------------------------------------

    def _frame(self, event: ClientEvent) -> bytes:
        """A frame that restores: it is answered like any other, but nobody else has sent it."""
        core = self._core
        checked, frame = core.prepare(event)
        sent = core.acks.sent(checked, frame)
        self._own[sent.event_id or ""] = sent
        core.written(frame)
        return frame

    def _reminded(self, reminder: str | Callable[[Conversation], str | None]) -> Iterator[bytes]:
        try:
            text = reminder(self._core.conversation) if callable(reminder) else reminder
            if not text:
                return
            message = SystemMessage(content=[InputText(text=text)])
            frame = self._frame(ConversationItemCreate(item=message))
        except (
            Exception
        ) as error:  # the program's own: a conversation is worth more than a reminder
            told: Any = reminder
            self._core.handler_failed(told, self._told, error)
            return
        yield frame

    def _leave_out(self, create: ConversationItemCreate) -> None:
        told = self._told
        id: Any = getattr(create.item, "id", None)
        left_out = (*told.left_out, *([id] if isinstance(id, str) else []))
        self._told = attrs.evolve(told, restored=told.restored - 1, left_out=left_out)

    def _repeated(self, sent: SentEvent) -> bytes:
        core = self._core
        # What it says may be known by another name now; keys of the caller's own stay otherwise.
        frame = core.prepare(sent.event)[1] if core.short_calls else sent.frame
        core.written(frame)
        return frame if isinstance(frame, bytes) else frame.encode()

    def _named(self, create: ConversationItemCreate) -> ConversationItemCreate:
        item: Any = create.item
        call_id: Any = getattr(item, "call_id", None)
        if isinstance(item, FunctionCall) and len(call_id or "") > LONGEST_ID:
            self._core.short_calls[call_id] = short_id(call_id)
        return create

    def _audio(self, start: int, end: int) -> Iterator[bytes]:
        core = self._core
        for chunk in core.cache.appended.piece(start, end):
            for part in pieces(chunk):
                frame = core.uplink.frame(part, core.next_event_id())
                core.written(frame)
                yield frame

    def _take_unanswered(self) -> None:
        """What the old connection has left open, in the order of sending."""
        core = self._core
        ours = {turn.event_id for turn in core.turns.pause() if not turn.by_hand}
        for sent in [*self._unanswered, *core.acks.take()]:
            if sent in self._own.values() or sent.done:
                continue
            if isinstance(sent.event, ResponseCreate) and sent.event_id in ours:
                continue  # the sequencer asks again
            if sent not in self._unanswered and not self._settled(sent):
                self._unanswered.append(sent)
        self._unanswered = [sent for sent in self._unanswered if not sent.done]

    def _settled(self, sent: SentEvent) -> bool:
        """Whether an event needs no repetition, because what it was to do is done here."""
        if isinstance(sent.event, _GONE):
            sent.settle(None, self._error())
            return True
        answer = self._carried_out(sent.event)
        if answer is not None:
            sent.settle(answer)
        return answer is not None

    def _carried_out(self, event: ClientEvent) -> Event | None:
        """Cut or delete here what is then restored as it was to become."""
        answer: Event | None = None
        if isinstance(event, ConversationItemTruncate):
            answer = ConversationItemTruncated(
                event_id="",
                item_id=event.item_id,
                content_index=event.content_index,
                audio_end_ms=event.audio_end_ms,
            )
        elif isinstance(event, ConversationItemDelete):
            answer = ConversationItemDeleted(event_id="", item_id=event.item_id)
        elif isinstance(event, InputAudioBufferClear):
            return InputAudioBufferCleared(event_id="")  # its mark tells where
        if answer is not None and self._whole:
            for change in self._core.cache.apply(answer):
                self._core.local(change)
        return answer

    def _settle_outbox(self) -> None:
        core = self._core
        kept: list[ClientEvent] = []
        out = {turn.event_id for turn in core.turns.pause()}
        for event in core.outbox:
            ours = isinstance(event, ResponseCreate) and event.event_id in out
            if ours or isinstance(event, _GONE) or self._carried_out(event) is not None:
                continue
            kept.append(event)
        core.outbox.clear()
        core.outbox.extend(kept)

    def _settle_turns(self, told: list[Event]) -> tuple[list[ResponseState], list[str]]:
        """Decide for each response that was out. Returns the turns to ask for again, and the ids of
        responses that are reported."""
        core = self._core
        removal = core.cache.removal
        again: list[ResponseState] = []
        interrupted: list[str] = []
        for turn in core.turns.pause():
            response_id = turn.response_id or ""
            sent = next((s for s in self._unanswered if s.event_id == turn.event_id), None)
            if turn.cancelling:
                told += removal.end_response(response_id) if turn.running else ()
                self._end(turn, "cancelled")
            elif core.turns.started(turn) or (turn.running and removal.complete(response_id)):
                told += removal.end_response(response_id)
                self._end(turn, "completed")
            elif turn.running and not (self._again and self._whole and self._may_ask(turn)):
                interrupted.append(response_id)
                told += removal.end_response(response_id)
                self._end(turn, "incomplete")
            elif not turn.running and not self._may_ask(turn):
                turn.finish("incomplete")
                if sent is not None:
                    self._unanswered.remove(sent)
                    sent.settle(None, self._error())
            elif turn.by_hand and sent is not None:
                turn.finish("incomplete")  # sent again as it is, and followed anew
            else:
                heard = core.playback.heard(response_id) if turn.running else {}
                if turn.running:
                    core.playback.drop(response_id)
                    told += removal.drop_response(response_id, heard)
                if turn.asked is None:
                    turn.finish("incomplete")  # the server began it, and may do so again
                elif turn.by_hand:
                    turn.finish("incomplete")
                    again_as = core.next_event_id()
                    self._cuts[again_as] = self._cuts.pop(turn.event_id or "", 0)
                    core.outbox.append(attrs.evolve(turn.asked, event_id=again_as))
                else:
                    (turn.requeue if heard else turn.restart)()
                    again.append(turn)
        return again, interrupted

    def _may_ask(self, turn: ResponseState) -> bool:
        """Whether a request is worth another try: each is paid for. Where it is not, what the user
        said before it is left without an answer."""
        turn.cuts += 1
        cuts = turn.cuts
        if turn.by_hand and turn.event_id is not None:  # each time it is another turn
            cuts = self._cuts[turn.event_id] = self._cuts.get(turn.event_id, 0) + 1
        if cuts <= MOST_CUTS:
            return True
        self._cuts.pop(turn.event_id or "", None)
        self._core.cache.removal.give_up()
        return False

    def _end(self, turn: ResponseState, status: str) -> None:
        core = self._core
        response = RealtimeResponse(id=turn.response_id or UNSET, status=status, output=[])
        core.outbox.extend(core.turns.cut_off(turn, response))
        if status == "cancelled":
            turn.finish("cancelled")

    def _due(self) -> bool:
        """Whether the user has spoken, and the server would answer by itself if it had heard it."""
        core = self._core
        heard: Any = getattr(getattr(core.session, "audio", None), "input", core.session)
        detection = getattr(heard, "turn_detection", None)
        answers = detection and getattr(detection, "create_response", True) is not False
        return bool(self._again and answers and core.cache.removal.unanswered())

    def _hold(self, turns: list[tuple[bytes, str | None]], rest: bytes) -> None:
        """Note the audio that is to be heard again as sent, so that it is not lost with the next
        connection either."""
        core = self._core
        for sound, event_id in turns:
            core.cache.append_audio(sound)
            if event_id is None:
                checked, frame = core.prepare(InputAudioBufferCommit())
                sent = SentEvent(checked, awaited=True, frame=frame)
                self._unanswered.append(sent)
                event_id = sent.event_id
            core.cache.appended.mark("commit", event_id)
        core.cache.append_audio(rest)

    def _give_up(self) -> None:
        """The server goes on without having heard what was on its way; nobody knows what it did."""
        for sent in self._unanswered:
            sent.settle(None, self._error())
        self._unanswered.clear()

    def _error(self) -> ConnectionClosedError:
        closed = self._closed
        if closed is None:
            return ConnectionClosedError(1006)
        return ConnectionClosedError(closed.code, closed.reason)
