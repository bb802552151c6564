"""A desk that answers the telephone: a webhook comes in, the call is taken, and somebody listens.

    OPENAI_API_KEY=sk-... OPENAI_WEBHOOK_SECRET=whsec_... uvicorn --app-dir examples answer_call:app

Point the project's webhook for ``realtime.call.incoming`` at this server. It is an ASGI application
without a framework, so any ASGI server will run it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import voxwire

log = logging.getLogger("harbour")

SETTINGS = voxwire.realtime_session(
    instructions="You are the harbour desk on the telephone. Greet the caller, and be brief."
)
BLOCKED = ("anonymous",)

# A task that nobody holds may be collected while it runs.
_answering: set[asyncio.Task[None]] = set()


def caller(call: voxwire.RealtimeCallIncoming) -> str:
    """Who calls, as the telephone network says."""
    headers = {header.name.lower(): header.value for header in call.data.sip_headers}
    return headers.get("from", "anonymous")


async def answer(call: voxwire.RealtimeCallIncoming) -> None:
    """Take the call, say good day, and write down what is said until it is over."""
    async with voxwire.AsyncClient() as client:
        if any(word in caller(call) for word in BLOCKED):
            await client.calls.reject(call, status_code=603)
            return
        try:
            await client.calls.accept(call, session=SETTINGS)
        except voxwire.HttpError as error:
            log.warning("the call is lost: %s", error)
            return
    async with voxwire.attach(call.data.call_id) as session:
        session.respond()
        async for event in session:
            match event:
                case voxwire.ResponseOutputAudioTranscriptDone(transcript=words):
                    log.info("desk: %s", words)
                case voxwire.ConversationItemInputAudioTranscriptionCompleted(transcript=words):
                    log.info("%s: %s", caller(call), words)


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """The webhook. It answers at once: the service waits for that, and the caller for us."""
    if scope["type"] != "http":
        raise NotImplementedError(f"this application speaks HTTP, not {scope['type']}")
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    status = 200
    try:
        event = voxwire.webhooks.unwrap(body, scope["headers"])
    except voxwire.InvalidSignature as problem:
        log.warning("not believed: %s", problem)
        status = 400
    else:
        if isinstance(event, voxwire.RealtimeCallIncoming):
            task = asyncio.create_task(answer(event))
            _answering.add(task)
            task.add_done_callback(_answering.discard)
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})
