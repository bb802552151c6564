"""Turns that go through tools: a response with calls, their answers, and the response after them.

The sequencer knows when a response may be asked for, the batches know when one is due. This module
keeps the two in step, so that a turn ends with the answer and not with the calls.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, cast

import attrs
from voxwire_protocol import (
    ClientEvent,
    Event,
    Model,
    RealtimeResponse,
    ResponseCreate,
    ResponseCreateParams,
)

from ..errors import InvalidOption
from ..protocol.redaction import veiled_tool
from ..tools.tool import Call, Tool, tool_name
from ..tools.toolset import ToolSet
from ..tools.tracker import ToolBatches, Work
from .responses import ResponseQueue
from .responses.state import ResponseState

__all__ = ["MOST_ROUNDS", "ToolLoop"]

MOST_ROUNDS = 50
"""How many responses of one turn may call tools, unless another number is given: a model that
answers each output with another call would go on for ever."""


class ToolLoop:
    """What is between the sequencer and the tools of one connection."""

    @staticmethod
    def concerns(kind: type[Event]) -> bool:
        """Whether server events of that class need be applied."""
        return ResponseQueue.concerns(kind) or kind in ToolBatches.CONCERN

    @staticmethod
    def is_piece(kind: type[Event]) -> bool:
        """Whether server events of that class are pieces of what is said: they have to do with no
        tool and end no response, so it is enough that the sequencer takes them."""
        return ResponseQueue.concerns(kind) and kind not in ToolBatches.CONCERN

    def __init__(self, responses: ResponseQueue, tools: ToolSet) -> None:
        self.tools = tools
        self.to_run: list[Call] = []  # short: an empty deque takes 760 bytes
        """Calls to run; the outcome of each goes to :meth:`answered` or :meth:`postponed`."""
        self.by_hand: list[Any] = []
        """Definitions of tools that are run elsewhere, or answered by hand."""
        self.most_rounds = MOST_ROUNDS
        """How many responses of one turn may call tools."""
        self.exceeded: list[ResponseState] = []
        """Turns that have just reached that: to be reported, and taken out of this list."""
        self._responses = responses
        self._batches = ToolBatches(tools)
        self._running: dict[str, set[str]] = {}  # response id -> ids of its calls that run
        self._held: dict[str, ResponseState] = {}  # response id -> the turn that waits for them

    @property
    def idle(self) -> bool:
        """Whether nothing is asked for, being said or being looked up."""
        return self._responses.idle and not self._running

    def replace(self, tools: Iterable[Any]) -> list[Any]:
        """Make these all the tools: functions are run here, anything else is a definition of what
        is run elsewhere. Returns what the session is to be given; raises :class:`InvalidOption`."""
        given: list[Any] = [
            veiled_tool(cast("Mapping[str, Any]", each)) if isinstance(each, Mapping) else each
            for each in tools
        ]
        _check_given(given)
        functions: list[Any] = [
            each for each in given if isinstance(each, Tool) or _is_function(each)
        ]
        ToolSet(functions)  # refuses what cannot be, before anything is changed
        for tool in self.tools:
            self.tools.remove(tool)
        for each in functions:
            self.tools.add(each)
        self.by_hand = [each for each in given if each not in functions]
        return self.definitions()

    def definitions(self) -> list[Any]:
        """All tools for the session: those defined by hand, and the functions."""
        return self.tools.merge(self.by_hand)

    def apply(self, event: Event) -> list[ClientEvent]:
        """Take a server event; returns what to send because of it."""
        events = self._responses.apply(event)
        if type(event) not in ToolBatches.CONCERN:
            return events
        return events + self._go_on(self._batches.apply(event))

    # -- from one connection to the next ------------------------------------------------------

    def pause(self) -> list[ResponseState]:
        """The connection is gone: see :meth:`ResponseQueue.pause`."""
        return self._responses.pause()

    def started(self, turn: ResponseState) -> bool:
        """Whether a tool has been called in the response that runs."""
        return turn.running and self._batches.started(turn.response_id or "")

    def cut_off(self, turn: ResponseState, response: RealtimeResponse) -> list[ClientEvent]:
        """The response of a turn was cut off, and ends like this. Tools that it has called are
        answered, and the model goes on from there. Returns what to send."""
        response_id = turn.response_id or ""
        self._responses.end(turn, response)
        return self._go_on(self._batches.cut_off(response_id))

    def leave(self, again: Iterable[ResponseState]) -> None:
        """What was out is settled, but for these turns, which are to be asked for again."""
        self._batches.leave()
        self._responses.leave(again)

    def resume(self) -> list[ClientEvent]:
        """There is another connection. Returns what to send."""
        return self._responses.resume()

    def reopen(
        self,
        response_id: str,
        calls: Iterable[Call],
        waiting: Collection[str],
        asked: ResponseCreateParams,
        *,
        goes_on: bool,
    ) -> list[ClientEvent]:
        """Go on with the calls of a response of another process, before all that waits: see
        :meth:`ToolBatches.reopen`. Returns what to send."""
        work = self._batches.reopen(response_id, calls, waiting, asked, goes_on=goes_on)
        self._start(work.run)
        if not self._running.get(response_id):
            return self._send(work, None)
        turn = self._held[response_id] = ResponseState(beside=False)
        turn.responses.append(RealtimeResponse(id=response_id, status="completed", output=[]))
        self._responses.hold(turn)
        return []

    def _go_on(self, work: Work) -> list[ClientEvent]:
        ended = self._responses.take_ended()
        if not (ended or work.run or work.send):
            return []
        events: list[ClientEvent] = []
        self._start(work.run)
        for turn in ended:
            response_id = _last_id(turn)
            follow_up = _follow_up(work)
            if self._running.get(response_id):
                self._held[response_id] = turn
                events += self._responses.settle(turn, tools=True)
            elif follow_up is not None and len(ended) == 1:
                events += _outputs(work)
                work = Work()
                events += self._again(follow_up, turn)
            else:
                events += self._responses.settle(turn, tools=False)
        return events + self._send(work, None)

    def sent(self, event: ClientEvent) -> list[ClientEvent]:
        """Note an event that goes out; returns what to send because of it."""
        self._responses.sent(event)
        work = self._batches.apply(event)
        self._start(work.run)
        return self._send(work, None)

    def answered(self, call: Call, output: str) -> list[ClientEvent]:
        """A call has its output, be it an error; returns what to send."""
        return self._settled(call, self._batches.answered(call, output))

    def abandon(self, turn: ResponseState, error: BaseException | None) -> list[ClientEvent]:
        """Wait no longer for a turn, nor for the tools that hold it; returns what to send."""
        for response_id in [key for key, held in self._held.items() if held is turn]:
            del self._held[response_id]
        return self._responses.abandon(turn, error)

    def postponed(self, call: Call) -> list[ClientEvent]:
        """A call will be answered later; returns what to send."""
        return self._settled(call, self._batches.postponed(call))

    def close(self, error: BaseException) -> None:
        """The connection is gone: nothing more is run, and every turn ends with `error`."""
        self._batches.close()
        self.to_run.clear()
        self._running.clear()
        self._held.clear()
        self._responses.close(error)

    def _start(self, calls: Iterable[Call]) -> None:
        for call in calls:
            self._running.setdefault(call.response_id, set()).add(call.call_id)
            self.to_run.append(call)

    def _settled(self, call: Call, work: Work) -> list[ClientEvent]:
        running = self._running.get(call.response_id, set())
        running.discard(call.call_id)
        if running:
            return self._send(work, None)
        self._running.pop(call.response_id, None)
        turn = self._held.pop(call.response_id, None)
        events = self._send(work, turn)
        if turn is not None and _follow_up(work) is None:
            events += self._responses.settle(turn, tools=False)
        return events

    def _send(self, work: Work, turn: ResponseState | None) -> list[ClientEvent]:
        """The outputs, and the request behind them in its turn. A turn that was cancelled while
        its tools ran has its outputs, and no answer."""
        events = _outputs(work)
        follow_up = _follow_up(work)
        if follow_up is None:
            return events
        if turn is not None and turn.done:
            return events + self._responses.settle(turn, tools=False)
        return events + self._again(follow_up, turn)

    def _again(self, follow_up: ResponseCreate, turn: ResponseState | None) -> list[ClientEvent]:
        """Ask for the response after the outputs: without tools where the turn has used its
        rounds, and not at all where it has gone on after that, or nobody waits for it."""
        if turn is None:
            return self._responses.request(follow_up)[1]
        rounds = len(turn.responses)
        if rounds > self.most_rounds or turn.waived:
            turn.finish("cancelled" if turn.waived else "incomplete")
            return self._responses.settle(turn, tools=False)
        if rounds == self.most_rounds:
            self.exceeded.append(turn)
            params = follow_up.response
            given = params if isinstance(params, ResponseCreateParams) else ResponseCreateParams()
            follow_up = attrs.evolve(follow_up, response=attrs.evolve(given, tool_choice="none"))
        return self._responses.request(follow_up, turn=turn)[1]


def _check_given(given: list[Any]) -> None:
    """Refuse what is no tool, names that no server takes, and two definitions of one name."""
    seen: dict[str, int] = {}
    for index, each in enumerate(given):
        if not (callable(each) or isinstance(each, (Mapping, Model))):
            raise InvalidOption(
                f"tools[{index}]={each!r} is no tool: give a function, a Tool, or the definition "
                "of a tool as a dict or an object"
            )
        if not isinstance(each, (Mapping, Model)):
            continue  # its name is checked where it is made
        said = cast("Mapping[str, Any]", each if isinstance(each, Mapping) else each.to_dict())
        name = said.get("name")
        if said.get("type") != "function" or not isinstance(name, str):
            continue
        tool_name(None, name)
        if name in seen:
            raise InvalidOption(
                f"tools[{seen[name]}] and tools[{index}] are both called {name!r}: leave one out"
            )
        seen[name] = index


def _is_function(tool: object) -> bool:
    return callable(tool) and not isinstance(tool, Model)


def _outputs(work: Work) -> list[ClientEvent]:
    return [event for event in work.send if not isinstance(event, ResponseCreate)]


def _follow_up(work: Work) -> ResponseCreate | None:
    return next((event for event in work.send if isinstance(event, ResponseCreate)), None)


def _last_id(turn: ResponseState) -> str:
    last = turn.responses[-1].id if turn.responses else None
    return last if isinstance(last, str) else ""
