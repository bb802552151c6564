"""The sequencer against a server of every kind, with both pipes as slow as chance will have it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from responding import BUSY, Desk, echo
from voxwire_protocol import ClientEvent, ResponseCancel, ResponseCreate

from voxwire.session.responses import RETRIES
from voxwire.session.responses.state import ResponseState


@attrs.define(eq=False)
class Running:
    """A response on the server."""

    id: str
    beside: bool
    request: ResponseCreate | None


@attrs.frozen(kw_only=True)
class Kind:
    """What kind of server it is."""

    echoes: bool
    names_conversation: bool
    announces: bool
    names_events: bool
    ends_by_cancelled: bool
    begins_by_itself: bool
    one_at_all: bool

    @property
    def clear(self) -> bool:
        """Whether a client can always know whose response it sees."""
        return self.announces and (self.echoes or not self.begins_by_itself)


KINDS = st.builds(
    Kind,
    echoes=st.booleans(),
    names_conversation=st.booleans(),
    announces=st.sampled_from([True, True, True, False]),
    names_events=st.sampled_from([True, True, False]),
    ends_by_cancelled=st.booleans(),
    begins_by_itself=st.booleans(),
    one_at_all=st.sampled_from([False, False, True]),
).filter(lambda kind: kind.names_events or not kind.one_at_all)


class Line(Desk):
    """A desk whose client events go into a pipe."""

    def __init__(self, check: Callable[[ResponseCreate], None]) -> None:
        super().__init__()
        self.pipe: deque[ClientEvent] = deque()
        self._check = check

    def _send(self, events: list[ClientEvent]) -> None:
        for event in events:
            if isinstance(event, ResponseCreate):
                self._check(event)
            self.pipe.append(event)
        super()._send(events)


def label_of(request: ResponseCreate) -> str | None:
    """Which request of which turn it is, as in ``"3.0"``."""
    label = getattr(request.response, "instructions", None)
    return label if isinstance(label, str) else None


def is_beside(request: ResponseCreate) -> bool:
    return bool(getattr(request.response, "conversation", None) == "none")


class Interleavings(RuleBasedStateMachine):
    turns = Bundle("turns")

    @initialize(kind=KINDS)
    def start(self, kind: Kind) -> None:
        self.kind = kind
        self.line = Line(self.about_to_send)
        self.back: deque[tuple[str, Any, Any]] = deque()  # name, fields, and what it settles
        self.running: list[Running] = []
        self.held: list[ResponseState] = []
        self.all: list[ResponseState] = []
        self.asked: list[ResponseState] = []  # those for the conversation
        self.requests: Counter[ResponseState] = Counter()  # how many each turn has made
        self.cancelled: set[ResponseState] = set()
        self.accepted: list[str] = []
        self.sends: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        # What the client can know: requests that are unanswered, responses that are unended.
        self.open_requests: set[Any] = set()
        self.open_responses: set[str] = set()
        self.ids = 0
        if kind.echoes:  # so much is known after the first answer
            self.ask()
            self.drain()

    # -- the client -----------------------------------------------------------------------------

    @rule(target=turns)
    def ask(self) -> Any:
        turn = self.line.ask(instructions=f"{len(self.asked)}.0")
        self.asked.append(turn)
        self.all.append(turn)
        return turn

    @rule(target=turns)
    def ask_beside(self) -> Any:
        turn = self.line.ask(conversation="none")
        self.all.append(turn)
        return turn

    @precondition(lambda self: self.line.responses.waiting)
    @rule()
    def merge(self) -> None:
        turn = self.line.ask("merge")
        if turn not in self.asked:  # those that wait are beside the conversation
            self.all.append(turn)

    @rule(turn=turns)
    def cancel(self, turn: ResponseState) -> None:
        self.cancelled.add(turn)
        self.line.cancel(turn)

    @rule()
    def cancel_what_runs(self) -> None:
        current = self.line.responses.current
        self.cancelled |= {turn for turn in (current, *self.held) if turn is not None}
        self.line.cancel()

    @precondition(lambda self: self.held)
    @rule(goes_on=st.booleans())
    def tools_are_done(self, goes_on: bool) -> None:
        turn = self.held.pop(0)
        if goes_on and turn in self.asked:
            self.requests[turn] += 1
            label = f"{self.asked.index(turn)}.{self.requests[turn]}"
            self.line.go_on(turn, instructions=label)
        else:
            self.line.settle(turn)

    # -- the server -----------------------------------------------------------------------------

    @precondition(lambda self: self.line.pipe)
    @rule()
    def server_reads(self) -> None:
        event = self.line.pipe.popleft()
        if isinstance(event, ResponseCreate):
            self._asked(event)
        elif isinstance(event, ResponseCancel):
            self._cancelled(event)

    def _asked(self, event: ResponseCreate) -> None:
        beside, label = is_beside(event), label_of(event)
        busy = any(self.kind.one_at_all or not response.beside for response in self.running)
        if busy and (self.kind.one_at_all or not beside):
            error = {"code": BUSY, "message": "busy"}
            if self.kind.names_events:
                error["event_id"] = str(event.event_id)
            self.back.append(("error", {"error": error}, (event.event_id, label)))
            return
        if label is not None:
            self.accepted.append(label)
        self._begin(beside, event)

    def _begin(self, beside: bool, request: ResponseCreate | None) -> None:
        self.ids += 1
        response = Running(f"resp_{self.ids}", beside, request)
        self.running.append(response)
        if self.kind.announces:
            event_id = request.event_id if request is not None else None
            fields = {"response": self._shown(response, "in_progress")}
            self.back.append(("response.created", fields, (event_id, response)))
        fields = {"response_id": response.id, "item_id": f"i{self.ids}", "delta": response.id}
        self.back.append(("response.output_text.delta", fields, None))

    def _shown(self, response: Running, status: str) -> dict[str, Any]:
        shown: dict[str, Any] = {"id": response.id, "status": status, "metadata": None}
        if self.kind.echoes:
            shown["metadata"] = echo(response.request)
        if self.kind.names_conversation:
            shown["conversation_id"] = None if response.beside else "conv"
        return shown

    def _cancelled(self, event: ResponseCancel) -> None:
        named = event.response_id if isinstance(event.response_id, str) else None
        for response in self.running:
            if response.id == named or (named is None and not response.beside):
                self._end(response, "cancelled")
                return
        error: dict[str, Any] = {"code": "response_cancel_not_active", "message": "nothing"}
        if self.kind.names_events:
            error["event_id"] = event.event_id
        self.back.append(("error", {"error": error}, None))

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0), tools=st.booleans())
    def server_ends_a_response(self, which: int, tools: bool) -> None:
        response = self.running[which % len(self.running)]
        if tools:
            self.line.tools.add(response.id)
        self._end(response, "completed")

    def _end(self, response: Running, status: str) -> None:
        self.running.remove(response)
        fields: dict[str, Any] = {"response": self._shown(response, status)}
        name = "response.done"
        if status == "cancelled" and self.kind.ends_by_cancelled:
            name, fields = "response.cancelled", {"response_id": response.id}
        event_id = response.request.event_id if response.request is not None else None
        self.back.append((name, fields, (event_id, response)))

    @precondition(lambda self: self.kind.begins_by_itself)
    @precondition(lambda self: not self.running)
    @rule()
    def server_begins_by_itself(self) -> None:
        self._begin(False, None)

    @precondition(lambda self: self.back)
    @rule()
    def client_reads(self) -> None:
        name, fields, settles = self.back.popleft()
        if name == "error" and settles is not None:
            event_id, label = settles
            self.open_requests.discard(event_id)
            self.refusals[label] += 1
        elif settles is not None:
            event_id, response = settles
            self.open_requests.discard(event_id)
            if name != "response.created":
                self.open_responses.discard(response.id)
            elif not response.beside:
                self.open_responses.add(response.id)
        ended = len(self.line.ended)
        self.line.says(name, **fields)
        for turn in self.line.ended[ended:]:
            if not turn.done:
                self.held.append(turn)

    # -- what must hold -------------------------------------------------------------------------

    def about_to_send(self, request: ResponseCreate) -> None:
        if not is_beside(request):
            if self.kind.clear:
                assert not self.open_requests, "two requests at once"
                assert not self.open_responses, "a request into a running response"
            self.open_requests.add(request.event_id)
        label = label_of(request)
        if label is not None:
            self.sends[label] += 1
            assert self.sends[label] <= 1 + RETRIES
            if self.kind.clear or self.kind.names_events:
                assert self.sends[label] <= 1 + self.refusals[label]
            assert self.sends.total() <= len(self.sends) + self.refusals.total()

    @invariant()
    def what_is_over_is_not_counted_as_running(self) -> None:
        assert all(not turn.done for turn in self.line.responses._floor.turns)
        assert all(not turn.done for turn in self.line.responses._waiting)

    def drain(self) -> None:
        """Let everybody finish."""
        for _ in range(100 + 20 * len(self.all)):
            if self.line.pipe:
                self.server_reads()
            elif self.back:
                self.client_reads()
            elif self.running:
                self._end(self.running[0], "completed")
            elif self.held:
                self.line.settle(self.held.pop(0))
            else:
                return
        raise AssertionError("it never comes to an end")

    def teardown(self) -> None:
        if not hasattr(self, "kind"):
            return
        self.drain()
        for turn in self.all:
            assert turn.done, (turn.status, self.kind)
        assert self.line.responses.idle
        if self.kind.clear and self.kind.names_events:
            self._check_outcomes()

    def _check_outcomes(self) -> None:
        first = []
        for number, turn in enumerate(self.asked):
            if turn in self.cancelled:
                continue
            label = f"{number}.{self.requests[turn]}"
            if turn.error is not None:
                assert self.refusals[label] == RETRIES + 1
                continue
            assert turn.status == "completed"
            assert len(turn.responses) == 1 + self.requests[turn], "a request was lost"
            # What was heard is what its own responses said, and nothing else.
            heard = [piece for piece in turn.text if piece != "\n"]
            assert heard == [response.id for response in turn.responses]
            first.append(f"{number}.0")
        assert [label for label in self.accepted if label in first] == first, "out of order"


Interleavings.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestInterleavings = Interleavings.TestCase
