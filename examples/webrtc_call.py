"""A WebRTC call whose back-end stays in the room.

    OPENAI_API_KEY=sk-... python examples/webrtc_call.py < offer.sdp

A browser makes an offer and posts it to a back-end; here it comes on standard input. The back-end
trades it for an answer, which goes to standard output and from there to the browser. The sound then
goes between the browser and the service; the back-end hears the events, runs the tools, and hangs
up after three responses.
"""

from __future__ import annotations

import asyncio
import sys

import voxwire

SETTINGS = voxwire.realtime_session(instructions="You are the harbour desk. Be brief.")
RESPONSES = 3


@voxwire.tool
def tide_at(pier: int) -> dict[str, object]:
    """When the water is high at a pier today."""
    return {"pier": pier, "high_water": ["01:55", "14:20"]}


async def main() -> None:
    # Read and written in bytes: the line ends of SDP are CRLF, and are to stay it.
    offer = sys.stdin.buffer.read().decode()
    async with voxwire.AsyncClient() as client:
        call = await client.calls.create(offer, session=SETTINGS)
        sys.stdout.buffer.write(call.sdp.encode())
        sys.stdout.buffer.flush()
        count = 0
        async with voxwire.attach(call.call_id, tools=[tide_at]) as session:
            async for event in session:
                count += isinstance(event, voxwire.ResponseDone)
                if count == RESPONSES:
                    break
        await client.calls.hangup(call.call_id)


if __name__ == "__main__":
    asyncio.run(main())
