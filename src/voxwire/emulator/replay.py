"""A WebSocket server on this machine that plays a recording to whoever connects.

It sends what the recording's server sent, once the client has sent what the recording's client
sent. It makes nothing up: what a client does otherwise is noted as a deviation, and ends the
connection in strict matching. Knows frames; knows no event class.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlsplit

import attrs
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from ..protocol.redaction import redact_headers, redact_url
from ..recording.frames import Close, Entry, Frame, entry, read, sessions
from ..recording.match import Deviation, Matching, script
from .faults import Fault, Hang, Refuse
from .origins import stranger
from .replay_client import DEVIATION_CODE, ReplayClient, ReplayPace

__all__ = ["DEVIATION_CODE", "Connection", "ReplayServer"]

_socket_log = logging.getLogger("voxwire.emulator.replay.socket")
_socket_log.addFilter(lambda record: record.levelno > logging.DEBUG)  # headers, with the keys

_HOST: Final = "127.0.0.1"
_LARGEST_FRAME: Final = 64 * 2**20


@attrs.define(kw_only=True)
class Connection:
    """One client that came, also one that was refused."""

    number: int
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Lower-case names; credentials are shown as present but not told."""
    received: list[Frame] = attrs.field(factory=list[Frame], repr=False)
    """What the client sent, as it came: keys of tools may be in there."""
    closed: Close | None = None
    """How the connection ended; None while it is open or when it never was."""


class ReplayServer:
    """Plays a recording, or several at once: ``async with ReplayServer(path) as server``.

    Where a recording holds several connections, each client gets the next of them, and after the
    last the first again.

    Args:
        source: a recording's path, or its entries (or the objects of its lines).
        matching: ``tolerant`` wants the recorded types in their order and passes over differences;
            ``strict`` wants equal events (but for audio, secrets, and the ids that clients make
            up anew each time) and closes with 4409 at the first difference.
        speed: 1 keeps the recorded pace, 2 is twice as fast; None does not wait at all.
        timeout: how many seconds to wait for what the client has to send.
        hold: keep the connection open at the end of a recording that has no close; else it is
            closed with 1000.
        fault: what to do wrong: for every connection, or one for each in turn (None for none).
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | Iterable[Entry | Mapping[str, Any]],
        *,
        matching: Matching = "tolerant",
        speed: float | None = None,
        timeout: float = 5.0,
        hold: bool = False,
        fault: Fault | Sequence[Fault | None] | None = None,
    ) -> None:
        entries: Iterable[Entry]
        if isinstance(source, str | os.PathLike):
            entries = read(source)
        else:
            entries = (entry(one) if isinstance(one, Mapping) else one for one in source)
        self._scripts = [script(each, matching) for each in sessions(entries)]
        self.matching: Matching = matching
        self.speed = speed
        self.timeout = timeout
        self.hold = hold
        self.connections: list[Connection] = []
        self.deviations: list[Deviation] = []
        self._fault = fault
        self._known: dict[ServerConnection, Connection] = {}
        self._hanging: set[asyncio.Task[Any]] = set()
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """Where clients connect to; any other path at this address does as well."""
        if self._server is None:
            raise RuntimeError("the server is not running: use it in `async with`")
        port = next(iter(self._server.sockets)).getsockname()[1]
        return f"ws://127.0.0.1:{port}/v1/realtime"

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._serve,
            _HOST,
            0,
            process_request=self._greet,
            open_timeout=None,
            close_timeout=1,  # for a client that does not read any more
            ping_interval=None,
            compression=None,
            max_size=_LARGEST_FRAME,
            max_queue=None,
            logger=_socket_log,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._hanging):
            task.cancel()
        await self._server.wait_closed()

    def _fault_of(self, connection: Connection) -> Fault | None:
        if isinstance(self._fault, Sequence):
            faults = self._fault
            return faults[connection.number] if connection.number < len(faults) else None
        return self._fault

    async def _greet(self, socket: ServerConnection, request: Request) -> Response | None:
        said = {name.lower(): value for name, value in request.headers.raw_items()}
        reason = stranger(said, _HOST, ())  # recordings are not for pages from elsewhere
        if reason is not None:
            return socket.respond(HTTPStatus.FORBIDDEN, f"{reason}\n")
        address = urlsplit(redact_url(request.path))
        connection = Connection(
            number=len(self.connections),
            path=address.path,
            query=dict(parse_qsl(address.query, keep_blank_values=True)),
            headers=redact_headers(dict(request.headers.raw_items())),
        )
        self.connections.append(connection)
        self._known[socket] = connection
        match self._fault_of(connection):
            case Refuse(status, body, headers):
                response = socket.respond(HTTPStatus(status), body)
                for name, value in headers.items():
                    if name in response.headers:
                        del response.headers[name]
                    response.headers[name] = value
                return response
            case Hang():
                task = asyncio.current_task()
                assert task is not None
                self._hanging.add(task)
                try:
                    await asyncio.Event().wait()
                finally:
                    self._hanging.discard(task)
                    socket.transport.abort()
            case _:
                pass
        return None

    async def _serve(self, socket: ServerConnection) -> None:
        connection = self._known.pop(socket)
        play = ReplayClient(
            number=connection.number,
            socket=socket,
            script=self._scripts[connection.number % len(self._scripts)] if self._scripts else [],
            matching=self.matching,
            pace=ReplayPace(self.speed),
            timeout=self.timeout,
            hold=self.hold,
            fault=self._fault_of(connection),
            received=connection.received,
            deviations=self.deviations,
        )
        listening = asyncio.create_task(play.listen())
        try:
            await play.run()
            await socket.wait_closed()
        finally:
            listening.cancel()
            await asyncio.wait([listening])
            connection.closed = Close(code=socket.close_code, reason=socket.close_reason)
