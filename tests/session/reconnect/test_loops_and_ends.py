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
from websockets.protocol import State

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


@pytest.mark.parametrize("begins", [True, False], ids=["cut", "lost"])
@pytest.mark.parametrize("way", ["say", "by hand", "spoken"])
async def test_a_request_is_repeated_only_so_often(way: str, begins: bool) -> None:
    asked = added = 0
    detection = {"type": "server_vad"} if way == "spoken" else None
    described = {**SESSION, "audio": {"input": {"turn_detection": detection}}}

    async def act(peer: Peer) -> None:
        nonlocal asked, added
        await peer.say("session.created", session=described)
        if way == "spoken" and peer.number == 0:
            while (await peer.hear())["type"] != "input_audio_buffer.append":
                pass
            place = {"item_id": "u"}
            await peer.say("input_audio_buffer.speech_started", audio_start_ms=0, **place)
            await peer.say("input_audio_buffer.speech_stopped", audio_end_ms=100, **place)
            await peer.say("input_audio_buffer.committed", **place)
            content = [{"type": "input_audio", "transcript": "Hi."}]
            item = {"id": "u", "type": "message", "role": "user", "content": content}
            await peer.say("conversation.item.added", item=item)
            words = "conversation.item.input_audio_transcription.completed"
            await peer.say(words, item_id="u", content_index=0, transcript="Hi.")
            await peer.say("response.created", response={"id": "r", "conversation_id": "c"})
            await asyncio.sleep(0.02)
            peer.socket.transport.abort()
            return
        while True:
            event = await peer.hear()
            if event["type"] == "session.update":
                await peer.say("session.updated", session=described)
            elif event["type"] == "conversation.item.create":
                added += 1
                item = {"id": f"i{added}", **event["item"]}
                await peer.say("conversation.item.added", item=item)
            elif event["type"] == "response.create":
                asked += 1
                metadata = event.get("response", {}).get("metadata")
                response = {"id": f"r{asked}", "metadata": metadata, "conversation_id": "c"}
                if begins:
                    await peer.say("response.created", response=response)
                await asyncio.sleep(0.02)
                peer.socket.transport.abort()
                return

    policy = Reconnect(first_delay=0.001, longest_delay=0.002, attempts=100)
    async with peer(act) as (url, peers), asyncio.timeout(60):
        async with voxwire.connect(url=url, reconnect=policy) as session:
            if way == "say":
                assert (await session.say("hello")).status == "incomplete"
            elif way == "by hand":
                await session.send(voxwire.ResponseCreate())
            else:
                await session.append_audio(bytes(9_600))
            while asked < 6 or len(peers) < 7 + (way == "spoken"):
                await asyncio.sleep(0.01)
            # Nothing more is asked for on the connection after that.
            await (await session.add("later")).acknowledged()
            await asyncio.sleep(0.2)
            assert session.closed is None
        assert asked == 6


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


@pytest.mark.parametrize("closes", [True, False], ids=["closes", "stays"])
async def test_an_error_in_place_of_a_greeting_is_kept_with_code_and_reason(closes: bool) -> None:
    async def act(peer: Peer) -> None:
        if peer.number == 0:
            await peer.say("session.created", session=SESSION)
            await peer.say("error", error={"type": "x", "code": "of_before", "message": "old"})
            await asyncio.sleep(0.05)
            peer.socket.transport.abort()
            return
        error = {"type": "invalid_request_error", "code": "no_such_model", "message": "no"}
        await peer.say("error", error=error)
        if closes:
            await peer.socket.close(4000, "no_such_model")
        else:
            await settle(peer)

    async with peer(act) as (url, peers), asyncio.timeout(30):
        async with voxwire.connect(url=url, reconnect=SOON) as session:
            await asyncio.wait([session.reading])
            closed = session.closed
        assert len(peers) == 2
    assert closed is not None
    assert (closed.code, closed.reason) == ((4000, "no_such_model") if closes else (1006, ""))
    assert isinstance(closed.error, voxwire.ServerError | voxwire.UpgradeRejected)
    assert closed.error.event is not None
    assert closed.error.event.error.code == "no_such_model"


async def test_the_error_of_an_earlier_connection_is_not_told_of_a_later_one() -> None:
    async def act(peer: Peer) -> None:
        await peer.say("session.created", session=SESSION)
        if peer.number == 0:
            await peer.say("error", error={"type": "x", "code": "of_before", "message": "old"})
            await asyncio.sleep(0.05)
            peer.socket.transport.abort()
            return
        await peer.socket.close(4000, "gone")

    async with peer(act) as (url, _), asyncio.timeout(30):
        async with voxwire.connect(url=url, reconnect=SOON) as session:
            await asyncio.wait([session.reading])
            closed = session.closed
    assert closed is not None
    assert (closed.code, closed.reason) == (4000, "gone")
    assert isinstance(closed.error, voxwire.UpgradeRejected)
    assert closed.error.event is None


async def test_a_move_does_not_wait_for_a_server_that_does_not_answer_its_close_frame() -> None:
    silent = asyncio.Event()

    async def act(peer: Peer) -> None:
        await peer.say("session.created", session=SESSION)
        if peer.number == 0:
            peer.socket.transport.pause_reading()  # the close frame is never read
            await silent.wait()
        else:
            await settle(peer)

    async with peer(act) as (url, peers), asyncio.timeout(30):
        session = await voxwire.connect(url=url, rotate=True, close_timeout=2)
        await session.rotate()
        old = peers[0].socket
        assert old.state is State.OPEN  # it is being closed, and the session has moved
        await (await session.add("hello")).acknowledged()
        await session.close()  # both are closed then
        silent.set()
        await old.wait_closed()
        assert len(peers) == 2
        assert not [task for task in asyncio.all_tasks() if "farewell" in task.get_name()]


async def test_an_old_connection_is_closed_as_the_protocol_has_it() -> None:
    ends: list[int | None] = []

    async def act(peer: Peer) -> None:
        await peer.say("session.created", session=SESSION)
        try:
            await settle(peer)
        except SocketClosed as error:
            ends.append(error.rcvd.code if error.rcvd else None)
            raise

    async with peer(act) as (url, _), asyncio.timeout(30):
        async with voxwire.connect(url=url, rotate=True) as session:
            for _ in range(3):
                await session.rotate()
        assert ends == [1000] * 4


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


async def test_an_id_may_be_used_again_after_a_move_and_a_deletion() -> None:
    async with (
        Emulator() as server,
        asyncio.timeout(20),
        voxwire.connect(url=server.url, rotate=True) as session,
    ):
        item: Any = {"type": "message", "role": "user", "id": "b"}
        for words in ("one", "two", "three"):
            item["content"] = [{"type": "input_text", "text": words}]
            async with session.expect(voxwire.ConversationItemAdded, timeout=10):
                await (await session.add(item)).acknowledged()
            assert session.conversation["b"].text == words
            await session.rotate()
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


async def test_an_item_that_is_there_already_is_not_loaded_again() -> None:
    async with Emulator() as server:
        async with asyncio.timeout(20), voxwire.connect(url=server.url, **TEXT) as session:
            await session.say("hello")
            with pytest.raises(voxwire.InvalidOption, match="already"):
                await session.load(session.conversation)
            assert len(server.conversation) == 2


def test_a_conversation_is_loaded_without_asyncio() -> None:
    portal = voxwire.sync.Portal()
    server = Emulator()
    portal.call(server.__aenter__())
    try:
        with voxwire.sync.connect(url=server.url, **TEXT) as session:
            session.say("hello").wait()
            kept = session.conversation.snapshot()
        with voxwire.sync.connect(url=server.url, conversation=kept, **TEXT) as session:
            assert len(session.conversation) == 2
        with voxwire.sync.connect(url=server.url, **TEXT) as session:
            assert session.load(kept) == ()
            assert len(session.conversation) == 2
    finally:
        portal.call(server.__aexit__(None, None, None))
        portal.close()


def test_what_is_no_conversation_is_refused() -> None:
    with pytest.raises(voxwire.InvalidOption):
        voxwire.connect(url="ws://127.0.0.1:1", conversation={"no": "snapshot"})
