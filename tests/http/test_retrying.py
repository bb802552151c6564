"""Whether and when to try again, as numbers."""

from __future__ import annotations

import random

import httpx
import pytest

from voxwire.http.retry import Backoff, asked_to_wait, may_help

NOW = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After": "0.25"}, 0.25),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After-Ms": "1500"}, 1.5),
        ({"Retry-After-Ms": "1500", "Retry-After": "9"}, 1.5),
        ({"Retry-After-Ms": "soon", "Retry-After": "9"}, 9.0),
        ({"Retry-After": "Fri, 15 Jan 2027 08:00:07 GMT"}, 7.0),
        ({"Retry-After": "Friday, 15-Jan-27 08:00:07 GMT"}, 7.0),
        ({"Retry-After": "Fri, 15 Jan 2027 08:00:07 -0000"}, 7.0),
        ({"Retry-After": "Fri, 15 Jan 2027 10:00:07 +0200"}, 7.0),
        ({"Retry-After": "Fri, 15 Jan 2027 07:00:00 GMT"}, 0.0),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "in a while"}, None),
        ({"Retry-After": ""}, None),
        ({}, None),
    ],
)
def test_every_form_of_a_wait_is_understood(headers: dict[str, str], seconds: float | None) -> None:
    assert asked_to_wait(httpx.Headers(headers), NOW) == seconds


@pytest.mark.parametrize(
    ("status", "said", "helps"),
    [
        *((status, "", True) for status in (408, 409, 429, 500, 502, 503, 504, 529)),
        *((status, "", False) for status in (300, 307, 400, 401, 403, 404, 422)),
        (429, "false", False),
        (400, "true", True),
        (429, "perhaps", True),
    ],
)
def test_only_what_may_pass_is_tried_again(status: int, said: str, helps: bool) -> None:
    assert may_help(status, httpx.Headers({"x-should-retry": said})) is helps


def test_waits_grow_to_a_limit() -> None:
    backoff = Backoff(first=0.5, longest=8.0, chance=lambda: 1.0)
    assert [backoff.seconds(attempt, None) for attempt in (1, 2, 3, 4, 5, 6, 2000)] == [
        0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0,
    ]  # fmt: skip


def test_waits_are_spread_over_the_whole_time() -> None:
    backoff = Backoff(first=4.0, chance=random.Random(1).random)
    waits = [backoff.seconds(1, None) or 0.0 for _ in range(400)]
    assert min(waits) < 0.2
    assert max(waits) > 3.8


def test_a_server_is_waited_for_as_long_as_patience_lasts() -> None:
    backoff = Backoff(patience=60.0, chance=lambda: 1.0)
    assert backoff.seconds(1, 60.0) == 60.0
    assert backoff.seconds(1, 60.1) is None
    assert backoff.seconds(1, 0.0) == 0.0
