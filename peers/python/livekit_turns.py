"""livekit-plugins-openai holds three turns: typed, with a tool, spoken. It prints them as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import aiohttp
from livekit import rtc
from livekit.agents import llm
from livekit.plugins.openai import realtime


class Told:
    """What came of one generation."""

    def __init__(self) -> None:
        self.text = ""
        self.calls: list[Any] = []
        self.sound = 0

    async def read(self, generation: Any) -> Told:
        await asyncio.gather(self._messages(generation), self._calls(generation))
        return self

    async def _messages(self, generation: Any) -> None:
        async for message in generation.message_stream:
            async for piece in message.text_stream:
                self.text += piece
            async for frame in message.audio_stream:
                self.sound += 2 * frame.samples_per_channel

    async def _calls(self, generation: Any) -> None:
        async for call in generation.function_stream:
            self.calls.append(call)


@llm.function_tool
async def get_weather(city: str) -> str:
    """The weather in a city."""
    return "rain"


async def main(url: str, sound: bytes) -> None:
    said: list[str] = []
    errors: list[str] = []
    async with aiohttp.ClientSession() as http:
        model = realtime.RealtimeModel(
            model="gpt-realtime",
            api_key="key",
            base_url=url,
            http_session=http,
            modalities=["audio"],
        )
        session = model.session()
        session.on("error", lambda error: errors.append(str(error)))
        await session.update_instructions("Be brief.")
        await session.update_tools([get_weather])

        async def turn(item: Any) -> Told:
            context = session.chat_ctx.copy()
            context.items.append(item)
            await session.update_chat_ctx(context)
            told = await Told().read(await session.generate_reply())
            if told.text:
                said.append(told.text)
            return told

        await turn(llm.ChatMessage(role="user", content=["Good morning"]))
        weather = await turn(llm.ChatMessage(role="user", content=["What is the weather?"]))
        (call,) = weather.calls
        await turn(
            llm.FunctionCallOutput(
                call_id=call.call_id, name=call.name, output="rain", is_error=False
            )
        )

        unasked: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        session.once("generation_created", unasked.set_result)
        for at in range(0, len(sound), 4800):
            piece = sound[at : at + 4800]
            session.push_audio(rtc.AudioFrame(piece, 24000, 1, len(piece) // 2))
        spoken = await Told().read(await unasked)
        said.append(spoken.text)
        await session.aclose()
        await model.aclose()
    asked = [json.loads(call.arguments)["city"]]
    print(json.dumps({"said": said, "asked": asked, "sound": spoken.sound, "errors": errors}))


asyncio.run(main(sys.argv[1], Path(sys.argv[2]).read_bytes()))
