"""What is worth another try, and when."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
from voxwire_protocol import ErrorDetails, ErrorEvent

from voxwire import (
    AuthenticationError,
    ConnectRefused,
    ConnectTimeout,
    InvalidOption,
    PermissionDenied,
    Reconnect,
    ServerError,
    UpgradeRejected,
)
from voxwire.session.local_events import ConnectionClosed

EACH: dict[str, Any] = {"clean": False, "expected": False}


def closed(code: int, reason: str = "") -> ConnectionClosed:
    return ConnectionClosed(code=code, reason=reason, **EACH)


def error(type: str, code: str | None = None) -> ErrorEvent:
    return ErrorEvent(event_id="e", error=ErrorDetails(type=type, code=code, message="so"))


@pytest.mark.parametrize(
    ("failure", "worth"),
    [
        (closed(1006), True),
        (closed(1001, "session_expired"), True),
        (closed(1001, "invalid_request_error.session_expired"), True),
        (closed(1012), True),
        (closed(1011, "server_error"), True),
        (closed(1011, "invalid_request_error.unknown"), False),
        (closed(1000), False),
        (closed(1000, "server_error.restart"), True),
        (closed(1008), False),
        (closed(1009), False),
        (closed(3000, "invalid_request_error.invalid_api_key"), False),
        (closed(4000, "invalid_request_error.beta_api_shape_disabled"), False),
        (closed(4000, "server_error"), True),
        (ConnectTimeout("slow"), True),
        (ConnectRefused("nobody"), True),
        (UpgradeRejected("no", status=503), True),
        (UpgradeRejected("no", status=429), True),
        (UpgradeRejected("no", status=404), False),
        (UpgradeRejected("no", status=429, event=error("insufficient_quota")), False),
        (UpgradeRejected("no", close_code=4000, event=error("invalid_request_error")), False),
        (UpgradeRejected("no", close_code=1013), True),
        (AuthenticationError("no", status=401), False),
        (PermissionDenied("no", status=403), False),
        (ServerError(error("server_error")), True),
        (ServerError(error("invalid_request_error", "model_not_found")), False),
        (InvalidOption("wrong"), False),
        (OSError("the key's own server"), True),
    ],
)
def test_codes_and_types_decide(failure: Any, worth: bool) -> None:
    assert Reconnect().retries(failure, fresh_key=False) is worth


def test_a_key_that_changes_is_worth_a_try() -> None:
    refused = AuthenticationError("expired", status=401)
    assert Reconnect().retries(refused, fresh_key=True)


def test_a_certificate_that_is_not_trusted_stays_so() -> None:
    failure = ConnectRefused("TLS")
    failure.__cause__ = ssl.SSLCertVerificationError()
    assert not Reconnect().retries(failure, fresh_key=False)


def test_a_program_has_the_last_word() -> None:
    policy = Reconnect(worth=lambda failure: {1000: True, 1006: False}.get(failure.code))  # type: ignore[union-attr]
    told = [policy.retries(closed(code), fresh_key=False) for code in (1000, 1006, 1012)]
    assert told == [True, False, True]


def test_delays_grow_and_are_random_to_their_full_length() -> None:
    policy = Reconnect(first_delay=1.0, longest_delay=10.0)
    assert [policy.delay(n, lambda: 1.0) for n in range(1, 7)] == [1, 2, 4, 8, 10, 10]
    assert policy.delay(5, lambda: 0.0) == 0
    assert policy.delay(100_000, lambda: 1.0) == 10
    assert len({policy.delay(3) for _ in range(20)}) > 10


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts": 0},
        {"first_delay": -1},
        {"longest_delay": float("nan")},
        {"audio_seconds": -0.1},
        {"restore_timeout": 0},
        {"responses": "never"},
    ],
)
def test_what_cannot_be_is_refused_with_its_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption, match=next(iter(wrong))):
        Reconnect(**wrong)
