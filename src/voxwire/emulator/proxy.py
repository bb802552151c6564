"""A proxy that nobody notices and that writes down what passes: any client, any server.

It holds the handshake with both sides, hands every message on as it came, and ends one side as the
other did. Knows sockets and recordings; knows no event.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import attrs
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from ..protocol.redaction import redact_text, redact_url
from ..recording.frames import Close
from ..transport.proxy import proxy_of
from .frame_pump import FramePump, transfer
from .multi_recording import MultiRecording, Section, begin_or_log
from .origins import checked_origins, stranger
from .upstream import SOCKET, address_of, answered, dial, refusal, secrets_of, upstream, why

__all__ = ["FramePump", "RecordingProxy"]


class RecordingProxy:
    """Stands between clients and a server: ``async with RecordingProxy("wss://…", "a.jsonl")``.

    Clients connect to ``url``. Headers, query and subprotocols go on to the server as they are;
    so do messages, byte for byte, and close codes and reasons. A server that refuses the upgrade
    has its answer passed on. Who does not read is not read for.

    Args:
        to: the server. Clients that ask for a path get that path there; who asks for none gets the
            one in ``to``, and what the query of ``to`` has more than theirs is added to it.
        path: the recording; each session is a section of it. None records nothing.
        host, port: where to listen; port 0 takes a free one.
        audio: False leaves audio out of the recording. What is passed on is never touched.
        headers: sent to the server where the client sends none of that name, such as a key.
        tls: serve ``wss`` with this certificate.
        server_tls: how to trust the server, for a certificate authority of your own.
        origins: web pages that may come in, besides those of this machine: scheme and host such as
            ``https://app.example``, or ``*`` for all. With a key in ``headers``, it is spent by
            whoever comes in.
        ended: called with each passage when it is over.

    Raises:
        InvalidOption: ``to`` is no address, or there is no such origin.
        RecordingError: the recording cannot be written.
    """

    def __init__(
        self,
        to: str,
        path: str | os.PathLike[str] | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        audio: bool = True,
        headers: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        server_tls: ssl.SSLContext | None = None,
        origins: Sequence[str] = (),
        open_timeout: float = 20.0,
        ended: Callable[[FramePump], None] | None = None,
    ) -> None:
        self.to = address_of(to)
        self._proxy = proxy_of(self.to, True, socks="python_socks")
        self.passages: list[FramePump] = []
        self._tape = None if path is None else MultiRecording(path, audio=audio)
        self._address = (host, port)
        self._headers = dict(headers or {})
        self._tls, self._server_tls = tls, server_tls
        self._open_timeout = open_timeout
        self._origins = checked_origins(origins)
        self._ended = ended
        self._servers: dict[ServerConnection, tuple[FramePump, ClientConnection]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._listening: Server | None = None
        self._stopping = False

    @property
    def url(self) -> str:
        """Where clients connect to."""
        if self._listening is None:
            raise RuntimeError("the proxy is not running: use it in `async with`")
        host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "[::1]"}.get(
            self._address[0], self._address[0]
        )
        host = f"[{host}]" if ":" in host and not host.startswith("[") else host
        port = int(next(iter(self._listening.sockets)).getsockname()[1])
        path = urlsplit(self.to).path
        return f"{'wss' if self._tls else 'ws'}://{host}:{port}{path or '/v1/realtime'}"

    async def __aenter__(self) -> Self:
        try:
            self._listening = await serve(
                self._serve,
                *self._address,
                ssl=self._tls,
                process_request=self._dial,
                process_response=self._answer,
                select_subprotocol=self._subprotocol,
                open_timeout=self._open_timeout + 5,
                server_header=None,
                **SOCKET,
            )
        except OSError:  # the port is taken
            if self._tape is not None:
                self._tape.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._listening is not None
        self._stopping = True
        self._listening.close()
        for task in list(self._tasks):
            task.cancel()
        await self._listening.wait_closed()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._tape is not None:
            self._tape.close()

    # --- the handshake --------------------------------------------------------------------------

    async def _dial(self, client: ServerConnection, request: Request) -> Response | None:
        """Open the way to the server before the client is told that there is one."""
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return None  # the library says what is missing
        headers = {name.lower(): value for name, value in request.headers.raw_items()}
        reason = stranger(headers, self._address[0].strip("[]"), self._origins)
        if reason is not None:
            return client.respond(HTTPStatus.FORBIDDEN, f"{reason}\n")
        task = asyncio.current_task()
        assert task is not None
        url = upstream(self.to, request.path)
        secrets = self._secrets(request)
        shown = redact_url(url, secrets)
        passage = FramePump(number=len(self.passages) + 1, url=shown)
        self.passages.append(passage)
        self._tasks.add(task)
        try:
            server = await dial(
                url,
                request.headers,
                added=self._headers,
                tls=self._server_tls,
                timeout=self._open_timeout,
                proxy=self._proxy,
            )
        except InvalidStatus as error:  # the server refuses: its answer is handed on
            passage.status = error.response.status_code
            self._report(passage)
            return refusal(error.response)
        except (TimeoutError, OSError, InvalidHandshake, EOFError) as error:
            late = isinstance(error, TimeoutError)
            passage.status = 504 if late else 502
            passage.refusal = redact_text(why(error, self._open_timeout, self._proxy), secrets)
            self._report(passage)
            # The names of HTTPStatus are those of the library's answer.
            return client.respond(passage.status, f"{shown}: {passage.refusal}\n")
        finally:
            self._tasks.discard(task)
        self._servers[client] = passage, server
        # A client may leave before the handshake is over; then nobody else sees to the server.
        leaving = asyncio.create_task(self._left(client))
        self._tasks.add(leaving)
        leaving.add_done_callback(self._tasks.discard)
        return None

    def _subprotocol(
        self, client: ServerConnection, offered: Sequence[Subprotocol]
    ) -> Subprotocol | None:
        return self._servers[client][1].subprotocol if client in self._servers else None

    async def _answer(self, client: ServerConnection, request: Request, response: Response) -> None:
        if client in self._servers and (said := self._servers[client][1].response) is not None:
            answered(response.headers, said.headers)

    async def _left(self, client: ServerConnection) -> None:
        try:
            await client.wait_closed()
        finally:
            if client in self._servers:
                passage, server = self._servers.pop(client)
                passage.closed = Close(code=1006, by="client")
                server.transport.abort()
                self._report(passage)

    # --- the session ----------------------------------------------------------------------------

    async def _serve(self, client: ServerConnection) -> None:
        passage, server = self._servers.pop(client)
        section = self._section(client, server, passage)
        began = time.monotonic()
        try:
            await transfer(
                passage, client, server, section.recorder if section is not None else None
            )
        finally:
            for side in (client, server):
                side.transport.abort()  # nothing, where it was closed as it should
            passage.seconds = time.monotonic() - began
            if self._stopping and passage.closed is not None:
                passage.closed = attrs.evolve(passage.closed, by=None)
            if section is not None and self._tape is not None:
                if (end := passage.closed) is not None:
                    section.recorder.closed(end.code, end.reason, by=end.by)
                self._tape.end(section)
            self._report(passage)

    def _section(
        self, client: ServerConnection, server: ClientConnection, passage: FramePump
    ) -> Section | None:
        if self._tape is None:
            return None
        assert client.request is not None
        headers = client.request.headers
        about = {
            "client": headers.get("User-Agent"),
            "subprotocol": server.subprotocol,
        }
        return begin_or_log(
            self._tape,
            passage.url,
            secrets=self._secrets(client.request),
            **{name: value for name, value in about.items() if value},
        )

    def _secrets(self, request: Request) -> list[str]:
        return [*secrets_of(request.path, request.headers), *secrets_of("", Headers(self._headers))]

    def _report(self, passage: FramePump) -> None:
        if self._ended is not None:
            self._ended(passage)
