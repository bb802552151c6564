"""Webhooks: which are believed, and what is read of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from voxwire import InvalidOption, InvalidSignature, RealtimeCallIncoming, UnknownEvent
from voxwire.http import webhooks

NOW = 1_800_000_000
SECRET = "whsec_" + base64.b64encode(b"twenty-four bytes of key").decode()
OTHER = "whsec_" + base64.b64encode(b"another one, just as good").decode()
BODY = json.dumps(
    {
        "object": "event",
        "id": "evt_1",
        "type": "realtime.call.incoming",
        "created_at": NOW,
        "data": {
            "call_id": "rtc_1",
            "sip_headers": [
                {"name": "From", "value": "sip:+15551234567@example.com"},
                {"name": "To", "value": "sip:proj_1@sip.example.com"},
            ],
        },
    }
).encode()


def signed(body: bytes = BODY, secret: str = SECRET, **changes: Any) -> dict[str, str]:
    return webhooks.sign(body, secret, **{"timestamp": NOW, **changes})


def unwrap(body: bytes | str, headers: Any, secret: Any = SECRET, **options: Any) -> Any:
    return webhooks.unwrap(body, headers, secret, **{"clock": lambda: NOW, **options})


def test_an_announced_call_is_read() -> None:
    call = unwrap(BODY, signed())
    assert isinstance(call, RealtimeCallIncoming)
    assert (call.id, call.data.call_id) == ("evt_1", "rtc_1")
    assert call.data.sip_headers[0].value == "sip:+15551234567@example.com"


def test_the_signature_is_that_of_the_specification() -> None:
    # The example of the Standard Webhooks specification.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    webhooks.verify(body, headers, secret, clock=lambda: 1614265330.0)
    ours = webhooks.sign(body, secret, id=headers["webhook-id"], timestamp=1614265330)
    assert ours == headers


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "wh_other"},
        {"webhook-timestamp": str(NOW + 1)},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "v1," + "é" * 44},
        {"webhook-signature": "garbage"},
        {"webhook-signature": "v1,"},
    ],
)
def test_what_was_changed_is_not_believed(change: dict[str, str]) -> None:
    with pytest.raises(InvalidSignature, match="not signed with this secret"):
        unwrap(BODY, {**signed(), **change})


def test_another_body_is_not_believed() -> None:
    with pytest.raises(InvalidSignature, match="not signed"):
        unwrap(BODY + b" ", signed())


def test_another_secret_is_not_believed() -> None:
    with pytest.raises(InvalidSignature, match="not signed"):
        unwrap(BODY, signed(), OTHER)


def test_a_signature_of_another_version_is_not_believed() -> None:
    headers = signed()
    headers["webhook-signature"] = headers["webhook-signature"].replace("v1,", "v2,")
    with pytest.raises(InvalidSignature, match="not signed"):
        unwrap(BODY, headers)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("empty", [False, True])
def test_a_header_that_is_missing_is_named(name: str, empty: bool) -> None:
    headers = signed()
    headers.pop(name)
    if empty:
        headers[name] = ""
    with pytest.raises(InvalidSignature, match=f"no header {name}"):
        unwrap(BODY, headers)


@pytest.mark.parametrize(("off", "believed"), [(0, 1), (300, 1), (-300, 1), (301, 0), (-301, 0)])
def test_a_webhook_is_believed_for_five_minutes(off: int, believed: int) -> None:
    headers = signed(timestamp=NOW - off)
    if believed:
        assert unwrap(BODY, headers).id == "evt_1"
    else:
        with pytest.raises(InvalidSignature, match=r"301 s (old|in the future), and 300 s"):
            unwrap(BODY, headers)


def test_the_tolerance_is_the_callers() -> None:
    assert unwrap(BODY, signed(timestamp=NOW - 3600), tolerance=3600).id == "evt_1"
    with pytest.raises(InvalidSignature, match="1 s old, and 0 s"):
        unwrap(BODY, signed(timestamp=NOW - 1), tolerance=0)


@pytest.mark.parametrize("stamp", ["yesterday", "1.8e9", "-5", "٣", "9" * 40, "0x10", "1_0"])
def test_a_timestamp_that_is_none_is_not_believed(stamp: str) -> None:
    with pytest.raises(InvalidSignature, match="timestamp"):
        unwrap(BODY, {**signed(), "webhook-timestamp": stamp})


def test_one_of_several_secrets_is_enough() -> None:
    for secret in (SECRET, OTHER):
        assert unwrap(BODY, signed(secret=secret), [OTHER, SECRET]).id == "evt_1"


def test_one_of_several_signatures_is_enough() -> None:
    right, wrong = signed()["webhook-signature"], signed(secret=OTHER)["webhook-signature"]
    for both in (f"{right} {wrong}", f"{wrong} {right}", f"v1a,key {wrong} {right}"):
        assert unwrap(BODY, {**signed(), "webhook-signature": both}).id == "evt_1"


def test_all_signatures_are_compared_with_all_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    same = hmac.compare_digest

    def compare(a: bytes, b: bytes) -> bool:
        compared.append((a, b))
        return same(a, b)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    both = f"{signed()['webhook-signature']} {signed(secret=OTHER)['webhook-signature']}"
    unwrap(BODY, {**signed(), "webhook-signature": both}, [SECRET, OTHER])
    assert len(compared) == 4


@pytest.mark.parametrize(
    "form",
    [
        lambda headers: {name.upper(): value for name, value in headers.items()},
        lambda headers: list(headers.items()),
        lambda headers: [(n.encode(), v.encode()) for n, v in headers.items()],
        lambda headers: {**headers, "host": "me"},
        lambda headers: {name: f" {value} " for name, value in headers.items()},
    ],
)
def test_headers_come_in_any_form(form: Any) -> None:
    assert unwrap(BODY, form(signed())).id == "evt_1"
    assert unwrap(BODY.decode(), form(signed())).id == "evt_1"
    assert unwrap(bytearray(BODY), form(signed())).id == "evt_1"


def test_a_secret_without_its_prefix_is_taken_as_it_is() -> None:
    digest = hmac.digest(b"plain words", b"wh_1.%d." % NOW + BODY, hashlib.sha256)
    headers = {
        "webhook-id": "wh_1",
        "webhook-timestamp": str(NOW),
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }
    assert unwrap(BODY, headers, "plain words").id == "evt_1"


def test_the_secret_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_WEBHOOK_SECRET", raising=False)
    with pytest.raises(InvalidOption, match="OPENAI_WEBHOOK_SECRET"):
        unwrap(BODY, signed(), None)
    monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", f"{OTHER} {SECRET}")
    assert unwrap(BODY, signed(), None).id == "evt_1"


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not*base64", [], [""], None, [None]])
def test_a_secret_that_is_none_is_refused(secret: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", "")
    with pytest.raises(InvalidOption, match="webhook secret") as caught:
        unwrap(BODY, signed(), secret)
    assert "not*base64" not in str(caught.value)


def test_a_parsed_body_is_refused() -> None:
    parsed: Any = json.loads(BODY)
    with pytest.raises(InvalidOption, match="body= is dict: give the body as it was received"):
        unwrap(parsed, signed())


@pytest.mark.parametrize(
    ("body", "name", "reason"),
    [
        (b'{"type": "live.call.incoming", "data": {}}', "live.call.incoming", None),
        (b'{"type": "response.completed", "new": 1}', "response.completed", None),
        (b"not json", "", "not JSON"),
        (b"[1]", "", "not a JSON object"),
        (b'{"data": {}}', "", "no `type`"),
        (b'{"type": "realtime.call.incoming"}', "realtime.call.incoming", "no `data.call_id`"),
        (b'{"type": "realtime.call.incoming", "data": {"call_id": 5}}', ..., "no `data.call_id`"),
    ],
)
def test_any_other_webhook_is_unknown_and_kept(body: bytes, name: Any, reason: Any) -> None:
    event = unwrap(body, signed(body))
    assert isinstance(event, UnknownEvent)
    assert event.type == ("realtime.call.incoming" if name is ... else name)
    assert event.reason == reason
    assert event.raw == body


def test_fields_of_the_wrong_type_are_no_error() -> None:
    body = b'{"type": "realtime.call.incoming", "id": 5, "data": {"call_id": "rtc_1", "more": []}}'
    event = unwrap(body, signed(body))
    assert isinstance(event, RealtimeCallIncoming)
    assert event.data.call_id == "rtc_1"


def test_what_is_signed_now_is_believed_now() -> None:
    headers = webhooks.sign(BODY, SECRET)
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 300
    assert isinstance(webhooks.unwrap(BODY, headers, SECRET), RealtimeCallIncoming)


@pytest.mark.parametrize("tolerance", [float("nan"), float("inf"), -1.0])
def test_a_tolerance_is_a_number_of_seconds(tolerance: float) -> None:
    with pytest.raises(InvalidOption, match="tolerance"):
        webhooks.verify(b"{}", {}, "whsec_aGFyYm91cg==", tolerance=tolerance)


@pytest.mark.parametrize("secret", [5, b"whsec_aGFyYm91cg==", 1.5, object()])
def test_a_secret_is_a_text(secret: Any) -> None:
    with pytest.raises(InvalidOption, match="secret= is of"):
        webhooks.verify(b"{}", {}, secret)
