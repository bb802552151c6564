"""A voice agent in a web page. The page has the microphone and the speaker, and this server has the
key: the sound goes through here, as PCM over a WebSocket.

    OPENAI_API_KEY=sk-... uvicorn --app-dir examples/browser_relay server:app

Then open http://127.0.0.1:8000. On another machine the page has to come over HTTPS, or the browser
gives it no microphone.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from fastapi.staticfiles import StaticFiles

import voxwire

log = logging.getLogger("harbour")
app = FastAPI()
# The names that this server is reached by: to these add your own. Without such a list a page of any
# site could give its own name this machine's address, and would look like a page from here.
app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])

INSTRUCTIONS = "You are the harbour desk. Be brief: a sentence or two."


@voxwire.tool
def berth_free(metres: int) -> str:
    """Whether there is a berth for a boat of so many metres."""
    return "pier four, until noon" if metres <= 12 else "none of that length"


@app.websocket("/talk")
async def talk(socket: WebSocket) -> None:
    """One visitor, and the session that is held for them."""
    if not same_site(socket):  # or any page in the world could talk here, through its visitors
        await socket.close()
        return
    await socket.accept()
    line = voxwire.RemoteAudio()
    try:
        async with (
            voxwire.connect(
                instructions=INSTRUCTIONS,
                tools=[berth_free],
                transcription="gpt-transcribe",  # of what the visitor says, for the page
                reconnect=voxwire.Reconnect(),
            ) as session,
            asyncio.TaskGroup() as call,
        ):
            call.create_task(session.talk(line))
            call.create_task(play(line, socket))
            call.create_task(show(session, socket))
            await hear(line, socket)
            await session.close()  # the visitor has left
    except* voxwire.VoxwireError as problems:
        # A network that breaks, a key that is refused: this visitor is told goodbye.
        for problem in problems.exceptions:
            log.warning("a conversation ends: %s", problem)
        await hang_up(socket)


async def hear(line: voxwire.RemoteAudio, socket: WebSocket) -> None:
    """From the page: its sound in binary messages, and in text the marks that it has come by."""
    while (message := await socket.receive())["type"] == "websocket.receive":
        if (sound := message.get("bytes")) is not None:
            line.hear(sound)
        elif (mark := message.get("text")) is not None:
            line.reached(mark)


async def play(line: voxwire.RemoteAudio, socket: WebSocket) -> None:
    """To the page: sound in binary messages, with its mark in a message behind it."""
    try:
        async for piece in line.outgoing():
            if piece.clear:
                await socket.send_json({"clear": True})
            else:
                await socket.send_bytes(piece.audio)
                await socket.send_json({"mark": piece.mark})
    except WebSocketDisconnect:  # hear() sees it too, and ends the conversation
        return


async def show(session: voxwire.Session, socket: WebSocket) -> None:
    """To the page: what is said, item by item, each time as far as it has been heard."""
    try:
        async for event in session.stream(voxwire.ConversationUpdated):
            if isinstance(event, voxwire.Overflow):
                log.warning("%d captions were lost to a slow page", event.dropped)
                continue
            item = event.item
            if item.role is not None:
                said = {"item": item.id, "role": item.role, "text": item.text or item.heard}
                cut = {"interrupted": item.interrupted, "deleted": item.deleted}
                await socket.send_json({**said, **cut})
    except WebSocketDisconnect:  # as above
        return


async def hang_up(socket: WebSocket) -> None:
    """Tell the page that something went wrong; what exactly is for the log."""
    try:
        await socket.close(1011, "the conversation could not be held")
    except (RuntimeError, WebSocketDisconnect):  # the page was first
        return


def same_site(socket: WebSocket) -> bool:
    """Whether the page that asks came from here."""
    return urlsplit(socket.headers.get("origin", "")).netloc == socket.headers.get("host")


app.mount("/", StaticFiles(directory=Path(__file__).parent / "page", html=True))
