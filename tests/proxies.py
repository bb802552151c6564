"""Proxies as companies have them, on this machine: HTTP with CONNECT, and SOCKS5.

Each leads every host to where the test says, so that a name that no resolver knows can be reached
through it alone.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

__all__ = ["HttpProxy", "ProxyServer", "SocksProxy"]

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class ProxyServer:
    """A proxy in a thread of its own. ``asked`` is the hosts and ports that it was asked for."""

    scheme = ""

    def __init__(self, to: tuple[str, int] | None = None) -> None:
        self.to = to
        self.asked: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in self._writers:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):  # a client that left
            server = await self.meet(reader, writer)
            if server is not None:
                await asyncio.gather(self._pass(reader, server[1]), self._pass(server[0], writer))
        writer.close()

    async def meet(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Streams | None:
        """Take the request of a client, and give the connection that it is for."""
        raise NotImplementedError

    async def reach(self, host: str, port: int) -> Streams:
        self.asked.append(f"{host}:{port}")
        streams = await asyncio.open_connection(*(self.to or (host, port)))
        self._writers.add(streams[1])
        return streams

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):  # either side may be gone
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.close()


class HttpProxy(ProxyServer):
    """Takes ``CONNECT``, and requests for ``http://`` addresses.

    Args:
        to: where every host leads to.
        login: ``user:password`` that it wants, else 407.
        status: refuse everything with it.
        garbage: answer what is no HTTP.
    """

    scheme = "http"

    def __init__(
        self,
        to: tuple[str, int] | None = None,
        *,
        login: str | None = None,
        status: int | None = None,
        garbage: bytes | None = None,
    ) -> None:
        super().__init__(to)
        self.login, self.status, self.garbage = login, status, garbage

    async def meet(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Streams | None:
        head = await reader.readuntil(b"\r\n\r\n")
        line, *lines = head.decode().split("\r\n")
        method, target, _ = line.split()
        headers = dict(each.lower().split(": ", 1) for each in lines if each)
        status = self.status
        if self.login is not None:
            wanted = f"basic {base64.b64encode(self.login.encode()).decode()}".lower()
            if headers.get("proxy-authorization") != wanted:
                status = 407
        if self.garbage is not None:
            writer.write(self.garbage)
        elif status is not None:
            writer.write(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
        if self.garbage is not None or status is not None:
            return None
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            server = await self.reach(host, int(port))
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            return server
        host, _, rest = target.removeprefix("http://").partition("/")
        server = await self.reach(host, 80)
        server[1].write(f"{method} /{rest} HTTP/1.1\r\n".encode() + "\r\n".join(lines).encode())
        return server


class SocksProxy(ProxyServer):
    """SOCKS5 without authentication (RFC 1928)."""

    scheme = "socks5"

    async def meet(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Streams | None:
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")
        _, _, _, kind = await reader.readexactly(4)
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            host = ".".join(map(str, await reader.readexactly(4)))
        port = int.from_bytes(await reader.readexactly(2), "big")
        try:
            server = await self.reach(host, port)
        except OSError:  # it says so: "connection refused"
            writer.write(b"\x05\x05\x00\x01" + bytes(6))
            await writer.drain()
            return None
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
        return server
