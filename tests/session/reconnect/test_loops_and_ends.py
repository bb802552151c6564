"""Servers that would have a session reconnect, move or ask for ever, and what it does then."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed as SocketClosed

import voxwire
from voxwire import Reconnect
from voxwire.emulator import Emulator

TEXT: dict[str, Any] = {"output_modalities": ["text"]}
SOON = Reconnect(first_delay=0.001, longest_delay=0.002, attempts=5)
SESSION = {"type": "realtime", "id": "sess_1", "object": "realtime.session", "model": "m"}


class Peer:
    """One connection of a server that a test writes."""

    def __init__(self, socket: ServerConnection, number: int) -> None:
        self.socket = socket
        self.number = number

    async def say(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, "event_id": "e", **fields}))

    async def hear(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await self.socket.recv())
        return found


@asynccontextmanager
async def peer(act: Callable[[Peer], Awaitable[None]]) -> AsyncIterator[tuple[str, list[Peer]]]:
    peers: list[Peer] = []

    async def handle(socket: ServerConnection) -> None:
        peers.append(one := Peer(socket, len(peers)))
        with contextlib.suppress(SocketClosed):  # the client has left
            await act(one)

    async with serve(handle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}/v1/realtime", peers


async def settle(peer: Peer) -> None:
    """Take what a client says as a server does, to its end."""
    while True:
        event = await peer.hear()
        if event["type"] == "session.update":
            await peer.say("session.updated", session=SESSION)
        elif event["type"] == "conversation.item.create":
            await peer.say("conversation.item.added", item={"id": "i", **event["item"]})


async def test_an_answer_that_nobody_asked_for_is_no_progress() -> None:
    async def act(peer: Peer) -> None:
        await peer.say("session.created", session=SESSION)
        await asyncio.sleep(0.02)
        await peer.say("response.created", response={"id": f"r{peer.number}"})
        await peer.say("response.done", response={"id": f"r{peer.number}", "status": "completed"})
        await peer.say("input_audio_buffer.committed", item_id=f"i{peer.number}")
        await asyncio.sleep(0.02)
        peer.socket.transport.abort()

    async with peer(act) as (url, peers), asyncio.timeout(30):
        async with voxwire.connect(url=url, reconnect=SOON) as session:
            await asyncio.wait([session.reading])
        assert session.closed is not None
        assert len(peers) <= 1 + SOON.attempts


async def test_a_response_that_is_always_cut_is_not_asked_for_without_end() -> None:
    asked = 0

    async def act(peer: Peer) -> None:
        nonlocal asked
        await peer.say("session.created", session=SESSION)
        while True:
            event = await peer.hear()
            if event["type"] == "session.update":
                await peer.say("session.updated", session=SESSION)
            elif event["type"] == "conversation.item.create":
                await peer.say("conversation.item.added", item={"id": "i", **event["item"]})
            elif event["type"] == "response.create":
                asked += 1
                metadata = event.get("response", {}).get("metadata")
                # Out-of-band answers end well, so that there is progress on each connection.
                if event.get("response", {}).get("conversation") == "none":
                    response = {"id": f"o{asked}", "metadata": metadata, "conversation_id": None}
                    await peer.say("response.created", response=response)
                    await peer.say("response.done", response={**response, "status": "completed"})
                    continue
                response = {"id": f"r{asked}", "metadata": metadata, "conversation_id": "c"}
                await peer.say("response.created", response=response)
                await asyncio.sleep(0.05)
                peer.socket.transport.abort()

    policy = Reconnect(first_delay=0.001, longest_delay=0.002, attempts=1000)
    async with peer(act) as (url, _), asyncio.timeout(30):
        async with voxwire.connect(url=url, reconnect=policy, **TEXT) as session:
            response = session.say("hello")
            while not response.done:
                await session.respond(conversation="none")
                await asyncio.sleep(0.01)
            assert response.status == "incomplete"


@pytest.mark.parametrize("expires", [-3600, 1], ids=["long ago", "at once"])
async def test_a_server_whose_sessions_are_over_at_once_is_not_left_again_and_again(
    expires: int,
) -> None:
    async def act(peer: Peer) -> None:
        described = {**SESSION, "expires_at": int(time.time()) + expires}
        await peer.say("session.created", session=described)
        for _ in range(40):
            await peer.say("session.updated", session=described)
            await asyncio.sleep(0.02)
        await settle(peer)

    async with peer(act) as (url, peers), asyncio.timeout(30):
        async with voxwire.connect(url=url, rotate=True) as session:
            await asyncio.sleep(2.5)
            assert session.closed is None
        assert len(peers) <= (1 if expires < 0 else 7)


async def test_a_refusal_while_restoring_ends_the_session_with_its_own_code() -> None:
    async def act(peer: Peer) -> None:
        if peer.number == 0:
            await peer.say("session.created", session=SESSION)
            await asyncio.sleep(0.05)
            peer.socket.transport.abort()
            return
        await peer.say("session.created", session=SESSION)
        error = {"type": "invalid_request_error", "code": "invalid_api_key", "message": "no"}
        await peer.say("error", error=error)
        await peer.socket.close(3000, "invalid_request_error.invalid_api_key")

    async with peer(act) as (url, _), asyncio.timeout(30):
        async with voxwire.connect(url=url, reconnect=SOON) as session:
            await asyncio.wait([session.reading])
            closed = session.closed
    assert closed is not None
    assert (closed.code, closed.reason) == (3000, "invalid_request_error.invalid_api_key")
    assert isinstance(closed.error, voxwire.AuthenticationError)
    assert closed.error.close_code == 3000
    assert closed.error.event is not None
    assert closed.error.event.error.code == "invalid_api_key"


async def test_a_move_does_not_wait_for_a_server_that_says_no_farewell() -> None:
    silent = asyncio.Event()

    async def act(peer: Peer) -> None:
        await peer.say("session.created", session=SESSION)
        if peer.number == 0:
            peer.socket.transport.pause_reading()  # the close frame is never read
            await silent.wait()
        else:
            await settle(peer)

    async with peer(act) as (url, peers), asyncio.timeout(30):
        async with voxwire.connect(url=url, rotate=True, close_timeout=20) as session:
            began = asyncio.get_running_loop().time()
            await session.rotate()
            assert asyncio.get_running_loop().time() - began < 10
        silent.set()
        assert len(peers) == 2


async def test_a_move_waits_for_a_pause_only_so_long() -> None:
    async def act(peer: Peer) -> None:
        await peer.say("session.created", session=SESSION)
        while True:
            event = await peer.hear()
            if event["type"] == "response.create":  # it begins, and never ends
                metadata = event["response"]["metadata"]
                response = {"id": f"r{peer.number}", "metadata": metadata, "conversation_id": "c"}
                await peer.say("response.created", response=response)
            elif event["type"] == "conversation.item.create":
                await peer.say("conversation.item.added", item={"id": "i", **event["item"]})

    async with peer(act) as (url, peers), asyncio.timeout(30):
        async with voxwire.connect(url=url, rotate=True, close_timeout=1) as session:
            session.say("hello")
            await asyncio.sleep(0.1)
            await session.rotate(timeout=0.2)
            assert len(peers) == 2


async def test_an_id_may_be_used_again_after_its_item_was_deleted() -> None:
    async with Emulator() as server:
        async with asyncio.timeout(20), voxwire.connect(url=server.url) as session:
            item: Any = {"type": "message", "role": "user", "id": "b"}
            for words in ("one", "two"):
                item["content"] = [{"type": "input_text", "text": words}]
                await (await session.add(item)).acknowledged()
                assert session.conversation["b"].text == words
                gone = voxwire.ConversationItemDelete(item_id="b")
                await (await session.send(gone)).acknowledged()


async def test_speech_that_was_restored_as_text_is_not_cut_as_audio() -> None:
    async with Emulator() as server:
        server.on("speak", reply="a long answer with many words in it")
        async with (
            asyncio.timeout(20),
            voxwire.connect(url=server.url, rotate=True) as session,
            session.expect(voxwire.ResponseDone, timeout=10),
        ):
            await session.say("speak")
            session.playback.played(ms=300)
            errors: list[Any] = []
            session.on(voxwire.ErrorEvent, errors.append)
            await session.rotate()
            session.playback.played(ms=400)
            await session.interrupt()
            await session.say("hello")
            assert errors == []


async def test_a_stored_conversation_is_loaded_into_another_session() -> None:
    async with Emulator() as server:
        server.on("name", reply="Her name is Ann.")
        async with asyncio.timeout(20), voxwire.connect(url=server.url, **TEXT) as session:
            await session.say("What is her name?")
            kept = session.conversation.snapshot()
        async with voxwire.connect(url=server.url, conversation=kept, **TEXT) as session:
            assert [item.text for item in session.conversation] == [
                "What is her name?", "Her name is Ann.",
            ]  # fmt: skip
            assert [item["type"] for item in server.conversation] == ["message", "message"]
        async with voxwire.connect(url=server.url, **TEXT) as session:
            assert await session.load(kept) == ()
            assert len(session.conversation) == 2


def test_what_is_no_conversation_is_refused() -> None:
    with pytest.raises(voxwire.InvalidOption):
        voxwire.connect(url="ws://127.0.0.1:1", conversation={"no": "snapshot"})
