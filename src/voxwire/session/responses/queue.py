"""Which responses run, which wait for their turn, and what each has said so far.

A server writes one response at a time into the default conversation and refuses a second one, so
requests queue here and go out one after the other. This module decides what to send; it sends
nothing, and knows neither items nor tools.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Collection, Iterable
from typing import Any, Literal, TypeAlias, get_args

import attrs
from voxwire_protocol import (
    UNSET,
    ClientEvent,
    ErrorEvent,
    Event,
    ResponseCancel,
    ResponseCreate,
    ResponseCreated,
    ResponseDone,
    UnknownEvent,
)

from ...errors import InvalidOption, ServerError
from ...protocol.response_request import METADATA_KEY, beside, marked, metadata
from .active import ActiveResponses
from .cancellation import Cancellations, Refusal
from .matcher import cancelled_id, id_of
from .state import ResponseState

__all__ = ["RETRIES", "Policy", "ResponseQueue"]

Policy: TypeAlias = Literal["wait", "merge"]
"""What a request does while another response is running: wait for its turn, or join a request that
is waiting already and asks for nothing else, so that one response answers both."""

MOST_GIVEN_UP = 16
"""How many turns are remembered that ended here while the server might begin them yet."""

RETRIES = 3
"""How often a request that the server refused as a second one is sent again, each time after a
response has ended; a server that starts responses by itself (turn detection) can win that race."""


class ResponseQueue:
    """The sequencer of one connection.

    Args:
        event_id: makes an `event_id` for what it sends.
    """

    def __init__(self, event_id: Callable[[], str]) -> None:
        self._event_id = event_id
        prefix = os.urandom(4).hex()
        self._tokens = (f"{prefix}-{number}" for number in itertools.count(1))
        self._cancels = Cancellations(event_id)
        self._floor = ActiveResponses()
        self._speaker = self._floor.pairing.speaker
        self._waiting: list[ResponseState] = []
        self._held: list[ResponseState] = []  # ended, but with tools still to answer
        self._ended_now: list[ResponseState] = []
        self._plain = False  # the server refuses metadata
        # Ended here, while the server may begin them yet.
        self._given_up: list[ResponseState] = []
        self._paused = False  # there is no connection
        self.answered = 0
        """How many requests of this session have had a response that ended."""

    @staticmethod
    def concerns(kind: type[Event]) -> bool:
        """Whether server events of that class need be applied: those of a response."""
        about = (ResponseCreated, ResponseDone, ErrorEvent, UnknownEvent)
        return issubclass(kind, about) or hasattr(kind, "response_id")

    @property
    def current(self) -> ResponseState | None:
        """The response of the default conversation: from its sending to its terminal event."""
        return self._floor.current

    def turn_of(self, response_id: str) -> ResponseState | None:
        """The turn whose running response has that id."""
        return self._floor.pairing.named(response_id)

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return len(self._waiting)

    @property
    def idle(self) -> bool:
        """Whether nothing runs, waits or has tools to answer, out-of-band responses included."""
        return not (self._floor.turns or self._waiting or self._held or self._floor.stranger)

    def take_ended(self) -> list[ResponseState]:
        """The turns whose response the last event ended. Each goes to :meth:`settle` next."""
        ended, self._ended_now = self._ended_now, []
        return ended

    def settle(self, turn: ResponseState, *, tools: bool) -> list[ClientEvent]:
        """Say whether `turn` has tools to answer. While it has, what waits goes on waiting: the
        model would speak without their answers. Returns what to send."""
        if turn in self._held:
            self._held.remove(turn)
        if tools and turn.cancelling:
            # The cancel came too late for the calls, but not for the answer to their outputs.
            turn.finish("cancelled")
        elif tools and not turn.done:
            self._held.append(turn)
            return []
        turn.close()
        return self._next()

    def request(
        self,
        event: ResponseCreate,
        policy: Policy = "wait",
        *,
        turn: ResponseState | None = None,
        items: Iterable[ClientEvent] = (),
    ) -> tuple[ResponseState, list[ClientEvent]]:
        """Ask for a response. Returns its turn, and what to send now.

        Args:
            turn: go on with this turn (after tools) instead of beginning one.
            items: what the response is to answer: sent right before the request, whenever that is,
                so that what is said while another response runs comes after that response.
        """
        if policy not in get_args(Policy):
            raise InvalidOption(f"policy={policy!r}: there are {', '.join(get_args(Policy))}")
        if turn is None:
            joined = self._joined(event) if policy == "merge" else None
            if joined is not None:
                joined.items += items
                return joined, []
            turn = ResponseState(beside=beside(event))
            turn.items += items
        if turn in self._held:
            self._held.remove(turn)
        if turn.done or turn.cancelling:
            turn.finish("cancelled")
            return turn, self._next()
        turn.ask(event, next(self._tokens))
        if turn.beside and not self._floor.serial and not self._paused:
            return turn, self._send(turn)
        # What continues a turn goes before what begins one.
        self._waiting.insert(0 if turn.responses else len(self._waiting), turn)
        return turn, self._next()

    def cancel(self, turn: ResponseState | None = None) -> list[ClientEvent]:
        """Stop a turn, or the running one. Returns what to send; it ends with its own event."""
        named = turn is not None
        if turn is None:
            turn = self.current or next((held for held in self._held if not held.beside), None)
        if turn is None:
            return self._cancels.send(None) if self._floor.stranger else []
        if turn.done or turn.cancelling:
            return []
        turn.cancelling = True
        if turn in self._held:  # its tools are the caller's to stop; no answer to them is asked for
            turn.finish("cancelled")
            return self.settle(turn, tools=False)
        if turn in self._waiting:
            self._waiting.remove(turn)
            turn.finish("cancelled")
        elif turn.running or not named:
            return self._cancels.send(turn)
        # One that is on its way is cancelled when it has its id: without, another might be hit.
        return []

    def stop(
        self, response_ids: Iterable[str | None], ending: Collection[str]
    ) -> list[ClientEvent]:
        """The listener interrupts: cancel what speaks, and whatever is to speak next in the
        conversation: a response that was asked for and has not begun, or the tools between two.

        Args:
            response_ids: responses that are being played; ``None`` for one without an id.
            ending: ids of responses that the server cancels by itself.
        """
        events: list[ClientEvent] = []
        for response_id in response_ids:
            turn = self.turn_of(response_id) if response_id is not None else self.current
            if turn is None:
                named = UNSET if response_id is None else response_id
                events.append(ResponseCancel(event_id=self._event_id(), response_id=named))
            else:
                events += self.cancel(turn if turn.running else None)
        current = self.current
        if current is None or not current.running or current.response_id not in ending:
            events += self.cancel()
        return events

    def overdue(self, looks: int) -> list[ResponseState]:
        """Look at what is out; returns the turns of which nothing has come for so many looks."""
        for turn in self._floor.turns:
            turn.quiet += 1
        return [turn for turn in self._floor.turns if turn.quiet > looks]

    def abandon(self, turn: ResponseState, error: BaseException | None = None) -> list[ClientEvent]:
        """Wait no longer for a turn: it ends here and now, whatever the server says of it. What
        waits goes on. Returns what to send, a cancel among it.

        Args:
            error: what those who wait for it get; ``None`` ends it as cancelled.
        """
        if turn.done:
            return []
        events: list[ClientEvent] = []
        out = turn in self._floor.turns
        if out and turn.cancel_id is None:
            events += self._cancels.send(turn)
        if turn in self._waiting:
            self._waiting.remove(turn)
        if turn in self._held:
            self._held.remove(turn)
        turn.cancelling = True
        if error is None:
            turn.finish("cancelled")
        else:
            turn.fail(error)
        if out:
            self._give_up(turn)
        return events + self._next()

    def _give_up(self, turn: ResponseState) -> None:
        """A turn that is out has ended without the server's word for it."""
        begun = turn.running or turn.response_id is not None
        self._floor.over(turn)
        if not begun:
            # It may be taken up yet: then its response is nobody's, and is stopped.
            self._given_up.append(turn)
            del self._given_up[:-MOST_GIVEN_UP]

    def unsendable(self, event: ResponseCreate, error: BaseException) -> list[ClientEvent]:
        """A request, or an item of it, was not sent after all. Returns what to send."""
        for turn in [each for each in self._floor.turns if each.event_id == event.event_id]:
            self._floor.over(turn)
            turn.fail(error)
        return self._next()

    def sent(self, event: ClientEvent) -> None:
        """Note a request that the caller sent by itself: it counts as running from now on."""
        if not isinstance(event, ResponseCreate):
            return
        if any(turn.event_id == event.event_id for turn in self._floor.turns):
            return  # ours
        turn = ResponseState(beside=beside(event), by_hand=True)
        if turn.beside or not self._floor.busy:  # else it is refused, and the caller is told
            turn.ask(event, "")
            turn.event_id = event.event_id if isinstance(event.event_id, str) else None
            turn.metadata = metadata(event)
            turn.sent = True
            self._floor.turns.append(turn)

    def apply(self, event: Event) -> list[ClientEvent]:
        """Take a server event; returns what to send because of it."""
        # The pieces of a response first: they are by far the most.
        response_id = getattr(event, "response_id", self)
        if response_id is not self:
            turn = self._speaker(response_id)
            if turn is None:
                return []
            turn.hear(event)
            return self._cancels.send_late(turn) if turn.cancelling else []
        if isinstance(event, ResponseCreated):
            return self._created(event.response)
        if isinstance(event, ResponseDone):
            return self._ended(event.response)
        if isinstance(event, ErrorEvent):
            return self._failed(event)
        if isinstance(event, UnknownEvent):
            return self._unknown(event)
        return []

    # -- from one connection to the next ------------------------------------------------------

    def pause(self) -> list[ResponseState]:
        """The connection is gone: nothing is sent until :meth:`resume`. Returns the turns that are
        out, in the order of their sending; each goes to :meth:`end` or :meth:`again`, or is told
        to finish."""
        self._paused = True
        return list(self._floor.turns)

    def end(self, turn: ResponseState, response: Any) -> None:
        """The response of a turn that is out has come to this end, which no event told."""
        turn.end(response)
        self._over(turn)

    def leave(self, again: Iterable[ResponseState]) -> None:
        """Nothing is out any more. These turns are to be asked for before all that waits."""
        self._floor.clear()
        self._floor.pairing.over.clear()  # another connection may give the same ids
        for turn in reversed(list(again)):
            turn.attempts = 0
            self._waiting.insert(0, turn)

    def resume(self) -> list[ClientEvent]:
        """There is another connection. Returns what to send."""
        self._paused = False
        events: list[ClientEvent] = []
        if not self._floor.serial:
            for turn in [turn for turn in self._waiting if turn.beside]:
                self._waiting.remove(turn)
                events += self._send(turn)
        return events + self._next()

    def hold(self, turn: ResponseState) -> None:
        """A turn of another process has tools to answer: nothing is sent before it goes on."""
        self._held.append(turn)

    def close(self, error: BaseException) -> None:
        """The connection is gone: everything that runs or waits ends with `error`."""
        turns = [*self._floor.turns, *self._waiting, *self._held]
        self._held.clear()
        self._waiting.clear()
        self._floor.clear()
        for turn in turns:
            turn.fail(error)

    # -- sending ------------------------------------------------------------------------------

    def _next(self) -> list[ClientEvent]:
        held = self._paused or any(not turn.beside for turn in self._held)
        if held or not self._waiting or self._floor.busy:
            return []
        return self._send(self._waiting.pop(0))

    def _send(self, turn: ResponseState) -> list[ClientEvent]:
        assert turn.asked is not None  # a turn is sent after ask()
        turn.event_id = self._event_id()
        event = attrs.evolve(turn.asked, event_id=turn.event_id)
        if not self._plain:
            event = marked(event, turn.token)
        turn.metadata = metadata(event)
        turn.sent = True
        turn.quiet = 0
        self._floor.turns.append(turn)
        items, turn.items = turn.items, []  # a request that is sent again does not repeat them
        return [*items, event]

    def _joined(self, event: ResponseCreate) -> ResponseState | None:
        """A waiting turn whose response answers this request too."""
        for turn in reversed(self._waiting):
            asked = turn.asked.response if turn.asked is not None else UNSET
            if not turn.beside and event.response in (UNSET, asked):
                return turn
        return None

    # -- what the server says -----------------------------------------------------------------

    def _created(self, response: Any) -> list[ClientEvent]:
        stale = self._taken_up(response)
        if stale is not None:
            return self._cancels.send(stale)
        turn = self._floor.begin(response, list(self._waiting))
        if turn is None:
            return []
        if turn in self._waiting:  # refused, and taken up after all
            self._waiting.remove(turn)
        return self._cancels.send_late(turn)

    def _ended(self, response: Any) -> list[ClientEvent]:
        response_id = id_of(response)
        if response_id in self._floor.pairing.over:
            return []
        turn = self._floor.pairing.ended(response_id, response)
        if turn is not None:
            turn.end(response)
            self.answered += turn.asked is not None
        return self._over(turn)

    def _over(self, turn: ResponseState | None) -> list[ClientEvent]:
        """A response has ended, be it nobody's. What waits goes out when its turn is settled."""
        for given_up in self._given_up:
            given_up.overtaken = True
        self._floor.over(turn)
        if turn is None or turn.done:
            return self._next()
        self._ended_now.append(turn)
        return []

    def _failed(self, event: ErrorEvent) -> list[ClientEvent]:
        refusal = Refusal.of(event)
        if refusal.idle:
            if self._cancels.proves_silence(refusal):
                self._floor.stranger = False
            self._inactive(refusal)
            events = self._cancels.refused(refusal, self._floor.turns)
            return events + self._next()
        turn = self._floor.refused(refusal)
        if turn is None:
            return []
        unmarked = refusal.about_metadata and METADATA_KEY in turn.metadata
        self._plain = self._plain or unmarked
        if turn.cancelling:
            turn.finish("cancelled")
        elif not (refusal.busy or unmarked) or turn.by_hand or turn.attempts >= RETRIES:
            turn.fail(ServerError(event))
        else:
            turn.attempts += 1
            turn.requeue()
            self._waiting.insert(0, turn)
        return self._next()

    def _inactive(self, refusal: Refusal) -> None:
        """The server knows nothing to cancel where we do: what we know of has ended."""
        # An error without the event's id may be about a cancel of long ago: it proves nothing.
        about = refusal.event_id
        for turn in [turn for turn in self._floor.turns if about and turn.cancel_id == about]:
            # One that began after its cancel went out is cancelled once more, by its id.
            if not (turn.cancelled_early and turn.running):
                turn.finish("cancelled")
                self._give_up(turn)

    def _taken_up(self, response: Any) -> ResponseState | None:
        """The turn, ended here before, whose request the server takes up after all."""
        for turn in self._given_up:
            if self._floor.pairing.answers(response, turn):
                self._given_up.remove(turn)
                late = ResponseState(beside=turn.beside)
                late.cancelling = True
                self._floor.pairing.begin(late, id_of(response))
                return late
        return None

    def _unknown(self, event: UnknownEvent) -> list[ClientEvent]:
        # Some servers end a cancelled response with an event of that name and no response.done.
        if event.type != "response.cancelled":
            return []
        response_id = cancelled_id(event.payload)
        if response_id in self._floor.pairing.over:
            return []
        turn = self._floor.pairing.cancelled(response_id)
        if turn is not None:
            turn.finish("cancelled")
        return self._over(turn)
