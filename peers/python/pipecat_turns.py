"""A pipeline of pipecat holds three turns: typed, spoken with a tool, spoken. It prints JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from pipecat.adapters.schemas.function_schema import FunctionSchema
from pipecat.adapters.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    LLMFullResponseEndFrame,
    LLMRunFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineTask
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService

PIECE_SECONDS = 0.1
PIECE = int(48000 * PIECE_SECONDS)
WEATHER = FunctionSchema(
    name="get_weather",
    description="The weather in a city.",
    properties={"city": {"type": "string"}},
    required=["city"],
)


class Ear(FrameProcessor):
    """Stands where the loudspeaker would, and tells of each turn that ends."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: asyncio.Queue[tuple[str, int]] = asyncio.Queue()
        self.errors: list[str] = []
        self._text = ""
        self._sound = 0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, ErrorFrame):
            self.errors.append(frame.error)
        elif isinstance(frame, TTSAudioRawFrame):
            self._sound += len(frame.audio)
        elif isinstance(frame, TTSTextFrame):
            self._text += frame.text
        elif isinstance(frame, LLMFullResponseEndFrame) and self._text:
            self.turns.put_nowait((self._text, self._sound))
            self._text, self._sound = "", 0
        await self.push_frame(frame, direction)


async def main(url: str, sounds: list[bytes]) -> None:
    asked: list[str] = []
    hearing = events.AudioInput(
        transcription=events.InputAudioTranscription(), turn_detection=events.TurnDetection()
    )
    settings = OpenAIRealtimeLLMService.Settings(
        model="gpt-realtime",
        session_properties=events.SessionProperties(audio=events.AudioConfiguration(input=hearing)),
    )
    service = OpenAIRealtimeLLMService(api_key="key", base_url=url, settings=settings)

    async def get_weather(call: Any) -> None:
        asked.append(call.arguments["city"])
        await call.result_callback("rain")

    service.register_function("get_weather", get_weather)
    context = LLMContext(
        [{"role": "user", "content": "Good morning"}], ToolsSchema(standard_tools=[WEATHER])
    )
    pair, ear = LLMContextAggregatorPair(context), Ear()
    task = PipelineTask(Pipeline([pair.user(), service, ear, pair.assistant()]))
    running = asyncio.create_task(PipelineRunner(handle_sigint=False).run(task))

    await task.queue_frame(LLMRunFrame())
    turns = [await ear.turns.get()]
    for sound in sounds:
        # At the pace of a microphone: when speech begins, pipecat drops what it has yet to play.
        for at in range(0, len(sound), PIECE):
            await task.queue_frame(InputAudioRawFrame(sound[at : at + PIECE], 24000, 1))
            await asyncio.sleep(PIECE_SECONDS)
        turns.append(await ear.turns.get())
    await task.cancel()
    await running
    said = [text for text, _ in turns]
    print(json.dumps({"said": said, "asked": asked, "sound": turns[-1][1], "errors": ear.errors}))


asyncio.run(main(sys.argv[1], [Path(name).read_bytes() for name in sys.argv[2:]]))
