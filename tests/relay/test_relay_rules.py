"""What a browser may send, from where it may come, and how much."""

from __future__ import annotations

import json
from typing import Any

import pytest

from voxwire.errors import InvalidOption
from voxwire.relay.limits import Allowance, Limits, Pace, Seats
from voxwire.relay.rules import DEEPEST, SAFE, Rules, parsed, turned_away, without

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
    ("origin", "host", "origins", "hosts", "may"),
    [
        # By default: what is no browser, and pages of this machine under its own names.
        (None, "localhost:8000", None, None, True),
        ("http://localhost:8000", "localhost:8000", None, None, True),
        ("http://LOCALHOST:8000", "localhost:8000", None, None, True),
        ("http://[::1]:8000", "[::1]:8000", None, None, True),
        ("http://localhost:3000", "localhost:8000", None, None, False),
        ("https://evil.example", "localhost:8000", None, None, False),
        ("null", "localhost:8000", None, None, False),
        # A page whose own name leads to this machine.
        ("http://evil.example:8000", "evil.example:8000", None, None, False),
        ("http://localhost.evil.example", "localhost.evil.example", None, None, False),
        (None, "evil.example:8000", None, None, False),
        ("http://[", "[", None, None, False),
        (None, None, None, None, False),
        # Under the names that are given.
        ("https://a.example", "a.example", None, ["a.example"], True),
        ("https://A.example", "a.example", None, ["A.Example"], True),
        ("https://a.example:8443", "a.example:8443", None, ["a.example"], True),
        ("https://a.example:8443", "a.example:8443", None, ["a.example:8443"], True),
        ("https://a.example", "a.example", None, ["a.example:8443"], False),
        ("https://evil.example", "evil.example", None, ["a.example"], False),
        ("https://evil.example", "evil.example", None, ["*"], True),
        ("http://localhost", "localhost", None, ["a.example"], True),
        # Of the pages that are given, under any name.
        ("https://b.example", "a.example", ["https://b.example"], None, True),
        ("http://b.example", "a.example", ["https://b.example"], None, False),
        ("https://a.example", "a.example", ["https://b.example"], None, False),
        ("https://any.example", "a.example", ["*"], None, True),
        ("https://b.example", "evil.example", ["https://b.example"], ["a.example"], False),
    ],
)
def test_from_where_pages_come(origin: Any, host: Any, origins: Any, hosts: Any, may: bool) -> None:
    assert (turned_away(origin, host, origins, hosts) is None) is may


@pytest.mark.parametrize("depth", [DEEPEST + 1, 500, 5_000, 100_000])
@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_what_is_nested_too_deeply_is_no_event(depth: int, brackets: str) -> None:
    begin, end = {"[]": ("[", "]"), "{}": ('{"a":', "}")}[brackets]
    with pytest.raises(ValueError, match="too deeply"):
        parsed(begin * depth + "0" + end * depth)


@pytest.mark.parametrize("frame", ["", "{", "nonsense", '{"a":}', "1" * 10_000])
def test_what_is_no_json_is_no_event(frame: str) -> None:
    with pytest.raises(ValueError, match="not JSON"):
        parsed(frame)


def test_what_has_many_brackets_need_not_be_deep() -> None:
    assert parsed("[" + ",".join(["[{}]"] * 1000) + "]")[0] == [{}]
    deep = "[" * (DEEPEST - 1) + "0" + "]" * (DEEPEST - 1)
    assert json.dumps(parsed(deep)) == deep


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
    now[0] = 0.5  # a clock that was set back takes nothing away
    assert not pace.take()
    now[0] = 1.5
    assert [pace.take() for _ in range(3)] == [True, True, False]


def test_what_is_left_goes_on_with_another_worker() -> None:
    now = [1000.0]
    limits = Limits(events=1, bytes=100, seconds=60)
    first = Allowance(limits, clock=lambda: now[0])
    assert [first.take(50) for _ in range(11)] == [True] * 10 + [False]
    second = Allowance(limits, json.loads(json.dumps(first.state)), clock=lambda: now[0])
    assert not second.take(1)
    now[0] += 2
    assert [second.take(50) for _ in range(3)] == [True, True, False]
    now[0] += 57
    assert not second.over
    now[0] += 1
    assert second.over
    assert not Allowance(limits, clock=lambda: now[0]).over


def test_bytes_have_a_limit_of_their_own() -> None:
    allowance = Allowance(Limits(events=1000, bytes=100), clock=lambda: 0.0)
    assert [allowance.take(600), allowance.take(600), allowance.take(400)] == [True, False, True]


def test_seats_are_taken_and_left() -> None:
    seats = Seats(Limits(sessions=2, sessions_of_one=1))
    assert [seats.take(who) for who in ("a", "a", "b", "c")] == [True, False, True, False]
    seats.leave("a")
    assert seats.take("c")
    with pytest.raises(InvalidOption):
        Limits(events=0)
