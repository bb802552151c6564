"""openai-agents: a session that keeps a history, its own events around those of the wire."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from agents.realtime import RealtimeAgent, RealtimeRunner

# It writes a line about each event of the live service that it cannot validate.
logging.getLogger("openai.agents").setLevel(logging.CRITICAL)


class Client:
    def __init__(self, session: Any) -> None:
        self._session = session
        self.send = session.send_audio
        self.close = session.close

    async def hear(self, kind: str, handler: Callable[[Any], None], count: int) -> None:
        heard = 0
        async for event in self._session:
            if event.type != "raw_model_event" or event.data.type != "raw_server_event":
                continue
            frame = event.data.data
            if kind == frame["type"] or not (kind or frame["type"].startswith("session.")):
                handler(frame)
                heard += 1
                if heard == count:
                    return


async def connect(url: str) -> Client:
    runner = RealtimeRunner(RealtimeAgent(name="benchmark"))
    session = await runner.run(model_config={"url": url, "api_key": "key"})
    await session.enter()
    return Client(session)


def text(event: Any) -> str:
    return str(event["delta"])
