"""What of a handshake goes on to the server behind a proxy, and what comes back."""

from __future__ import annotations

import pytest
from scripted import KEY
from websockets.datastructures import Headers
from websockets.http11 import Response

from voxwire.emulator.upstream import address_of, forwarded, offered, refusal, secrets_of, upstream
from voxwire.errors import InvalidOption


@pytest.mark.parametrize(
    ("to", "address"),
    [
        ("https://host/v1/realtime?a=b#c", "wss://host/v1/realtime?a=b"),
        ("http://[::1]:80", "ws://[::1]:80"),
        ("WSS://host", "wss://host"),
    ],
)
def test_an_address_is_one_of_a_websocket(to: str, address: str) -> None:
    assert address_of(to) == address


@pytest.mark.parametrize("to", ["", "host", "ftp://host/", "ws://", "ws://host:0/", "ws://host:x/"])
def test_an_address_that_is_none(to: str) -> None:
    with pytest.raises(InvalidOption, match="no address of a server"):
        address_of(to)


def test_an_address_that_is_none_is_told_without_its_key() -> None:
    with pytest.raises(InvalidOption) as error:
        address_of(f"host?api_key={KEY}")
    assert KEY not in str(error.value)


@pytest.mark.parametrize(
    ("to", "asked", "url"),
    [
        ("wss://h/v1/realtime", "/v1/realtime?model=m", "wss://h/v1/realtime?model=m"),
        ("wss://h/v1/realtime", "/other", "wss://h/other"),
        ("wss://h/v1/realtime", "/", "wss://h/v1/realtime"),
        ("wss://h/v1/realtime", "/?model=m", "wss://h/v1/realtime?model=m"),
        ("wss://h:8/v1?model=m&x=1", "/v1?model=n", "wss://h:8/v1?model=n&x=1"),
        ("wss://h", "/", "wss://h/"),
        ("wss://h/v1", "//elsewhere/v1", "wss://h//elsewhere/v1"),
        ("wss://h/v1", "http://elsewhere/v2?a=1", "wss://h/v2?a=1"),
        ("wss://h/v1", "/v1?a=%2F+b&c", "wss://h/v1?a=%2F+b&c"),
        ("wss://h/v1?c=1", "/v1?c", "wss://h/v1?c"),
    ],
)
def test_the_host_is_the_servers_and_the_rest_the_clients(to: str, asked: str, url: str) -> None:
    assert upstream(to, asked) == url


def test_headers_without_those_of_the_connection() -> None:
    headers = Headers([
        ("Host", "here"), ("Connection", "Upgrade, X-One"), ("Connection", "x-two"),
        ("X-One", "1"), ("X-Two", "2"), ("X-Three", "3"), ("TE", "trailers"),
        ("Sec-WebSocket-Key", "k"), ("Authorization", "Bearer a"),
    ])  # fmt: skip
    assert list(forwarded(headers).raw_items()) == [
        ("X-Three", "3"),
        ("Authorization", "Bearer a"),
    ]
    added = forwarded(headers, {"authorization": "Bearer b", "X-New": "n"})
    assert added.get_all("Authorization") == ["Bearer a"]
    assert added["X-New"] == "n"


def test_subprotocols_of_several_headers() -> None:
    headers = Headers([("Sec-WebSocket-Protocol", "a, b"), ("sec-websocket-protocol", "c,")])
    assert offered(headers) == ["a", "b", "c"]


def test_what_proves_who_the_client_is() -> None:
    headers = Headers([
        ("Authorization", "Bearer first-key"), ("X-Api-Key", "second-key"),
        ("Cookie", "third-key"), ("User-Agent", "not-this"), ("X-Token", "short"),
        ("Sec-WebSocket-Protocol", "realtime, openai-insecure-api-key.fourth-key"),
    ])  # fmt: skip
    found = secrets_of("wss://h/?model=not-this&api-key=fifth-key", headers)
    assert {"first-key", "second-key", "third-key", "fourth-key", "fifth-key"} <= set(found)
    assert not {"not-this", "realtime", "short", ""} & set(found)


def test_a_refusal_has_the_length_that_its_body_has() -> None:
    headers = Headers([("Content-Length", "99"), ("Transfer-Encoding", "chunked"), ("X", "1")])
    passed = refusal(Response(429, "Slow Down", headers, bytearray(b"later")))
    assert (passed.status_code, passed.reason_phrase, passed.body) == (429, "Slow Down", b"later")
    assert dict(passed.headers) == {"x": "1", "content-length": "5", "connection": "close"}
