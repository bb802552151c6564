"""Clients that are not ours hold a text turn, a tool turn and an audio turn with the emulator."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from voxwire.emulator import Emulator

openai = pytest.importorskip("openai")

MODEL = "gpt-realtime-2.1"
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


@pytest.fixture
async def server() -> AsyncIterator[Emulator]:
    async with Emulator() as server:
        server.on("weather", call="get_weather", arguments={"city": "Oslo"})
        server.on(output_of="get_weather", reply="It rains in Oslo.")
        yield server


def message(text: str) -> dict[str, Any]:
    part = {"type": "input_text", "text": text}
    return {"type": "message", "role": "user", "content": [part]}


def b64(audio: bytes) -> str:
    return base64.b64encode(audio).decode()


async def test_openai_async(server: Emulator) -> None:
    client = openai.AsyncOpenAI(api_key="key", base_url=server.http_url)
    async with client.realtime.connect(model=MODEL) as connection:

        async def until_done() -> list[Any]:
            events: list[Any] = []
            async for event in connection:
                assert event.type != "error", event
                events.append(event)
                if event.type == "response.done":
                    break
            return events

        text: dict[str, Any] = {"type": "realtime", "output_modalities": ["text"]}
        await connection.session.update(session={**text, "tools": [WEATHER]})
        await connection.conversation.item.create(item=message("Good morning"))
        await connection.response.create()
        events = await until_done()
        assert events[-1].response.output[0].content[0].text == "Good morning"
        assert events[0].session.model == MODEL

        await connection.conversation.item.create(item=message("What is the weather?"))
        await connection.response.create()
        call = (await until_done())[-1].response.output[0]
        assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "Oslo"})
        result = {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}
        await connection.conversation.item.create(item=result)
        await connection.response.create()
        answer = (await until_done())[-1].response.output[0]
        assert answer.content[0].text == "It rains in Oslo."

        await connection.session.update(session={**text, "output_modalities": ["audio"]})
        sound = bytes(9600) + server.speech("Say it again") + bytes(48000)
        await connection.input_audio_buffer.append(audio=b64(sound))
        events = await until_done()
        assert events[-1].response.output[0].content[0].transcript == "Say it again"
        assert any(event.type == "response.output_audio.delta" for event in events)
    await client.close()


async def test_openai_sync(server: Emulator) -> None:
    sound = server.speech("Push to talk")

    def converse() -> list[str]:
        said: list[str] = []
        with openai.OpenAI(api_key="key", base_url=server.http_url) as client:
            with client.realtime.connect(model=MODEL) as connection:

                def until_done() -> Any:
                    for event in connection:
                        assert event.type != "error", event
                        if event.type == "response.done":
                            return event.response.output[0]
                    return None

                detection = {"input": {"turn_detection": None}}
                connection.session.update(session={"type": "realtime", "audio": detection})
                connection.conversation.item.create(item=message("Good morning"))
                connection.response.create(response={"output_modalities": ["text"]})
                said.append(until_done().content[0].text)
                connection.conversation.item.create(item=message("What is the weather?"))
                connection.response.create()
                call = until_done()
                said.append(call.arguments)
                result = {"type": "function_call_output", "call_id": call.call_id, "output": "-"}
                connection.conversation.item.create(item=result)
                connection.response.create()
                said.append(until_done().content[0].transcript)
                connection.input_audio_buffer.append(audio=b64(sound))
                connection.input_audio_buffer.commit()
                connection.response.create()
                said.append(until_done().content[0].transcript)
        return said

    assert await asyncio.to_thread(converse) == [
        "Good morning",
        '{"city":"Oslo"}',
        "It rains in Oslo.",
        "Push to talk",
    ]


async def test_openai_agents(server: Emulator) -> None:
    agents = pytest.importorskip("agents")
    realtime = pytest.importorskip("agents.realtime")
    asked: list[str] = []

    def get_weather(city: str) -> str:
        """The weather in a city."""
        asked.append(city)
        return "rain"

    agent = realtime.RealtimeAgent(
        name="Clerk", instructions="Be brief.", tools=[agents.function_tool(get_weather)]
    )
    runner = realtime.RealtimeRunner(agent)
    config = {"api_key": "key", "url": f"{server.url}?model={MODEL}"}
    spoken = 0
    async with await runner.run(model_config=config) as session:

        async def until_ended(turns: int) -> None:
            nonlocal spoken
            async for event in session:
                assert event.type != "error", event
                if event.type == "audio":
                    spoken += len(event.audio.data)
                turns -= event.type == "agent_end"
                if not turns:
                    break

        await session.send_message("Good morning")
        await until_ended(1)
        await session.send_message("What is the weather?")
        await until_ended(2)
        await session.send_audio(bytes(9600) + server.speech("Say it again.") + bytes(96000))
        await until_ended(1)
        history = [item.model_dump() for item in session._history]
    said = [
        part["transcript"]
        for item in history
        if item.get("role") == "assistant"
        for part in item["content"]
    ]
    assert said == ["Good morning", "It rains in Oslo.", "Say it again."]
    assert asked == ["Oslo"]
    assert spoken == sum(48 * 60 * len(text) for text in said)
