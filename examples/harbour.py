"""The harbour desk: the agent that the demonstration talks to, and the tool that it may call.

The demonstration and the script that makes its recording both take what they send from here.
"""

from __future__ import annotations

from typing import Any

from voxwire import (
    AudioOutput,
    ConversationItemCreate,
    FunctionCallOutput,
    FunctionTool,
    InputText,
    RealtimeAudio,
    RealtimeSession,
    ResponseCreate,
    ResponseCreateParams,
    SessionUpdate,
    UserMessage,
)

# Minutes after midnight of the first high water, by pier; the tide table of a made-up harbour.
_FIRST_HIGH_WATER = {1: 95, 2: 101, 3: 108, 4: 115}
_BETWEEN_TIDES = 745  # 12 hours and 25 minutes


def tide_at(pier: int) -> dict[str, Any]:
    """Today's high waters at a pier: what the desk has to look up."""
    first = _FIRST_HIGH_WATER[pier]
    return {"pier": pier, "high_water": [_clock(first), _clock(first + _BETWEEN_TIDES)]}


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


SETTINGS = SessionUpdate(
    session=RealtimeSession(
        instructions="You are the desk of a small harbour. Answer in a sentence or two.",
        output_modalities=["audio"],
        audio=RealtimeAudio(output=AudioOutput(voice="marin")),
        tools=[
            FunctionTool(
                name="tide_at",
                description="Today's high waters at a pier.",
                parameters={
                    "type": "object",
                    "properties": {"pier": {"type": "integer", "minimum": 1, "maximum": 4}},
                    "required": ["pier"],
                },
            )
        ],
    )
)

GREETING = "Who am I speaking to?"
QUESTION = "When is high water at pier four this afternoon?"

WRITE = ResponseCreate(response=ResponseCreateParams(output_modalities=["text"]))
SPEAK = ResponseCreate()


def says(text: str) -> ConversationItemCreate:
    """The user says something in writing."""
    return ConversationItemCreate(item=UserMessage(content=[InputText(text=text)]))


def answers(call_id: str, output: str) -> ConversationItemCreate:
    """The output of a tool."""
    return ConversationItemCreate(item=FunctionCallOutput(call_id=call_id, output=output))


def berth_free(pier: int, metres: int) -> bool:
    """Whether a berth of that length is free: the office that knows is closed."""
    raise RuntimeError("the harbour office is shut until Monday")
