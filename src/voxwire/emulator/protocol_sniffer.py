"""The door that WebSockets and plain HTTP share: which of the two a connection is.

The ``websockets`` library serves GET only. What begins with another method is read here, answered
by whoever is asked, and closed.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import ServerConnection

from .http_api import Answer, HttpApi, Request

__all__ = ["HttpOrSocket"]

_LARGEST_BODY = 4 * 2**20
_LARGEST_HEAD = 64 * 2**10
_SHARED = {
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Expose-Headers": "Location, X-Request-Id",
}


class HttpOrSocket(ServerConnection):
    """A connection, which may turn out to be either."""

    _desk: HttpApi

    @classmethod
    def asking(cls, desk: HttpApi) -> type[HttpOrSocket]:
        """The class of connections whose requests are answered there."""
        return type("Door", (cls,), {"_desk": desk})

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._http: bytearray | None = bytearray()

    def data_received(self, data: bytes) -> None:
        """Look at the first bytes; from then on, one of the two has it all."""
        if self._http is None:
            super().data_received(data)
            return
        self._http += data
        begun = bytes(self._http[:4])
        if begun == b"GET "[: len(begun)]:
            if len(begun) == 4:
                data, self._http = bytes(self._http), None
                super().data_received(data)
            return
        self._read()

    def _read(self) -> None:
        assert self._http is not None
        head, found, body = bytes(self._http).partition(b"\r\n\r\n")
        if not found:
            if len(head) > _LARGEST_HEAD:
                self.transport.abort()
            return
        try:
            request = _request(head, body)
        except ValueError:  # no HTTP, or too much of it
            self._write(Answer(status=400))
            return
        if request is not None:
            self._write(self._desk.answer(request), request.headers.get("origin"))

    def _write(self, answer: Answer, origin: str | None = None) -> None:
        status = HTTPStatus(answer.status)
        headers = {**answer.headers, "Vary": "Origin", "Connection": "close"}
        if origin is not None and self._desk.shared_with(origin):
            headers |= {"Access-Control-Allow-Origin": origin, **_SHARED}
        headers["Content-Length"] = str(len(answer.body))
        lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.transport.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + answer.body)
        self.transport.close()


def _request(head: bytes, body: bytes) -> Request | None:
    """The request, once it is complete."""
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    if "chunked" in headers.get("transfer-encoding", "").lower():
        whole = _unchunked(body)
        if whole is None:
            return None
        body = whole
    else:
        length = int(headers.get("content-length") or 0)
        if not 0 <= length <= _LARGEST_BODY:
            raise ValueError(length)
        if len(body) < length:
            return None
        body = body[:length]
    address = urlsplit(target)
    query = dict(parse_qsl(address.query, keep_blank_values=True))
    return Request(method=method, path=address.path, query=query, headers=headers, body=body)


def _unchunked(body: bytes) -> bytes | None:
    whole = b""
    while True:
        line, found, body = body.partition(b"\r\n")
        if not found:
            return None
        size = int(line.partition(b";")[0] or b"0", 16)
        if size == 0:
            return whole
        if size < 0 or size + len(whole) > _LARGEST_BODY:
            raise ValueError(size)
        if len(body) < size + 2:
            return None
        whole, body = whole + body[:size], body[size + 2 :]
