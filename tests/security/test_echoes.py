"""A key that a server repeats in whatever event comes out nowhere; frames that cost too much."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

import voxwire
from security.canaries import CANARY, Records, shown
from voxwire.emulator import Emulator
from voxwire.store import SQLiteStore

SESSION = {"type": "realtime", "id": "s", "object": "realtime.session", "model": "m"}


def echoes() -> list[dict[str, Any]]:
    """Events in which a server may repeat what it was given."""
    words = f"you sent {CANARY}"
    return [
        {"type": "session.updated", "session": {**SESSION, "instructions": words}},
        {"type": "response.created", "response": {"id": "r", "metadata": {"a": words}}},
        {
            "type": "response.done",
            "response": {
                "id": "r",
                "status": "failed",
                "status_details": {"type": "failed", "error": {"code": "x", "message": words}},
                "output": [],
            },
        },
        {"type": "vendor.debug", "headers": {"authorization": f"Bearer {CANARY}"}, "words": words},
        {"type": "error", "error": {"type": "x", "code": "y", "message": words}},
    ]


async def test_a_key_that_a_server_repeats_comes_out_nowhere(tmp_path: Path) -> None:
    async def handle(socket: ServerConnection) -> None:
        event = {"type": "session.created", "event_id": "e", "session": SESSION}
        await socket.send(json.dumps(event))
        for each in echoes():
            await socket.send(json.dumps({"event_id": "e", **each}))
        await socket.wait_closed()

    recording, database = tmp_path / "session.jsonl", tmp_path / "sessions.db"
    seen: list[Any] = []
    with Records() as records:
        quiet = logging.getLogger("a server that is not ours")
        quiet.disabled = True
        async with serve(handle, "127.0.0.1", 0, logger=quiet) as server, asyncio.timeout(20):
            port = server.sockets[0].getsockname()[1]
            store = SQLiteStore(database)
            async with voxwire.connect(
                url=f"ws://127.0.0.1:{port}/v1/realtime", api_key=CANARY, record=recording,
                store=store, session_id="s",
            ) as session:  # fmt: skip
                async for event in session:
                    seen.append(event)
                    if isinstance(event, voxwire.ErrorEvent):
                        break
                assert await session.kept.stored(10)
                told = [repr(event) for event in seen]
                told += [str(getattr(event, "raw", b"")) for event in seen]
                told += [repr(session.session), repr(session.conversation)]
    assert len(seen) >= 6
    found = [text for text in [*told, *records.told] if CANARY in text]
    assert not found
    assert CANARY not in recording.read_text()
    for path in sorted(tmp_path.glob("*")):  # noqa: ASYNC240 (a few files, after all is over)
        assert CANARY.encode() not in path.read_bytes(), path


async def test_the_key_of_a_hosted_tool_that_is_given_as_a_dict_is_not_shown() -> None:
    hosted = {"type": "mcp", "server_label": "l", "server_url": "https://h.test/", "headers": {
        "X-Key": CANARY}, "authorization": CANARY}  # fmt: skip
    with Records() as records:
        async with Emulator() as server:
            async with voxwire.connect(url=server.url, tools=[hosted]) as session:
                await session.update(tools=[hosted], instructions="x")
        with pytest.raises(voxwire.InvalidEvent) as caught:
            voxwire.connect(url="ws://127.0.0.1:1", tools=[{**hosted, "unknown": 1}])
    assert CANARY not in "\n".join(records.told)
    assert CANARY not in shown(caught.value)


async def test_a_recording_goes_on_after_a_frame_that_is_nested_deeply(tmp_path: Path) -> None:
    deep = '{"type":"vendor.deep","data":' + "[" * 600 + "]" * 600 + "}"

    async def handle(socket: ServerConnection) -> None:
        event = {"type": "session.created", "event_id": "e", "session": SESSION}
        await socket.send(json.dumps(event))
        await socket.send(deep)
        await socket.send(json.dumps({"type": "vendor.last", "event_id": "e"}))
        await socket.wait_closed()

    path = tmp_path / "session.jsonl"
    async with serve(handle, "127.0.0.1", 0) as server, asyncio.timeout(20):
        port = server.sockets[0].getsockname()[1]
        url = f"ws://127.0.0.1:{port}/v1/realtime"
        async with voxwire.connect(url=url, record=path) as session:
            async for event in session:
                if getattr(event, "type", "") == "vendor.last":
                    break
    assert "vendor.last" in path.read_text()


async def test_a_recording_that_cannot_be_written_is_an_event(tmp_path: Path) -> None:
    class Broken:
        def client(self, frame: str | bytes) -> None:
            raise OSError("no space left")

        def server(self, frame: str | bytes) -> None:
            pass

        def closed(self, *about: Any, **more: Any) -> None:
            pass

    failures: list[voxwire.ObserverFailed] = []
    async with Emulator() as server:
        async with voxwire.connect(url=server.url, output_modalities=["text"]) as session:
            session.on(voxwire.ObserverFailed, failures.append)
            session._core.taps.append(Broken())
            assert (await session.say("hello")).status == "completed"
    assert [(event.observer, str(event.exception)) for event in failures] == [
        ("Broken", "no space left"),
    ]


def test_an_item_of_a_million_parts_is_bounded() -> None:
    from voxwire.conversation import ConversationTracker
    from voxwire.conversation.item_state import MOST_PARTS
    from voxwire.protocol.codec import REALTIME

    cache = ConversationTracker()
    content = "[" + ",".join(["0"] * 1_000_000) + "]"
    item = '{"id":"a","type":"message","role":"assistant","content":' + content + "}"
    frame = '{"type":"conversation.item.added","event_id":"e","item":' + item + "}"
    cache.apply(REALTIME.decode(frame.encode()))
    assert len(cache.conversation["a"].content) <= MOST_PARTS
    for index in range(10_000):
        event = {
            "type": "response.output_text.delta", "event_id": "e", "response_id": "r",
            "item_id": "a", "output_index": 0, "content_index": index, "delta": "x",
        }  # fmt: skip
        cache.apply(REALTIME.decode(json.dumps(event).encode()))
    assert len(cache.conversation["a"].content) <= MOST_PARTS
