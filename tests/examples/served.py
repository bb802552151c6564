"""What the tests of examples share: an example by its name, run as a server on a real socket."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import uvicorn

KEY = "sk-test-0123456789abcdef"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def example(name: str) -> ModuleType:
    """A module of an example, such as ``twilio_bridge.bridge``."""
    return importlib.import_module(name)


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """Serve an ASGI application on a free port; gives its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off"))
    running = asyncio.create_task(server.serve())
    try:
        await until(lambda: server.started or running.done())
        (socket,) = server.servers[0].sockets
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


async def until(true: Callable[[], Any], seconds: float = 20) -> None:
    """Let everything go on until something is so."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.001)
