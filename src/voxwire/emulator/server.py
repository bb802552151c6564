"""The emulator: a Realtime server on this machine, for any client that speaks the protocol.

It listens, lets clients in, and gives each a session of its own. What a session does is decided by
the rules beside it.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Final, Self
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

from ..errors import InvalidOption
from ..formats import PCM16, Format
from .brain import Brain, Reply, Said, Turn, reply_of
from .ids import Ids
from .lobby import Admission, Policy, Refused, Secret, admit
from .machine import Machine
from .room import Room
from .rules import Script
from .seats import Guest, SocketSeat
from .settings import DEFAULT_MODEL, realtime, transcription
from .stage import Habits, Stage
from .voice import Voice, speak, tone

__all__ = ["Emulator"]

_log = logging.getLogger("voxwire.emulator")
_socket_log = logging.getLogger("voxwire.emulator.socket")
_socket_log.setLevel(logging.CRITICAL)  # clients that break off are this server's daily bread

_LARGEST_FRAME: Final = 16 * 2**20
_PING_EVERY: Final = 20.3


class Emulator:
    """A Realtime server: ``async with Emulator() as server: ... server.url``.

    It answers with an echo until it is told otherwise by :meth:`on`, a ``brain`` or a ``script``.

    Args:
        brain: what answers where no rule of the script does: a function, also an asynchronous one,
            that is given a Turn and returns a Reply, a text, or calls.
        script: rules that were made before.
        host, port: where to listen; port 0 takes a free one.
        pace: how fast it speaks: None as fast as it goes, 1.0 as people do.
        seed: for the ids; the same seed gives the same ones to each session.
        clock: the time of day in seconds, for what expires.
        policy: who may come in; everyone, if nothing is said.
        habits: how it behaves where servers differ.
        voice: how it sounds: text -> PCM16 at 24 kHz. A tone, if nothing is said.
        session_seconds: how long a session may last.
        tls: serve ``wss`` with this certificate.
        keep: note what clients send, in ``connections``.
    """

    def __init__(
        self,
        brain: Brain | None = None,
        *,
        script: Script | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        pace: float | None = None,
        seed: int | None = 0,
        clock: Callable[[], float] = time.time,
        policy: Policy | None = None,
        habits: Habits | None = None,
        voice: Voice = tone,
        session_seconds: float = 3600.0,
        tls: ssl.SSLContext | None = None,
        keep: bool = True,
    ) -> None:
        if pace is not None and pace <= 0:
            raise InvalidOption("pace= is a speed such as 1.0, or None for as fast as it goes")
        self.script = script or Script()
        if brain is not None:
            self.script.brain = brain
        self.connections: list[Guest] = []
        """Who came, in order, also those who were sent away."""
        self.secrets: dict[str, Secret] = {}
        self.policy = policy or Policy()
        self.habits = habits or Habits()
        self.clock = clock
        self.session_seconds = session_seconds
        self._address = (host, port)
        self._pace, self._voice, self._tls, self._keep = pace, voice, tls, keep
        self._seed = seed
        self._ids = Ids(seed)
        self._sessions = 0
        self._rooms: set[Room] = set()
        self._thinking: set[asyncio.Task[None]] = set()
        self._server: Server | None = None

    # --- what it says ---------------------------------------------------------------------------

    @property
    def on(self) -> Callable[..., None]:
        """Answer in a certain way: see :meth:`voxwire.emulator.rules.Script.on`."""
        return self.script.on

    def hear(self, *texts: str) -> None:
        """What the next pieces of speech will say, one after the other."""
        self.script.hear(*texts)

    def speech(self, text: str, format: Format = PCM16) -> bytes:
        """Sound that this server will hear as ``text``."""
        audio = speak(text, format, voice=self._voice)
        self.script.spoken(text, audio)
        return audio

    def release(self) -> None:
        """Let all replies go on that were told to hold."""
        for room in self._rooms:
            room.rules.release()
            room.wake()

    # --- where it is ----------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """The port it listens at."""
        if self._server is None:
            raise RuntimeError("the server is not running: use it in `async with`")
        return int(next(iter(self._server.sockets)).getsockname()[1])

    @property
    def url(self) -> str:
        """Where sessions are opened."""
        return f"{'wss' if self._tls else 'ws'}://{self._host}:{self.port}/v1/realtime"

    @property
    def http_url(self) -> str:
        """The base URL of the HTTP half, and what other clients call ``base_url``."""
        return f"{'https' if self._tls else 'http'}://{self._host}:{self.port}/v1"

    @property
    def _host(self) -> str:
        host = self._address[0]
        return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "[::1]"}.get(host, host)

    # --- running --------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._serve,
            *self._address,
            ssl=self._tls,
            select_subprotocol=_subprotocol,
            ping_interval=_PING_EVERY,
            close_timeout=1,
            max_size=_LARGEST_FRAME,
            server_header=None,
            logger=_socket_log,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._thinking:
            task.cancel()
        await self._server.wait_closed()
        for room in list(self._rooms):
            await room.stop()

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        address = urlsplit(socket.request.path)
        headers = {name.lower(): value for name, value in socket.request.headers.raw_items()}
        query = dict(parse_qsl(address.query, keep_blank_values=True))
        guest = Guest.of(len(self.connections), socket.request.path, headers)
        self.connections.append(guest)
        seat = SocketSeat(socket, guest if self._keep else None)
        try:
            admission = admit(
                address.path,
                query,
                headers,
                policy=self.policy,
                secrets=self.secrets,
                now=self.clock(),
            )
        except Refused as refused:
            await seat.refuse(refused.mistake, refused.code, Ids(self._seed).new("event"))
            return
        room = self._room(admission)
        room.seats.append(seat)
        room.rules.open()
        room.start()
        self._rooms.add(room)
        try:
            await seat.listen(room, self.session_seconds)
        finally:
            room.seats.remove(seat)
            self._rooms.discard(room)
            await room.stop()

    def _room(self, admission: Admission) -> Room:
        """A session for someone who was let in."""
        self._sessions += 1
        seed = None if self._seed is None else f"{self._seed}/{self._sessions}"
        stage = Stage(
            ids=Ids(seed),
            script=self.script,
            think=lambda turn, answer: self._think(turn, answer, room),
            habits=self.habits,
            voice=self._voice,
        )
        room = Room(stage, self._machine(admission, stage), self._pace)
        return room

    def _machine(self, admission: Admission, stage: Stage) -> Machine:
        session_id = stage.ids.new("sess")
        expires_at = int(self.clock() + self.session_seconds)
        if admission.family == "transcription":
            session = transcription(session_id, expires_at)
        else:
            session = realtime(admission.model or DEFAULT_MODEL, session_id, expires_at)
        machine = Machine(stage, session)
        if admission.secret is not None:
            machine.settings.update(admission.secret.session)
        return machine

    def _think(self, turn: Turn, answer: Callable[[Reply], None], room: Room) -> None:
        """Have the script answer, at once or when its author is ready."""
        try:
            said = self.script.answer(turn)
        except Exception:
            _log.exception("the brain failed")
            answer(Reply(error={"code": "server_error", "message": "The brain failed."}))
            return
        if isinstance(said, Reply):
            answer(said)
            return
        task = asyncio.ensure_future(self._await(said, answer, room))
        self._thinking.add(task)
        task.add_done_callback(self._thinking.discard)

    async def _await(
        self, said: Awaitable[Said], answer: Callable[[Reply], None], room: Room
    ) -> None:
        try:
            reply = reply_of(await said)
        except Exception:
            _log.exception("the brain failed")
            reply = Reply(error={"code": "server_error", "message": "The brain failed."})
        answer(reply)
        room.wake()


def _subprotocol(socket: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    name = Subprotocol("realtime")
    return name if name in offered else None
