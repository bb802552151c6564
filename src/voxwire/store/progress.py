"""What is under way in a session, so that another process can go on with it: responses, and calls.

Follows events and notes, live or from a log, and can be written down. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import attrs
from voxwire_protocol import (
    UNSET,
    ConversationItemCreate,
    ErrorEvent,
    Event,
    FunctionCall,
    FunctionCallOutput,
    RealtimeResponse,
    ResponseCreate,
    ResponseCreated,
    ResponseCreateParams,
    ResponseDone,
    ResponseOutputItemDone,
)

from ..protocol.response_request import METADATA_KEY
from ..tools.tool import Call

__all__ = ["Asked", "OpenResponse", "Progress"]


@attrs.define(kw_only=True)
class OpenResponse:
    """A response that is being made, or whose calls are not all answered."""

    response_id: str
    asked: ResponseCreate | None = None
    """The request; none where the server began by itself."""
    over: bool = False
    goes_on: bool = True
    """Whether the model is to have the word again after the calls."""
    calls: dict[str, Call] = attrs.field(factory=dict[str, Call])
    """All calls of it, by call id."""
    waiting: set[str] = attrs.field(factory=set[str])
    """Calls without an answer."""
    started: set[str] = attrs.field(factory=set[str])
    """Calls that a tool has begun with."""

    @property
    def beside(self) -> bool:
        """Whether it runs out of band."""
        return self.asked is not None and _params(self.asked).conversation == "none"


@attrs.define(kw_only=True)
class Asked:
    """A response that was asked for, and has not been requested of the server yet."""

    number: int
    event: ResponseCreate
    items: list[ConversationItemCreate]
    """What goes out before it."""
    token: str = ""
    """The mark that it is sent with, where the server takes one."""


class Progress:
    """What is under way in one session."""

    def __init__(self) -> None:
        self.requests: list[ResponseCreate] = []
        """Sent, and not begun."""
        self.open: dict[str, OpenResponse] = {}
        """Responses by id."""
        self.asked: dict[int, Asked] = {}
        """Not sent yet."""

    @property
    def quiet(self) -> bool:
        """Whether nothing is under way."""
        return not (self.requests or self.open or self.asked)

    def calls(self) -> set[str]:
        """Ids of calls without an answer."""
        return {id for each in self.open.values() for id in each.waiting}

    # -- events -------------------------------------------------------------------------------

    def received(self, event: Event) -> None:
        """Take an event of the server."""
        match event:
            case ResponseCreated():
                self._begun(event.response)
            case ResponseOutputItemDone():
                self._item(event.response_id, event.item)
            case ResponseDone():
                self._over(event.response)
            case ErrorEvent():
                refused = getattr(event.error, "event_id", None)
                self.requests = [r for r in self.requests if r.event_id != refused]
            case _:
                pass

    def sent(self, event: Event) -> None:
        """Take an event of the client."""
        match event:
            case ResponseCreate():
                self._sent(event)
                self._answered_all(event)
                mark = _mark(event)
                self.requests = [r for r in self.requests if mark is None or _mark(r) != mark]
                self.requests.append(event)
            case ConversationItemCreate(item=FunctionCallOutput(call_id=call_id)):
                for each in list(self.open.values()):
                    each.waiting.discard(call_id)
            case ConversationItemCreate():
                for asked in self.asked.values():
                    if asked.items and _alike(asked.items[0], event):
                        del asked.items[0]
                        break
            case _:
                pass

    def moved(self) -> None:
        """The session goes on over another connection: what was being said is asked for again by
        an event of its own, and what was called stands."""
        for id, each in list(self.open.items()):
            each.over = True
            if not each.calls:
                del self.open[id]

    def begun(self, call_id: str) -> None:
        """A tool has begun with a call."""
        for each in self.open.values():
            if call_id in each.calls:
                each.started.add(call_id)

    def _begun(self, response: Any) -> None:
        id = getattr(response, "id", None)
        if not isinstance(id, str) or id in self.open:
            return
        beside = getattr(response, "conversation_id", UNSET) is None
        asked = self._match(getattr(response, "metadata", None), beside)
        if asked is not None:
            self.requests.remove(asked)
        self._answered_all(asked)
        self.open[id] = OpenResponse(response_id=id, asked=asked)

    def _match(self, echoed: object, beside: bool) -> ResponseCreate | None:
        """The request that a response answers: by its metadata, else the oldest of its kind."""
        given = cast("dict[str, object]", echoed) if isinstance(echoed, dict) else {}
        fitting: list[ResponseCreate] = []
        for request in self.requests:
            params = _params(request)
            own = params.metadata if isinstance(params.metadata, dict) else {}
            if own and all(given.get(key) == value for key, value in own.items()):
                return request
            if (params.conversation == "none") == beside and not (own and given):
                fitting.append(request)
        return fitting[0] if fitting else None

    def _answered_all(self, request: ResponseCreate | None) -> None:
        """The model has the word again: responses whose calls are answered are done with."""
        if request is not None and _params(request).conversation == "none":
            return
        for id, each in list(self.open.items()):
            if each.over and not each.waiting:
                del self.open[id]

    def _item(self, response_id: object, item: object) -> None:
        each = self.open.get(response_id) if isinstance(response_id, str) else None
        if each is None and len(self.open) == 1 and not isinstance(response_id, str):
            each = next(iter(self.open.values()))
        if each is None or not isinstance(item, FunctionCall):
            return
        if item.status not in ("completed", None, UNSET):
            return
        call_id = item.call_id if isinstance(item.call_id, str) else ""
        if call_id and call_id not in each.calls:
            each.calls[call_id] = Call(
                name=_text(item.name),
                arguments=_text(item.arguments),
                call_id=call_id,
                item_id=_text(item.id),
                response_id=each.response_id,
            )
            each.waiting.add(call_id)

    def _over(self, response: Any) -> None:
        id = getattr(response, "id", None)
        each = self.open.get(id) if isinstance(id, str) else None
        if each is None or not isinstance(response, RealtimeResponse):
            return
        output: Any = response.output if isinstance(response.output, list) else []
        if response.status in ("completed", None, UNSET):
            for item in output:
                self._item(id, item)
        each.over = True
        each.goes_on = response.status not in ("cancelled", "failed")
        if not each.calls or (not each.waiting and not each.goes_on):
            del self.open[each.response_id]

    # -- requests that wait -------------------------------------------------------------------

    def ask(self, asked: Asked) -> None:
        """A response is asked for."""
        self.asked[asked.number] = asked

    def withdraw(self, number: int) -> None:
        """A request that waited is not to be sent any more."""
        self.asked.pop(number, None)

    def _sent(self, event: ResponseCreate) -> None:
        mark = _mark(event)
        for number, asked in self.asked.items():
            if asked.token == mark if mark and asked.token else _same(asked.event, event):
                del self.asked[number]
                return

    # -- written down -------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "requests": [request.to_dict() for request in self.requests],
            "open": [
                {
                    "response_id": each.response_id,
                    "asked": None if each.asked is None else each.asked.to_dict(),
                    "over": each.over,
                    "goes_on": each.goes_on,
                    "calls": [attrs.asdict(call) for call in each.calls.values()],
                    "waiting": sorted(each.waiting),
                    "started": sorted(each.started),
                }
                for each in self.open.values()
            ],
            "asked": [
                {
                    "number": asked.number,
                    "event": asked.event.to_dict(),
                    "items": [item.to_dict() for item in asked.items],
                    "token": asked.token,
                }
                for asked in self.asked.values()
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Progress:
        """What :meth:`to_json` gave."""
        self = cls()
        self.requests = [ResponseCreate.from_dict(each) for each in data["requests"]]
        for each in data["open"]:
            calls = [Call(**call) for call in each["calls"]]
            asked = each["asked"]
            self.open[each["response_id"]] = OpenResponse(
                response_id=each["response_id"],
                asked=None if asked is None else ResponseCreate.from_dict(asked),
                over=each["over"],
                goes_on=each["goes_on"],
                calls={call.call_id: call for call in calls},
                waiting=set(each["waiting"]),
                started=set(each["started"]),
            )
        for each in data["asked"]:
            self.ask(asked_of(each))
        return self


def asked_of(data: Mapping[str, Any]) -> Asked:
    """A request that waits, as it was written down."""
    return Asked(
        number=data["number"],
        event=ResponseCreate.from_dict(data["event"]),
        items=[ConversationItemCreate.from_dict(item) for item in data["items"]],
        token=data["token"],
    )


def _params(request: ResponseCreate) -> ResponseCreateParams:
    params: Any = request.response
    return params if isinstance(params, ResponseCreateParams) else ResponseCreateParams()


def _mark(request: ResponseCreate) -> str | None:
    """What tells a request of the session's own from all others; it stays where one is repeated."""
    own = _params(request).metadata
    return own.get(METADATA_KEY) if isinstance(own, dict) else None


def _same(asked: ResponseCreate, sent: ResponseCreate) -> bool:
    """Whether a request that went out is the one asked for, but for the mark that it was given."""
    wanted: dict[str, Any] = _params(asked).to_dict()
    found: dict[str, Any] = _params(sent).to_dict()
    own: dict[str, Any] = wanted.pop("metadata", None) or {}
    given: dict[str, Any] = found.pop("metadata", None) or {}
    return wanted == found and all(given.get(key) == value for key, value in own.items())


def _alike(asked: ConversationItemCreate, sent: ConversationItemCreate) -> bool:
    one, other = asked.to_dict(), sent.to_dict()
    one.pop("event_id", None)
    other.pop("event_id", None)
    return one == other


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
