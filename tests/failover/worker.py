"""A worker of the matrix: begins its share of the conversations, and takes over those of the dead.

``python -m failover.worker STORE EMULATOR LEDGER SESSIONS TURNS SHARE OF LEASE PAUSE``
"""

from __future__ import annotations

import asyncio
import random
import sys
from functools import partial
from typing import Any

import voxwire
from voxwire.errors import StoreError, UnknownSession, VoxwireError

from .ledger import Ledger
from .script import user

__all__ = ["main", "make_store"]


def make_store(address: str) -> Any:
    """The store of an address: a file, a Redis, or a cluster (``cluster+redis://``)."""
    about: dict[str, Any] = {"history": 100_000, "timeout": 8.0}
    if address.startswith("cluster+"):
        return voxwire.RedisStore(address.removeprefix("cluster+"), cluster=True, **about)
    if address.startswith("redis"):
        return voxwire.RedisStore(address, **about)
    return voxwire.SQLiteStore(address, history=100_000)


class Worker:
    """Holds any number of conversations until all are at their end."""

    def __init__(self, arguments: list[str]) -> None:
        store, self.url, ledger, sessions, turns, share, of, lease, pause = arguments
        self.pause = float(pause)
        self.store = make_store(store)
        self.ledger = Ledger(ledger)
        self.names = [f"s-{number:03}" for number in range(int(sessions))]
        self.own = [n for i, n in enumerate(self.names) if i % int(of) == int(share)]
        self.turns = int(turns)
        self.storing = voxwire.StoreOptions(lease=float(lease), snapshot_after=40)
        self.busy: set[str] = set()

    def tools(self, name: str, owner: list[Any]) -> list[Any]:
        """The tools of one conversation."""

        @voxwire.tool
        async def book_table(guest: str, turn: int, context: voxwire.ToolContext) -> dict[str, Any]:
            """Book a table. It must not be done twice."""
            about = {"call_id": context.call.call_id, "guest": guest, "turn": turn}
            self.ledger.write(what="begin", session=name, fence=owner[0].kept.fence, **about)
            await asyncio.sleep(random.uniform(0.005, 0.05))
            # A worker that was held up for longer than its lease is refused here.
            return {"booked": self.ledger.book(name, owner[0].kept.fence, **about)}

        @voxwire.tool(idempotent=True)
        async def find_booking(guest: str, turn: int) -> dict[str, Any]:
            """Look whether a table is booked."""
            self.ledger.write(what="look", session=name, fence=owner[0].kept.fence)
            found = any(
                line["what"] == "booked" and (line["guest"], line["turn"]) == (guest, turn)
                for line in self.ledger.read()
            )
            return {"booked": found}

        return [book_table, find_booking]

    async def hold(self, name: str, *, new: bool) -> None:
        """One conversation, from where it is to its end."""
        owner: list[Any] = []
        about: dict[str, Any] = {
            "storing": self.storing, "tools": self.tools(name, owner), "open_timeout": 60.0,
        }  # fmt: skip
        if new:
            opening = voxwire.connect(
                url=self.url, store=self.store, session_id=name,
                output_modalities=["text"], **about,
            )  # fmt: skip
        else:
            opening = voxwire.resume(self.store, name, **about)
        async with opening as session:
            # Tools that run at once find it, too: nothing was awaited since the opening.
            owner.append(session)
            if not new:
                told = partial(self._resumed, name)
                session.once(voxwire.Resumed, told, catch_up=True)
            await session.idle()
            while (turn := sum(item.role == "user" for item in session.conversation)) < self.turns:
                await asyncio.sleep(random.uniform(0.0, 2 * self.pause))  # people think
                await session.say(user(name, turn))
            await session.idle()

    def _resumed(self, name: str, event: voxwire.Resumed) -> None:
        self.ledger.write(
            what="resumed",
            session=name,
            asked_again=event.asked_again,
            unknown=[call.call_id for call in event.unknown],
            run=[call.call_id for call in event.run],
        )

    async def work(self) -> None:
        """Begin what is not begun, then take over what nobody holds, until all has ended."""
        held: set[asyncio.Task[None]] = set()

        def begin(name: str, *, new: bool) -> None:
            if name not in self.busy:
                self.busy.add(name)
                task = asyncio.create_task(self._try(name, new=new))
                held.add(task)
                task.add_done_callback(held.discard)

        while True:
            try:
                listed = {each.session_id: each for each in await self.store.sessions()}
            except StoreError:  # it may come back
                await asyncio.sleep(1.0)
                continue
            if sum(each.ended for each in listed.values()) == len(self.names):
                break
            free = [n for n, each in listed.items() if not each.ended and each.owner is None]
            missing = [name for name in self.own if name not in listed]
            random.shuffle(free)
            for name in free[:25]:
                begin(name, new=False)
            for name in missing:
                begin(name, new=True)
            await asyncio.sleep(0.1 + len(self.names) / 100)
        await self.store.close()

    async def _try(self, name: str, *, new: bool) -> None:
        try:
            try:
                await self.hold(name, new=new)
            except UnknownSession:  # its worker died before it began; or it has just been closed
                if name in self.own and not (await self.store.load(name)).ended:
                    await self.hold(name, new=True)
        except VoxwireError as error:  # somebody else was quicker, or a connection broke
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        finally:
            self.busy.discard(name)


def main() -> None:
    asyncio.run(Worker(sys.argv[1:]).work())


if __name__ == "__main__":
    main()
