"""A telephone number that leads to the service itself, over SIP: the sound goes there, and this
server decides who is answered, runs the tools, puts callers through, and hangs up.

    OPENAI_API_KEY=sk-... OPENAI_WEBHOOK_SECRET=whsec_... uvicorn --app-dir examples sip_agent:app

Point the project's webhook for ``realtime.call.incoming`` at /webhook of this server, and the
number's SIP trunk at the project's SIP address. Needs ``pip install voxwire fastapi uvicorn``.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Literal

from fastapi import FastAPI, HTTPException, Request

import voxwire

log = logging.getLogger("harbour")
app = FastAPI()

SETTINGS = voxwire.realtime_session(
    instructions="You are the harbour desk on the telephone. Be brief: a sentence or two.",
    transcription="gpt-transcribe",  # of the caller, for the log
)
GREETING = "Say good day, tell who you are, and ask what you can do."
PEOPLE = {"harbour master": "tel:+15550101", "engineer": "tel:+15550102"}
BLOCKED = ("anonymous",)

# A task that nobody holds may be collected while it runs.
calls: set[asyncio.Task[None]] = set()


@app.post("/webhook")
async def webhook(request: Request) -> None:
    """Somebody calls. The service waits for this to be answered, and the caller for the service:
    what takes longer is done behind it."""
    try:
        event = voxwire.webhooks.unwrap(await request.body(), request.headers)
    except voxwire.InvalidSignature as problem:
        # Somebody else, or the wrong secret: nothing of it is done.
        log.warning("not believed: %s", problem)
        raise HTTPException(400) from None
    if isinstance(event, voxwire.RealtimeCallIncoming):
        task = asyncio.create_task(answer(event))
        calls.add(task)
        task.add_done_callback(calls.discard)


async def answer(call: voxwire.RealtimeCallIncoming) -> None:
    """Take a call, or do not, and stay with it to its end."""
    who = caller(call)
    try:
        async with voxwire.AsyncClient() as client:
            if any(word in who for word in BLOCKED):
                await client.calls.reject(call, status_code=603)
                return
            await client.calls.accept(call, session=SETTINGS)
            await Attendant(client, call, who).attend()
    except voxwire.VoxwireError as problem:  # the caller was faster, or the service is in trouble
        log.warning("the call of %s is lost: %s", who, problem)


def caller(call: voxwire.RealtimeCallIncoming) -> str:
    """Who calls, as the telephone network says."""
    headers = {header.name.lower(): header.value for header in call.data.sip_headers}
    return headers.get("from", "anonymous")


class Attendant:
    """What one call needs: its tools are methods, so each call has a state of its own."""

    def __init__(
        self, client: voxwire.AsyncClient, call: voxwire.RealtimeCallIncoming, who: str
    ) -> None:
        self.client = client
        self.call = call
        self.who = who
        self.leaving = False

    async def put_through(self, to: Literal["harbour master", "engineer"]) -> str:
        """Put the caller through to a person. Say that you do so before you call this."""
        await self.client.calls.refer(self.call, target_uri=PEOPLE[to])
        return "The caller is being put through; say nothing more."

    def end_call(self) -> str:
        """Hang up, when the caller has nothing more to ask."""
        self.leaving = True
        return "Say good bye."

    async def attend(self) -> None:
        """Greet the caller, write down what is said, and hang up when it is time."""
        async with voxwire.attach(self.call, tools=[self.put_through, self.end_call]) as session:
            session.respond(instructions=GREETING)
            async for event in session:
                match event:
                    case voxwire.ConversationItemInputAudioTranscriptionCompleted():
                        log.info("%s: %s", self.who, event.transcript.strip())
                    case voxwire.ResponseOutputAudioTranscriptDone(transcript=words):
                        log.info("desk: %s", words)
                    case voxwire.InputAudioBufferDtmfEventReceived(event="0"):
                        await self.put_through("harbour master")
                    case voxwire.OutputAudioBufferStopped() if self.leaving:
                        # The good bye was heard to its end.
                        await self.client.calls.hangup(self.call)
