"""The bridge to Twilio, with a telephone that speaks Twilio's messages over a real socket.

The telephone plays what it gets when the test says so: how much was heard is known to the sample.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import re
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from served import example, served, until
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from voxwire.emulator import Emulator
from voxwire.protocol.audio_format import PCMU

TOKEN = "0123456789abcdef0123456789abcdef"
CALL = {"CallSid": "CA0123", "From": "+15550100", "To": "+15550199"}
QUIET = b"\xff" * 160  # 20 ms


def signature(url: str, form: dict[str, str]) -> str:
    text = url + "".join(name + value for name, value in sorted(form.items()))
    return base64.b64encode(hmac.digest(TOKEN.encode(), text.encode(), hashlib.sha1)).decode()


class Telephone:
    """Twilio's end of a media stream."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.stream = "MZ0123"
        self.number = 0
        self.buffer: deque[bytes | str] = deque()  # sound and marks, as they came
        self.played = bytearray()
        self.got = bytearray()
        self.cleared = 0

    async def tell(self, event: str, **about: Any) -> None:
        self.number += 1
        message = {"event": event, "sequenceNumber": str(self.number), "streamSid": self.stream}
        await self.socket.send(json.dumps({**message, **about}))

    async def start(self, parameters: dict[str, str], call: str = CALL["CallSid"]) -> None:
        first = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
        await self.socket.send(json.dumps(first))
        about = {
            "accountSid": "AC0123",
            "streamSid": self.stream,
            "callSid": call,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": parameters,
        }
        await self.tell("start", start=about)

    async def say(self, sound: bytes) -> None:
        for at in range(0, len(sound), 160):
            payload = base64.b64encode(sound[at : at + 160]).decode()
            media = {"track": "inbound", "chunk": "1", "timestamp": "0", "payload": payload}
            await self.tell("media", media=media)

    async def listen(self) -> None:
        async for frame in self.socket:
            message = json.loads(frame)
            assert message["streamSid"] == self.stream
            match message:
                case {"event": "media", "media": {"payload": payload}}:
                    sound = base64.b64decode(payload, validate=True)
                    self.got += sound
                    self.buffer.append(sound)
                case {"event": "mark", "mark": {"name": name}}:
                    self.buffer.append(name)
                case {"event": "clear"}:
                    # What is thrown away is not played, but its marks come back all the same.
                    self.cleared += 1
                    left, self.buffer = self.buffer, deque()
                    for each in left:
                        if isinstance(each, str):
                            await self.tell("mark", mark={"name": each})

    async def play(self, ms: float = float("inf")) -> None:
        """Play so much of what is there, and tell the marks that it comes by."""
        room = ms * 8
        while self.buffer and (room > 0 or isinstance(self.buffer[0], str)):
            first = self.buffer.popleft()
            if isinstance(first, str):
                await self.tell("mark", mark={"name": first})
                continue
            part = first[: int(min(room, len(first)))]
            self.played += part
            room -= len(part)
            if len(part) < len(first):
                self.buffer.appendleft(first[len(part) :])


@asynccontextmanager
async def dialled(url: str) -> AsyncIterator[Telephone]:
    async with connect(url) as socket:
        telephone = Telephone(socket)
        listening = asyncio.create_task(telephone.listen())
        try:
            yield telephone
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


@pytest.fixture
async def bridge(server: Emulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", TOKEN)
    async with served(example("twilio_bridge.bridge").app) as url:
        monkeypatch.setenv("PUBLIC_URL", url + "/")
        yield url


async def call(bridge: str) -> tuple[str, dict[str, str]]:
    """Have a call come in: where the sound is to go, and what with."""
    url = f"{bridge}/voice"
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            url, data=CALL, headers={"X-Twilio-Signature": signature(url, CALL)}
        )
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/xml")
    stream = ElementTree.fromstring(answer.text).find("./Connect/Stream")
    assert stream is not None
    parameters = {each.attrib["name"]: each.attrib["value"] for each in stream}
    return stream.attrib["url"], parameters


def sent(server: Emulator, kind: str) -> list[dict[str, Any]]:
    return [event for event in server.connections[0].events if event["type"] == kind]


async def test_a_call_with_an_interruption(server: Emulator, bridge: str) -> None:
    greeting, story = "Good day, the harbour desk.", "Once upon a time there was a lighthouse. " * 2
    server.on("Tell me a story", reply=story.strip())
    server.on("thank you", reply="Good bye.")
    server.on(None, reply=greeting)
    url, parameters = await call(bridge)
    assert url == re.sub("^http", "ws", bridge) + "/media"
    async with dialled(url) as telephone:
        await telephone.start(parameters)
        await until(lambda: len(telephone.got) >= len(server.speech(greeting, PCMU)))
        # The bytes of the server are those of the telephone.
        assert bytes(telephone.got) == server.speech(greeting, PCMU)
        await telephone.play()

        asked = len(telephone.got)
        whole = len(server.speech(story.strip(), PCMU))
        await telephone.say(server.speech("Tell me a story", PCMU) + QUIET * 40)
        await until(lambda: len(telephone.got) == asked + whole)
        await telephone.play(1550)
        await telephone.say(server.speech("No, thank you", PCMU) + QUIET * 40)
        await until(lambda: telephone.cleared)
        await until(lambda: sent(server, "conversation.item.truncate"))
        (cut,) = sent(server, "conversation.item.truncate")
        assert cut["audio_end_ms"] == 1500  # the last whole piece; the next one was half played
        assert len(telephone.played) == asked + 1550 * 8

        bye = server.speech("Good bye.", PCMU)
        await until(lambda: len(telephone.got) == asked + whole + len(bye))
        assert telephone.got.endswith(bye)
        await telephone.play()
        assert telephone.played.endswith(bye)
        await telephone.tell("stop", stop={"accountSid": "AC0123", "callSid": CALL["CallSid"]})
        await until(lambda: server.connections[0].closed)
        await telephone.socket.wait_closed()
    (connection,) = server.connections
    assert connection.closed is not None
    assert connection.closed.code == 1000
    (settings,) = [event["session"] for event in sent(server, "session.update")]
    assert settings["audio"]["input"]["format"] == {"type": "audio/pcmu"}
    assert settings["audio"]["output"]["format"] == {"type": "audio/pcmu"}
    (greeted,) = sent(server, "response.create")[:1]
    assert greeted["response"]["instructions"].startswith("Say good day")
    heard = b"".join(
        base64.b64decode(event["audio"]) for event in sent(server, "input_audio_buffer.append")
    )
    assert heard.startswith(server.speech("Tell me a story", PCMU))


async def test_a_tool_is_run_for_the_caller(server: Emulator, bridge: str) -> None:
    server.on("berth", call="berth_free", arguments={"metres": 9})
    server.on(output_of="berth_free", reply="Pier four, until noon.")
    url, parameters = await call(bridge)
    async with dialled(url) as telephone:
        await telephone.start(parameters)
        await until(lambda: telephone.got)
        await telephone.play()
        await telephone.say(server.speech("Have you a berth for nine metres?", PCMU) + QUIET * 40)
        await until(lambda: telephone.got.endswith(server.speech("Pier four, until noon.", PCMU)))
        (output,) = sent(server, "conversation.item.create")
        assert output["item"]["output"] == "pier four, until noon"
    # Broken off, without a `stop`: the session ends all the same.
    await until(lambda: server.connections[0].closed)


@pytest.mark.parametrize("broken", ["signature", "form"])
async def test_a_webhook_that_is_not_signed_is_not_believed(bridge: str, broken: str) -> None:
    url = f"{bridge}/voice"
    mark = signature(url, CALL) if broken == "form" else "c29tZXRoaW5n"
    form = {**CALL, "From": "+15550111"} if broken == "form" else CALL
    async with httpx.AsyncClient() as client:
        answer = await client.post(url, data=form, headers={"X-Twilio-Signature": mark})
        assert answer.status_code == 403
        assert (await client.post(url, data=form)).status_code == 403


@pytest.mark.parametrize("parameters", [{}, {"ticket": "0" * 64}])
async def test_a_stream_of_somebody_else_opens_no_session(
    server: Emulator, bridge: str, parameters: dict[str, str]
) -> None:
    async with connect(bridge.replace("http", "ws") + "/media") as socket:
        await Telephone(socket).start(parameters)
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008
    assert server.connections == []


async def test_a_ticket_is_good_for_its_own_call_only(server: Emulator, bridge: str) -> None:
    url, parameters = await call(bridge)
    async with connect(url) as socket:
        await Telephone(socket).start(parameters, call="CA9999")
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    assert server.connections == []


async def test_a_call_outlives_a_connection_that_breaks(server: Emulator, bridge: str) -> None:
    server.on("a story", reply="Once upon a time there was a lighthouse.", fault="cut:8", times=1)
    server.on("a story", reply="Where were we?")
    url, parameters = await call(bridge)
    async with dialled(url) as telephone:
        await telephone.start(parameters)
        await until(lambda: telephone.got)
        await telephone.play()
        await telephone.say(server.speech("Tell me a story", PCMU) + QUIET * 40)
        await until(lambda: telephone.got.endswith(server.speech("Where were we?", PCMU)))
        assert len(server.connections) == 2
        await telephone.tell("stop", stop={"accountSid": "AC0123", "callSid": CALL["CallSid"]})
        await until(lambda: server.connections[1].closed)


async def test_a_session_that_is_ended_ends_the_call(
    server: Emulator, bridge: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "harbour")
    server.on(None, reply="Good day.", fault="close:4000@1")
    url, parameters = await call(bridge)
    async with connect(url) as socket:
        await Telephone(socket).start(parameters)
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1000
    assert "the call ends: " in caplog.text
    assert TOKEN not in caplog.text
