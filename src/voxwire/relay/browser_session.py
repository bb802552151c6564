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
from .limits import Allowance, Limits
from .rules import Rules, parsed, without

__all__ = ["BrowserSession"]

log = logging.getLogger("voxwire.relay")

TOO_SLOW, TOO_MUCH, OVER = 4408, 4429, 4410
"""Close codes of the relay's own: a browser that reads too slowly, one that sends too much, and a
session that is over."""

ELSEWHERE = 1012
"""The close code of a worker that stops and leaves the session to another: come back to it."""


class _Page:
    """What goes to one browser."""

    def __init__(self, socket: WebSocket, most: int) -> None:
        self.socket = socket
        self.leaving = asyncio.Event()
        """Set when it has to go, which is noticed while the sending waits for it."""
        self.code, self.reason = 1000, ""
        """How it is closed."""
        self._most = most
        self._frames: deque[tuple[str, int]] = deque()
        self._waiting = 0
        self._more = asyncio.Event()

    def add(self, frame: str, size: int) -> None:
        """Have a frame of so many bytes sent."""
        if self.leaving.is_set():
            return
        self._frames.append((frame, size))
        self._waiting += size
        if self._waiting > self._most:
            self.leave(TOO_SLOW, "this page reads too slowly")
        self._more.set()

    def leave(self, code: int, reason: str) -> None:
        """Have it closed; what waits for it is not sent."""
        if not self.leaving.is_set():
            self.code, self.reason = code, reason
            self._frames.clear()
            self.leaving.set()

    async def send(self, ended: asyncio.Event) -> None:
        """Send what there is, until all is sent of a session that has ended."""
        while True:
            while self._frames:
                frame, size = self._frames.popleft()
                await self.socket.send_text(frame)
                self._waiting -= size
            if ended.is_set():
                return
            self._more.clear()
            await self._more.wait()

    def wake(self) -> None:
        """The session has ended."""
        self._more.set()


class BrowserSession:
    """A session, and at most one browser.

    Args:
        session_id: what the session is called in the store, and to the browser.
        hidden: settings of the session that no browser sees.
        allowance: what is left of the session's limits, whichever browser uses it up.
    """

    def __init__(
        self,
        session: Session,
        session_id: str,
        visitor: str,
        rules: Rules,
        limits: Limits,
        hidden: Collection[str],
        allowance: Allowance,
    ) -> None:
        self.session = session
        self.session_id = session_id
        self.visitor = visitor
        self.allowance = allowance
        self.ended = asyncio.Event()
        """Set when the session is over."""
        self.code = OVER
        """The close code that its end has."""
        self._rules = rules
        self._limits = limits
        self._hidden = hidden
        self._page: _Page | None = None
        core: Any = session._core  # pyright: ignore[reportPrivateUsage]  # frames as they come
        core.router.subscribe((ServerEvent,), self._heard)
        self._watching = asyncio.create_task(self._watch(), name="voxwire relay, watching")

    async def _watch(self) -> None:
        await asyncio.wait([self.session.reading])
        self.ended.set()
        if self._page is not None:
            self._page.wake()

    # -- the browser --------------------------------------------------------------------------

    async def serve(self, socket: WebSocket, *, resumed: bool) -> None:
        """Speak with a browser until it leaves, or the session ends. The one before has to go;
        nothing waits for that, for it may be one that answers no more."""
        page = _Page(socket, self._limits.waiting)
        before, self._page = self._page, page
        self._greet(resumed)
        if before is not None:
            before.leave(OVER, "another page speaks here now")
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(page.send(self.ended), name="voxwire relay, sending"),
            asyncio.create_task(self._take(page), name="voxwire relay, taking"),
            asyncio.create_task(page.leaving.wait(), name="voxwire relay, watching a page"),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            gone = socket.application_state != WebSocketState.CONNECTED
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if not isinstance(outcome, Exception) or isinstance(outcome, WebSocketDisconnect):
                    continue
                if not (gone and isinstance(outcome, RuntimeError)):  # that was closed meanwhile
                    log.error("a line of the relay failed", exc_info=outcome)
            if self._page is page:
                self._page = None
            if self.ended.is_set():
                page.leave(self.code, "")
            await _close(socket, page.code, page.reason)

    @property
    def attended(self) -> bool:
        """Whether a browser is there."""
        return self._page is not None

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
        if self._page is None or event.raw is None:
            return
        if isinstance(event, (SessionCreated, SessionUpdated)):
            self._put(without(json.loads(event.raw), self._hidden))
        else:
            self._page.add(event.raw.decode("utf-8", "replace"), len(event.raw))

    def _put(self, event: dict[str, Any]) -> None:
        if self._page is not None:
            frame = json.dumps(event, separators=(",", ":"))
            self._page.add(frame, len(frame))

    async def _take(self, page: _Page) -> None:
        while True:
            message = await page.socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            frame, data = message.get("text"), message.get("bytes") or b""
            if frame is None:
                frame = data.decode("utf-8", "replace")
            else:
                data = frame.encode("utf-8", "surrogatepass")
            if len(data) > self._limits.frame or not self.allowance.take(len(data)):
                page.leave(TOO_MUCH, "this page sends too much")
                return
            await self._pass(frame)

    async def _pass(self, frame: str) -> None:
        try:
            event = parsed(frame)
        except ValueError as error:  # whatever a page sends: it is told
            self._refuse(None, str(error))
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
