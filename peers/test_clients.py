"""Clients that are not ours, in processes of their own, hold three turns with the emulator."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from voxwire.emulator import Emulator
from voxwire.emulator.certificates import context_of, self_signed

SCRIPTS = Path(__file__).resolve().parent
TEXT, TOOL, SPOKEN = "Good morning", "It rains in Oslo.", "Say it again."
SOUND = 48 * 60 * len(SPOKEN)
"""Bytes of the last answer: 60 ms a character, 48 bytes a millisecond."""


@pytest.fixture
async def server() -> AsyncIterator[Emulator]:
    async with Emulator() as server:
        teach(server)
        yield server


def teach(server: Emulator) -> None:
    server.on("weather", call="get_weather", arguments={"city": "Oslo"})
    server.on(output_of="get_weather", reply=TOOL)


@pytest.fixture
def spoken(tmp_path: Path) -> Callable[[Emulator, str], Path]:
    """A file of sound that the server hears as the text, between stretches of silence."""

    def write(server: Emulator, text: str) -> Path:
        path = tmp_path / f"{len(text)}.pcm"
        path.write_bytes(bytes(9600) + server.speech(text) + bytes(96000))
        return path

    return write


def outputs(server: Emulator) -> list[str]:
    """What the client's tool gave back, as it arrived here."""
    items = [event.get("item", {}) for event in server.connections[-1].events]
    return [item["output"] for item in items if item.get("type") == "function_call_output"]


async def test_pydantic_ai(server: Emulator, python: Any, talk: Any, spoken: Any) -> None:
    script = SCRIPTS / "python" / "pydantic_ai_turns.py"
    seen = await talk(python, script, server.http_url, spoken(server, SPOKEN))
    assert seen["said"] == [
        f"assistant: {TEXT}",
        f"assistant: {TOOL}",
        f"user: {SPOKEN}",
        f"assistant: {SPOKEN}",
    ]
    assert (seen["asked"], outputs(server)) == (["Oslo"], ["rain"])
    assert seen["sound"] == SOUND


async def test_livekit(server: Emulator, python: Any, talk: Any, spoken: Any) -> None:
    script = SCRIPTS / "python" / "livekit_turns.py"
    seen = await talk(python, script, server.http_url, spoken(server, SPOKEN))
    assert seen["errors"] == []
    assert seen["said"] == [TEXT, TOOL, SPOKEN]
    assert (seen["asked"], outputs(server)) == (["Oslo"], ["rain"])
    assert seen["sound"] == SOUND


async def test_pipecat(server: Emulator, python: Any, talk: Any, spoken: Any) -> None:
    # Its pipeline takes one typed turn, at the beginning; the tool is asked for by voice.
    question = spoken(server, "What is the weather?")
    script = SCRIPTS / "python" / "pipecat_turns.py"
    seen = await talk(python, script, server.url, question, spoken(server, SPOKEN))
    assert seen["errors"] == []
    assert seen["said"] == [TEXT, TOOL, SPOKEN]
    assert (seen["asked"], outputs(server)) == (["Oslo"], ['"rain"'])
    assert seen["sound"] == SOUND


@pytest.fixture
async def secure(tmp_path: Path) -> AsyncIterator[tuple[Emulator, str]]:
    """The emulator behind TLS, and the file of the certificate that it made."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed, which makes the certificate")
    certificate = self_signed(tmp_path / "tls")
    async with Emulator(tls=context_of(certificate)) as server:
        teach(server)
        yield server, str(certificate)


async def test_npm_openai(secure: tuple[Emulator, str], node: Any, talk: Any, spoken: Any) -> None:
    server, certificate = secure
    script = SCRIPTS / "node" / "openai_turns.mjs"
    sound = spoken(server, SPOKEN)
    seen = await talk(node, script, server.http_url, sound, NODE_EXTRA_CA_CERTS=certificate)
    assert seen["said"] == [TEXT, TOOL, SPOKEN]
    assert (seen["asked"], outputs(server)) == (["Oslo"], ["rain"])
    assert (seen["heard"], seen["sound"]) == (SPOKEN, SOUND)


@pytest.mark.parametrize("tls", [False, True])
async def test_npm_agents_realtime(
    secure: tuple[Emulator, str], node: Any, talk: Any, spoken: Any, tls: bool
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        server, certificate = secure
        if not tls:
            server = await stack.enter_async_context(Emulator())
            teach(server)
        script = SCRIPTS / "node" / "agents_turns.mjs"
        sound = spoken(server, SPOKEN)
        seen = await talk(node, script, server.url, sound, NODE_EXTRA_CA_CERTS=certificate)
    assert seen["errors"] == []
    assert seen["said"] == [TEXT, TOOL, SPOKEN]
    assert (seen["asked"], outputs(server)) == (["Oslo"], ["rain"])
    assert seen["sound"] == SOUND
