"""Another connection for a session: after one was lost, and before its time is over.

This module dials, waits and hands over, on the event loop of the session. What is worth another try
is decided by ``reconnect``, what is to be sent by ``restoring``.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import attrs
from voxwire_protocol import (
    ConversationItemInputAudioTranscriptionCompleted as Transcribed,
)
from voxwire_protocol import (
    ErrorEvent,
    Event,
    InputAudioBufferCommitted,
    ResponseDone,
    SessionCreated,
    SessionUpdated,
)
from websockets.exceptions import ConnectionClosed as SocketClosed

from ...errors import (
    AuthenticationError,
    ConnectError,
    ConnectionClosedError,
    ConnectTimeout,
    ServerError,
    UpgradeRejected,
)
from ...transport.fast_websocket import WebSocket
from ..acknowledgements import SentEvent
from ..connection import Connection
from ..core import Core, log
from ..local_events import ConnectionClosed, Reconnected, Reconnecting
from .policy import Reconnect
from .restorer import Restorer

__all__ = ["LEAD_SECONDS", "ROTATE_SECONDS", "Dial", "Reconnector"]

T = TypeVar("T")

Dial = Callable[[str | None], Awaitable[WebSocket]]
"""Opens another socket to the same place; with another key, where one is given."""

LEAD_SECONDS = 300.0
"""How long before a session's end it moves to another connection."""

GREETING_SECONDS = 5.0
"""How long a server may take for its first event before it counts as one that sends none."""

CALM_SECONDS = 5.0
"""How long a move waits, between turns, for late transcripts and acknowledgements."""

ROTATE_SECONDS = 60.0
"""How long :meth:`Session.rotate` waits for a pause, unless it is told otherwise."""

REFUSAL_SECONDS = 1.0
"""How long to wait for the close frame of a server that has refused a session with an error."""

LASTING_SECONDS = 60.0
"""How long a connection lasts that was worth its attempts, whatever came over it."""

MOVES, MOVES_SECONDS = 6, 300.0
"""How many planned moves there are within how many seconds, at most."""

TICK = 0.02

LAST_TIME = 1e11
"""Seconds since 1970, some 3000 years of them: what a server says beyond is no time."""


class Reconnector:
    """Sees to it that a session has a connection.

    Args:
        dial: opens another socket.
        policy: what is worth a try; ``None`` where a lost connection ends the session, which can
            still move as planned.
        lead: seconds before the session's end at which it moves; ``None`` leaves it there.
        fresh_key: whether each connection asks for its key anew.
        whole: False where the conversation outlives the connection.
    """

    def __init__(
        self,
        dial: Dial,
        policy: Reconnect | None,
        *,
        lead: float | None = None,
        fresh_key: bool = False,
        whole: bool = True,
    ) -> None:
        self._dial = dial
        self._policy = policy
        self._lead = lead
        self._fresh_key = fresh_key
        self._whole = whole
        self._given = policy or Reconnect()
        self._attempt = 0
        self._answered_before = self._appended_before = 0
        self._since = 0.0
        self._committed = False
        self._refused: ConnectionClosed | None = None
        self._told_of_clock = False
        self._moves: list[float] = []
        self._key: str | None = None
        self._spare: WebSocket | None = None
        self._error: BaseException | None = None
        self._down_since: float | None = None
        self._stopped = asyncio.Event()
        self._moved: asyncio.Future[None] | None = None
        self._moving: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due: asyncio.Task[None] | None = None

    def take_care_of(self, wire: Connection, core: Core, go_on: Callable[[], None]) -> None:
        """Begin, for the session of `core`; `go_on` is called when it has a connection again."""
        self._wire, self._core, self._go_on = wire, core, go_on
        self._restoration = Restorer(
            core,
            responses=self._given.responses,
            reminder=self._given.reminder,
            whole=self._whole,
        )
        # A connection that opens and breaks at once is no progress; one that was of use is.
        core.router.subscribe(
            (ResponseDone, InputAudioBufferCommitted, Transcribed), self._progress
        )
        self._remember()
        if self._lead is not None:
            core.router.subscribe((SessionCreated, SessionUpdated), self._described)

    def stop(self) -> None:
        """The session is being closed: try nothing more."""
        self._stopped.set()
        for task in (self._moving, self._due):
            if task is not None:
                task.cancel()
        if self._timer is not None:
            self._timer.cancel()

    def end(self, closed: ConnectionClosed) -> ConnectionClosed:
        """How the session ends that has no other connection."""
        self.stop()
        if self._moved is not None and not self._moved.done():
            self._moved.set_result(None)
        # The end is that of the connection which was refused last, with its code and reason.
        return attrs.evolve(self._refused or closed, error=self._error)

    # -- after a loss ------------------------------------------------------------------------

    async def renew(self, closed: ConnectionClosed) -> asyncio.Task[ConnectionClosed] | None:
        """Find another connection, and restore the session on it.

        Returns the task that follows it; ``None`` where the session is to end.
        """
        self._lose(closed)
        if asyncio.get_running_loop().time() - self._since >= LASTING_SECONDS:
            self._attempt = 0
        failure: ConnectionClosed | BaseException = closed
        while not self._stopped.is_set():
            socket, self._spare = self._spare, None
            planned = socket is not None
            if socket is None:
                try:
                    socket = await self._try(closed, failure)
                except Exception as error:  # whatever keeps the attempt from succeeding
                    self._error = failure = error
                    continue
                if socket is None:
                    break
                if self._stopped.is_set():  # in the very moment: nobody else knows of this socket
                    await socket.close()
                    break
            self._wire.move_to(socket)
            self._core.arrived()
            self._core.last_error = None  # of another connection
            following = asyncio.create_task(self._wire.follow(), name="voxwire following")
            try:
                reconnected = await self._restored(following, planned)
            except BaseException as error:
                # Whatever it is, also a cancelling: nothing may go on reading that connection.
                by_server = await self._abandon(following, patient=isinstance(error, ServerError))
                if not isinstance(error, Exception):
                    raise
                self._error = failure = error
                if isinstance(error, (SocketClosed, _Lost)):
                    failure = self._refused = following.result()
                    if failure.code != 1006:  # the server said why
                        self._error = refused_with(failure, self._core.last_error)
                else:
                    self._refused = following.result() if by_server else None
                self._restoration.lost(following.result())
                continue
            self._down_since = self._error = self._refused = None
            self._remember()
            self._wire.up.set()
            self._go_on()
            self._core.local(reconnected)
            if self._moved is not None and not self._moved.done():
                self._moved.set_result(None)
            return following
        return None

    def _lose(self, closed: ConnectionClosed | None) -> None:
        if self._down_since is None:
            self._down_since = asyncio.get_running_loop().time()
        self._wire.up.clear()
        self._restoration.lost(closed)

    async def _try(
        self, closed: ConnectionClosed, failure: ConnectionClosed | BaseException
    ) -> WebSocket | None:
        """One attempt; ``None`` where there shall be none."""
        # A move that failed is no reason to lose the session.
        moving = self._moved is not None and not self._moved.done()
        policy = self._given if moving else self._policy
        if policy is None or self._attempt >= policy.attempts:
            return None
        if not (moving and self._attempt == 0) and not self._retries(policy, failure):
            log.warning("%s: no other connection is tried", _words(failure))
            return None
        self._attempt += 1
        event = Reconnecting(
            attempt=self._attempt,
            delay=policy.delay(self._attempt),
            closed=closed,
            error=failure if isinstance(failure, BaseException) else None,
        )
        log.info("%s; attempt %d in %.1f s", _words(failure), event.attempt, event.delay)
        self._core.local(event)
        if not await self._allowed(event):
            return None
        if not await self._pause(event.delay):
            return None
        return await self._unless_stopped(self._dialed())

    def _retries(self, policy: Reconnect, failure: ConnectionClosed | BaseException) -> bool:
        fresh_key = self._fresh_key or policy.before is not None
        try:
            return policy.retries(failure, fresh_key=fresh_key)
        except Exception as error:  # the program's own, which would fail at each attempt
            log.exception("Reconnect(worth=...) failed: no other connection is tried")
            self._error = error
            return False

    async def _allowed(self, event: Reconnecting) -> bool:
        before = self._given.before
        if before is None:
            return True
        try:
            answer: Any = before(event)
            if inspect.isawaitable(answer):
                answer = await self._unless_stopped(_awaited(answer))
        except Exception as error:  # the program's own: without its word there is no going on
            log.exception("Reconnect(before=...) failed: no other connection is tried")
            self._error = error
            return False
        if isinstance(answer, str):
            self._key = answer
        return answer is not False and not self._stopped.is_set()

    async def _pause(self, seconds: float) -> bool:
        """Wait; tells whether there is reason to go on."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:  # it was not stopped
            return True
        return False

    async def _dialed(self) -> WebSocket:
        return await self._dial(self._key)

    async def _unless_stopped(self, work: Coroutine[Any, Any, T]) -> T | None:
        task = asyncio.create_task(work)
        stop = asyncio.create_task(self._stopped.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            task.cancel()
            stop.cancel()
            await asyncio.gather(task, stop, return_exceptions=True)

    # -- on the new connection ---------------------------------------------------------------

    async def _restored(
        self, following: asyncio.Task[ConnectionClosed], planned: bool
    ) -> Reconnected:
        restoring = asyncio.create_task(self._restore(planned), name="voxwire restoring")
        try:
            await asyncio.wait({restoring, following}, return_when=asyncio.FIRST_COMPLETED)
            if restoring.done():
                return restoring.result()
            raise _Lost
        finally:
            restoring.cancel()
            await asyncio.gather(restoring, return_exceptions=True)

    async def _restore(self, planned: bool) -> Reconnected:
        restoration, put = self._restoration, self._wire.put
        timeout = self._given.restore_timeout
        try:
            async with asyncio.timeout(timeout + GREETING_SECONDS):
                await self._greeted()
                for frame in restoration.settings():
                    await put(frame)
                await self._answered(timeout)
                for sent in restoration.own:
                    if sent.error is not None:
                        raise sent.error
                for frame in restoration.items():
                    await put(frame)
                await self._answered(timeout)
                for frame in restoration.rest():
                    await put(frame)
        except TimeoutError:
            raise ConnectTimeout(
                f"the new connection did not take the session back within {timeout:g} s"
            ) from None
        # No pause in between: whatever is appended from here on is written.
        since = self._down_since or 0.0
        seconds = asyncio.get_running_loop().time() - since
        return restoration.done(
            attempt=0 if planned else self._attempt, seconds=seconds, planned=planned
        )

    async def _greeted(self) -> None:
        if not self._whole:
            return  # beside a call nobody greets
        await asyncio.wait([self._wire.met], timeout=GREETING_SECONDS)
        first = self._wire.met.result() if self._wire.met.done() else None
        if isinstance(first, ErrorEvent):
            raise ServerError(first)

    async def _answered(self, timeout: float) -> None:
        """Wait until the server has taken or refused what restores the session. Some servers do
        not say so: then the session goes on without their word."""
        if not self._core.acknowledged:
            return
        deadline = asyncio.get_running_loop().time() + timeout
        for sent in self._restoration.own:
            await _settled(sent, deadline)

    async def _abandon(self, following: asyncio.Task[ConnectionClosed], *, patient: bool) -> bool:
        """Leave a connection on which the session cannot be restored; tells whether the server has
        closed it, for which a `patient` caller gives it a moment: its code says more."""
        if patient:
            await asyncio.wait([following], timeout=REFUSAL_SECONDS)
        by_server = following.done()
        self._wire.release()
        await asyncio.wait([following])
        return by_server

    # -- before the end ----------------------------------------------------------------------

    async def rotate(self, timeout: float) -> None:
        """Move to another connection at the next turn boundary, or after `timeout` seconds in the
        middle of a turn. Raises :class:`ConnectError`, and :class:`ConnectionClosedError` where
        the session ends meanwhile."""
        if self._moving is None or self._moving.done():
            self._moving = asyncio.create_task(self._move(timeout), name="voxwire moving")
        moving = self._moving
        await asyncio.wait([moving])
        if moving.cancelled():  # by the end of the session: who waits was not cancelled
            raise self._core.closing_error() or ConnectionClosedError(1000, "it is being closed")
        moving.result()
        self._core.require_open()

    async def _move(self, timeout: float) -> None:
        core = self._core
        if core.down:
            await self._wire.up.wait()  # it is on its way to another already
            return
        core.local(Reconnecting(attempt=0, delay=0.0, planned=True))
        spare = self._spare = await self._dial(self._key)
        try:
            await self._boundary(spare, timeout)
            if self._spare is not spare:
                return  # the connection was lost meanwhile, and the session has moved
            self._moved = asyncio.get_running_loop().create_future()
            self._lose(None)
            # The other connection is open: nobody waits for the end of this one.
            self._wire.release()
            await self._moved
        finally:
            if self._spare is spare:
                self._spare = None
                await spare.close()

    async def _boundary(self, spare: WebSocket, timeout: float) -> None:
        """Wait for a moment in which nobody speaks and nothing is on its way, but not for ever: a
        response that a server never ends must not keep the session on a dying connection."""
        core, loop = self._core, asyncio.get_running_loop()
        calm: float | None = None
        last = loop.time() + timeout
        while self._spare is spare and core.closed is None:
            if loop.time() >= last:
                log.warning("no pause within %g s: the session moves in the middle", timeout)
                return
            speaking = core.cache.appended.speech is not None
            if core.turns.idle and not core.outbox and not speaking and not core.down:
                calm = loop.time() if calm is None else calm
                done = core.acks.idle and not core.cache.removal.unanswered()
                if done or loop.time() - calm > CALM_SECONDS:
                    return
            else:
                calm = None
            await asyncio.sleep(TICK)

    def _pause_seconds(self) -> float:
        """How long a move before the end may wait for a pause: half of what is left then."""
        return max(1.0, (self._lead or 0.0) / 2)

    def _described(self, event: SessionCreated | SessionUpdated) -> None:
        expires: Any = getattr(event.session, "expires_at", None)
        if self._lead is None or not isinstance(expires, (int, float)) or self._stopped.is_set():
            return
        if not 0 < expires < LAST_TIME:
            return  # it is no time
        left = expires - time.time()
        if left <= 0:
            # One of the two clocks is wrong: the session's end is not known.
            if not self._told_of_clock:
                self._told_of_clock = True
                log.warning("the session has ended %.0f s ago by this clock: no move", -left)
            return
        if self._timer is not None:
            self._timer.cancel()
        # The server's clock tells when; this one, how long until then.
        seconds = max(until_move(left, self._lead), self._floor())
        self._timer = asyncio.get_running_loop().call_later(seconds, self._begin_moving)

    def _floor(self) -> float:
        """Seconds before which there is no other planned move: a server whose sessions are over at
        once would have this one do nothing else."""
        now = asyncio.get_running_loop().time()
        self._moves = [at for at in self._moves if now - at < MOVES_SECONDS]
        if len(self._moves) < MOVES:
            return 0.0
        return self._moves[-MOVES] + MOVES_SECONDS - now

    def _begin_moving(self) -> None:
        if self._due is None or self._due.done():
            self._moves.append(asyncio.get_running_loop().time())
            self._due = asyncio.create_task(self._move_in_time(), name="voxwire rotation")

    async def _move_in_time(self) -> None:
        for attempt in range(1, self._given.attempts + 1):
            try:
                await self.rotate(self._pause_seconds())
                return
            except ConnectError as error:
                # The session is still alive: there is time to try again.
                log.warning("no other connection yet: %s", error)
                await asyncio.sleep(self._given.delay(attempt))
            except Exception:  # the session has ended meanwhile, which is told elsewhere
                log.debug("the session did not move", exc_info=True)
                return

    def _remember(self) -> None:
        """What had been achieved when this connection began."""
        core = self._core
        self._answered_before = core.responses.answered
        self._appended_before = core.cache.appended.total
        self._since = asyncio.get_running_loop().time()
        self._committed = False

    def _progress(self, event: Event) -> None:
        """Progress is what this session asked for: an answer to a request of its own, or the answer
        to audio that it sent, or the transcript of that. What a server does unasked is none, or it
        could go on for ever."""
        core = self._core
        appended = core.cache.appended.total > self._appended_before
        if isinstance(event, InputAudioBufferCommitted):
            self._committed = self._committed or appended
            return
        if isinstance(event, Transcribed):
            useful = appended
        else:
            useful = self._committed or core.responses.answered > self._answered_before
        if useful:
            self._attempt = 0


def until_move(left: float, lead: float) -> float:
    """Seconds until a session is to move that has `left` seconds to live. One that lives hardly
    longer than `lead` moves in the middle of its time: it would do nothing else but move."""
    return max(0.0, left - lead, left / 2)


def refused_with(closed: ConnectionClosed, event: ErrorEvent | None) -> UpgradeRejected:
    """The exception for a server that closed while the session was being restored on it."""
    kind = AuthenticationError if closed.code == 3000 else UpgradeRejected
    said = f" ({closed.reason})" if closed.reason else ""
    return kind(
        f"the new connection was closed with code {closed.code}{said}",
        close_code=closed.code,
        event=event,
    )


class _Lost(ConnectError):
    """The connection was gone before the session was restored."""


async def _settled(sent: SentEvent, deadline: float) -> None:
    woken = asyncio.Event()
    sent.subscribe(woken.set)
    try:
        async with asyncio.timeout_at(deadline):
            await woken.wait()
    except TimeoutError:
        # Some servers do not acknowledge: the session goes on, and the log says so.
        log.warning("%s was not acknowledged on the new connection", type(sent.event).__name__)
    finally:
        sent.unsubscribe(woken.set)


async def _awaited(answer: Awaitable[T]) -> T:
    return await answer


def _words(failure: ConnectionClosed | BaseException) -> str:
    if isinstance(failure, ConnectionClosed):
        return f"the connection ended with close code {failure.code}"
    return f"no connection: {failure}"
