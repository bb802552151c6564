"""A sequencer between two hands: one asks, the other says what a server might say."""

from __future__ import annotations

import itertools
import json
from typing import Any

from voxwire_protocol import (
    ClientEvent,
    ConversationItemCreate,
    Event,
    InputText,
    ResponseCancel,
    ResponseCreate,
    UserMessage,
)

from voxwire.protocol.codec import REALTIME
from voxwire.session.options import response_params
from voxwire.session.responses import ResponseQueue
from voxwire.session.responses.state import ResponseState

BUSY = "conversation_already_has_active_response"


class Desk:
    """What is sent piles up in `sent`; the methods are what a server may say."""

    def __init__(self) -> None:
        numbers = itertools.count(1)
        self.responses = ResponseQueue(lambda: f"evt_{next(numbers)}")
        self.sent: list[ClientEvent] = []
        self.ended: list[ResponseState] = []
        self.tools: set[str] = set()
        """Ids of responses with calls to answer; see :meth:`settle`."""

    # -- the client -----------------------------------------------------------------------------

    def ask(self, policy: Any = "wait", **options: Any) -> ResponseState:
        turn, events = self.responses.request(_request(options), policy)
        self._send(events)
        return turn

    def say(self, text: str, policy: Any = "wait") -> ResponseState:
        item = UserMessage(content=[InputText(text=text)])
        items = [ConversationItemCreate(item=item)]
        turn, events = self.responses.request(ResponseCreate(), policy, items=items)
        self._send(events)
        return turn

    @property
    def said(self) -> list[str]:
        """What was said to the model, in order."""
        items: list[Any] = [e.item for e in self.sent if isinstance(e, ConversationItemCreate)]
        return [item.content[0].text for item in items]

    def go_on(self, turn: ResponseState, **options: Any) -> None:
        self._send(self.responses.request(_request(options), turn=turn)[1])

    def cancel(self, turn: ResponseState | None = None) -> None:
        self._send(self.responses.cancel(turn))

    def settle(self, turn: ResponseState, *, tools: bool = False) -> None:
        self._send(self.responses.settle(turn, tools=tools))

    def by_hand(self, **fields: Any) -> ResponseCreate:
        event = REALTIME.event({"type": "response.create", **fields})
        assert isinstance(event, ResponseCreate)
        self._send([event])
        return event

    def _send(self, events: list[ClientEvent]) -> None:
        for event in events:
            self.sent.append(event)
            self.responses.sent(event)

    @property
    def creates(self) -> list[ResponseCreate]:
        return [event for event in self.sent if isinstance(event, ResponseCreate)]

    @property
    def cancels(self) -> list[Any]:
        """The ids that cancels named; ``None`` for those that named none."""
        return [
            event.response_id if isinstance(event.response_id, str) else None
            for event in self.sent
            if isinstance(event, ResponseCancel)
        ]

    # -- the server -----------------------------------------------------------------------------

    def says(self, kind: str, **fields: Any) -> None:
        self.frame({"type": kind, "event_id": "e", **fields})

    def frame(self, content: Any) -> None:
        self.hears(REALTIME.decode(json.dumps(content).encode()))

    def hears(self, event: Event) -> None:
        self._send(self.responses.apply(event))
        for turn in self.responses.take_ended():
            self.ended.append(turn)
            last = turn.responses[-1].id if turn.responses else None
            self.settle(turn, tools=isinstance(last, str) and last in self.tools)

    def created(
        self,
        response_id: Any,
        of: ResponseCreate | None = None,
        conversation: Any = "c",
        **more: Any,
    ) -> None:
        response = {"id": response_id, "status": "in_progress", "metadata": echo(of)}
        self.says(
            "response.created", response={**response, "conversation_id": conversation, **more}
        )

    def done(self, response_id: Any, status: Any = "completed", **more: Any) -> None:
        response = {"id": response_id, "status": status, "output": [], **more}
        self.says("response.done", response=response)

    def error(self, code: Any = BUSY, of: Any = None, message: str = "no", **more: Any) -> None:
        event_id = getattr(of, "event_id", of)
        error = {"type": "invalid_request_error", "code": code, "message": message}
        self.says("error", error={**error, "event_id": event_id, **more})

    def text(self, response_id: Any, delta: Any, item_id: Any = "i") -> None:
        fields = {"output_index": 0, "content_index": 0, "delta": delta}
        self.says("response.output_text.delta", response_id=response_id, item_id=item_id, **fields)


def _request(options: dict[str, Any]) -> ResponseCreate:
    return ResponseCreate(response=response_params(**options)) if options else ResponseCreate()


def echo(request: ResponseCreate | None) -> dict[str, str] | None:
    """The metadata of a request, as a server repeats it."""
    params: Any = request.response if request is not None else None
    return getattr(params, "metadata", None) or None
