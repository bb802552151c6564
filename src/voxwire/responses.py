"""Which responses run, which wait for their turn, and what each has said so far.

A server writes one response at a time into the default conversation and refuses a second one, so
requests queue here and go out one after the other. This module decides what to send; it sends
nothing, and knows neither items nor tools.
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import attrs
from voxwire_protocol import (
    UNSET,
    ClientEvent,
    ErrorEvent,
    Event,
    RealtimeResponse,
    ResponseCancel,
    ResponseCreate,
    ResponseCreated,
    ResponseCreateParams,
    ResponseDone,
    UnknownEvent,
)

from .errors import ServerError
from .turns import Turn

__all__ = ["METADATA_KEY", "Policy", "Responses"]

METADATA_KEY = "voxwire_request"
"""The metadata key by which a response tells whose request it answers."""

Policy: TypeAlias = Literal["wait", "merge"]
"""What a request does while another response is running: wait for its turn, or join a request that
is waiting already, so that one response answers both."""

RETRIES = 3
"""How often a request that the server refused as a second one is sent again, each time after a
response has ended; a server that starts responses by itself (turn detection) can win that race."""

_BUSY = "conversation_already_has_active_response"


class Responses:
    """The sequencer of one connection.

    Args:
        event_id: makes an `event_id` for what it sends.
    """

    def __init__(self, event_id: Callable[[], str]) -> None:
        self._event_id = event_id
        self._prefix = os.urandom(4).hex()
        self._numbers = itertools.count(1)
        self._current: Turn | None = None
        self._waiting: deque[Turn] = deque()
        self._beside: list[Turn] = []  # out-of-band: any number, no order
        self._held: list[Turn] = []  # ended, but with tools still to answer
        self._ended_now: list[Turn] = []
        self._by_id: dict[str, Turn] = {}
        self._echoes = False  # whether the server is known to repeat our metadata

    @property
    def current(self) -> Turn | None:
        """The response of the default conversation: from its sending to its terminal event."""
        return self._current

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return len(self._waiting)

    @property
    def idle(self) -> bool:
        """Whether nothing runs, waits or has tools to answer, out-of-band responses included."""
        return not (self._current or self._waiting or self._beside or self._held)

    def take_ended(self) -> list[Turn]:
        """The turns whose response the last event ended. Each goes to :meth:`settle` next."""
        ended, self._ended_now = self._ended_now, []
        return ended

    def settle(self, turn: Turn, *, tools: bool) -> list[ClientEvent]:
        """Say whether `turn` has tools to answer. While it has, what waits goes on waiting: the
        model would speak without their answers. Returns what to send."""
        if turn in self._held:
            self._held.remove(turn)
        if tools and not turn.done:
            self._held.append(turn)
            return []
        turn.close()
        return self._next()

    def turn_of(self, response_id: str) -> Turn | None:
        """The running response with that id."""
        return self._by_id.get(response_id)

    def request(
        self, event: ResponseCreate, policy: Policy = "wait", *, turn: Turn | None = None
    ) -> tuple[Turn, list[ClientEvent]]:
        """Ask for a response. Returns its turn, and what to send now.

        Args:
            turn: go on with this turn (after tools) instead of beginning one.
        """
        params = event.response if isinstance(event.response, ResponseCreateParams) else None
        beside = params is not None and params.conversation == "none"
        if policy == "merge" and turn is None and not beside and self._waiting:
            return self._waiting[-1], []
        token = f"{self._prefix}-{next(self._numbers)}"
        if turn is None:
            turn = Turn(beside=beside)
        turn.ask(_with_token(event, token), token)
        if turn in self._held:
            self._held.remove(turn)
        if beside:
            self._beside.append(turn)
            return turn, [self._send(turn)]
        # What continues a turn goes before what begins one.
        (self._waiting.appendleft if turn.responses else self._waiting.append)(turn)
        return turn, self._next()

    def cancel(self, turn: Turn | None = None) -> list[ClientEvent]:
        """Stop a turn, or the running one. Returns what to send; it ends with its own event."""
        turn = turn or self._current
        if turn is None or turn.done or turn.cancelling:
            return []
        turn.cancelling = True
        if turn in self._held:  # its tools are the caller's to stop; no answer to them is asked for
            turn.finish("cancelled")
            return self.settle(turn, tools=False)
        if turn in self._waiting:
            self._waiting.remove(turn)
            turn.finish("cancelled")
            return []
        if turn.response_id is None:
            # The server reads in order, so this finds the default response; one beside it can be
            # named only once it has its id.
            return [] if turn.beside else [ResponseCancel(event_id=self._event_id())]
        return [ResponseCancel(event_id=self._event_id(), response_id=turn.response_id)]

    def sent(self, event: ClientEvent) -> None:
        """Note a request that the caller sent by itself: it counts as running from now on."""
        if not isinstance(event, ResponseCreate) or self._ours(event):
            return
        params = event.response
        beside = isinstance(params, ResponseCreateParams) and params.conversation == "none"
        turn = Turn(beside=beside)
        turn.ask(event, None)
        turn.event_id = event.event_id if isinstance(event.event_id, str) else None
        turn.attempts = RETRIES  # what the caller sends by hand is the caller's to repeat
        if beside:
            self._beside.append(turn)
        elif self._current is None:
            self._current = turn

    def apply(self, event: Event) -> list[ClientEvent]:
        """Take a server event; returns what to send because of it."""
        if isinstance(event, ResponseCreated):
            return self._created(event.response)
        if isinstance(event, ResponseDone):
            return self._ended(event.response)
        if isinstance(event, ErrorEvent):
            return self._failed(event)
        if isinstance(event, UnknownEvent):
            return self._unknown(event)
        response_id = getattr(event, "response_id", None)
        if response_id is not None:
            turn = self._by_id.get(response_id)
            if turn is not None:
                turn.hear(event)
        return []

    def close(self, error: BaseException) -> None:
        """The connection is gone: everything that runs or waits ends with `error`."""
        turns = [self._current, *self._waiting, *self._beside, *self._held]
        self._current = None
        self._held.clear()
        self._waiting.clear()
        self._beside.clear()
        self._by_id.clear()
        for turn in turns:
            if turn is not None:
                turn.fail(error)

    def _send(self, turn: Turn) -> ResponseCreate:
        assert turn.event is not None  # a turn is sent after ask()
        turn.event_id = self._event_id()
        turn.event = attrs.evolve(turn.event, event_id=turn.event_id)
        turn.sent = True
        return turn.event

    def _ours(self, event: ResponseCreate) -> bool:
        return any(
            turn is not None and turn.event_id == event.event_id
            for turn in (self._current, *self._beside)
        )

    def _created(self, response: Any) -> list[ClientEvent]:
        if not isinstance(response, RealtimeResponse) or not isinstance(response.id, str):
            return []
        token = _token(response)
        turn = self._match(token)
        if turn is None:
            # Nobody asked: turn detection did, or another client of the same session.
            turn = Turn(beside=response.conversation_id is None and self._current is not None)
            if turn.beside:
                self._beside.append(turn)
            else:
                displaced = self._current
                self._current = turn
                if displaced is not None and not displaced.done:
                    # Ours was sent and has not begun: the refusal that is on its way finds it here.
                    self._waiting.appendleft(displaced)
        if turn in self._waiting:  # taken for refused, and taken up after all
            self._waiting.remove(turn)
            self._beside.append(turn)
        turn.begin(response)
        self._by_id[response.id] = turn
        if turn.cancelling:  # cancelled before it had an id
            return [ResponseCancel(event_id=self._event_id(), response_id=response.id)]
        return []

    def _match(self, token: str | None) -> Turn | None:
        if token is not None:
            self._echoes = True
            for turn in (self._current, *self._beside, *self._waiting):
                if turn is not None and turn.token == token:
                    return turn
            return None
        current = self._current
        # A request sent by hand has no token; a server that repeats none is taken in order.
        ordered = current is not None and (current.token is None or not self._echoes)
        if current is not None and ordered and current.sent and current.response_id is None:
            return current
        for turn in self._beside:
            if turn.sent and turn.response_id is None and not (turn.token and self._echoes):
                return turn
        return None

    def _ended(self, response: Any) -> list[ClientEvent]:
        turn = None
        if isinstance(response, RealtimeResponse) and isinstance(response.id, str):
            turn = self._by_id.pop(response.id, None)
            if turn is None and self._current is not None and self._current.response_id is None:
                turn = self._match(_token(response))  # a server that sends no response.created
        elif self._current is not None and self._current.sent:
            turn = self._current  # a response that tells no id can only be the running one
        if turn is None:
            return []
        turn.end(response)
        return self._over(turn)

    def _over(self, turn: Turn) -> list[ClientEvent]:
        """`turn` no longer runs. What waits goes out when it is settled."""
        if turn in self._beside:
            self._beside.remove(turn)
        if turn is self._current:
            self._current = None
        if turn in self._waiting:
            self._waiting.remove(turn)
        if turn.done:
            return self._next()
        self._ended_now.append(turn)
        return []

    def _next(self) -> list[ClientEvent]:
        held = any(not turn.beside for turn in self._held)
        if self._current is not None or held or not self._waiting:
            return []
        self._current = self._waiting.popleft()
        return [self._send(self._current)]

    def _failed(self, event: ErrorEvent) -> list[ClientEvent]:
        error = event.error
        code, event_id = getattr(error, "code", None), getattr(error, "event_id", None)
        turn = self._of_error(code, event_id)
        if turn is None:
            return []
        if code == _BUSY and turn.attempts < RETRIES:
            turn.attempts += 1
            turn.sent = False
            if turn is self._current:
                # Something we know nothing of is running; its end is what we wait for.
                self._current = Turn(beside=False)
                self._waiting.appendleft(turn)
            return []
        turn.fail(ServerError(event))
        return self._over(turn)

    def _of_error(self, code: Any, event_id: Any) -> Turn | None:
        for turn in (self._current, *self._beside, *self._waiting):
            if turn is None or not turn.sent or turn.response_id is not None:
                continue
            # Some servers leave event_id out; the code then tells that it is about a request.
            if turn.event_id == event_id or (not event_id and code == _BUSY and not turn.beside):
                return turn
        return None

    def _unknown(self, event: UnknownEvent) -> list[ClientEvent]:
        # Some servers end a cancelled response with an event of that name and no response.done.
        if event.type != "response.cancelled" or not isinstance(event.payload, dict):
            return []
        payload: dict[str, Any] = event.payload
        response: Any = payload.get("response")
        response_id = payload.get("response_id") or (
            response.get("id") if isinstance(response, dict) else None
        )
        turn = self._by_id.pop(response_id, None) if isinstance(response_id, str) else self._current
        if turn is None:
            return []
        turn.finish("cancelled")
        return self._over(turn)


def _with_token(event: ResponseCreate, token: str) -> ResponseCreate:
    params = event.response if isinstance(event.response, ResponseCreateParams) else None
    metadata = params.metadata if params is not None else UNSET
    kept = dict(metadata) if isinstance(metadata, dict) else {}
    if len(kept) >= 16:  # the protocol's limit; such a request is matched in order
        return event
    params = attrs.evolve(params or ResponseCreateParams(), metadata={**kept, METADATA_KEY: token})
    return attrs.evolve(event, response=params)


def _token(response: RealtimeResponse) -> str | None:
    metadata = response.metadata
    token = metadata.get(METADATA_KEY) if isinstance(metadata, dict) else None
    return token if isinstance(token, str) else None
