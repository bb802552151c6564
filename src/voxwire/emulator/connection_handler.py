"""From a connection to a session and back: who is refused, who gets which seat, what is noted.

It knows sockets and the host behind the door; the listening is the server's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import attrs
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from ..recording.recorder import Recorder
from .admission import Admission, Refused, admit
from .api_errors import ApiError
from .beta_dialect import BetaDialect
from .client_socket import ClientSocket, Guest
from .faults import ErrorThenClose, Hang, RateLimited, Refuse
from .origins import stranger
from .session_context import Ids
from .session_registry import SessionRegistry

__all__ = ["ConnectionHandler"]


@attrs.define(kw_only=True, eq=False)
class ConnectionHandler:
    """Receives the clients of one server."""

    host: SessionRegistry
    keep: bool
    record: Path | None
    connections: list[Guest] = attrs.field(factory=list[Guest])
    _count: int = attrs.field(init=False, default=0)
    _hanging: set[asyncio.Task[Any]] = attrs.field(init=False, factory=set[asyncio.Task[Any]])

    async def greet(self, socket: ServerConnection, request: Request) -> Response | None:
        """Answer an upgrade with something else, where that is what is to happen."""
        headers = {name.lower(): value for name, value in request.headers.raw_items()}
        reason = stranger(headers, self.host.listens, self.host.policy.origins)
        if reason is not None:
            return socket.respond(HTTPStatus.FORBIDDEN, f"{reason}\n")
        if "upgrade" not in request.headers:
            return socket.respond(HTTPStatus.NOT_FOUND, "Open a WebSocket, or use POST.\n")
        for fault in self.host.script.faults:
            if isinstance(fault, Refuse):
                response = socket.respond(HTTPStatus(fault.status), fault.body)
                for name, value in fault.headers.items():
                    response.headers.pop(name, None)
                    response.headers[name] = value
                return response
            if isinstance(fault, Hang):
                await self._hang(socket)
        return None

    async def _hang(self, socket: ServerConnection) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._hanging.add(task)
        try:
            await asyncio.Event().wait()
        finally:
            self._hanging.discard(task)
            socket.transport.abort()

    async def serve(self, socket: ServerConnection) -> None:
        """Have a client to its end."""
        assert socket.request is not None
        path = socket.request.path
        headers = {name.lower(): value for name, value in socket.request.headers.raw_items()}
        seat = self._seat(socket, path, headers)
        try:
            admission = self._admit(path, headers)
            await self._converse(seat, admission)
        except Refused as refused:  # who may not come in is told why, on the socket
            await seat.refuse(refused, Ids(path).new("event"))
        finally:
            seat.note_end()

    def _seat(self, socket: ServerConnection, path: str, headers: dict[str, str]) -> ClientSocket:
        self._count += 1
        seat = ClientSocket(socket=socket)
        if self.keep:
            seat.guest = Guest.of(len(self.connections), path, headers)
            self.connections.append(seat.guest)
        if self.record is not None:
            name = f"connection-{self._count:04}.jsonl"
            seat.recorder = Recorder(self.record / name, url=f"ws://{headers.get('host')}{path}")
        for fault in self.host.script.faults:
            if not isinstance(fault, ErrorThenClose | RateLimited):
                seat.begin(fault)
        return seat

    def _admit(self, path: str, headers: Mapping[str, str]) -> Admission:
        for fault in self.host.script.faults:
            if isinstance(fault, ErrorThenClose):
                code, message = fault.error.get("code"), fault.error.get("message")
                kind = str(fault.error.get("type") or "invalid_request_error")
                param = fault.error.get("param")
                raise Refused(ApiError(code, str(message), param, kind), fault.code, fault.reason)
        address = urlsplit(path)
        return admit(
            address.path,
            dict(parse_qsl(address.query, keep_blank_values=True)),
            headers,
            policy=self.host.policy,
            secrets=self.host.desk.secrets,
            now=self.host.clock(),
        )

    async def _converse(self, seat: ClientSocket, admission: Admission) -> None:
        try:
            room = self.host.enter(admission)
        except ApiError as mistake:  # what the address asks for cannot be had
            raise Refused(mistake, 4000) from None
        if admission.beta:
            seat.dialect = BetaDialect()
        room.seats.append(seat)
        alone = admission.call_id is None
        try:
            if alone:
                room.rules.open()
                room.start()
            await seat.listen(room, self.host.session_seconds)
        finally:
            seat.note_end()
            room.seats.remove(seat)
            if alone:
                await self.host.leave(room)

    def close(self) -> None:
        """Let go of those who were left hanging."""
        for task in list(self._hanging):
            task.cancel()
