"""The page of the browser example, in a real browser, with a microphone that hears a WAV file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import chromium
import pytest
from served import example, served, until
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

import voxwire
from voxwire.audio import silence
from voxwire.emulator import Emulator, fault_of

STORY = "Once upon a time there was a lighthouse that could not sleep at night. " * 3


@pytest.fixture
def microphone(tmp_path: Path, server: Emulator) -> Path:
    """Somebody asks for a story, and after a while has heard enough."""
    path = tmp_path / "microphone.wav"
    sound = server.speech("Tell me a story"), server.speech("Enough, thanks")
    voxwire.write_wav(path, silence(300) + sound[0] + silence(2000) + sound[1] + silence(1000))
    return path


@pytest.fixture
def ears(microphone: Path) -> Iterator[chromium.Chromium]:
    """A browser that hears the file, once."""
    program = chromium.found()
    if program is None:
        pytest.skip("there is no Chromium; install it, or name it with VOXWIRE_CHROMIUM")
    running = chromium.Chromium(program, f"--use-file-for-fake-audio-capture={microphone}%noloop")
    yield running
    running.stop()


@pytest.fixture
async def relay(server: Emulator) -> AsyncIterator[str]:
    async with served(example("browser_relay.server").app) as url:
        yield url


def sent(server: Emulator, kind: str) -> list[dict[str, Any]]:
    return [e for guest in server.connections for e in guest.events if e["type"] == kind]


async def test_a_conversation_in_the_page(
    server: Emulator, relay: str, ears: chromium.Chromium, tmp_path: Path
) -> None:
    # Through a microphone no byte stays as it was, so the server is told what it hears.
    server.hear("Tell me a story", "Enough, thanks")
    server.on("story", reply=STORY.strip())
    server.on("enough", reply="Fine.")
    async with chromium.Browser(ears.url) as browser:
        page = await browser.page(relay, width=640, height=560)
        await page.click("#talk")
        await page.until("document.querySelector('#state').innerText === 'Listening'")
        # It speaks, is cut short, and answers.
        await page.until("!!document.querySelector('li.assistant.interrupted')")
        await page.until("document.querySelectorAll('li.assistant')[1]?.innerText === 'Fine.'")
        (cut,) = sent(server, "conversation.item.truncate")
        heard = cut["audio_end_ms"]
        assert 0 < heard < len(server.speech(STORY.strip())) / 48
        assert heard % 100 == 0  # whole pieces
        told = [line.strip() for line in (await page.text("#said")).splitlines() if line.strip()]
        assert (told[0], told[2], told[3]) == ("Tell me a story", "Enough, thanks", "Fine.")
        assert STORY.startswith(told[1])
        assert len(told[1]) < len(STORY) / 2
        if folder := os.environ.get("VOXWIRE_SCREENSHOTS"):
            await page.screenshot(Path(folder) / "browser_relay.png")
        await page.click("#talk")
        await until(lambda: server.connections[0].closed)
        assert await page.text("#talk") == "Talk"
        assert page.errors == []
        # Nothing but this server was asked, and the key is nowhere to be found.
        assert all(url.startswith((relay, "data:")) for url in page.requests)
        assert "sk-" not in await page.run("document.documentElement.outerHTML")
    (connection,) = server.connections
    assert connection.closed is not None
    assert connection.closed.code == 1000


async def test_a_session_that_is_ended_is_told(
    server: Emulator, relay: str, browser: chromium.Browser
) -> None:
    server.faults.append(fault_of("close:4000@2"))
    page = await browser.page(relay)
    await page.click("#talk")
    shown = "document.querySelector('#state').innerText"
    await page.until(f"{shown} === 'the conversation could not be held'")
    assert await page.text("#talk") == "Talk"


async def test_a_microphone_that_is_not_given_is_told(
    relay: str, browser: chromium.Browser
) -> None:
    page = await browser.page(relay)
    await page.run(
        "navigator.mediaDevices.getUserMedia = async () => { throw new Error('not allowed'); }"
    )
    await page.click("#talk")
    await page.until("document.querySelector('#state').innerText.includes('not allowed')")
    assert await page.text("#talk") == "Talk"


async def test_pages_of_others_are_not_let_in(server: Emulator, relay: str) -> None:
    url = relay.replace("http", "ws") + "/talk"
    for origin in ("https://elsewhere.example", None):
        headers = {} if origin is None else {"Origin": origin}
        with pytest.raises(InvalidStatus, match="403"):
            async with connect(url, additional_headers=headers):
                pass
    # A page whose own name leads to this machine (DNS rebinding).
    port = int(relay.rpartition(":")[2].strip("/"))
    with pytest.raises(InvalidStatus, match="400"):
        async with connect(
            f"ws://rebound.example:{port}/talk", host="127.0.0.1", port=port,
            additional_headers={"Origin": f"http://rebound.example:{port}"},
        ):  # fmt: skip
            pass
    assert server.connections == []


async def test_a_visitor_who_breaks_off_leaves_no_session(server: Emulator, relay: str) -> None:
    url = relay.replace("http", "ws") + "/talk"
    async with connect(url, origin=relay) as socket:
        await socket.send(bytes(960))
        await until(lambda: sent(server, "input_audio_buffer.append"))
        socket.transport.abort()
    await until(lambda: server.connections[0].closed)


async def test_a_wrong_key_is_told_to_the_log_and_not_to_the_page(
    server: Emulator, relay: str, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-nobody-at-all")
    url = relay.replace("http", "ws") + "/talk"
    async with connect(url, origin=relay) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 20)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (
        1011,
        "the conversation could not be held",
    )
    assert "a conversation ends: " in caplog.text
    assert "sk-of" not in caplog.text
