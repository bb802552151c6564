"""A small server on this machine that shows a recording while it is written.

It serves one page and what it is made of, to whoever knows its address: the address has a secret
in it, a page of another site cannot ask in its name, and nobody outside of this machine reaches it.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import time
from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self

from websockets.asyncio.server import Server, ServerConnection, broadcast, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from ..conversation.pricing import Price
from ..errors import InvalidOption
from .follow import Growing
from .page import LAWS, live_page, tables

__all__ = ["LiveReport"]

_EVERY: Final = 0.25
"""Seconds between two looks at the file."""


class LiveReport:
    """Shows a recording that grows: ``async with LiveReport("call.jsonl") as live: live.url``.

    Args:
        path: the recording; it need not be there yet.
        port: 0 takes a free one.
        sound: whether the sound can be heard.
        prices: prices of one's own by model.

    Raises:
        InvalidOption: the port is taken.
        RecordingError: the file cannot be read.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        port: int = 0,
        sound: bool = True,
        prices: Mapping[str, Price] | None = None,
    ) -> None:
        self.growing = Growing(path, sound=sound, prices=prices)
        self._port = port
        self._note = "" if sound else "The sound is not in here."
        self._secret = secrets.token_urlsafe(16)
        self._pages: set[ServerConnection] = set()
        self._server: Server | None = None
        self._looking: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"{self._origin}/{self._secret}/"

    async def __aenter__(self) -> Self:
        self.look()
        try:
            self._server = await serve(
                self._page,
                "127.0.0.1",
                self._port,
                process_request=self._answer,
                ping_interval=None,
                max_size=1024,  # a page says nothing
                close_timeout=1,
            )
        except OSError as error:
            raise InvalidOption(
                f"port {self._port}: {error.strerror}; 0 takes a free one"
            ) from error
        self._port = next(iter(self._server.sockets)).getsockname()[1]
        self._looking = asyncio.create_task(self._look_on())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        assert self._looking is not None
        self._looking.cancel()
        await asyncio.wait([self._looking])
        self._server.close()
        await self._server.wait_closed()
        self.growing.tail.close()

    def look(self) -> None:
        """Take in what was written, and tell the pages what is new."""
        anew = self.growing.read()
        changes = self.growing.changes()
        if anew:
            broadcast(self._pages, self._everything())
            return
        for change in changes:
            broadcast(self._pages, _dumps({"change": change}))

    async def _look_on(self) -> None:
        spent = 0.0
        while True:
            # A long session takes longer to look at: then less often, so that there is time left.
            await asyncio.sleep(max(_EVERY, 4 * spent))
            begun = time.monotonic()
            self.look()
            spent = time.monotonic() - begun

    async def _page(self, socket: ServerConnection) -> None:
        # Told in one go with its entry among the pages, so that no change falls in between.
        self._pages.add(socket)
        broadcast([socket], self._everything())
        try:
            await socket.wait_closed()
        finally:
            self._pages.discard(socket)

    def _everything(self) -> str:
        report = {**self.growing.report(), "sound": self._note, "tables": tables(LAWS)}
        return _dumps({"report": report})

    def _answer(self, socket: ServerConnection, request: Request) -> Response | None:
        if request.headers.get("Host") not in self._hosts:
            return _response(HTTPStatus.MISDIRECTED_REQUEST)  # a name that leads here by a trick
        first, _, path = request.path.lstrip("/").partition("/")
        if not secrets.compare_digest(first.encode(), self._secret.encode()):
            return _response(HTTPStatus.NOT_FOUND)
        if path == "events":
            own = {f"http://{host}" for host in self._hosts}
            return None if request.headers.get("Origin") in own else _response(HTTPStatus.FORBIDDEN)
        if path == "":
            origin = f"http://{request.headers['Host']}"
            page = live_page(self.growing.source, origin)
            return _response(HTTPStatus.OK, page.encode(), "text/html; charset=utf-8")
        if path.startswith("sound/"):
            sound = self._sound(path.split("/")[1:])
            if sound is not None:
                return _response(HTTPStatus.OK, sound, "application/octet-stream")
        return _response(HTTPStatus.NOT_FOUND)

    def _sound(self, place: list[str]) -> bytes | None:
        try:
            connection, number = (int(part) for part in place if part.isdecimal())
            shelf = self.growing.readings[connection].shelf
            sound = list(shelf.sounds.values())[number]
        except (ValueError, IndexError):  # an address that is none of a sound
            return None
        return sound.encoded("full")[1]

    @property
    def _origin(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def _hosts(self) -> set[str]:
        return {f"127.0.0.1:{self._port}", f"localhost:{self._port}"}


def _response(status: HTTPStatus, body: bytes = b"", kind: str = "text/plain") -> Response:
    headers = Headers({
        "Content-Type": kind,
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Connection": "close",
    })  # fmt: skip
    return Response(status.value, status.phrase, headers, body)


def _dumps(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode()
