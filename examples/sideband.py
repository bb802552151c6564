"""A second line to a call that a browser or a telephone holds: listen in, run tools, steer.

    OPENAI_API_KEY=sk-... python examples/sideband.py rtc_...

The sound goes between the caller and the service. This program hears the events, and its tools are
the call's: no key and no tool has to be in the browser.
"""

from __future__ import annotations

import asyncio
import sys

import voxwire

BERTHS = {4: "free until noon", 5: "taken"}


@voxwire.tool
def berth(pier: int) -> str:
    """Whether the berth at a pier is free."""
    return BERTHS.get(pier, "there is no such pier")


async def main(call_id: str) -> None:
    async with voxwire.attach(call_id, tools=[berth]) as session:
        print(f"on the line of {session.session.id}")
        async for event in session:
            match event:
                case voxwire.ConversationItemInputAudioTranscriptionCompleted(transcript=words):
                    print(f"caller: {words}")
                case voxwire.ResponseOutputAudioTranscriptDone(transcript=words):
                    print(f"desk: {words}")
                case voxwire.ResponseFunctionCallArgumentsDone(arguments=arguments):
                    print(f"tool: {arguments}")
                case voxwire.ConnectionClosed():
                    print("the call is over")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: sideband.py CALL_ID")
    asyncio.run(main(sys.argv[1]))
