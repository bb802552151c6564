"""What a browser may send, from where it may come, and how much."""

from __future__ import annotations

from typing import Any

import pytest

from voxwire.errors import InvalidOption
from voxwire.relay.limits import Limits, Pace, Seats
from voxwire.relay.rules import SAFE, Rules, same_site, without

MESSAGE: dict[str, Any] = {
    "type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}],
}  # fmt: skip


@pytest.mark.parametrize(
    "event",
    [
        {"type": "input_audio_buffer.append", "audio": ""},
        {"type": "response.create"},
        {"type": "response.create", "response": {}},
        {"type": "conversation.item.create", "item": MESSAGE},
    ],
)
def test_what_a_conversation_needs_may_pass(event: Any) -> None:
    assert Rules(SAFE, ()).refusal(event) is None


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (None, "with a type"),
        ([], "with a type"),
        ({"type": 1}, "with a type"),
        ({"type": "session.update", "session": {}}, "session.update is not allowed"),
        ({"type": "conversation.item.delete", "item_id": "x"}, "not allowed"),
        ({"type": "response.create", "response": {"instructions": "x"}}, "no settings"),
        ({"type": "conversation.item.create"}, "an object"),
        (
            {"type": "conversation.item.create", "item": {**MESSAGE, "role": "system"}},
            "of the user",
        ),
        (
            {"type": "conversation.item.create", "item": {"type": "function_call_output"}},
            "of the user",
        ),
        (
            {"type": "conversation.item.create", "item": {**MESSAGE, "content": [{"type": "x"}]}},
            "made of",
        ),
    ],
)
def test_what_would_change_it_may_not(event: Any, why: str) -> None:
    assert why in (Rules(SAFE, ()).refusal(event) or "")


def test_what_is_unchecked_passes_with_anything_in_it() -> None:
    rules = Rules(SAFE, ["session.update", "response.create"])
    assert rules.refusal({"type": "session.update", "session": {"instructions": "x"}}) is None
    assert rules.refusal({"type": "response.create", "response": {"tools": []}}) is None
    assert Rules(["response.cancel"], ()).refusal({"type": "response.create"}) is not None


@pytest.mark.parametrize(
    ("origin", "host", "allowed", "may"),
    [
        (None, "a.example", None, True),
        ("https://a.example", "a.example", None, True),
        ("https://A.example", "a.example", None, True),
        ("https://evil.example", "a.example", None, False),
        ("null", "a.example", None, False),
        ("https://b.example", "a.example", ["https://b.example"], True),
        ("http://b.example", "a.example", ["https://b.example"], False),
        ("https://a.example", "a.example", ["https://b.example"], False),
        ("https://any.example", "a.example", ["*"], True),
    ],
)
def test_from_where_pages_come(origin: Any, host: Any, allowed: Any, may: bool) -> None:
    assert same_site(origin, host, allowed) is may


def test_what_is_hidden_is_left_out() -> None:
    event = {"type": "session.updated", "session": {"instructions": "x", "model": "m"}}
    assert without(event, ["instructions"])["session"] == {"model": "m"}
    assert without({"type": "x"}, ["instructions"]) == {"type": "x"}


def test_a_pace_fills_with_time() -> None:
    now = [0.0]
    pace = Pace(2.0, lambda: now[0], burst=2.0)
    assert [pace.take() for _ in range(5)] == [True] * 4 + [False]
    now[0] = 1.0
    assert [pace.take() for _ in range(3)] == [True, True, False]


def test_seats_are_taken_and_left() -> None:
    seats = Seats(Limits(sessions=2, sessions_of_one=1))
    assert [seats.take(who) for who in ("a", "a", "b", "c")] == [True, False, True, False]
    seats.leave("a")
    assert seats.take("c")
    with pytest.raises(InvalidOption):
        Limits(events=0)
