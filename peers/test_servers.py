"""Servers that are not ours, in processes of their own, hold turns with our client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import voxwire

SCRIPTS = Path(__file__).resolve().parent


class Weather:
    """A tool that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def get_weather(self, city: str) -> str:
        """The weather in a city."""
        self.asked.append(city)
        return "rain"


async def test_aimock(node: Any, serving: Any) -> None:
    weather = Weather()
    async with serving(node, SCRIPTS / "node" / "aimock_server.mjs") as url:
        async with voxwire.connect(
            url=url, output_modalities=["text"], tools=[weather.get_weather]
        ) as session:
            greeting = await session.say("Good morning")
            forecast = await session.say("What is the weather?")
    assert (greeting.status, greeting.text) == ("completed", "Good morning to you.")
    assert (forecast.status, forecast.text) == ("completed", "It rains in Oslo.")
    assert weather.asked == ["Oslo"]


async def test_speech_to_speech(python: Any, serving: Any) -> None:
    weather = Weather()
    async with serving(python, SCRIPTS / "python" / "speech_to_speech_server.py") as url:
        async with voxwire.connect(url=url, tools=[weather.get_weather]) as session:
            typed = await session.say("Good morning", output_modalities=["text"])
            greeting = await session.say("Good morning")
            forecast = await session.say("What is the weather?")
    assert (typed.status, typed.text) == ("completed", "You said: Good morning")
    assert (greeting.status, greeting.transcript) == ("completed", "You said: Good morning")
    assert greeting.audio
    assert (forecast.status, forecast.transcript) == ("completed", "It will be rain.")
    assert weather.asked == ["Oslo"]
