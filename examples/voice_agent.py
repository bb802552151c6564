"""A voice agent at the desk: microphone and speaker, tools, and it stops when you cut in.

    OPENAI_API_KEY=sk-... python examples/voice_agent.py

needs ``pip install 'voxwire[audio]'``, and headphones: nothing keeps the microphone from hearing
the loudspeaker. Ctrl-C ends it. Where there is no sound device, files take their place:

    python examples/voice_agent.py question.wav answer.wav

Without a key, talk to a server of your own: ``voxwire serve`` in another terminal, and
``--url ws://127.0.0.1:8765/v1/realtime`` here.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from datetime import datetime
from typing import Literal

import voxwire

INSTRUCTIONS = """
You are the desk of a small harbour, and speak with a skipper. Answer in a sentence or two.
Before you book a berth, say which one it is, and wait for a yes.
"""

berths: dict[int, str | None] = {1: None, 2: "Gannet", 3: None, 4: "Fulmar"}


# What the model is told of a tool is its name, its signature and its docstring.


@voxwire.tool
def free_berths() -> list[int]:
    """The berths that are free today."""
    return [number for number, boat in berths.items() if boat is None]


@voxwire.tool
def book_berth(number: Literal[1, 2, 3, 4], boat: str) -> str:
    """Book a berth for tonight, after the skipper has said yes.

    Args:
        boat: the name of the boat.
    """
    if berths[number] is not None:
        raise voxwire.ToolError(f"Berth {number} is taken.")  # the model is told, and goes on
    berths[number] = boat
    return f"Berth {number} is booked for {boat}."


@voxwire.tool
def time_of_day() -> str:
    """The time at the harbour."""
    return datetime.now().strftime("%H:%M")


async def captions(session: voxwire.Session) -> None:
    """Write down what is said and done, until the session ends."""
    async for event in session.stream(
        voxwire.ConversationItemInputAudioTranscriptionCompleted,
        voxwire.ResponseFunctionCallArgumentsDone,
        voxwire.ResponseOutputAudioTranscriptDone,
        voxwire.ConversationItemTruncated,
        voxwire.ErrorEvent,
    ):
        match event:
            case voxwire.ConversationItemInputAudioTranscriptionCompleted(transcript=words):
                print(f"you   {words.strip()}")
            case voxwire.ResponseFunctionCallArgumentsDone(name=name, arguments=arguments):
                print(f"      {name or 'a tool'} {arguments}")
            case voxwire.ResponseOutputAudioTranscriptDone(transcript=words):
                print(f"desk  {words}")
            case voxwire.ConversationItemTruncated(item_id=item):
                heard = session.conversation.get(item)
                print(f"      (you heard: {heard.heard if heard else ''!r} ...)")
            case voxwire.ErrorEvent(error=problem):
                print(f"      {problem.message}", file=sys.stderr)


async def main(audio: voxwire.LocalAudio | voxwire.FileAudio, url: str | None = None) -> None:
    """Hold a conversation through a microphone and a speaker, or what stands for them."""
    async with (
        asyncio.TaskGroup() as group,
        voxwire.connect(
            url=url,
            instructions=INSTRUCTIONS,
            voice="marin",
            transcription="gpt-transcribe",
            tools=[free_berths, book_berth, time_of_day],
            reconnect=voxwire.Reconnect(),  # goes on where a connection breaks,
            rotate=True,  # and after the hour that a session may last
        ) as session,
    ):
        group.create_task(captions(session))
        if isinstance(audio, voxwire.LocalAudio):
            print("Speak; Ctrl-C ends the conversation.")
        try:
            # Interruption is in it: the speaker falls silent, and the model knows what was heard.
            await session.talk(audio)
        finally:
            if used := session.usage.responses:
                print(f"{used} answers, ${session.usage.cost().total:.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A voice agent at the desk.")
    parser.add_argument("question", nargs="?", help="a WAV file in place of the microphone")
    parser.add_argument("answer", nargs="?", help="a WAV file in place of the speaker")
    parser.add_argument("--url", help="another server than OpenAI's")
    given = parser.parse_args()
    if given.question is None:
        device: voxwire.LocalAudio | voxwire.FileAudio = voxwire.LocalAudio()
    else:
        device = voxwire.FileAudio(given.question, given.answer)
    try:
        with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C ends it
            asyncio.run(main(device, given.url))
    except* (voxwire.VoxwireError, OSError) as problems:
        # No key, no network, no microphone: the message says what to do.
        raise SystemExit(f"voice_agent: {problems.exceptions[0]}") from None
