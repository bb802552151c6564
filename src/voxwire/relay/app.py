"""The app: who may come in, which session they get, and what becomes of it when they leave.

This module knows ASGI and the store. What passes through a session, the line knows.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import inspect
import logging
import os
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Mapping
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from ..errors import (
    InvalidOption,
    SessionOwned,
    StoreError,
    StoreUnavailable,
    UnknownSession,
    VoxwireError,
    WaitTimeout,
)
from ..session.connect import connect
from ..session.session import Session
from ..store.base import Store, check_id
from ..store.options import StoreOptions
from ..store.remote import remote
from ..store.resume import resume
from .browser_session import ELSEWHERE, BrowserSession
from .limits import Allowance, Limits, Seats
from .rules import SAFE, Rules, turned_away

__all__ = ["Relay"]

log = logging.getLogger("voxwire.relay")

Authorize = Callable[[WebSocket], "str | Awaitable[str | None] | None"]
"""Given the upgrade of a browser: who that is, or ``None`` for somebody who may not come in."""


class Relay:
    """An ASGI app that speaks the Realtime protocol with browsers, and holds the key.

    ``/realtime`` is the WebSocket; a page begins there, and comes back to its session, on whichever
    worker, with ``/realtime?session=ID``. Run it with any number of uvicorn workers: with a store
    that they share, a session outlives the worker that held it.

    Args:
        store: where the sessions are kept; without one they end with their worker.
        storing: how; see :class:`StoreOptions`.
        session: the settings of each session and where it leads to: arguments of
            :func:`voxwire.connect`, or a function that gives them for a browser's upgrade.
        allow: wire names of the client events that pass; see :data:`SAFE`.
        unchecked: names of events that pass whatever is in them, ``"session.update"`` for one.
        origins: the origins of pages that may connect, as ``https://example.com``; left out, only
            pages from the relay's own host. ``["*"]`` lets every page in.
        hosts: the names that the relay is reached by, as ``voice.example.com``, besides those of
            this machine. With neither `hosts` nor `origins` it answers under the names of this
            machine only: a page can make its own name lead here (DNS rebinding). ``["*"]`` for any.
        authorize: says who a browser is, from its cookies or query, or turns it away with ``None``.
            Left out, everybody may come in whose origin fits, and is known by their address.
        limits: see :class:`Limits`.
        linger: seconds that a session waits for a browser that has gone to come back.
        hidden: settings that no browser sees.
        record: a folder in which each session leaves a recording.
        page: whether ``/`` is a page to try it with.

    Raises:
        InvalidOption: an argument cannot be.
    """

    def __init__(
        self,
        *,
        store: Store | None = None,
        storing: StoreOptions | None = None,
        session: Mapping[str, Any] | Callable[[WebSocket], Mapping[str, Any]] | None = None,
        allow: Iterable[str] = SAFE,
        unchecked: Collection[str] = (),
        origins: Collection[str] | None = None,
        hosts: Collection[str] | None = None,
        authorize: Authorize | None = None,
        limits: Limits | None = None,
        linger: float = 15.0,
        hidden: Collection[str] = ("instructions", "prompt", "tools"),
        record: str | os.PathLike[str] | None = None,
        page: bool = False,
    ) -> None:
        if any(isinstance(given, str) for given in (origins, hosts, allow)):
            raise InvalidOption("origins, hosts and allow are lists of texts")
        self._store = store
        self._storing = storing or (StoreOptions(lease=5.0) if store is not None else None)
        self._session = session
        self._rules = Rules(allow, unchecked)
        self._origins = origins
        self._hosts = hosts
        self._authorize = authorize
        self._limits = limits or Limits()
        self._linger = linger
        self._hidden = hidden
        self._record = None if record is None else Path(record)
        self._seats = Seats(self._limits)
        self._lines: dict[str, BrowserSession] = {}
        self._opening: dict[str, asyncio.Task[BrowserSession]] = {}
        self._keepers: set[asyncio.Task[None]] = set()
        routes = [
            WebSocketRoute("/realtime", self._arrive),
            Route("/healthz", self._health),
        ]
        if page:
            routes.append(Route("/", _page))
        self.app = Starlette(routes=routes, lifespan=self._lifespan)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The relay is an app itself."""
        await self.app(scope, receive, send)

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncGenerator[None]:
        yield
        await self.drain()

    async def drain(self) -> None:
        """Leave all sessions to other workers, or end them where there is no store. Called at the
        end of the app."""
        for opening in list(self._opening.values()):
            opening.cancel()
        await asyncio.gather(*self._opening.values(), return_exceptions=True)
        lines = list(self._lines.values())
        await asyncio.gather(*(self._leave(line) for line in lines), return_exceptions=True)
        for task in self._keepers:
            task.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    async def _leave(self, line: BrowserSession) -> None:
        if self._store is None:
            await line.session.close()
        else:
            line.code = ELSEWHERE
            await line.session.hand_over()

    async def _health(self, request: Request) -> Response:
        return JSONResponse({"sessions": len(self._lines)})

    # -- coming in ----------------------------------------------------------------------------

    async def _arrive(self, socket: WebSocket) -> None:
        headers = socket.headers
        refusal = turned_away(
            headers.get("origin"), headers.get("host"), self._origins, self._hosts
        )
        if refusal is not None:
            log.warning("a browser was turned away: %s", refusal)
            await socket.close(1008, "not from this page")
            return
        visitor = await self._visitor(socket)
        if visitor is None:
            await socket.close(1008, "not authorized")
            return
        offered: list[str] = socket.scope.get("subprotocols") or []
        await socket.accept("realtime" if "realtime" in offered else None)
        wanted = socket.query_params.get("session")
        try:
            if wanted is None:
                line = await self._open(socket, visitor)
            else:
                line = await self._again(socket, wanted, visitor)
        except _NoSeat:  # of all, or of this visitor
            await socket.close(1013, "too many sessions; try again later")
        except (VoxwireError, OSError) as error:
            # No key, no server, no such session, a store that does not answer. What it was in full
            # is for who runs the relay; a page is told the kind.
            log.warning("no session for a browser: %s", error)
            await socket.send_json(
                {
                    "type": "error",
                    "event_id": "",
                    "error": {
                        "type": "server_error",
                        "code": "relay_unavailable",
                        "message": f"the session could not be opened ({type(error).__name__})",
                    },
                }
            )
            await socket.close(1011, "no session")
        else:
            await line.serve(socket, resumed=wanted is not None)

    async def _visitor(self, socket: WebSocket) -> str | None:
        if self._authorize is None:
            return socket.client.host if socket.client is not None else "nobody"
        try:
            answer = self._authorize(socket)
            return await answer if inspect.isawaitable(answer) else answer
        except Exception:  # the program's own: who cannot be told is turned away
            log.exception("authorize failed")
            return None

    async def _open(
        self, socket: WebSocket, visitor: str, wanted: str | None = None
    ) -> BrowserSession:
        """A session for a browser: a new one, or the one that it wants back."""
        if not self._seats.take(visitor):
            raise _NoSeat
        try:
            options = self._options(socket)
            if wanted is None:
                session, name = await self._begun(visitor, options)
            else:
                session, name = await self._taken_over(wanted, options), wanted
        except BaseException:  # whatever it was, also a cancelled opening: it takes no seat
            self._seats.leave(visitor)
            raise
        allowance = Allowance(self._limits)
        if session.is_kept:
            # With the session, for the worker that it goes on with next.
            allowance = Allowance(self._limits, session.kept.extra.get("relay"))
            session.kept.set_extra("relay", allowance.state)
        line = BrowserSession(
            session, name, visitor, self._rules, self._limits, self._hidden, allowance
        )
        self._lines[name] = line
        keeper = asyncio.create_task(self._keep(line), name="voxwire relay, keeping")
        self._keepers.add(keeper)
        keeper.add_done_callback(self._keepers.discard)
        return line

    async def _again(self, socket: WebSocket, wanted: str, visitor: str) -> BrowserSession:
        """The session that a browser comes back to."""
        if not wanted.startswith(f"{self._mark(visitor)}-"):
            raise UnknownSession("there is no such session for this visitor")
        line = self._lines.get(wanted)
        if line is not None and not line.ended.is_set():
            return line
        opening = self._opening.get(wanted)
        if opening is None:
            if self._store is None:
                raise UnknownSession("the session is over, and there is no store")
            # For all who come for it, and of none: the one that came first may leave.
            opening = self._opening[wanted] = asyncio.create_task(
                self._open(socket, visitor, wanted), name="voxwire relay, opening"
            )
            opening.add_done_callback(partial(self._opened, wanted))
        return await asyncio.shield(opening)

    def _opened(self, wanted: str, opening: asyncio.Task[BrowserSession]) -> None:
        self._opening.pop(wanted, None)
        if not opening.cancelled():
            opening.exception()  # those who waited for it have it

    def _options(self, socket: WebSocket) -> dict[str, Any]:
        given = self._session(socket) if callable(self._session) else self._session
        return dict(given or {}) | ({} if self._store is None else {"storing": self._storing})

    async def _begun(self, visitor: str, options: dict[str, Any]) -> tuple[Session, str]:
        # Nobody can guess it: whoever has it may come back to the session.
        name = f"{self._mark(visitor)}-{secrets.token_hex(16)}"
        if self._store is not None:
            options |= {"store": self._store, "session_id": name}
        return await connect(record=self._recording(name), **options), name

    async def _taken_over(self, wanted: str, options: dict[str, Any]) -> Session:
        """The session of another worker: each that holds it meanwhile is asked once to leave it; of
        one that is dead, the end of its lease is waited for."""
        store: Any = self._store
        check_id(wanted)
        lease = self._storing.lease if self._storing is not None else 5.0
        loop = asyncio.get_running_loop()
        end = loop.time() + 2 * lease
        record = self._recording(wanted)
        asked: dict[int, asyncio.Task[None]] = {}
        try:
            while True:
                try:
                    return await resume(store, wanted, record=record, **options)
                except (SessionOwned, StoreUnavailable):  # it may be free, or answer, in time
                    if loop.time() >= end:
                        raise
                with contextlib.suppress(StoreUnavailable):  # the next attempt tells
                    fence = (await store.load(wanted)).fence
                    if fence not in asked:
                        asked[fence] = asyncio.create_task(
                            _ask_to_leave(store, wanted), name="voxwire relay, asking"
                        )
                await asyncio.sleep(0.1)
        finally:
            for task in asked.values():
                task.cancel()
            await asyncio.gather(*asked.values(), return_exceptions=True)

    def _mark(self, visitor: str) -> str:
        """What the names of a visitor's sessions begin with: only they come back to them. Where
        nobody says who they are, the name alone lets in: addresses change."""
        if self._authorize is None:
            return "relay"
        return hashlib.sha256(visitor.encode()).hexdigest()[:16]

    def _recording(self, name: str) -> Path | None:
        return None if self._record is None else self._record / f"{name}.jsonl"

    # -- as long as it lasts ------------------------------------------------------------------

    async def _keep(self, line: BrowserSession) -> None:
        """End a session that nobody comes back to, or that has lasted long enough."""
        loop = asyncio.get_running_loop()
        gone: float | None = None
        try:
            while not line.ended.is_set():
                now = loop.time()
                gone = None if line.attended else gone if gone is not None else now
                if line.allowance.over or (gone is not None and now - gone >= self._linger):
                    await line.session.close()
                    break
                with contextlib.suppress(TimeoutError):  # then it looks again
                    async with asyncio.timeout(min(1.0, self._linger / 4)):
                        await line.ended.wait()
            await line.session.close()
        finally:
            self._lines.pop(line.session_id, None)
            self._seats.leave(line.visitor)


class _NoSeat(Exception):
    """All seats are taken."""


async def _ask_to_leave(store: Store, session_id: str) -> None:
    with contextlib.suppress(StoreError, WaitTimeout):  # then it is not asked
        await remote(store, session_id, timeout=5.0).hand_over()


async def _page(request: Request) -> Response:
    text = resources.files("voxwire.relay").joinpath("page.html").read_text("utf-8")
    return HTMLResponse(text)
