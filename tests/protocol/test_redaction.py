"""What counts as a secret, and what must be left alone."""

from __future__ import annotations

import time
from typing import Any

import pytest

from voxwire.protocol.redaction import (
    DeltaRedactor,
    redact,
    redact_headers,
    redact_text,
    redact_url,
)


@pytest.mark.parametrize(
    "text",
    [
        "task-force-of-twenty-people",
        "sk-ip a line",
        "the bearer of good news",
        "c2s-0123456789abcdef",
        "AAAAsk+AAAAek/AAAA==",
        "write to me@h.test, or see https://h.test/?page=2#token=3",
        "is key=5 a key? token=yes",
    ],
)
def test_ordinary_text_comes_back_as_the_same_object(text: str) -> None:
    value = {"a": [text, {"b": text}], "n": 1}
    assert redact(value) is value
    assert redact_text(text) is text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Incorrect API key provided: sk-abc_defgh-1.", "Incorrect API key provided: <redacted>."),
        ("ek_68af296e8e408191a1120ab6383263c2", "<redacted>"),
        ("authorization: bearer abc.def1/g+h==, next", "authorization: bearer <redacted>, next"),
        ("realtime, openai-insecure-api-key.xyz", "realtime, openai-insecure-api-key.<redacted>"),
        ("whsec_abc123456/+=", "<redacted>"),
        ("see https://u:p@h.test/a", "see https://<redacted>@h.test/a"),
        ("https://h.test/?a=1&api-key=b2&c=3", "https://h.test/?a=1&api-key=<redacted>&c=3"),
    ],
)
def test_keys_are_cut_out_of_text(text: str, expected: str) -> None:
    assert redact_text(text) == expected
    assert redact_text(expected) == expected


def test_fields_are_known_by_name() -> None:
    value = {
        "authorization": "x",
        "Api-Key": "x",
        "client_secret": {"value": "x", "expires_at": 5},
        "logprobs": [{"token": "hello"}],
    }
    assert redact(value) == {
        "authorization": "<redacted>",
        "Api-Key": "<redacted>",
        "client_secret": {"value": "<redacted>", "expires_at": 5},
        "logprobs": [{"token": "hello"}],
    }


def test_the_schema_of_a_function_with_such_names_is_left_alone() -> None:
    value: dict[str, Any] = {
        "type": "function",
        "name": "call_api",
        "parameters": {
            "type": "object",
            "properties": {"api_key": {"type": "string"}, "headers": {"type": "object"}},
        },
    }
    assert redact(value) is value


def test_the_input_is_not_changed() -> None:
    value = {"tools": [{"type": "mcp", "headers": {"A": "x"}}]}
    assert redact(value) == {"tools": [{"type": "mcp", "headers": {"A": "<redacted>"}}]}
    assert value == {"tools": [{"type": "mcp", "headers": {"A": "x"}}]}


def test_headers_show_that_a_credential_was_there() -> None:
    assert redact_headers({"Authorization": "Bearer x", "api-key": "x", "User-Agent": "v/1"}) == {
        "authorization": "Bearer <redacted>",
        "api-key": "<redacted>",
        "user-agent": "v/1",
    }
    assert redact_headers({"Authorization": "x"}) == {"authorization": "<redacted>"}


def test_addresses_lose_user_info_and_secret_query_values() -> None:
    assert redact_url("wss://u:p@h:1/p?model=a%20b&token=t#f") == (
        "wss://h:1/p?model=a%20b&token=<redacted>"
    )
    assert redact_url("wss://h/p?model=a%20b") == "wss://h/p?model=a%20b"
    assert redact_url("wss://h/p?x=own-secret", ["own-secret"]) == "wss://h/p?x=<redacted>"
    assert redact_url("http://[bad sk-abcdefghijk") == "http://[bad <redacted>"


@pytest.mark.parametrize(
    "text",
    [
        '{"password": "hunter2", "n": 1}',
        '{\\"refresh_token\\": \\"abc\\"}',
        "{'authorization': 'Basic abc'}",
        '{"x-api-key":"abc"}',
        '{"my_access_token" : "abc"}',
    ],
)
def test_fields_with_a_key_are_cut_out_of_texts(text: str) -> None:
    found = redact_text(text)
    assert "<redacted>" in found
    assert "abc" not in found
    assert "hunter2" not in found


def test_headers_in_a_list_of_names_and_values() -> None:
    value = {"sip_headers": [{"name": "Authorization", "value": "x"}, {"name": "To", "value": "y"}]}
    assert redact(value) == {
        "sip_headers": [{"name": "Authorization", "value": "<redacted>"},
                        {"name": "To", "value": "y"}],
    }  # fmt: skip


def test_a_token_is_a_credential_only_where_it_looks_like_one() -> None:
    value = {"token": "hello", "logprobs": [{"token": " name"}]}
    assert redact(value) is value
    assert redact({"token": "a1b2c3d4e5f6a7b8c9"}) == {"token": "<redacted>"}
    assert redact({"refresh_token": "x"}) == {"refresh_token": "<redacted>"}


@pytest.mark.parametrize(
    "text",
    ["a." * 75_000 + "://@=", "sk-" * 50_000, "Bearer " * 20_000, "://a@" * 30_000,
     "?key=a" * 20_000 + "://", '"token' * 30_000 + '":', "\\" * 100_000 + '":"token'],
)  # fmt: skip
def test_a_long_text_takes_no_longer_than_its_length(text: str) -> None:
    def seconds(size: int) -> float:
        began = time.process_time()
        redact_text(text[:size])
        return time.process_time() - began

    # Quadratic would be sixteen times as much; the fixed part is for a clock that ticks.
    assert seconds(len(text)) < 30 * seconds(len(text) // 4) + 0.5


def test_what_is_nested_too_deeply_is_left_out() -> None:
    value: Any = "sk-abcdefgh12345"
    for _ in range(5_000):
        value = {"a": [value]}
    assert "sk-" not in str(redact(value))


def test_a_key_that_is_split_over_deltas_is_not_told() -> None:
    deltas = DeltaRedactor()
    key, secret = "sk-abcdefghijklmnopqrstuvwxyz0123456789", "a-secret-of-the-session"
    passed = ""
    for letter in f"It is {key} and {secret}, I think.":
        passed += deltas.redact("one", letter, (secret,))
    assert key not in passed
    assert secret not in passed
    assert "mnopqrstuvwxyz0123456789" not in passed
    assert "of-the-session" not in passed
    assert passed.startswith("It is ")
    assert passed.endswith(", I think.")


def test_ordinary_deltas_pass_as_they_are() -> None:
    deltas = DeltaRedactor()
    for delta in ("sk-", "ip a line, ", "ask-me", " anything"):
        assert deltas.redact("one", delta) == delta
