"""A telephone number at Twilio, answered by a voice agent: Twilio's media stream on one side, a
session on the other, and nothing done to the sound in between.

    OPENAI_API_KEY=sk-... TWILIO_AUTH_TOKEN=... PUBLIC_URL=https://desk.example.com \\
        uvicorn --app-dir examples/twilio_bridge bridge:app

A call comes in as a POST to /voice, which answers that the sound is to go to the socket /media.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import logging
import os
from collections.abc import Mapping
from urllib.parse import parse_qsl

from fastapi import FastAPI, HTTPException, Request, Response, WebSocket, WebSocketDisconnect

import voxwire

log = logging.getLogger("harbour")
app = FastAPI()

INSTRUCTIONS = "You are the harbour desk on the telephone. Be brief: a sentence or two."
GREETING = "Say good day, tell who you are, and ask what you can do."


@voxwire.tool
def berth_free(metres: int) -> str:
    """Whether there is a berth for a boat of so many metres."""
    return "pier four, until noon" if metres <= 12 else "none of that length"


# --- the two ends of a call -----------------------------------------------------------------------


@app.post("/voice")
async def voice(request: Request) -> Response:
    """Somebody calls: have the sound brought to /media."""
    form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
    signature = request.headers.get("x-twilio-signature", "")
    if not hmac.compare_digest(signed(f"{public_url()}/voice", form), signature):
        raise HTTPException(403)
    # Anybody can open a socket. Who knows the ticket of a call was sent here by that call.
    where = public_url().replace("http", "ws", 1)
    twiml = (
        f'<Response><Connect><Stream url="{where}/media">'
        f'<Parameter name="ticket" value="{ticket(form.get("CallSid", ""))}"/>'
        "</Stream></Connect></Response>"
    )
    return Response(twiml, media_type="application/xml")


@app.websocket("/media")
async def media(socket: WebSocket) -> None:
    """The sound of one call."""
    await socket.accept()
    stream = await begin(socket)
    if stream is None:
        await socket.close(1008)
        return
    line = voxwire.RemoteAudio()
    try:
        async with (
            # G.711 at 8 kHz is what telephones speak: Twilio's bytes are the session's bytes.
            voxwire.connect(
                instructions=INSTRUCTIONS,
                tools=[berth_free],
                input_format="pcmu",
                output_format="pcmu",
                reconnect=voxwire.Reconnect(),  # a call outlives a connection that breaks,
                rotate=True,  # and the hour that a session may last
            ) as session,
            asyncio.TaskGroup() as call,
        ):
            call.create_task(session.talk(line))
            call.create_task(play(line, socket, stream))
            session.respond(instructions=GREETING)
            await hear(line, socket)
            await session.close()  # the caller has hung up, and nobody hears the rest
    except* voxwire.VoxwireError as problems:
        # A network that breaks, a key that is refused: the caller hears the line drop.
        for problem in problems.exceptions:
            log.warning("the call ends: %s", problem)
    await hang_up(socket)


# --- Twilio's messages ----------------------------------------------------------------------------


async def begin(socket: WebSocket) -> str | None:
    """The id of a stream that one of our calls has opened; None where it is somebody else's."""
    async for message in socket.iter_json():
        match message:
            case {"event": "connected"}:
                continue
            case {
                "event": "start",
                "streamSid": str(stream),
                "start": {"callSid": str(call), "customParameters": {"ticket": str(given)}},
            } if hmac.compare_digest(ticket(call), given):
                return stream
            case _:
                break
    return None


async def hear(line: voxwire.RemoteAudio, socket: WebSocket) -> None:
    """From the caller to the session, until the caller hangs up."""
    async for message in socket.iter_json():
        match message:
            case {"event": "media", "media": {"payload": str(payload)}}:
                line.hear(base64.b64decode(payload))
            case {"event": "mark", "mark": {"name": str(name)}}:
                line.reached(name)
            case {"event": "stop"}:
                return
            case _:
                continue


async def play(line: voxwire.RemoteAudio, socket: WebSocket, stream: str) -> None:
    """From the session to the caller. Each piece is followed by its mark: Twilio sends that back
    when the piece was played."""
    try:
        async for piece in line.outgoing():
            if piece.clear:
                await socket.send_json({"event": "clear", "streamSid": stream})
                continue
            payload = base64.b64encode(piece.audio).decode()
            message = {"event": "media", "streamSid": stream, "media": {"payload": payload}}
            await socket.send_json(message)
            await socket.send_json(
                {"event": "mark", "streamSid": stream, "mark": {"name": piece.mark}}
            )
    except WebSocketDisconnect:  # hear() sees it too, and ends the call
        return


async def hang_up(socket: WebSocket) -> None:
    """End the stream; Twilio goes on behind </Connect>, where there is nothing."""
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # where the caller was not first
        await socket.close()


# --- who may call ---------------------------------------------------------------------------------


def public_url() -> str:
    """Where Twilio reaches this server; a signature is made with it."""
    return os.environ["PUBLIC_URL"].rstrip("/")


def signed(url: str, form: Mapping[str, str]) -> str:
    """Twilio's signature of a webhook: over the URL and the fields, in their order."""
    text = url + "".join(name + form[name] for name in sorted(form))
    key = os.environ["TWILIO_AUTH_TOKEN"].encode()
    return base64.b64encode(hmac.digest(key, text.encode(), hashlib.sha1)).decode()


def ticket(call: str) -> str:
    """What the stream of a call has to show."""
    key = os.environ["TWILIO_AUTH_TOKEN"].encode()
    return hmac.digest(key, f"media {call}".encode(), hashlib.sha256).hex()
