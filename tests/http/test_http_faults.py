"""Servers and networks that fail: what is sent again, and what is raised. Both clients."""

from __future__ import annotations

import gzip
import socket
from typing import Any

import httpx
import pytest
from http_server import Answer, Cut, HttpServer, Silent, Slam, Step

import voxwire
from voxwire.http import Backoff

OFFER = "v=0\r\ns=-\r\n"
SECRET = {"value": "ek_0123456789", "expires_at": 1, "session": {"type": "realtime"}}
GOOD = Answer(200, SECRET)


def make_secret(client: Any) -> Any:
    return client.client_secrets.create(expires_after=60)


ONCE = {
    "create": lambda client: client.calls.create(OFFER),
    "create in full": lambda client: client.calls.create(OFFER, session={"type": "realtime"}),
    "accept": lambda client: client.calls.accept("rtc_1", session={"type": "realtime"}),
    "reject": lambda client: client.calls.reject("rtc_1"),
    "refer": lambda client: client.calls.refer("rtc_1", "sip:a@example.com"),
}
OFTEN = {"secret": make_secret, "hangup": lambda client: client.calls.hangup("rtc_1")}
TRANSLATION = {"model": "m"}
OFTEN["translation secret"] = lambda client: client.translations.client_secrets.create(
    session=TRANSLATION
)


# --- what is sent again -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "2"}, 2.0),
        ({"Retry-After-Ms": "1500"}, 1.5),
        ({"Retry-After": "Fri, 15 Jan 2027 08:00:04 GMT"}, 4.0),
        ({"Retry-After": "later"}, 0.5),
        ({}, 0.5),
    ],
)
def test_a_limit_of_rate_is_waited_out(
    api: Any, server: HttpServer, headers: dict[str, str], wait: float
) -> None:
    server.plan = [Answer(429, {"error": {"message": "slow down"}}, headers), GOOD]
    raw = api(lambda client: client.client_secrets.create.raw(expires_after=60))
    assert raw.parsed.value == "ek_0123456789"
    assert raw.attempts == 2
    assert api.waits == [wait]
    first, second = server.seen
    assert first.body == second.body
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


@pytest.mark.parametrize(
    "step",
    [
        *(Answer(status) for status in (408, 409, 500, 502, 503, 504)),
        Answer(503, b"<html>down</html>", {"content-type": "text/html"}),
        Cut(),
        Slam(),
    ],
    ids=str,
)
@pytest.mark.parametrize("ask", OFTEN.values(), ids=OFTEN)
def test_what_does_no_harm_twice_is_sent_again(
    api: Any, server: HttpServer, step: Step, ask: Any
) -> None:
    server.plan = [step, step, GOOD]
    assert api(ask)
    assert len(server.seen) == 3
    assert api.waits == [0.5, 1.0]


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (Answer(408), voxwire.HttpStatusError),
        (Answer(409), voxwire.Conflict),
        (Answer(500), voxwire.InternalServerError),
        (Answer(503, b"", {"Retry-After": "1", "x-should-retry": "true"}), voxwire.HttpError),
        (Cut(), voxwire.HttpConnectionError),
        (Cut(201, b"v=0"), voxwire.HttpConnectionError),
        (Slam(), voxwire.HttpConnectionError),
    ],
    ids=str,
)
@pytest.mark.parametrize("ask", ONCE.values(), ids=ONCE)
def test_what_must_not_happen_twice_is_sent_once(
    api: Any, server: HttpServer, step: Step, kind: type[Exception], ask: Any
) -> None:
    server.plan = [step, Answer(201, OFFER.encode())]
    with pytest.raises(kind) as caught:
        api(ask)
    assert len(server.seen) == 1
    assert api.waits == []
    assert isinstance(caught.value, voxwire.HttpError)
    assert caught.value.attempts == 1
    assert caught.value.maybe_done is (kind is not voxwire.Conflict)


@pytest.mark.parametrize("ask", ONCE.values(), ids=ONCE)
def test_what_was_turned_away_at_the_door_is_sent_again(
    api: Any, server: HttpServer, ask: Any
) -> None:
    server.plan = [Answer(429, b"", {"Retry-After": "3"}), Answer(201, OFFER.encode())]
    api(ask)
    assert len(server.seen) == 2
    assert api.waits == [3.0]


@pytest.mark.parametrize("ask", [*ONCE.values(), *OFTEN.values()], ids=[*ONCE, *OFTEN])
def test_what_reached_nobody_is_sent_again(api: Any, ask: Any) -> None:
    with socket.socket() as nobody:  # bound and not listening: connections are refused
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/v1"
        with pytest.raises(voxwire.HttpConnectionError) as caught:
            api(ask, base_url=url)
    assert api.waits == [0.5, 1.0]
    assert caught.value.attempts == 3
    assert not caught.value.maybe_done
    assert isinstance(caught.value.__cause__, httpx.ConnectError)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_what_will_not_pass_is_not_tried_again(api: Any, server: HttpServer, status: int) -> None:
    server.plan = [Answer(status), GOOD]
    with pytest.raises(voxwire.HttpStatusError):
        api(make_secret)
    assert len(server.seen) == 1


def test_the_number_of_retries_is_the_callers(api: Any, server: HttpServer) -> None:
    server.plan = [Answer(500)] * 9
    with pytest.raises(voxwire.InternalServerError) as caught:
        api(make_secret, max_retries=3)
    assert (len(server.seen), caught.value.attempts) == (4, 4)
    with pytest.raises(voxwire.InternalServerError):
        api(lambda client: client.calls.hangup("rtc_1", max_retries=0), max_retries=3)
    assert len(server.seen) == 5


def test_a_server_that_asks_for_too_long_is_not_waited_for(api: Any, server: HttpServer) -> None:
    server.plan = [Answer(429, b"", {"Retry-After": "3600"}), GOOD]
    with pytest.raises(voxwire.TooManyRequests) as caught:
        api(make_secret)
    assert caught.value.retry_after == 3600.0
    assert (len(server.seen), api.waits) == (1, [])
    assert not caught.value.maybe_done


def test_the_server_may_say_that_it_is_of_no_use(api: Any, server: HttpServer) -> None:
    server.plan = [Answer(500, b"", {"x-should-retry": "false"}), GOOD]
    with pytest.raises(voxwire.InternalServerError):
        api(make_secret)
    assert len(server.seen) == 1


def test_a_lost_answer_to_a_hangup_is_found_over(api: Any, server: HttpServer) -> None:
    server.plan = [Slam(), Answer(404)]
    assert api(lambda client: client.calls.hangup("rtc_1")) is False


def test_what_any_attempt_may_have_done_is_told(api: Any, server: HttpServer) -> None:
    server.plan = [Slam(), Answer(401)]
    with pytest.raises(voxwire.Unauthorized) as caught:
        api(make_secret)
    assert caught.value.maybe_done
    server.plan = [Answer(429), Answer(401)]
    with pytest.raises(voxwire.Unauthorized) as caught:
        api(make_secret)
    assert not caught.value.maybe_done


def test_the_backoff_is_the_callers(api: Any, server: HttpServer) -> None:
    server.plan = [Answer(500), GOOD]
    api(make_secret, backoff=Backoff(first=3.0, chance=lambda: 0.5))
    assert api.waits == [1.5]


# --- slow ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("ask", ONCE.values(), ids=ONCE)
def test_no_answer_in_time_is_not_asked_anew_where_it_must_not(
    api: Any, server: HttpServer, ask: Any
) -> None:
    server.plan = [Silent(), GOOD]
    with pytest.raises(voxwire.HttpTimeout, match="timeout=") as caught:
        api(ask, timeout=0.05)
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.maybe_done
    assert len(server.seen) == 1


def test_no_answer_in_time_is_asked_anew_where_it_may(api: Any, server: HttpServer) -> None:
    server.plan = [Silent(), GOOD]
    secret = api(lambda client: client.client_secrets.create(expires_after=60, timeout=0.2))
    assert secret.value == "ek_0123456789"
    assert len(server.seen) == 2


class Timeouts(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers at once, and keeps what time it was given."""

    def __init__(self) -> None:
        self.given: list[dict[str, float]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.given.append(request.extensions["timeout"])
        return httpx.Response(200, json=SECRET)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


def test_timeouts_are_by_client_and_by_call(api: Any) -> None:
    transport = Timeouts()
    api(make_secret, own={"transport": transport})
    api(make_secret, own={"transport": transport}, timeout=7)
    ask = lambda client: client.client_secrets.create(timeout=httpx.Timeout(1, read=2))  # noqa: E731
    api(ask, own={"transport": transport}, timeout=7)
    api(
        lambda client: client.client_secrets.create(timeout=None),
        own={"transport": transport},
    )
    assert transport.given == [
        {"connect": 5.0, "read": 30.0, "write": 30.0, "pool": 30.0},
        {"connect": 7, "read": 7, "write": 7, "pool": 7},
        {"connect": 1, "read": 2, "write": 1, "pool": 1},
        {"connect": None, "read": None, "write": None, "pool": None},
    ]


# --- answers that are none ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"\x00\xff garbage", {"content-type": "application/json"}),
        Answer(200, b"<html>Welcome</html>", {"content-type": "text/html"}),
        Answer(200, b""),
        Answer(200, []),
        Answer(200, {"unexpected": True}),
        Answer(200, {"value": 5}),
        Answer(204),
    ],
    ids=str,
)
def test_a_success_that_is_none_is_told_and_not_asked_anew(
    api: Any, server: HttpServer, answer: Answer
) -> None:
    server.plan = [answer, GOOD]
    with pytest.raises(voxwire.UnreadableAnswer) as caught:
        api(make_secret)
    assert len(server.seen) == 1
    assert caught.value.status == answer.status
    assert caught.value.maybe_done
    assert caught.value.response is not None
    assert f"{len(caught.value.response.content)} bytes" in str(caught.value)


@pytest.mark.parametrize("body", [b"<html>", b"", b'{"sdp": "v=0"}'])
def test_an_answer_to_an_offer_must_be_one(api: Any, server: HttpServer, body: bytes) -> None:
    server.plan = [Answer(201, body, {"Location": "/v1/realtime/calls/rtc_1"})]
    with pytest.raises(voxwire.UnreadableAnswer, match="no SDP"):
        api(ONCE["create"])


def test_what_an_answer_is_labelled_does_not_matter(api: Any, server: HttpServer) -> None:
    label = {"content-type": "text/html; charset=latin-1"}
    server.plan = [
        Answer(200, b'{"value": "ek_0123456789", "session": {"type": "realtime"}}', label),
        Answer(201, "v=0\r\ns=grüße\r\n".encode(), label),
    ]
    assert api(make_secret).value == "ek_0123456789"
    assert api(ONCE["create"]).sdp == "v=0\r\ns=grüße\r\n"


def test_a_success_may_have_another_status(api: Any, server: HttpServer) -> None:
    server.plan = [Answer(201, SECRET), Answer(200, OFFER.encode()), Answer(204)]
    assert api(make_secret).value == "ek_0123456789"
    assert api(ONCE["create"]).sdp == OFFER
    assert api(ONCE["accept"]) is None


def test_fields_of_the_wrong_type_are_no_error(api: Any, server: HttpServer) -> None:
    answer = {"value": "ek_0123456789", "expires_at": "soon", "session": 5}
    server.plan = [Answer(200, answer)]
    secret = api(make_secret)
    assert secret.value == "ek_0123456789"
    assert {problem.path for problem in voxwire.problems(secret)} == {"$.expires_at", "$.session"}


def test_a_body_that_cannot_be_decompressed_is_told(api: Any, server: HttpServer) -> None:
    server.plan = [Answer(200, b"not gzip", {"content-encoding": "gzip"})]
    with pytest.raises(voxwire.UnreadableAnswer, match="decompressed"):
        api(make_secret)
    server.plan = [Answer(200, gzip.compress(b'{"value": "ek_0"}'), {"content-encoding": "gzip"})]
    assert api(make_secret).value == "ek_0"


# --- redirects ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("own", [False, True])
def test_a_redirect_is_not_followed(api: Any, server: HttpServer, status: int, own: bool) -> None:
    with HttpServer() as elsewhere:
        elsewhere.plan = [GOOD]
        server.plan = [
            Answer(status, b"", {"Location": f"{elsewhere.url}/realtime/client_secrets"})
        ]
        mine = {"follow_redirects": True} if own else None
        with pytest.raises(
            voxwire.HttpStatusError, match=f"{elsewhere.url}.*not followed"
        ) as caught:
            api(make_secret, own=mine)
        assert elsewhere.seen == []
        assert caught.value.status == status
    assert len(server.seen) == 1
