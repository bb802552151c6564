"""A worker that can be frozen: ``python frozen.py STORE EMULATOR``. Tells on its output what it
does, a line of JSON each."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import voxwire
from voxwire.store import RedisStore, SQLiteStore


def tell(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


async def main(address: str, url: str) -> None:
    @voxwire.tool
    def book() -> str:
        tell(ran="book")
        return "booked"

    store = RedisStore(address) if address.startswith("redis") else SQLiteStore(address)
    session = await voxwire.connect(
        url=url, store=store, session_id="call-42", tools=[book], output_modalities=["text"],
        storing=voxwire.StoreOptions(lease=0.5),
    )  # fmt: skip
    session.on(voxwire.OwnerChanged, lambda event: tell(event=type(event).__name__))
    await session.say("hello")
    created = session.expect(voxwire.ResponseCreated)
    async with created:
        session.say("book")
    await session.kept.stored()
    tell(event="ready", fence=session.kept.fence)
    await session.wait_for(voxwire.ConnectionClosed, timeout=60)
    await session.close()
    tell(owned=session.kept.owned)
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
