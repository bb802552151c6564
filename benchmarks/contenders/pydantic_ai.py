"""pydantic-ai-slim: an agent's session, with parts and deltas of its own in place of the wire's.

Several events of the wire give one of its own or none, so it cannot be counted on the real mix.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from pydantic_ai import Agent
from pydantic_ai.messages import PartDeltaEvent
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.realtime.openai import OpenAIRealtimeModel

UNCOUNTED = {"mix": "its events are not those of the wire, and cannot be counted on the real mix"}


class Client:
    def __init__(self, session: Any, stack: AsyncExitStack) -> None:
        self._session = session
        self.send = session.send_audio
        self.close = stack.aclose

    async def hear(self, kind: str, handler: Callable[[Any], None], count: int) -> None:
        heard = 0
        async for event in self._session:
            if isinstance(event, PartDeltaEvent):
                handler(event.delta)
                heard += 1
                if heard == count:
                    return


async def connect(url: str) -> Client:
    provider = OpenAIProvider(base_url=url.replace("ws:", "http:", 1), api_key="key")
    agent: Any = Agent()
    stack = AsyncExitStack()
    model = OpenAIRealtimeModel("gpt-realtime", provider=provider)
    session = await stack.enter_async_context(agent.realtime(model).session())
    return Client(session, stack)


def text(event: Any) -> str:
    return str(event.transcript_delta)
