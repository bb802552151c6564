"""A key that looks like none, servers that repeat what they are told, and all that may show it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

CANARY = "Kanarienvogel-7f3Qz9"
"""Nothing tells from its looks that it is a key, so that it is found by knowing only."""

TESTS = str(Path(__file__).resolve().parents[1])


def shown(error: BaseException) -> str:
    """All that a program may log of an exception: its words, those of the exceptions that led to
    it, what they carry, and the variables of every frame that is not a test's."""
    told: list[str] = []
    todo: list[BaseException | None] = [error]
    seen: set[int] = set()
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        told += [str(one), repr(one), repr(vars(one)), repr(getattr(one, "__notes__", ""))]
        trace = one.__traceback__
        while trace is not None:
            frame = trace.tb_frame
            if not frame.f_code.co_filename.startswith(TESTS):
                told += [f"{name}={value!r}" for name, value in frame.f_locals.items()]
            trace = trace.tb_next
        todo += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
    return "\n".join(told)


class Records(logging.Handler):
    """Every record of every logger, also those that nobody asked for."""

    LOUD = (
        *("voxwire", "voxwire.http", "voxwire.recording", "voxwire.emulator", "voxwire.socket"),
        *(f"voxwire.emulator.{part}socket" for part in ("", "proxy.", "replay.")),
        *("websockets", "websockets.client", "websockets.server"),
        *("httpx", "httpcore", "httpcore.http11", "httpcore.connection", "asyncio"),
    )

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.told: list[str] = []
        self._levels: dict[str, int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self.told += [record.getMessage(), repr(record.args)]
        if record.exc_info is not None and record.exc_info[1] is not None:
            self.told.append(shown(record.exc_info[1]))

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self)
        for name in self.LOUD:
            self._levels[name] = logging.getLogger(name).level
            logging.getLogger(name).setLevel(logging.DEBUG)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        logging.getLogger().removeHandler(self)
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)


class Parrot:
    """A TCP server that reads the head of a request, and answers as it is told, with the head."""

    def __init__(self, answer: Callable[[bytes], bytes | None], *, hold: bool = False) -> None:
        self._answer = answer
        self._over = asyncio.Event()
        if not hold:
            self._over.set()
        self.heads: list[str] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head.decode("latin-1"))
            answer = self._answer(head)
            if answer is not None:
                writer.write(answer)
                await writer.drain()
            await self._over.wait()
        except (OSError, asyncio.IncompleteReadError):
            pass  # a client that has left has had enough
        finally:
            writer.close()


def http(status: str, body: bytes, *headers: str) -> bytes:
    """An HTTP answer."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "Connection: close"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def unauthorized(head: bytes) -> bytes:
    return http("401 Unauthorized", b"wrong key, you sent: " + head)


def broken(head: bytes) -> bytes:
    return http("500 Internal Server Error", head)


def elsewhere(head: bytes) -> bytes:
    return http("302 Found", b"", f"Location: http://127.0.0.1:1/?api-key={CANARY}")


def no_websocket(head: bytes) -> bytes:
    return http("200 OK", head, f"X-Echo: {CANARY}")


def garbage(head: bytes) -> bytes:
    return b"\x00\xff" + head


def bad_upgrade(head: bytes) -> bytes:
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + CANARY.encode() + b"\r\n\r\n"
    )


def slam(head: bytes) -> None:
    return None


ANSWERS = [unauthorized, broken, elsewhere, no_websocket, garbage, bad_upgrade, slam]

Given = Callable[[], str | Awaitable[str]]


class Token:
    """What the credentials of azure-identity give."""

    token = CANARY


class EntraCredential:
    """A credential as azure-identity has them."""

    async def get_token(self, *scopes: str) -> Any:
        return Token()


async def asynchronous_key() -> str:
    return CANARY


def plain_key() -> str:
    return CANARY
