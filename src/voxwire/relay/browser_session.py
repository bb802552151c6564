"""One session of the relay and the browser that speaks through it, which may come and go.

This module moves frames between the two. Which may pass, the rules say; who may come in, the app.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Collection
from typing import Any, cast

import pybase64
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from voxwire_protocol import (
    Event,
    ServerEvent,
    SessionCreated,
    SessionUpdated,
)

from ..errors import VoxwireError
from ..session.session import Session
from .limits import Limits, Pace
from .rules import Rules, without

__all__ = ["BrowserSession"]

log = logging.getLogger("voxwire.relay")

TOO_SLOW, TOO_MUCH, OVER = 4408, 4429, 4410
"""Close codes of the relay's own: a browser that reads too slowly, one that sends too much, and a
session that is over."""


class BrowserSession:
    """A session, and at most one browser.

    Args:
        session_id: what the session is called in the store, and to the browser.
        hidden: settings of the session that no browser sees.
    """

    def __init__(
        self,
        session: Session,
        session_id: str,
        visitor: str,
        rules: Rules,
        limits: Limits,
        hidden: Collection[str],
    ) -> None:
        self.session = session
        self.session_id = session_id
        self.visitor = visitor
        self.ended = asyncio.Event()
        """Set when the session is over."""
        self._rules = rules
        self._limits = limits
        self._hidden = hidden
        self._outgoing: deque[str] = deque()
        self._waiting = 0
        self._more = asyncio.Event()
        self._socket: WebSocket | None = None
        core: Any = session._core  # pyright: ignore[reportPrivateUsage]  # frames as they come
        core.router.subscribe((ServerEvent,), self._heard)
        self._watching = asyncio.create_task(self._watch(), name="voxwire relay, watching")

    async def _watch(self) -> None:
        await asyncio.wait([self.session.reading])
        self.ended.set()
        self._more.set()

    # -- the browser --------------------------------------------------------------------------

    async def serve(self, socket: WebSocket, *, resumed: bool) -> None:
        """Speak with a browser until it leaves, or the session ends. The one before has to go."""
        before, self._socket = self._socket, socket
        if before is not None:
            await _close(before, OVER, "another page speaks here now")
        self._outgoing.clear()
        self._waiting = 0
        self._greet(resumed)
        sending = asyncio.create_task(self._send(socket), name="voxwire relay, sending")
        taking = asyncio.create_task(self._take(socket), name="voxwire relay, taking")
        try:
            await asyncio.wait({sending, taking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, taking):
                task.cancel()
            done = await asyncio.gather(sending, taking, return_exceptions=True)
            for outcome in done:
                if isinstance(outcome, Exception) and not isinstance(outcome, WebSocketDisconnect):
                    log.error("a line of the relay failed", exc_info=outcome)
            if self._socket is socket:
                self._socket = None
            await _close(socket, OVER if self.ended.is_set() else 1000, "")

    @property
    def attended(self) -> bool:
        """Whether a browser is there."""
        return self._socket is not None

    def _greet(self, resumed: bool) -> None:
        session = self.session.session
        if session is not None:
            shown = without({"session": session.to_dict()}, self._hidden)["session"]
            self._put({"type": "session.created", "event_id": "", "session": shown})
        self._put(
            {
                "type": "voxwire.relay.session",
                "session_id": self.session_id,
                "resumed": resumed,
                "messages": self.session.conversation.to_messages() if resumed else [],
            }
        )

    def _heard(self, event: Event) -> None:
        if self._socket is None or event.raw is None:
            return
        if isinstance(event, (SessionCreated, SessionUpdated)):
            self._put(without(json.loads(event.raw), self._hidden))
        else:
            self._add(event.raw.decode("utf-8", "replace"))

    def _put(self, event: dict[str, Any]) -> None:
        self._add(json.dumps(event, separators=(",", ":")))

    def _add(self, frame: str) -> None:
        self._outgoing.append(frame)
        self._waiting += len(frame)
        self._more.set()

    async def _send(self, socket: WebSocket) -> None:
        while True:
            while self._outgoing:
                if self._waiting > self._limits.waiting:
                    await _close(socket, TOO_SLOW, "this page reads too slowly")
                    return
                frame = self._outgoing.popleft()
                self._waiting -= len(frame)
                await socket.send_text(frame)
            if self.ended.is_set():
                return
            self._more.clear()
            await self._more.wait()

    async def _take(self, socket: WebSocket) -> None:
        clock = asyncio.get_running_loop().time
        events, size = Pace(self._limits.events, clock), Pace(self._limits.bytes, clock)
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            frame = message.get("text") or (message.get("bytes") or b"").decode("utf-8", "replace")
            if len(frame) > self._limits.frame or not (events.take() and size.take(len(frame))):
                await _close(socket, TOO_MUCH, "this page sends too much")
                return
            await self._pass(frame)

    async def _pass(self, frame: str) -> None:
        try:
            event: Any = json.loads(frame)
        except ValueError:  # whatever a page sends: it is told
            self._refuse(None, "that is not JSON")
            return
        refusal = self._rules.refusal(event)
        fields = cast("dict[str, Any]", event if isinstance(event, dict) else {})
        event_id = fields.get("event_id")
        if refusal is not None:
            self._refuse(event_id, refusal)
            return
        try:
            if fields["type"] == "input_audio_buffer.append":
                await self.session.append_audio(pybase64.b64decode(fields["audio"], validate=True))
            else:
                checked: Any = fields
                await self.session.send(checked)
        except (VoxwireError, ValueError, KeyError, TypeError) as error:
            # What breaks the protocol, or a session that has just ended: the page is told.
            self._refuse(event_id, str(error))

    def _refuse(self, event_id: Any, message: str) -> None:
        error = {"type": "invalid_request_error", "code": "relay_refused", "message": message}
        if isinstance(event_id, str):
            error["event_id"] = event_id
        self._put({"type": "error", "event_id": "", "error": error})


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    if socket.application_state == WebSocketState.CONNECTED:
        try:
            await socket.close(code, reason)
        except (RuntimeError, WebSocketDisconnect):  # the browser was quicker
            return
