"""The calls of one response, put together from the events about them.

This module knows what a call looks like on the wire. It does not know which functions there are.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar, cast

import attrs
from voxwire_protocol import (
    UNSET,
    ClientEvent,
    ConversationItemAdded,
    ConversationItemCreate,
    ConversationItemCreated,
    ErrorEvent,
    Event,
    FunctionCall,
    FunctionCallOutput,
    ResponseCreate,
    ResponseCreated,
    ResponseCreateParams,
    ResponseDone,
    ResponseFunctionCallArgumentsDone,
    ResponseOutputItemAdded,
    ResponseOutputItemDone,
    SessionCreated,
    SessionUpdate,
    SessionUpdated,
    UnknownEvent,
)

from ..protocol.constraints import writable
from .tool import Call
from .toolset import ToolSet

__all__ = ["Asked", "ResponseCalls", "ToolBatches", "Work", "entries", "follow_up", "names", "text"]


MOST_CALLS = 4096
"""How many calls may wait for their answers. Twice as many are remembered, for an answer may come
late."""

MOST_RESPONSES = 256
"""How many responses are followed at once."""

log = logging.getLogger("voxwire")


@attrs.define(eq=False)
class ResponseCalls:
    """The calls of one response, and how far they have come."""

    response_id: str
    asked: ResponseCreateParams = attrs.field(factory=ResponseCreateParams)
    """The request that the response answers."""

    aside: bool = False
    """Whether the response is outside of the conversation."""

    calls: dict[str, Call] = attrs.field(factory=dict[str, Call])
    """The calls that are complete, by call id."""

    waiting: set[str] = attrs.field(factory=set[str])
    """Those of them that hold up the next response."""

    answers: int = 0
    """How many of them were answered by a function."""

    over: bool = False
    """Whether the response has ended."""

    goes_on: bool = True
    """Whether the model is to have the word again after the answers."""

    full: bool = False
    """Whether there were more calls than are run."""

    _drafts: dict[str, Call] = attrs.field(factory=dict[str, Call])

    def draft(self, item: object) -> None:
        """An item has begun, or does not say whether it is complete."""
        if isinstance(item, FunctionCall):
            self._draft(self.read(item))

    def drop(self, item: FunctionCall) -> None:
        """An item says that it is not complete."""
        self._drafts.pop(text(item.id), None)

    def written(self, event: ResponseFunctionCallArgumentsDone) -> None:
        """The arguments of a call are written. Some servers leave out its name here."""
        item_id = text(event.item_id)
        draft = self._drafts.get(item_id)
        call = Call(
            name=text(event.name) or (draft.name if draft else ""),
            arguments=text(event.arguments),
            call_id=text(event.call_id) or (draft.call_id if draft else ""),
            item_id=item_id,
            response_id=self.response_id,
        )
        self._draft(call)

    def _draft(self, call: Call) -> None:
        if call.item_id in self._drafts or len(self._drafts) < MOST_CALLS:
            self._drafts[call.item_id] = call

    def read(self, item: FunctionCall) -> Call:
        """The call that an item is, with the arguments written before if it has none itself."""
        item_id = text(item.id)
        draft = self._drafts.get(item_id)
        return Call(
            name=text(item.name),
            arguments=text(item.arguments) or (draft.arguments if draft else ""),
            call_id=text(item.call_id),
            item_id=item_id,
            response_id=self.response_id,
        )

    def untold(self, items: Iterable[object]) -> list[Call]:
        """Calls that were written, and are not among the items that the response ended with."""
        ids = (getattr(item, "id", None) for item in items)
        told = {id for id in ids if isinstance(id, str)}
        return [c for c in self._drafts.values() if c.item_id not in told and c.arguments]


def entries(value: object) -> list[object]:
    """A list of the server; empty where it sent none."""
    return cast("list[object]", value) if isinstance(value, list) else []


def names(tools: Any) -> set[str]:
    """The names of the functions in a session's tools."""
    # What a program sends may be a dict, as it wrote it.
    given = [
        cast("Mapping[str, object]", tool).get("name")
        if isinstance(tool, Mapping)
        else getattr(tool, "name", None)
        for tool in entries(tools)
    ]
    return {name for name in given if isinstance(name, str)}


def text(value: object) -> str:
    """A text of the server; empty where it sent none."""
    return value if isinstance(value, str) else ""


class Asked:
    """The requests that have been sent and not been seen to be answered yet."""

    def __init__(self) -> None:
        # A server that answers none of them must not make this grow.
        # A list and no deque, as all that is short in a session: an empty deque takes 760 bytes.
        self._requests: list[ResponseCreate] = []
        self._echoes = False  # whether the server is known to repeat metadata

    def sent(self, request: ResponseCreate) -> None:
        """A request went out."""
        self._requests.append(request)
        del self._requests[:-64]

    def refused(self, event_id: object) -> None:
        """The server answered an event with an error."""
        for request in list(self._requests):
            if request.event_id == event_id:
                self._requests.remove(request)

    def take(self, response: Any, aside: bool) -> ResponseCreateParams:
        """What was asked of `response`: nothing, where it came by itself (turn detection).

        Its metadata tells, where there is any; else the oldest request is the one.
        """
        echoed = getattr(response, "metadata", None)
        found = None
        for request in self._requests:
            own = _own(request)
            if own and _within(own, echoed):
                self._echoes = True
                found = request
                break
            # Without an echo, metadata of a request says nothing about who is meant; but on a
            # server that repeats it, a response without it has begun by itself.
            silent = own and (echoed or self._echoes)
            if found is None and _aside(request) == aside and not silent:
                found = request
        if found is None:
            return ResponseCreateParams()
        self._requests.remove(found)
        return _params(found)


def follow_up(asked: ResponseCreateParams, session_choice: object) -> ResponseCreate:
    """The response after the outputs, in the manner of the one that made the calls.

    Args:
        asked: the request for that one.
        session_choice: the session's ``tool_choice``.
    """
    # The outputs are in the conversation, which an input of its own would leave out.
    params = attrs.evolve(asked, input=UNSET)
    choice = session_choice if params.tool_choice is UNSET else params.tool_choice
    if choice not in (UNSET, None, "auto", "none"):
        params = attrs.evolve(params, tool_choice="auto")  # else the model would call for ever
    return ResponseCreate(response=UNSET if params == ResponseCreateParams() else params)


def _remember(ids: dict[str, None], id: str) -> None:
    ids[id] = None
    if len(ids) > 2 * MOST_CALLS:
        del ids[next(iter(ids))]


def _answerable(call_id: str) -> bool:
    """Whether an output can name the call: none can without an id, or with half a character."""
    return bool(call_id) and writable(call_id)


def _within(own: dict[str, str], echoed: object) -> bool:
    if not isinstance(echoed, dict):
        return False
    given = cast("dict[str, object]", echoed)
    return all(given.get(key) == value for key, value in own.items())


def _params(request: ResponseCreate) -> ResponseCreateParams:
    params = request.response
    return params if isinstance(params, ResponseCreateParams) else ResponseCreateParams()


def _own(request: ResponseCreate) -> dict[str, str]:
    metadata = _params(request).metadata
    return metadata if isinstance(metadata, dict) else {}


def _aside(request: ResponseCreate) -> bool:
    return _params(request).conversation == "none"


@attrs.frozen(kw_only=True)
class Work:
    """What is to be done now."""

    run: list[Call] = attrs.field(factory=list[Call])
    """Calls to run, all at once; hand the result of each to :meth:`ToolBatches.answered`."""

    send: list[ClientEvent] = attrs.field(factory=list[ClientEvent])
    """Events to send, in this order."""


class ToolBatches:
    """Follows the calls of one connection. Feed it each event received, and each event sent.

    A call runs once it is complete, several at the same time. When all calls of a response have
    been answered and the response is over, one further response is asked for. Calls of functions
    that the session was given by hand are left to whoever did that; so are calls outside of the
    conversation, where there is nothing to answer to.
    """

    CONCERN: ClassVar[frozenset[type[Event]]] = frozenset(
        {
            ResponseOutputItemDone,
            ResponseDone,
            ResponseOutputItemAdded,
            ResponseFunctionCallArgumentsDone,
            ResponseCreated,
            ErrorEvent,
            SessionCreated,
            SessionUpdated,
            ConversationItemAdded,
            ConversationItemCreated,
            UnknownEvent,
        }
    )
    """The server events that may be about tools: no others need be applied."""

    def __init__(self, tools: ToolSet) -> None:
        self.tools = tools
        self.closed = False
        self._batches: dict[str, ResponseCalls] = {}
        self._running: str = ""  # the response that events without an id belong to
        self._asked = Asked()
        self._seen: dict[str, ResponseCalls] = {}  # by call
        # Sets in the order of their coming, so that the oldest can be forgotten.
        self._answered: dict[str, None] = {}  # calls
        self._listed: dict[str, None] = {}  # items that are calls, and are in the conversation
        self._choice: Any = UNSET
        self._given: set[str] = set()  # function names in the session
        self._given_once: set[str] = set()  # function names in a single response

    @property
    def pending(self) -> list[Call]:
        """The calls that have no answer yet and hold up the next response."""
        return [b.calls[i] for b in self._batches.values() for i in b.calls if i in b.waiting]

    def close(self) -> None:
        """The session is over: nothing is run or sent any more."""
        self.closed = True
        self._batches.clear()

    def apply(self, event: Event) -> Work:
        """Take in an event, received or sent; says what to do on account of it."""
        work = Work()
        if self.closed:
            return work
        match event:
            case ResponseOutputItemDone():
                self._item(self._batch(text(event.response_id)), event.item, False, work)
            case ResponseDone():
                self._over(event.response, work)
            case ResponseOutputItemAdded():
                self._batch(text(event.response_id)).draft(event.item)
            case ResponseFunctionCallArgumentsDone():
                self._batch(text(event.response_id)).written(event)
            case ResponseCreated():
                self._begun(event.response)
            case ResponseCreate():
                self._asked.sent(event)
                self._given_once |= names(getattr(event.response, "tools", None))
            case ErrorEvent():
                self._asked.refused(getattr(event.error, "event_id", None))
            case SessionCreated() | SessionUpdated() | SessionUpdate():
                self._configure(event.session)
            case ConversationItemAdded() | ConversationItemCreated():
                if isinstance(event.item, FunctionCall):
                    _remember(self._listed, text(event.item.id))
            case ConversationItemCreate(item=FunctionCallOutput(call_id=call_id)):
                _remember(self._answered, text(call_id))
                self._settle(text(call_id), work)
            case UnknownEvent(type="response.cancelled", payload=payload):
                # Some servers end a cancelled response with this and no response.done.
                self._cancelled(payload)
            case _:
                pass
        return work

    def started(self, response_id: str) -> bool:
        """Whether a call of a response that is not over has been handed out."""
        batch = self._batches.get(response_id or self._running)
        return batch is not None and bool(batch.calls)

    def cut_off(self, response_id: str) -> Work:
        """A response will not go on, and its calls stand: it ends with those handed out."""
        work = Work()
        batch = self._batches.get(response_id or self._running)
        if batch is not None:
            batch.over = True
            self._finish(batch, work)
        return work

    def leave(self) -> None:
        """The connection is gone: of responses that were not over, nothing more will come."""
        for response_id in [key for key, batch in self._batches.items() if not batch.over]:
            self._batches.pop(response_id).over = True
        self._running = ""
        self._asked = Asked()
        self._listed.clear()

    def reopen(
        self,
        response_id: str,
        calls: Iterable[Call],
        waiting: Collection[str],
        asked: ResponseCreateParams,
        *,
        goes_on: bool,
    ) -> Work:
        """Go on with the calls of a response that has ended over a connection of another process.

        Args:
            calls: all of them.
            waiting: ids of those without an answer.
            asked: the request that the response answered.
            goes_on: whether the model is to have the word again after the answers.
        """
        work = Work()
        batch = ResponseCalls(response_id, asked=asked, over=True, goes_on=goes_on)
        self._batches[response_id] = batch
        for call in calls:
            self._seen[call.call_id] = batch
            batch.calls[call.call_id] = call
            if call.call_id not in waiting:
                batch.answers += 1
                _remember(self._answered, call.call_id)
                continue
            batch.waiting.add(call.call_id)
            if not self._by_hand(call.name):
                work.run.append(call)
        self._finish(batch, work)
        return work

    def answered(self, call: Call, output: str) -> Work:
        """A call has its output; a call that was postponed has it at last."""
        work = Work()
        batch = self._seen.get(call.call_id)
        if self.closed or batch is None or call.call_id in self._answered:
            return work
        _remember(self._answered, call.call_id)
        item = FunctionCallOutput(call_id=call.call_id, output=output)
        work.send.append(ConversationItemCreate(item=item))
        batch.answers += 1
        if self._batches.get(batch.response_id) is batch:
            self._settle(call.call_id, work)
        else:
            work.send.append(follow_up(batch.asked, self._choice))
        return work

    def postponed(self, call: Call) -> Work:
        """A call will be answered later; the conversation goes on without it."""
        work = Work()
        self._settle(call.call_id, work)
        return work

    # --- how -------------------------------------------------------------------------------------

    def _batch(self, response_id: str) -> ResponseCalls:
        response_id = response_id or self._running
        batch = self._batches.get(response_id)
        return self._new(response_id) if batch is None else batch

    def _new(self, response_id: str) -> ResponseCalls:
        if response_id in self._batches:
            self._batches.pop(response_id).over = True
        if len(self._batches) >= MOST_RESPONSES:
            self._end_oldest()
        batch = self._batches[response_id] = ResponseCalls(response_id)
        return batch

    def _begun(self, response: Any) -> None:
        self._running = text(getattr(response, "id", None))
        batch = self._new(self._running)
        batch.aside = getattr(response, "conversation_id", UNSET) is None
        batch.asked = self._asked.take(response, batch.aside)
        # Not every server says so itself.
        batch.aside = batch.aside or batch.asked.conversation == "none"

    def _item(self, batch: ResponseCalls, item: object, over: bool, work: Work) -> None:
        """Run a call that is complete. One that does not say so waits for its response's end."""
        if isinstance(item, FunctionCall):
            silent = item.status in (None, UNSET)
            if item.status == "completed" or (over and silent):
                self._start(batch, batch.read(item), work)
            elif silent:
                batch.draft(item)
            else:
                batch.drop(item)

    def _start(self, batch: ResponseCalls, call: Call, work: Work) -> None:
        if call.call_id in self._seen or not _answerable(call.call_id):
            return
        if batch.aside and call.item_id not in self._listed:
            return
        waiting = sum(len(each.waiting) for each in self._batches.values())
        if len(batch.calls) >= MOST_CALLS or waiting >= MOST_CALLS:
            if not batch.full:
                log.warning("%d calls wait for their answers: no more of response %r are run",
                            MOST_CALLS, batch.response_id)  # fmt: skip
            batch.full = True
            return
        self._seen[call.call_id] = batch
        if len(self._seen) > 2 * MOST_CALLS:
            self._forget()
        batch.calls[call.call_id] = call
        batch.waiting.add(call.call_id)
        if not self._by_hand(call.name):
            work.run.append(call)

    def _forget(self) -> None:
        """Forget the oldest calls, but none of a response that is not over: it would run again.
        Those without an answer go last, for it may come yet."""
        count = sum(batch.over for batch in self._seen.values())
        while count < MOST_CALLS and self._batches:
            count += self._end_oldest()
        over = [key for key, batch in self._seen.items() if batch.over]
        over.sort(key=lambda call_id: call_id not in self._answered)
        for call_id in over[:MOST_CALLS]:
            del self._seen[call_id]
            self._answered.pop(call_id, None)

    def _end_oldest(self) -> int:
        """Follow the oldest response no longer, as one that never ends: one whose calls wait for
        their answers does. Returns how many calls it has kept from being forgotten."""
        idle = (key for key, batch in self._batches.items() if not batch.waiting)
        oldest = self._batches.pop(next(idle, next(iter(self._batches))))
        kept = 0 if oldest.over else len(oldest.calls)
        oldest.over = True
        return kept

    def _by_hand(self, name: str) -> bool:
        if name in self.tools:
            return False
        return not self.tools or name in self._given or name in self._given_once

    def _over(self, response: Any, work: Work) -> None:
        batch = self._batch(text(getattr(response, "id", None)))
        items = entries(getattr(response, "output", None))
        status = getattr(response, "status", None)
        whole = status in ("completed", None, UNSET)
        for item in items:
            self._item(batch, item, whole, work)
        if whole:
            for call in batch.untold(items):
                self._start(batch, call, work)
        batch.over = True
        # After a cancel the user has the word; after a failure there is nothing to go on from.
        batch.goes_on = status not in ("cancelled", "failed")
        self._finish(batch, work)

    def _cancelled(self, payload: Any) -> None:
        told = cast("dict[str, object]", payload) if isinstance(payload, dict) else {}
        batch = self._batches.get(text(told.get("response_id")) or self._running)
        if batch is not None:
            batch.over, batch.goes_on = True, False
            self._finish(batch, Work())

    def _settle(self, call_id: str, work: Work) -> None:
        batch = self._seen.get(call_id)
        if batch is not None:
            batch.waiting.discard(call_id)
            self._finish(batch, work)

    def _finish(self, batch: ResponseCalls, work: Work) -> None:
        if not batch.over or batch.waiting or self._batches.get(batch.response_id) is not batch:
            return
        del self._batches[batch.response_id]
        for call in batch.calls.values():
            self._listed.pop(call.item_id, None)
        if batch.answers and batch.goes_on:
            work.send.append(follow_up(batch.asked, self._choice))

    def _configure(self, session: Any) -> None:
        tools = getattr(session, "tools", UNSET)
        if tools is not UNSET:
            self._given = names(tools)
        choice = getattr(session, "tool_choice", UNSET)
        if choice is not UNSET:
            self._choice = choice
