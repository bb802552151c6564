"""The sequencer of responses, alone: what it sends when, and which response is whose."""

from __future__ import annotations

from typing import Any

import pytest
from responding import BUSY, Desk
from voxwire_protocol import ResponseCreateParams

from voxwire.errors import ConnectionClosedError, InvalidOption, ServerError
from voxwire.session.responses import METADATA_KEY, RETRIES


@pytest.fixture
def desk() -> Desk:
    return Desk()


# -- one after the other --------------------------------------------------------------------------


def test_a_request_is_sent_at_once_and_ends_with_its_response(desk: Desk) -> None:
    turn = desk.ask()
    assert (turn.status, turn.done, len(desk.creates)) == ("queued", False, 1)
    desk.created("r1", desk.creates[0])
    assert (turn.status, turn.response_id) == ("in_progress", "r1")
    assert desk.responses.current is turn
    desk.done("r1", "incomplete")
    assert (turn.status, turn.done, turn.error) == ("incomplete", True, None)
    assert [response.id for response in turn.responses] == ["r1"]
    assert desk.responses.idle


def test_requests_go_out_in_order_one_at_a_time(desk: Desk) -> None:
    turns = [desk.ask(instructions=str(number)) for number in range(4)]
    for number, turn in enumerate(turns):
        assert len(desk.creates) == number + 1
        assert desk.responses.waiting == 3 - number
        assert desk.creates[-1].response.instructions == str(number)  # type: ignore[union-attr]
        desk.created(f"r{number}", desk.creates[-1])
        desk.done(f"r{number}")
        assert turn.done
    assert len(desk.creates) == 4


def test_a_request_keeps_what_was_asked_and_is_marked(desk: Desk) -> None:
    desk.ask(instructions="x", metadata={"a": "b"})
    params = desk.creates[0].response
    assert isinstance(params, ResponseCreateParams)
    assert params.instructions == "x"
    assert isinstance(params.metadata, dict)
    assert set(params.metadata) == {"a", METADATA_KEY}


def test_a_failure_shows_in_the_response_and_lets_the_next_go(desk: Desk) -> None:
    first, second = desk.ask(), desk.ask()
    desk.created("r1", desk.creates[0])
    desk.done("r1", "failed")
    assert (first.status, first.error) == ("failed", None)
    assert len(desk.creates) == 2
    assert not second.done


def test_merge_joins_the_last_that_waits(desk: Desk) -> None:
    running, waiting = desk.ask("merge"), desk.ask("merge")
    assert running is not waiting
    assert desk.ask("merge") is waiting
    assert desk.responses.waiting == 1


def test_merge_joins_only_what_asks_for_the_same(desk: Desk) -> None:
    desk.ask()
    text = desk.ask(output_modalities=["text"])
    assert desk.ask("merge", output_modalities=["audio"]) is not text
    assert desk.ask("merge", output_modalities=["text"]) is text
    assert desk.ask("merge", conversation="none") is not text


def test_merge_does_not_join_what_was_sent(desk: Desk) -> None:
    running = desk.ask()
    assert desk.ask("merge") is not running


def test_a_policy_that_there_is_not(desk: Desk) -> None:
    with pytest.raises(InvalidOption, match="wait, merge"):
        desk.ask("now")
    assert desk.sent == []


def test_what_is_to_be_answered_goes_out_with_its_request_and_once(desk: Desk) -> None:
    first, second = desk.say("a"), desk.say("b")
    assert desk.said == ["a"]
    desk.created("vad")
    desk.error(of=desk.creates[0])
    assert desk.say("c", "merge") is second
    desk.done("vad")
    assert desk.said == ["a"]
    desk.created("r1", desk.creates[1])
    desk.done("r1")
    assert first.done
    assert desk.said == ["a", "b", "c"]
    assert desk.sent[-1] is desk.creates[-1]


def test_what_was_cancelled_before_its_turn_is_not_said(desk: Desk) -> None:
    desk.say("a")
    desk.cancel(desk.say("b"))
    desk.created("r1", desk.creates[0])
    desk.done("r1")
    assert desk.said == ["a"]


# -- tools ----------------------------------------------------------------------------------------


def test_what_waits_goes_on_waiting_while_tools_run(desk: Desk) -> None:
    desk.tools = {"r1"}
    first, second = desk.ask(), desk.ask(instructions="second")
    desk.created("r1", desk.creates[0])
    desk.done("r1")
    assert not first.done
    assert not desk.responses.idle
    assert len(desk.creates) == 1
    desk.go_on(first)
    assert len(desk.creates) == 2
    desk.created("r2", desk.creates[1])
    desk.done("r2")
    assert first.done
    assert [response.id for response in first.responses] == ["r1", "r2"]
    assert not second.done
    assert desk.creates[2].response.instructions == "second"  # type: ignore[union-attr]


def test_a_turn_whose_tools_want_no_answer_lets_the_next_go(desk: Desk) -> None:
    desk.tools = {"r1"}
    first = desk.ask()
    desk.ask()
    desk.created("r1", desk.creates[0])
    desk.done("r1")
    desk.settle(first)
    assert first.done
    assert len(desk.creates) == 2


def test_a_turn_is_cancelled_while_its_tools_run(desk: Desk) -> None:
    desk.tools = {"r1"}
    first = desk.ask()
    desk.ask()
    desk.created("r1", desk.creates[0])
    desk.done("r1")
    desk.cancel()  # nothing runs on the server, but this turn goes on
    assert (first.status, first.done) == ("cancelled", True)
    assert desk.cancels == []
    assert len(desk.creates) == 2
    desk.go_on(first)  # the outputs are in; nobody wants the answer
    assert len(desk.creates) == 2


def test_a_cancel_that_came_too_late_for_the_calls_still_stops_the_answer(desk: Desk) -> None:
    desk.tools = {"r1"}
    first = desk.ask()
    desk.created("r1", desk.creates[0])
    desk.cancel(first)
    desk.done("r1")  # it was faster than the cancel
    assert (first.status, first.done) == ("cancelled", True)
    desk.go_on(first)
    assert len(desk.creates) == 1


def test_tools_beside_the_conversation_hold_nobody_up(desk: Desk) -> None:
    desk.tools = {"r1"}
    aside = desk.ask(conversation="none")
    desk.created("r1", desk.creates[0], None)
    desk.done("r1")
    desk.ask()
    assert len(desk.creates) == 2
    assert not aside.done


def test_each_request_of_a_turn_may_be_refused_anew(desk: Desk) -> None:
    desk.tools = {"r1"}
    turn = desk.ask()
    for number in range(RETRIES):
        desk.created(f"v{number}")
        desk.error(of=desk.creates[-1])
        desk.done(f"v{number}")
    desk.created("r1", desk.creates[-1])
    desk.done("r1")
    desk.go_on(turn)
    desk.created("v9")
    desk.error(of=desk.creates[-1])
    desk.done("v9")
    desk.created("r2", desk.creates[-1])
    desk.done("r2")
    assert (turn.done, turn.error) == (True, None)


# -- cancelling -----------------------------------------------------------------------------------


def test_a_running_response_is_cancelled_by_its_id_once(desk: Desk) -> None:
    turn = desk.ask()
    desk.created("r1", desk.creates[0])
    desk.cancel(turn)
    desk.cancel()
    assert desk.cancels == ["r1"]
    assert not turn.done
    desk.done("r1", "cancelled")
    assert (turn.done, turn.status, turn.error) == (True, "cancelled", None)


def test_a_response_without_an_id_yet_is_cancelled_when_it_has_one(desk: Desk) -> None:
    turn = desk.ask()
    desk.cancel(turn)
    assert desk.cancels == []
    desk.created("r1", desk.creates[0])
    assert desk.cancels == ["r1"]
    desk.text("r1", "straggler")
    assert desk.cancels == ["r1"]


def test_cancelling_a_request_leaves_the_one_that_won_the_race_alone(desk: Desk) -> None:
    desk.ask()
    desk.created("r1", desk.creates[0])
    desk.done("r1")
    turn = desk.ask()
    desk.cancel(turn)
    desk.created("vad")
    desk.error(of=desk.creates[1])
    assert (turn.done, turn.status, turn.error) == (True, "cancelled", None)
    assert desk.cancels == []
    desk.done("vad")
    assert len(desk.creates) == 2


def test_cancelling_whatever_runs_is_at_once(desk: Desk) -> None:
    turn = desk.ask()
    desk.cancel()
    assert desk.cancels == [None]
    desk.created("r1", desk.creates[0])
    assert desk.cancels == [None]
    desk.done("r1", "cancelled")
    assert turn.status == "cancelled"


@pytest.mark.parametrize("begun_first", [True, False])
def test_a_cancel_that_came_before_the_response_is_sent_again(
    desk: Desk, begun_first: bool
) -> None:
    desk.ask()
    desk.cancel()
    refused = desk.sent[-1]
    if begun_first:
        desk.created("r1", desk.creates[0])
    desk.error("response_cancel_not_active", refused)
    if not begun_first:
        assert desk.cancels == [None]
        desk.created("r1", desk.creates[0])
    assert desk.cancels == [None, "r1"]
    desk.error("response_cancel_not_active", desk.sent[-1])  # it has just ended
    assert desk.cancels == [None, "r1"]


def test_a_waiting_request_is_never_sent_after_its_cancel(desk: Desk) -> None:
    desk.ask()
    second, third = desk.ask(), desk.ask(instructions="third")
    desk.cancel(second)
    assert (second.done, second.status) == (True, "cancelled")
    desk.created("r1", desk.creates[0])
    desk.done("r1")
    assert len(desk.creates) == 2
    assert desk.responses.current is third


def test_cancelling_nothing_sends_nothing(desk: Desk) -> None:
    desk.cancel()
    turn = desk.ask()
    desk.created("r1", desk.creates[0])
    desk.done("r1")
    desk.cancel(turn)
    assert desk.cancels == []


# -- beside the conversation ----------------------------------------------------------------------


def test_out_of_band_responses_run_at_once_and_are_told_by_metadata(desk: Desk) -> None:
    main = desk.ask()
    one, two = desk.ask(conversation="none"), desk.ask(conversation="none")
    assert len(desk.creates) == 3
    desk.created("r3", desk.creates[2], None)
    desk.created("r2", desk.creates[1], None)
    desk.created("r1", desk.creates[0])
    assert [turn.response_id for turn in (main, one, two)] == ["r1", "r2", "r3"]
    desk.text("r3", "three")
    desk.text("r2", "two")
    desk.done("r2")
    assert (one.done, two.done, main.done) == (True, False, False)
    assert (one.text, two.text, main.text) == (["two"], ["three"], [])
    assert desk.responses.current is main


def test_without_an_echo_the_conversation_tells_them_apart(desk: Desk) -> None:
    aside = desk.ask(conversation="none")
    main = desk.ask()
    desk.created("r1", conversation="conv")
    desk.created("r2", conversation=None)
    assert (main.response_id, aside.response_id) == ("r1", "r2")


def test_without_an_echo_and_a_conversation_the_order_tells(desk: Desk) -> None:
    turns = [desk.ask(conversation="none"), desk.ask(), desk.ask(conversation="none")]
    for response_id in ("r1", "r2", "r3"):
        desk.says("response.created", response={"id": response_id})
    assert [turn.response_id for turn in turns] == ["r1", "r2", "r3"]


def test_cancelling_one_beside_does_not_touch_the_conversation(desk: Desk) -> None:
    desk.ask()
    aside = desk.ask(conversation="none")
    desk.cancel(aside)
    desk.created("r1", desk.creates[0])
    assert desk.cancels == []
    desk.created("r2", desk.creates[1], None)
    assert desk.cancels == ["r2"]


def test_a_server_that_runs_only_one_at_all_gets_one_at_a_time(desk: Desk) -> None:
    main = desk.ask()
    aside = desk.ask(conversation="none")
    desk.created("r1", desk.creates[0])
    desk.error(of=desk.creates[1])
    later = desk.ask(conversation="none")
    assert len(desk.creates) == 2
    desk.done("r1")
    assert main.done
    assert len(desk.creates) == 3
    desk.created("r2", desk.creates[2], None)
    desk.done("r2")
    assert aside.done
    desk.created("r3", desk.creates[3], None)
    desk.done("r3")
    assert later.done


# -- the server begins by itself ------------------------------------------------------------------


def test_requests_wait_for_a_response_that_turn_detection_began(desk: Desk) -> None:
    desk.created("vad")
    turn = desk.ask()
    assert desk.creates == []
    assert not desk.responses.idle
    desk.done("vad")
    assert len(desk.creates) == 1
    desk.created("r1", desk.creates[0])
    assert turn.response_id == "r1"


def test_a_request_that_lost_the_race_is_sent_again_after_the_winner(desk: Desk) -> None:
    desk.ask(instructions="a")
    later = desk.ask(instructions="b")
    desk.created("r0", desk.creates[0])
    desk.done("r0")
    desk.created("vad")  # on a server that is known to repeat metadata
    assert desk.responses.current is not later
    desk.error(of=desk.creates[1])
    assert (later.status, len(desk.creates)) == ("queued", 2)
    desk.text("vad", "not for you")
    desk.done("vad")
    assert len(desk.creates) == 3
    assert desk.creates[2].event_id != desk.creates[1].event_id
    desk.created("r1", desk.creates[2])
    desk.text("r1", "for you")
    desk.done("r1")
    assert (later.done, later.text) == (True, ["for you"])


def test_a_request_that_is_still_on_its_way_is_not_sent_twice(desk: Desk) -> None:
    desk.created("known", desk.by_hand(response={"metadata": {"a": "b"}}))
    desk.done("known")
    turn = desk.ask()
    desk.created("vad")
    desk.done("vad")  # ended before the server has read the request
    assert len(desk.creates) == 2
    desk.created("r1", desk.creates[1])
    desk.done("r1")
    assert turn.done
    assert len(desk.creates) == 2


def test_a_winner_taken_for_ours_is_given_back(desk: Desk) -> None:
    turn = desk.ask()
    desk.created("vad")  # the first response of all: nothing says that it is not ours
    assert turn.response_id == "vad"
    desk.text("vad", "not for you")
    desk.error(of=desk.creates[0])
    assert (turn.status, turn.text, turn.response_id) == ("queued", [], None)
    assert desk.responses.current is not turn
    desk.done("vad")
    desk.created("r1", desk.creates[1])
    desk.text("r1", "for you")
    desk.done("r1")
    assert turn.text == turn.said == ["for you"]
    assert [response.id for response in turn.responses] == ["r1"]


def test_ours_goes_on_when_another_client_begins_one(desk: Desk) -> None:
    turn = desk.ask()
    desk.created("r1", desk.creates[0])
    desk.created("theirs")  # a server that does not keep to one at a time
    waiting = desk.ask()
    desk.done("r1")
    assert turn.done
    assert len(desk.creates) == 1
    desk.done("theirs")
    assert len(desk.creates) == 2
    assert not waiting.done


def test_metadata_of_another_client_is_not_ours(desk: Desk) -> None:
    turn = desk.ask()
    desk.says(
        "response.created",
        response={"id": "x", "conversation_id": "c", "metadata": {METADATA_KEY: "theirs-1"}},
    )
    assert turn.response_id is None
    desk.created("r1", desk.creates[0])
    assert turn.response_id == "r1"


# -- refused as a second one ----------------------------------------------------------------------


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(
    "how", [{"code": BUSY}, {"code": None, "message": "Conversation has an active response"}]
)
def test_a_refusal_waits_for_the_end_of_what_is_not_known(
    desk: Desk, named: bool, how: dict[str, Any]
) -> None:
    """As on a sideband: the response began before we were there."""
    turn, second = desk.ask(), desk.ask()
    desk.error(of=desk.creates[0] if named else None, **how)
    assert (turn.status, len(desk.creates)) == ("queued", 1)
    desk.text("theirs", "…")
    desk.done("theirs")
    assert len(desk.creates) == 2
    desk.created("r1", desk.creates[1])
    desk.done("r1")
    assert turn.done
    assert not second.done


def test_a_response_may_begin_after_a_refusal_on_account_of_an_unknown_one(desk: Desk) -> None:
    turn = desk.ask()
    desk.error(of=desk.creates[0])
    desk.created("vad")
    desk.ask()
    desk.done("vad")
    assert len(desk.creates) == 2
    desk.created("r1", desk.creates[1])
    assert turn.response_id == "r1"


def test_a_refusal_that_comes_after_the_end_of_its_cause_is_no_dead_end(desk: Desk) -> None:
    turn = desk.ask()
    desk.says("response.created", response={"id": "x", "metadata": {METADATA_KEY: "other"}})
    desk.done("x")
    desk.error(of=desk.creates[0])
    assert len(desk.creates) == 2
    desk.created("r1", desk.creates[1])
    assert turn.response_id == "r1"


def test_a_refusal_that_names_a_response_that_has_ended_is_no_dead_end(desk: Desk) -> None:
    desk.ask()
    second = desk.ask()
    desk.created("resp_1", desk.creates[0])
    desk.done("resp_1")
    message = "Conversation already has an active response in progress: resp_1. Wait until it ends."
    desk.error(of=desk.creates[1], message=message)
    assert len(desk.creates) == 3
    desk.error(of=desk.creates[2], message=message.replace("resp_1", "resp_12"))
    assert len(desk.creates) == 3
    desk.done("resp_12")
    assert len(desk.creates) == 4
    assert not second.done


def test_retries_are_bounded(desk: Desk) -> None:
    turn, second = desk.ask(), desk.ask()
    for number in range(RETRIES + 1):
        assert not turn.done
        desk.error(of=desk.creates[number])
        desk.done(f"theirs{number}")
    assert isinstance(turn.error, ServerError)
    assert turn.error.code == BUSY
    assert not second.done
    assert len(desk.creates) == RETRIES + 2


def test_a_cancel_that_finds_nothing_shows_that_nothing_unknown_runs(desk: Desk) -> None:
    desk.ask()
    desk.error(of=desk.creates[0])
    desk.cancel()
    assert desk.cancels == [None]
    desk.error("response_cancel_not_active", "another cancel")
    assert len(desk.creates) == 1
    desk.error("response_cancel_not_active", desk.sent[-1])
    assert len(desk.creates) == 2


def test_refused_and_taken_up_after_all(desk: Desk) -> None:
    turn = desk.ask()
    desk.error(of=desk.creates[0])
    desk.created("r1", desk.creates[0])
    desk.done("r1")
    assert turn.done
    assert len(desk.creates) == 1


def test_a_running_response_beside_may_or_may_not_explain_a_refusal(desk: Desk) -> None:
    desk.ask(conversation="none")
    desk.created("r1", desk.creates[0], None)
    desk.ask()
    desk.error(of=desk.creates[1])
    assert len(desk.creates) == 2
    desk.done("r1")
    desk.error(of=desk.creates[2])
    assert len(desk.creates) == 3  # so it was something else
    desk.done("theirs")
    assert len(desk.creates) == 4


# -- other refusals -------------------------------------------------------------------------------


def test_any_other_refusal_fails_the_turn_and_lets_the_next_go(desk: Desk) -> None:
    turn, second = desk.ask(), desk.ask()
    desk.error("invalid_value", of=desk.creates[0])
    assert isinstance(turn.error, ServerError)
    assert turn.error.code == "invalid_value"
    assert turn.status == "failed"
    assert len(desk.creates) == 2
    assert not second.done


def test_errors_about_other_things_fail_nobody(desk: Desk) -> None:
    turn = desk.ask()
    desk.error("invalid_value", of="evt_of_somebody")
    desk.error("invalid_value", param="session.voice")
    desk.error(None)
    desk.says("error", error="no such thing")
    desk.says("error", error=None)
    desk.says("error")
    desk.says("error", error={"event_id": {"a": 1}, "code": ["x"], "message": 5, "param": []})
    assert not turn.done
    desk.created("r1", desk.creates[0])
    desk.error("server_error", of=desk.creates[0])  # a failure shows in response.done
    assert not turn.done


def test_an_error_without_an_id_about_a_parameter_of_the_response(desk: Desk) -> None:
    turn = desk.ask()
    desk.error("invalid_value", param="response.instructions")
    assert isinstance(turn.error, ServerError)


def test_a_server_that_refuses_metadata_gets_none(desk: Desk) -> None:
    first, second = desk.ask(instructions="a"), desk.ask()
    desk.error("unknown_parameter", of=desk.creates[0], param="response.metadata")
    again = desk.creates[1].response
    assert isinstance(again, ResponseCreateParams)
    assert again == ResponseCreateParams(instructions="a")
    desk.created("r1")
    desk.done("r1")
    assert first.done
    assert desk.creates[2].response is not first
    assert not isinstance(desk.creates[2].response, ResponseCreateParams)
    desk.created("r2")
    assert second.response_id == "r2"


def test_a_server_that_refuses_the_callers_metadata_fails_the_turn(desk: Desk) -> None:
    turn = desk.ask(metadata={"a": "b"})
    for create in (0, 1):
        desk.error("unknown_parameter", of=desk.creates[create], param="response.metadata")
    assert isinstance(turn.error, ServerError)
    assert len(desk.creates) == 2


# -- requests by hand -----------------------------------------------------------------------------


def test_a_request_sent_by_hand_counts_as_running(desk: Desk) -> None:
    desk.by_hand(event_id="mine")
    turn = desk.ask()
    assert len(desk.creates) == 1
    desk.created("h1")
    desk.done("h1")
    assert len(desk.creates) == 2
    desk.created("r1", desk.creates[1])
    assert turn.response_id == "r1"


def test_a_refused_request_by_hand_is_the_callers_to_repeat(desk: Desk) -> None:
    desk.by_hand(event_id="mine")
    turn = desk.ask()
    desk.error("invalid_value", of="mine")
    assert len(desk.creates) == 2
    desk.created("r1", desk.creates[1])
    assert turn.response_id == "r1"


def test_a_request_by_hand_into_a_running_response_does_no_harm(desk: Desk) -> None:
    turn = desk.ask()
    desk.created("r1", desk.creates[0])
    desk.by_hand(event_id="mine")
    desk.error(of="mine")
    desk.done("r1")
    assert turn.done
    assert desk.responses.idle


def test_a_request_by_hand_that_was_overtaken_is_not_repeated(desk: Desk) -> None:
    desk.by_hand(event_id="mine", response={"metadata": {"k": "v"}})
    desk.created("vad")
    desk.error(of="mine")
    desk.done("vad")
    assert len(desk.creates) == 1
    assert desk.responses.idle


def test_by_hand_beside_the_conversation_holds_nobody_up(desk: Desk) -> None:
    aside = desk.by_hand(response={"conversation": "none", "metadata": {"topic": "x"}})
    turn = desk.ask()
    assert len(desk.creates) == 2
    desk.created("r1", desk.creates[1])
    desk.created("h1", aside, None)
    desk.done("h1")
    assert not turn.done
    desk.done("r1")
    assert desk.responses.idle


def test_sixteen_pairs_of_metadata_leave_no_room_for_a_mark(desk: Desk) -> None:
    full = {f"k{number}": "v" for number in range(16)}
    turn = desk.ask(metadata=full)
    assert desk.creates[0].response.metadata == full  # type: ignore[union-attr]
    desk.created("x", conversation="c")  # no echo known yet: the order would decide
    desk.error(of=desk.creates[0])
    desk.done("x")
    desk.created("r1", desk.creates[1])
    assert turn.response_id == "r1"
    desk.done("r1")
    assert turn.done


# -- servers of other kinds -----------------------------------------------------------------------


def test_a_server_that_sends_no_response_created(desk: Desk) -> None:
    first, second = desk.ask(), desk.ask()
    desk.text("r1", "hel")
    assert (first.text, first.response_id) == (["hel"], "r1")
    desk.text("r1", "lo")
    desk.done("r1")
    assert first.done
    desk.done("r2")  # not even a delta
    assert second.done
    assert desk.responses.idle


def test_an_unannounced_response_that_ends_twice_ends_one_turn(desk: Desk) -> None:
    first, second = desk.ask(), desk.ask()
    desk.done("r1")
    desk.done("r1")
    assert (first.done, second.done) == (True, False)


def test_a_cancel_on_a_server_that_announces_nothing(desk: Desk) -> None:
    turn = desk.ask()
    desk.cancel(turn)
    desk.text("r1", "x")
    assert desk.cancels == ["r1"]
    desk.done("r1", "cancelled")
    assert turn.status == "cancelled"


def test_out_of_band_on_a_server_that_announces_nothing(desk: Desk) -> None:
    turn = desk.ask(conversation="none")
    desk.done("r1")
    assert turn.done


@pytest.mark.parametrize("response", [{"id": None, "status": None}, {"id": 5}, None, "r", [], 3])
def test_responses_without_a_usable_id(desk: Desk, response: Any) -> None:
    first, second = desk.ask(), desk.ask()
    desk.says("response.created", response=response)
    assert first.status == "in_progress"
    desk.text(None, "a")
    desk.cancel(first)
    assert desk.cancels == [None]
    desk.says("response.done", response=response)
    assert (first.done, first.text) == (True, ["a"])
    assert first.status == "completed"
    assert len(desk.creates) == 2
    assert not second.done


def test_an_id_that_is_told_late(desk: Desk) -> None:
    turn = desk.ask()
    desk.says("response.created", response={"metadata": None})
    desk.text("r1", "a")
    desk.text(None, "b")
    desk.done("r1")
    assert (turn.done, turn.text) == (True, ["a", "b"])


def test_an_end_without_an_id_ends_the_one_that_runs(desk: Desk) -> None:
    desk.ask(conversation="none")
    turn = desk.ask()
    desk.created("r2", desk.creates[1])
    desk.created("r1", desk.creates[0], None)
    desk.done(None)
    assert turn.done
    assert not desk.responses.idle
    desk.done(None)
    assert desk.responses.idle


@pytest.mark.parametrize(
    "payload",
    [{"response_id": "r1"}, {"response": {"id": "r1"}}, {}, {"response": None}, {"response_id": 5}],
)
def test_response_cancelled_in_place_of_response_done(desk: Desk, payload: dict[str, Any]) -> None:
    first, second = desk.ask(), desk.ask()
    desk.created("r1", desk.creates[0])
    desk.cancel(first)
    desk.says("response.cancelled", **payload)
    assert (first.done, first.status) == (True, "cancelled")
    assert len(desk.creates) == 2
    desk.done("r1", "cancelled")  # and some send both
    assert not second.done


def test_response_cancelled_that_answers_a_cancel_of_nothing(desk: Desk) -> None:
    turn = desk.ask()
    desk.says("response.cancelled")
    assert not turn.done
    desk.created("r1", desk.creates[0])
    desk.says("response.cancelled", response_id="other")
    assert not turn.done


def test_an_end_that_is_told_twice_ends_one(desk: Desk) -> None:
    first, second = desk.ask(), desk.ask()
    desk.created("r1", desk.creates[0])
    desk.done("r1")
    desk.done("r1")
    desk.created("r1", desk.creates[0])
    desk.text("r1", "straggler")
    assert first.done
    assert (second.done, second.text, second.response_id) == (False, [], None)
    desk.created("r2", desk.creates[1])
    assert second.response_id == "r2"


def test_a_beginning_that_is_told_twice_changes_nothing(desk: Desk) -> None:
    turn = desk.ask()
    desk.created("r1", desk.creates[0])
    desk.text("r1", "a")
    desk.created("r1", desk.creates[0])
    desk.text("r1", "b")
    assert turn.text == ["a", "b"]


MISFITS = [None, 5, "x", [], [[]], {"a": {}}, True]


@pytest.mark.parametrize("value", MISFITS)
def test_nothing_that_a_server_says_raises(desk: Desk, value: Any) -> None:
    desk.ask()
    desk.ask(conversation="none")
    for fields in (
        {"response_id": value, "delta": value, "item_id": value},
        {"response_id": "r1", "delta": value, "item_id": value, "text": value},
        {"response_id": value, "transcript": value, "item_id": value},
    ):
        for kind in (
            "response.output_text.delta", "response.output_text.done",
            "response.output_audio.delta", "response.output_audio_transcript.delta",
            "response.output_audio_transcript.done", "response.output_item.added",
        ):  # fmt: skip
            desk.says(kind, **fields)
    for response in (
        value,
        {"id": value, "metadata": value, "conversation_id": value},
        {"id": "r1", "status": value, "output": value, "metadata": {"a": value}},
        {"id": "r2", "output": [value, {"type": "message", "content": value}]},
        {"id": "r3", "output": [{"type": "message", "content": [value]}]},
    ):
        desk.says("response.created", response=response)
        desk.says("response.done", response=response)
    desk.says("response.cancelled", response=value, response_id=value)
    desk.says("response.something", response_id=value)
    desk.frame(value)


# -- the end --------------------------------------------------------------------------------------


def test_the_end_of_the_connection_ends_every_turn(desk: Desk) -> None:
    desk.tools = {"r0"}
    held = desk.ask()
    desk.created("r0", desk.creates[0])
    desk.done("r0")
    aside, waiting = desk.ask(conversation="none"), desk.ask()
    desk.created("vad")
    error = ConnectionClosedError(1006)
    desk.responses.close(error)
    for turn in (held, aside, waiting):
        assert turn.done
        assert (turn.error, turn.status) == (error, "failed")
    assert desk.responses.idle
    desk.settle(held)
    desk.cancel(held)
    assert len(desk.creates) == 2


def test_what_was_said_is_kept_in_order_with_a_break_between_items(desk: Desk) -> None:
    desk.tools = {"r1"}
    turn = desk.ask()
    desk.created("r1", desk.creates[0])
    desk.text("r1", "one ", "i1")
    desk.text("r1", "moment", "i1")
    desk.says(
        "response.output_audio_transcript.delta", response_id="r1", item_id="i2", delta="spoken"
    )
    desk.done("r1")
    desk.go_on(turn)
    desk.created("r2", desk.creates[1])
    desk.text("r2", "here", "i3")
    desk.done("r2")
    assert "".join(turn.text) == "one moment\nhere"
    assert "".join(turn.said) == "one moment\nspoken\nhere"
    assert turn.transcript == ["spoken"]


def test_what_comes_without_deltas_is_said_too_and_once(desk: Desk) -> None:
    def message(item_id: str, *parts: dict[str, str]) -> dict[str, Any]:
        return {"type": "message", "role": "assistant", "id": item_id, "content": list(parts)}

    text = {"type": "output_text", "text": "hello"}
    audio = {"type": "output_audio", "transcript": "good day"}
    first, second, third = desk.ask(), desk.ask(), desk.ask()
    desk.created("r1", desk.creates[0])
    desk.done("r1", output=[message("i1", text), message("i2", audio)])
    assert (first.text, first.transcript) == (["hello"], ["good day"])
    assert "".join(first.said) == "hello\ngood day"
    desk.created("r2", desk.creates[1])
    desk.says("response.output_text.done", response_id="r2", item_id="i3", text="hello")
    desk.done("r2", output=[message("i3", text)])
    assert second.text == ["hello"]
    desk.created("r3", desk.creates[2])
    desk.text("r3", "hel", "i4")
    desk.text("r3", "lo", "i4")
    desk.says("response.output_text.done", response_id="r3", item_id="i4", text="hello")
    desk.done("r3", output=[message("i4", text)])
    assert third.text == ["hel", "lo"]
