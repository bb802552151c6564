"""pydantic-ai holds three turns: typed, with a tool, spoken. It prints what it saw as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from pydantic_ai import Agent
from pydantic_ai.messages import PartDeltaEvent, PartEndEvent, SpeechPart
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.realtime import RealtimeTurnCompleteEvent
from pydantic_ai.realtime.openai import OpenAIRealtimeModel


async def main(url: str, sound: bytes) -> None:
    said: list[str] = []
    asked: list[str] = []
    spoken = 0
    provider = OpenAIProvider(base_url=url, api_key="key")
    agent = Agent(instructions="Be brief.")

    @agent.tool_plain
    def get_weather(city: str) -> str:
        asked.append(city)
        return "rain"

    model = OpenAIRealtimeModel("gpt-realtime", provider=provider)
    async with agent.realtime(model).session() as session:
        events = aiter(session)

        async def until_complete() -> None:
            nonlocal spoken
            spoken = 0
            async for event in events:
                if isinstance(event, PartDeltaEvent):
                    spoken += len(getattr(event.delta, "audio_chunk", None) or b"")
                if isinstance(event, PartEndEvent) and isinstance(event.part, SpeechPart):
                    said.append(f"{event.part.speaker}: {event.part.transcript}")
                if isinstance(event, RealtimeTurnCompleteEvent):
                    return

        for text in ("Good morning", "What is the weather?"):
            await session.send(text)
            await until_complete()
        await session.send_audio(sound)
        await until_complete()
    print(json.dumps({"said": said, "asked": asked, "sound": spoken}))


asyncio.run(main(sys.argv[1], Path(sys.argv[2]).read_bytes()))
