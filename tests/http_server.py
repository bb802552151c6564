"""An HTTP server that says what a test tells it to, well or badly, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import attrs
import httpx

__all__ = ["Answer", "Cut", "HttpServer", "Seen", "Silent", "Slam", "Step", "parts"]


@attrs.frozen(kw_only=True)
class Seen:
    """A request as it came."""

    method: str
    path: str
    headers: httpx.Headers
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@attrs.frozen
class Answer:
    """A whole answer."""

    status: int = 200
    body: Any = b""
    """Bytes, or a JSON value."""
    headers: Mapping[str, str] = attrs.Factory(dict[str, str])


@attrs.frozen
class Cut:
    """An answer that ends in the middle of its body."""

    status: int = 200
    body: bytes = b'{"value": "ek_'


@attrs.frozen
class Slam:
    """The connection closes once the request has been read."""


@attrs.frozen
class Silent:
    """No answer at all, for as long as the server lives."""


Step = Answer | Cut | Slam | Silent


class HttpServer:
    """``with HttpServer() as server``: answers with the steps of ``plan``, one for each request."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.plan: list[Step] = []
        self._over = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                outer._serve(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("content-length", 0)))
        headers = httpx.Headers(list(request.headers.items()))
        seen = Seen(method=request.command, path=request.path, headers=headers, body=body)
        self.seen.append(seen)
        step = self.plan.pop(0) if self.plan else Answer(599, {"error": "nothing planned"})
        match step:
            case Answer(status, answer, extra):
                content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                kind = {} if isinstance(answer, bytes) else {"content-type": "application/json"}
                self._head(request, status, {**kind, **extra}, len(content))
                request.wfile.write(content)
            case Cut(status, content):
                self._head(request, status, {"content-type": "application/json"}, 1000)
                request.wfile.write(content)
                request.close_connection = True
            case Slam():
                request.close_connection = True
            case Silent():
                self._over.wait()
                request.close_connection = True

    @staticmethod
    def _head(
        request: BaseHTTPRequestHandler, status: int, headers: Mapping[str, str], length: int
    ) -> None:
        request.send_response_only(status)
        for name, value in {"content-length": str(length), **headers}.items():
            request.send_header(name, value)
        request.end_headers()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def parts(body: bytes, content_type: str) -> dict[str, tuple[str, bytes]]:
    """The parts of a form: name -> media type and content."""
    message = message_from_bytes(
        f"Content-Type: {content_type}\r\n\r\n".encode() + body, policy=policy.HTTP
    )
    found: dict[str, tuple[str, bytes]] = {}
    # The content is cut out of the bytes, for the parser has its own mind about line ends.
    boundary = b"--" + message.get_boundary().encode()  # type: ignore[union-attr]
    for chunk, part in zip(body.split(boundary)[1:], message.iter_parts(), strict=False):
        content = chunk.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
        name = str(part.get_param("name", header="content-disposition"))
        found[name] = (part.get_content_type(), content)
    return found
