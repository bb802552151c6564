"""Which calls run, and what is sent when: one response after all answers, and no loop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from voxwire_protocol import (
    UNSET,
    ClientEvent,
    ConversationItemCreate,
    Event,
    FunctionCallOutput,
    FunctionTool,
    RealtimeSession,
    ResponseCreate,
    ResponseCreateParams,
    SessionUpdate,
    ToolChoiceFunction,
)

from voxwire.protocol.codec import REALTIME
from voxwire.tools import Call
from voxwire.tools.toolset import ToolSet
from voxwire.tools.tracker import ToolBatches


def get_weather(city: str) -> str:
    return f"rain in {city}"


def get_time() -> str:
    return "noon"


def server(type: str, **fields: Any) -> Event:
    return REALTIME.decode(json.dumps({"type": type, "event_id": "event_1", **fields}))


def function_call(
    number: int = 1, name: str = "get_weather", status: str | None = "completed", **fields: Any
) -> dict[str, Any]:
    item = {
        "id": f"item_{number}",
        "type": "function_call",
        "name": name,
        "call_id": f"call_{number}",
        "arguments": '{"city": "Oslo"}',
        **fields,
    }
    return item if status is None else {**item, "status": status}


def created(response_id: str = "resp_1", **fields: Any) -> Event:
    response = {"id": response_id, "status": "in_progress", "conversation_id": "conv_1"}
    return server("response.created", response=response | fields)


def item_done(item: dict[str, Any], response_id: str = "resp_1") -> Event:
    return server("response.output_item.done", response_id=response_id, output_index=0, item=item)


def done(
    *items: dict[str, Any], response_id: str = "resp_1", status: str | None = "completed"
) -> Event:
    response = {"id": response_id, "output": list(items), "conversation_id": "conv_1"}
    return server(
        "response.done", response=response if status is None else {**response, "status": status}
    )


def call(number: int = 1, name: str = "get_weather", response_id: str = "resp_1") -> Call:
    return Call(
        name=name,
        arguments='{"city": "Oslo"}',
        call_id=f"call_{number}",
        item_id=f"item_{number}",
        response_id=response_id,
    )


def output(number: int = 1, text: str = "rain") -> ConversationItemCreate:
    return ConversationItemCreate(item=FunctionCallOutput(call_id=f"call_{number}", output=text))


GO_ON = ResponseCreate()


class Wire:
    """Batches with what they asked for, in order."""

    def __init__(self, *tools: Any) -> None:
        self.batches = ToolBatches(ToolSet(tools or (get_weather, get_time)))
        self.runs: list[Call] = []
        self.sent: list[ClientEvent] = []

    def feed(self, *events: Event) -> Wire:
        for event in events:
            work = self.batches.apply(event)
            self.runs += work.run
            self.sent += work.send
        return self

    def answer(self, which: Call, text: str = "rain") -> Wire:
        work = self.batches.answered(which, text)
        assert work.run == []
        self.sent += work.send
        for event in work.send:  # what is sent is seen again
            again = self.batches.apply(event)
            assert (again.run, again.send) == ([], [])
        return self

    def postpone(self, which: Call) -> Wire:
        self.sent += self.batches.postponed(which).send
        return self


# --- when a call runs ----------------------------------------------------------------------------


def test_a_complete_item_runs_at_once_and_once() -> None:
    wire = Wire().feed(created(), item_done(function_call()))
    assert wire.runs == [call()]
    wire.feed(done(function_call()), done(function_call()), item_done(function_call()))
    assert wire.runs == [call()]


def test_a_call_that_comes_complete_in_one_event_runs_with_its_arguments() -> None:
    assert Wire().feed(done(function_call())).runs == [call()]


@pytest.mark.parametrize("status", ["incomplete", "in_progress", "something_new"])
def test_an_incomplete_call_does_not_run(status: str) -> None:
    item = function_call(status=status)
    written = server(
        "response.function_call_arguments.done",
        response_id="resp_1",
        item_id="item_1",
        call_id="call_1",
        name="get_weather",
        arguments="{}",
    )
    assert Wire().feed(created(), written, item_done(item), done(item)).runs == []
    assert Wire().feed(created(), written, item_done(item), done()).runs == []


def test_a_call_without_a_status_runs_when_its_response_is_complete() -> None:
    item = function_call(status=None)
    wire = Wire().feed(created(), item_done(item))
    assert wire.runs == []
    assert wire.feed(done(item)).runs == [call()]


@pytest.mark.parametrize("status", ["cancelled", "failed", "incomplete"])
def test_a_call_without_a_status_does_not_run_when_its_response_is_not(status: str) -> None:
    item = function_call(status=None)
    assert Wire().feed(created(), item_done(item), done(item, status=status)).runs == []


def test_a_call_that_is_only_told_of_piece_by_piece() -> None:
    begun = server(
        "response.output_item.added",
        response_id="resp_1",
        output_index=0,
        item=function_call(status="in_progress", arguments=""),
    )
    written = server(
        "response.function_call_arguments.done",
        response_id="resp_1",
        item_id="item_1",
        arguments='{"city": "Oslo"}',
    )
    assert Wire().feed(created(), begun, written, done()).runs == [call()]
    assert Wire().feed(created(), begun, done()).runs == []
    assert Wire().feed(created(), begun, written, done(status="cancelled")).runs == []
    # The item is there at last, but its arguments are not.
    empty = function_call(arguments="")
    assert Wire().feed(created(), begun, written, item_done(empty)).runs == [call()]


def test_a_call_without_an_id_cannot_be_answered_and_does_not_run() -> None:
    item = function_call()
    del item["call_id"]
    assert Wire().feed(created(), item_done(item), done(item)).runs == []


def test_a_server_that_names_no_response() -> None:
    start = server("response.created", response={})
    item = server("response.output_item.done", item=function_call())
    wire = Wire().feed(start, item, server("response.done", response={"output": []}))
    assert wire.answer(wire.runs[0]).sent == [output(), GO_ON]


def test_an_unknown_function_is_run_so_that_the_model_is_told() -> None:
    item = function_call(name="no_such_tool")
    assert Wire().feed(created(), item_done(item)).runs == [call(name="no_such_tool")]


# --- what follows --------------------------------------------------------------------------------


def test_one_response_after_all_answers() -> None:
    one, two = function_call(1), function_call(2, "get_time")
    wire = Wire().feed(created(), item_done(one), item_done(two), done(one, two))
    first, second = wire.runs
    assert wire.answer(second, "noon").sent == [output(2, "noon")]
    assert wire.answer(first).sent == [output(2, "noon"), output(1), GO_ON]


def test_the_response_waits_for_the_end_of_the_one_before() -> None:
    wire = Wire().feed(created(), item_done(function_call()))
    assert wire.answer(wire.runs[0]).sent == [output()]
    assert wire.feed(done(function_call())).sent == [output(), GO_ON]


def test_a_call_is_answered_once() -> None:
    wire = Wire().feed(done(function_call()))
    wire.answer(wire.runs[0]).answer(wire.runs[0], "again")
    assert wire.sent == [output(), GO_ON]


def test_a_response_without_calls_is_followed_by_nothing() -> None:
    message = {"id": "item_1", "type": "message", "role": "assistant", "content": []}
    assert Wire().feed(created(), item_done(message), done(message)).sent == []


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_after_a_cancel_the_outputs_are_given_and_no_response_asked_for(status: str) -> None:
    wire = Wire().feed(created(), item_done(function_call()), done(function_call(), status=status))
    assert wire.answer(wire.runs[0]).sent == [output()]


@pytest.mark.parametrize("status", ["completed", "incomplete", None])
def test_after_any_other_end_the_model_goes_on(status: str | None) -> None:
    wire = Wire().feed(created(), item_done(function_call()), done(function_call(), status=status))
    assert wire.answer(wire.runs[0]).sent == [output(), GO_ON]


def test_a_server_that_ends_a_cancelled_response_in_its_own_way() -> None:
    ended = server("response.cancelled", response_id="resp_1")
    wire = Wire().feed(created(), item_done(function_call()), ended)
    assert wire.answer(wire.runs[0]).sent == [output()]
    assert wire.batches.pending == []


def test_two_responses_do_not_mix() -> None:
    wire = Wire().feed(created(), item_done(function_call()), done(function_call()))
    item = function_call(2)
    wire.feed(created("resp_2"), item_done(item, "resp_2"), done(item, response_id="resp_2"))
    assert wire.batches.pending == [call(), call(2, response_id="resp_2")]
    wire.answer(wire.runs[1])
    assert wire.sent == [output(2), GO_ON]
    wire.answer(wire.runs[0])
    assert wire.sent == [output(2), GO_ON, output(1), GO_ON]


def test_nothing_happens_after_the_session() -> None:
    wire = Wire().feed(created(), item_done(function_call()))
    wire.batches.close()
    wire.answer(wire.runs[0]).feed(done(function_call(2)))
    assert (len(wire.runs), wire.sent, wire.batches.pending) == (1, [], [])


# --- no loop -------------------------------------------------------------------------------------

FORCED = ["required", ToolChoiceFunction(name="get_weather")]


@pytest.mark.parametrize("choice", FORCED)
def test_a_session_that_forces_a_call_does_not_force_the_next(choice: Any) -> None:
    update = SessionUpdate(session=RealtimeSession(tool_choice=choice))
    wire = Wire().feed(update, done(function_call()))
    wire.answer(wire.runs[0])
    follow_up = ResponseCreate(response=ResponseCreateParams(tool_choice="auto"))
    assert wire.sent == [output(), follow_up]


def test_the_session_is_as_the_server_says() -> None:
    session = {"type": "realtime", "tool_choice": "required"}
    wire = Wire().feed(server("session.updated", session=session), done(function_call()))
    follow_up = wire.answer(wire.runs[0]).sent[-1]
    assert follow_up == ResponseCreate(response=ResponseCreateParams(tool_choice="auto"))


@pytest.mark.parametrize("choice", ["auto", "none", UNSET])
def test_a_session_that_forces_nothing_needs_no_exception(choice: Any) -> None:
    update = SessionUpdate(session=RealtimeSession(tool_choice=choice))
    wire = Wire().feed(update, done(function_call()))
    assert wire.answer(wire.runs[0]).sent == [output(), GO_ON]


@pytest.mark.parametrize("choice", FORCED)
def test_a_response_that_forced_a_call_is_followed_by_one_in_its_manner(choice: Any) -> None:
    params = ResponseCreateParams(
        tool_choice=choice, output_modalities=["text"], instructions="Briefly.", input=[]
    )
    wire = Wire().feed(ResponseCreate(response=params), created(), done(function_call()))
    follow_up = wire.answer(wire.runs[0]).sent[-1]
    assert follow_up == ResponseCreate(
        response=ResponseCreateParams(
            tool_choice="auto", output_modalities=["text"], instructions="Briefly."
        )
    )


def asked(text: str, event_id: str = "e", **fields: Any) -> ResponseCreate:
    params = ResponseCreateParams(instructions=text, **fields)
    return ResponseCreate(event_id=event_id, response=params)


def manner(wire: Wire) -> Any:
    """The instructions of the response that follows the call."""
    last = wire.feed(done(function_call())).answer(wire.runs[-1]).sent[-1]
    assert isinstance(last, ResponseCreate)
    return last.response.instructions if last.response is not UNSET else None


def test_requests_are_answered_in_order() -> None:
    assert manner(Wire().feed(asked("one"), asked("two"), created())) == "one"


def test_metadata_tells_which_request_it_was() -> None:
    wire = Wire().feed(
        asked("one", metadata={"n": "1"}),
        asked("two", metadata={"n": "2"}),
        created(metadata={"n": "2", "added by the server": "x"}),
    )
    assert manner(wire) == "two"


def test_a_server_that_does_not_echo_metadata() -> None:
    assert manner(Wire().feed(asked("one", metadata={"n": "1"}), created())) == "one"


def test_a_response_of_somebody_else_is_not_taken_for_an_answer() -> None:
    wire = Wire().feed(asked("one", metadata={"n": "1"}), created(metadata={"n": "other"}))
    assert manner(wire) is None


def test_a_refused_request_is_answered_by_nothing() -> None:
    error = server("error", error={"type": "invalid_request_error", "event_id": "e1"})
    wire = Wire().feed(asked("one", "e1"), asked("two", "e2"), error, created())
    assert manner(wire) == "two"


def test_a_request_aside_is_not_answered_in_the_conversation() -> None:
    wire = Wire().feed(asked("aside", conversation="none"), asked("here"), created())
    assert manner(wire) == "here"


# --- calls that others answer --------------------------------------------------------------------

LOOK = FunctionTool(name="look")


def test_without_functions_all_calls_are_somebody_elses() -> None:
    batches = ToolBatches(ToolSet())
    work = batches.apply(done(function_call()))
    assert (work.run, work.send) == ([], [])


@pytest.mark.parametrize(
    "given",
    [
        SessionUpdate(session=RealtimeSession(tools=[LOOK])),
        server(
            "session.updated",
            session={"type": "realtime", "tools": [{"type": "function", "name": "look"}]},
        ),
        ResponseCreate(response=ResponseCreateParams(tools=[LOOK])),
    ],
)
def test_functions_given_by_hand_are_answered_by_hand(given: Event) -> None:
    mine, theirs = function_call(1), function_call(2, "look")
    wire = Wire().feed(given, created(), done(mine, theirs))
    assert wire.runs == [call()]
    wire.answer(wire.runs[0])
    assert wire.sent == [output()]
    wire.feed(output(2, "a tree"))
    assert isinstance(wire.sent[-1], ResponseCreate)
    assert len(wire.sent) == 2


def test_whoever_answers_all_calls_by_hand_goes_on_by_hand() -> None:
    wire = Wire().feed(SessionUpdate(session=RealtimeSession(tools=[LOOK])))
    wire.feed(done(function_call(2, "look")), output(2))
    assert wire.sent == []


def test_a_call_that_was_answered_by_hand_is_not_answered_again() -> None:
    wire = Wire().feed(done(function_call()), output(1, "by hand"))
    assert wire.answer(wire.runs[0]).sent == []


def test_calls_beside_the_conversation_are_left_alone() -> None:
    response = created(conversation_id=None)
    assert Wire().feed(response, item_done(function_call()), done(function_call())).runs == []
    wire = Wire().feed(asked("x", conversation="none", metadata={"a": "b"}))
    assert wire.feed(created(metadata={"a": "b"}), item_done(function_call())).runs == []


def test_a_call_that_is_listed_is_in_the_conversation_whatever_its_response_says() -> None:
    listed = server("conversation.item.added", item=function_call(status="in_progress"))
    wire = Wire().feed(created(conversation_id=None), listed, item_done(function_call()))
    assert wire.runs == [call()]


# --- answers that come later ---------------------------------------------------------------------


def test_a_postponed_call_holds_nothing_up() -> None:
    one, two = function_call(1), function_call(2)
    wire = Wire().feed(done(one, two))
    wire.postpone(wire.runs[0]).answer(wire.runs[1])
    assert wire.sent == [output(2), GO_ON]
    wire.answer(wire.runs[0], "at last")
    assert wire.sent == [output(2), GO_ON, output(1, "at last"), GO_ON]


def test_a_single_postponed_call_is_followed_by_its_answer_only() -> None:
    wire = Wire().feed(done(function_call()))
    wire.postpone(wire.runs[0])
    assert wire.sent == []
    assert wire.answer(wire.runs[0]).sent == [output(), GO_ON]


def test_a_postponed_call_that_is_answered_before_the_others_is_one_of_them() -> None:
    one, two = function_call(1), function_call(2)
    wire = Wire().feed(done(one, two))
    wire.postpone(wire.runs[0]).answer(wire.runs[0])
    assert wire.sent == [output(1)]
    assert wire.answer(wire.runs[1]).sent == [output(1), output(2), GO_ON]


# --- whatever happens ----------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_in_any_order_all_are_answered_and_one_response_follows(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 4))
    items = [function_call(number) for number in range(count)]
    events = [item_done(item) for item in items]
    doubled = events + data.draw(st.lists(st.sampled_from(events), max_size=3))
    wire = Wire().feed(created())
    ended = False
    todo: list[Any] = data.draw(st.permutations([*doubled, "end"]))
    open_calls: list[Call] = []
    answered = 0
    while todo or open_calls:
        if open_calls and (not todo or data.draw(st.booleans())):
            wire.answer(open_calls.pop(data.draw(st.integers(0, len(open_calls) - 1))))
            answered += 1
        else:
            step = todo.pop(0)
            before = len(wire.runs)
            wire.feed(done(*items) if step == "end" else step)
            ended = ended or step == "end"
            open_calls += wire.runs[before:]
        follow_ups = [event for event in wire.sent if isinstance(event, ResponseCreate)]
        assert len(follow_ups) == (ended and answered == count)
    assert len(wire.runs) == count
    assert wire.sent[-1] == GO_ON
    assert wire.batches.pending == []


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(
        [
            "response.created",
            "response.done",
            "response.output_item.added",
            "response.output_item.done",
            "response.function_call_arguments.done",
            "response.cancelled",
            "conversation.item.added",
            "session.updated",
            "error",
        ]
    ),
    st.dictionaries(
        st.sampled_from(
            ["response", "item", "item_id", "response_id", "call_id", "arguments", "session"]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.sampled_from(["function_call", "x"]),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["id", "type", "call_id", "name", "status", "output", "tools", "metadata"]
                    ),
                    inner,
                )
            ),
            max_leaves=8,
        ),
    ),
)
def test_nothing_that_a_server_says_raises(type: str, fields: dict[str, Any]) -> None:
    wire = Wire().feed(asked("x", metadata={"a": "b"}), server(type, **fields))
    for each in wire.runs:
        wire.answer(each)
    for event in wire.sent:
        REALTIME.encode(event)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("openai_ws__tool_call_round", "call_uMNE0Myi2tDTPu0w"),
        ("azure_ws__tool_call_round", "call_I5nx0fK2YAldYQZs"),
        ("xai_ws__tool_call_round", "call-af8ed632-2074-4b5f-b719-7aa47250d3c6-0"),
    ],
)
def test_recorded_rounds(recordings_dir: Path, name: str, expected: str) -> None:
    wire = Wire()
    for line in (recordings_dir / f"{name}.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if entry["dir"] != "s2c":
            continue
        before = len(wire.runs)
        wire.feed(REALTIME.decode(json.dumps(entry["event"])))
        for each in wire.runs[before:]:
            wire.answer(each, "It is foggy.")
    assert [each.call_id for each in wire.runs] == [expected]
    assert json.loads(wire.runs[0].arguments) == {"city": "London"}
    item = FunctionCallOutput(call_id=expected, output="It is foggy.")
    assert wire.sent == [ConversationItemCreate(item=item), GO_ON]
