"""The emulator at its socket, with a client that is not ours (websockets) and with one that is."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from bench import append, appended, output, typed, types, update
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

import voxwire
from voxwire.emulator import Emulator, Reply, UserTurn
from voxwire.protocol.codec import REALTIME

MODEL = "?model=gpt-realtime-2.1"


async def send(socket: ClientConnection, *events: dict[str, Any]) -> None:
    for event in events:
        await socket.send(json.dumps(event))


async def until(socket: ClientConnection, name: str) -> list[Any]:
    """Everything up to an event of a name."""
    events: list[Any] = []
    while not events or events[-1].type != name:
        events.append(REALTIME.decode(await socket.recv(decode=False)))
    return events


async def test_text_turn() -> None:
    async with Emulator() as server, connect(server.url + MODEL) as socket:
        server.on("duologue", reply="A talk between two.")
        created = (await until(socket, "session.created"))[-1]
        assert created.session.model == "gpt-realtime-2.1"
        await send(socket, update(output_modalities=["text"]), typed("What is a duologue?"))
        await send(socket, {"type": "response.create", "response": {"metadata": {"a": "b"}}})
        done = (await until(socket, "response.done"))[-1].response
        assert done.output[0].content[0].text == "A talk between two."
        assert (done.status, done.metadata) == ("completed", {"a": "b"})


async def test_tool_turn() -> None:
    async with Emulator() as server, connect(server.url + MODEL) as socket:
        server.on("table", call="book_table", arguments={"people": 2})
        await send(socket, typed("a table for two"), {"type": "response.create"})
        call = (await until(socket, "response.done"))[-1].response.output[0]
        assert (call.name, json.loads(call.arguments)) == ("book_table", {"people": 2})
        await send(socket, output(call.call_id, "booked"), {"type": "response.create"})
        answer = (await until(socket, "response.done"))[-1].response.output[0]
        assert answer.content[0].transcript == "booked"


async def test_spoken_turn_in_and_out() -> None:
    async with Emulator() as server, connect(server.url + MODEL) as socket:
        server.on("how are you", reply="Well, thank you.")
        question = server.speech("How are you?")
        await send(socket, update(audio={"input": {"transcription": {"model": "whisper-1"}}}))
        await send(socket, *appended(bytes(9600) + question + bytes(48000)))
        events = await until(socket, "response.done")
        heard = [e for e in events if e.type.endswith("transcription.completed")]
        assert [e.transcript for e in heard] == ["How are you?"]
        spoken = b"".join(e.audio for e in events if e.type == "response.output_audio.delta")
        assert len(spoken) == 48 * 60 * len("Well, thank you.")


async def test_manual_commit() -> None:
    async with Emulator() as server, connect(server.url + MODEL) as socket:
        server.hear("push to talk")
        await send(socket, update(audio={"input": {"turn_detection": None}}))
        await send(socket, append(bytes(9600)), {"type": "input_audio_buffer.commit"})
        events = await until(socket, "conversation.item.done")
        assert types(events)[2:] == [
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
        ]
        await send(socket, {"type": "response.create"})
        answer = (await until(socket, "response.done"))[-1].response.output[0]
        assert answer.content[0].transcript == "push to talk"


async def test_truncate_and_cancel_what_is_held() -> None:
    async with Emulator() as server, connect(server.url + MODEL) as socket:
        server.on("story", reply="Once upon a time there was a long story.", hold=8)
        await send(socket, typed("a story"), {"type": "response.create"})
        delta = (await until(socket, "response.output_audio.delta"))[-1]
        place = {"item_id": delta.item_id, "content_index": 0, "audio_end_ms": 100}
        await send(socket, {"type": "conversation.item.truncate", **place})
        await send(socket, {"type": "response.cancel"})
        events = await until(socket, "response.done")
        assert events[-1].response.status == "cancelled"
        assert events[-1].response.status_details.reason == "client_cancelled"
        assert "conversation.item.truncated" in types(events)
        await send(socket, {"type": "conversation.item.retrieve", "item_id": delta.item_id})
        item = (await until(socket, "conversation.item.retrieved"))[-1].item
        assert len(base64.b64decode(item.content[0].audio)) == 4800


async def test_held_reply_goes_on() -> None:
    async with Emulator() as server, connect(server.url + MODEL) as socket:
        server.on("wait", reply="one two three", hold=True)
        await send(socket, update(output_modalities=["text"]))
        await send(socket, typed("wait"), {"type": "response.create"})
        assert (await until(socket, "response.output_text.delta"))[-1].delta == "one"
        server.release()
        done = (await until(socket, "response.done"))[-1].response
        assert done.output[0].content[0].text == "one two three"


async def test_speech_interrupts() -> None:
    async with Emulator() as server, connect(server.url + MODEL) as socket:
        server.on("story", reply="Once upon a time there was a long story.", hold=8)
        await send(socket, typed("a story"), {"type": "response.create"})
        await until(socket, "response.output_audio.delta")
        await send(socket, *appended(server.speech("stop it now")))
        done = (await until(socket, "response.done"))[-1].response
        assert (done.status, done.status_details.reason) == ("cancelled", "turn_detected")


async def test_asynchronous_brain() -> None:
    async def brain(turn: UserTurn) -> Reply:
        return Reply(text=f"{turn.kind}: {turn.text}")

    async with Emulator(brain) as server, connect(server.url + MODEL) as socket:
        await send(socket, typed("hello"), {"type": "response.create"})
        done = (await until(socket, "response.done"))[-1].response
        assert done.output[0].content[0].transcript == "user: hello"


async def test_a_brain_that_breaks_fails_the_response() -> None:
    def brain(turn: UserTurn) -> str:
        raise ValueError(turn.text)

    async with Emulator(brain) as server, connect(server.url + MODEL) as socket:
        await send(socket, typed("hello"), {"type": "response.create"})
        done = (await until(socket, "response.done"))[-1].response
        assert (done.status, done.status_details.error.code) == ("failed", "server_error")


@pytest.mark.parametrize(
    ("query", "headers", "close", "code"),
    [
        ("", {}, 4000, "missing_model"),
        ("?model=x", {"OpenAI-Beta": "realtime=v1"}, 4000, "beta_api_shape_disabled"),
        ("?intent=poetry", {}, 4000, "invalid_intent"),
    ],
)
async def test_refused_after_the_upgrade(
    query: str, headers: dict[str, str], close: int, code: str
) -> None:
    async with Emulator() as server:
        async with connect(server.url + query, additional_headers=headers) as socket:
            error = REALTIME.decode(await socket.recv(decode=False))
            with pytest.raises(ConnectionClosed):
                await socket.recv()
        assert error.error.code == code
        assert (socket.close_code, socket.close_reason) == (close, f"invalid_request_error.{code}")


async def test_with_our_own_client() -> None:
    async with Emulator() as server:
        server.on("two", reply="Fine.")
        async with voxwire.connect(url=server.url, output_modalities=["text"]) as session:
            answer = await session.say("a table for two")
        assert (answer.text, answer.status) == ("Fine.", "completed")
        assert [event["type"] for event in server.connections[0].events] == [
            "session.update",
            "conversation.item.create",
            "response.create",
        ]
    assert server.connections[0].closed is not None
