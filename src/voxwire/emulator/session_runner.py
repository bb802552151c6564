"""One session and whoever is connected to it: the rules run here, in the pace that is wanted.

It knows tasks and queues, and no sockets but through the seats: each is a way to one client.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Protocol

from voxwire_protocol import ServerEvent

from .faults import AnyFault
from .session_context import Ended, SessionContext, Wrong

__all__ = ["ClientPort", "Rules", "SessionRunner"]

_MOST_WAITING = 2_000
"""How many events may be unsent before a client is read no further: some 13 MB of audio."""
_TURN = 50


class Rules(Protocol):
    """A protocol family: what a session does with frames."""

    def open(self) -> None: ...
    def receive(self, frame: str | bytes) -> None: ...
    def release(self) -> None: ...
    def stop(self) -> None: ...


class ClientPort(Protocol):
    """A client's place in a room."""

    async def send(self, event: ServerEvent) -> None: ...
    async def close(self, code: int, reason: str) -> None: ...
    def cut(self) -> None: ...
    def begin(self, fault: AnyFault) -> None: ...


class SessionRunner:
    """Runs the timeline of one session and carries its events to the clients.

    ``pace`` None runs as fast as it goes: what would be waited for is passed over, in the same
    order. 1.0 is real time.
    """

    def __init__(self, stage: SessionContext, rules: Rules, pace: float | None) -> None:
        self.stage = stage
        self.rules = rules
        self.seats: list[ClientPort] = []
        self._pace = pace
        self._news = asyncio.Event()
        self._room_left = asyncio.Event()
        self._began = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to run. Call it in the event loop."""
        if self._task is None:
            self._began = asyncio.get_running_loop().time()
            self._task = asyncio.create_task(self._run())

    async def receive(self, frame: str | bytes) -> None:
        """A client has sent something. Waits while far too much is unsent."""
        self._catch_up()
        self.rules.receive(frame)
        self._news.set()
        while len(self.stage.out) > _MOST_WAITING and self._task and not self._task.done():
            self._room_left.clear()
            await self._room_left.wait()

    def wake(self) -> None:
        """Something has been put into the queue from outside."""
        self._news.set()

    async def stop(self) -> None:
        """End the session for good."""
        self.rules.stop()
        self._room_left.set()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):  # its own cancelling, two lines above
                await self._task
            self._task = None

    async def _run(self) -> None:
        while True:
            self._news.clear()
            await self._flush()
            when = self.stage.timeline.next
            if when is None:
                await self._news.wait()
            elif self._pace is None:
                self.stage.timeline.step()
                # The client's turn: it may have something to say to this.
                await asyncio.sleep(0)
            elif (wait := when / self._pace - self._elapsed()) > 0:
                with suppress(TimeoutError):  # the next timer is due
                    await asyncio.wait_for(self._news.wait(), wait)
            else:
                self.stage.timeline.step()

    def _elapsed(self) -> float:
        return asyncio.get_running_loop().time() - self._began

    def _catch_up(self) -> None:
        if self._pace is not None:
            self.stage.timeline.advance(self._elapsed() * self._pace)

    async def _flush(self) -> None:
        for number, event in enumerate(self.stage.take()):
            if number % _TURN == _TURN - 1:
                await asyncio.sleep(0)  # writing need not wait: others have their turn all the same
            for seat in list(self.seats):
                if isinstance(event, Ended):
                    await seat.close(event.code, event.reason)
                elif isinstance(event, Wrong):
                    seat.begin(event.fault)
                else:
                    await seat.send(event)
        self._room_left.set()
