"""The emulator: a Realtime server on this machine, for any client that speaks the protocol.

It listens, and it is what people hold in their hands: what is to be said, heard and done wrong.
"""

from __future__ import annotations

import logging
import os
import ssl
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

from ..errors import InvalidOption
from ..protocol.audio_format import PCM16, Format
from .admission import Policy, locked
from .client_socket import Guest
from .connection_handler import ConnectionHandler
from .faults import AnyFault, fault_of
from .protocol_sniffer import HttpOrSocket
from .responder import Brain
from .script import Script
from .session_context import Habits
from .session_registry import SessionRegistry
from .speech_synthesis import Voice, speak, tone

__all__ = ["Emulator"]

_socket_log = logging.getLogger("voxwire.emulator.socket")
_socket_log.setLevel(logging.CRITICAL)  # clients that break off are this server's daily bread
_socket_log.addFilter(lambda record: record.levelno > logging.DEBUG)  # headers, with the keys

_LARGEST_FRAME: Final = 16 * 2**20
_PING_EVERY: Final = 20.3


class Emulator:
    """A Realtime server: ``async with Emulator() as server: ... server.url``.

    It answers with an echo until it is told otherwise by :meth:`on`, a ``brain`` or a ``script``.

    Args:
        brain: what answers where no rule of the script does: a function, also an asynchronous one,
            that is given a Turn and returns a Reply, a text, or calls.
        script: rules that were made before, or read from a file.
        faults: what goes wrong, with every connection: also as text, such as ``"cut:5"``.
        host, port: where to listen; port 0 takes a free one. Any other host than this machine
            needs a `token`.
        token: what clients have to send as their key, beside the keys of the policy.
        pace: how fast it speaks: None as fast as it goes, 1.0 as people do.
        seed: for the ids; the same seed gives the same ones to each session.
        clock: the time of day in seconds, for what expires.
        policy: who may come in; everyone, if nothing is said.
        habits: how it behaves where servers differ.
        voice: how it sounds: text -> PCM16 at 24 kHz. A tone, if nothing is said.
        session_seconds: how long a session may last.
        tls: serve ``wss`` with this certificate.
        record: a folder in which each connection leaves a recording.
        keep: note who comes and what they send, in ``connections``.

    Raises:
        InvalidOption: it would let other machines in and ask nothing of them.
    """

    def __init__(
        self,
        brain: Brain | None = None,
        *,
        script: Script | None = None,
        faults: Sequence[AnyFault | str] = (),
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
        pace: float | None = None,
        seed: int | None = 0,
        clock: Callable[[], float] = time.time,
        policy: Policy | None = None,
        habits: Habits | None = None,
        voice: Voice = tone,
        session_seconds: float = 3600.0,
        tls: ssl.SSLContext | None = None,
        record: str | os.PathLike[str] | None = None,
        keep: bool = True,
    ) -> None:
        if pace is not None and pace <= 0:
            raise InvalidOption("pace= is a speed such as 1.0, or None for as fast as it goes")
        self.script = script or Script()
        if brain is not None:
            self.script.brain = brain
        self.script.faults += [fault_of(f) if isinstance(f, str) else f for f in faults]
        self.host = SessionRegistry(
            script=self.script,
            habits=habits or Habits(),
            policy=locked(policy or Policy(), host, token),
            voice=voice,
            pace=pace,
            seed=seed,
            clock=clock,
            session_seconds=session_seconds,
            listens=host.strip("[]"),
        )
        self._address = (host, port)
        self._tls = tls
        folder = None if record is None else Path(record)
        self._reception = ConnectionHandler(host=self.host, keep=keep, record=folder)
        self._server: Server | None = None

    @property
    def connections(self) -> list[Guest]:
        """Who came, in order, also those who were sent away."""
        return self._reception.connections

    @property
    def conversation(self) -> list[dict[str, Any]]:
        """The items of the session that was opened last, as this server keeps them: JSON objects in
        order, without sound."""
        items: Any = getattr(getattr(self.host.latest, "rules", None), "items", ())
        return [deepcopy(record.item) for record in items]

    @property
    def faults(self) -> list[AnyFault]:
        """What goes wrong with every connection that is opened from now on; to be changed."""
        return self.script.faults

    # --- what it says ---------------------------------------------------------------------------

    @property
    def on(self) -> Callable[..., None]:
        """Answer in a certain way: see :meth:`voxwire.emulator.script.Script.on`."""
        return self.script.on

    def hear(self, *texts: str | None) -> None:
        """What the next pieces of speech will say, one after the other; None cannot be made out."""
        self.script.hear(*texts)

    def speech(self, text: str, format: Format = PCM16) -> bytes:
        """Sound that this server will hear as ``text``."""
        audio = speak(text, format, voice=self.host.voice)
        self.script.spoken(text, audio)
        return audio

    def release(self) -> None:
        """Let all replies go on that were told to hold."""
        for room in self.host.rooms:
            room.rules.release()
            room.wake()

    def cut(self) -> None:
        """Break all connections, as a network does: without a close frame. New ones may come."""
        for room in list(self.host.rooms):
            for seat in room.seats:
                seat.cut()

    def incoming_call(self, **sip_headers: str) -> dict[str, Any]:
        """Let a phone ring: the body of the webhook event that tells about it.

        The call waits for ``accept`` or ``reject`` over HTTP.
        """
        return self.host.incoming(sip_headers or {"From": "sip:+15550100@localhost"})

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
        return f"{'wss' if self._tls else 'ws'}://{self._name}:{self.port}/v1/realtime"

    @property
    def http_url(self) -> str:
        """The base URL of the HTTP half, and what other clients call ``base_url``."""
        return f"{'https' if self._tls else 'http'}://{self._name}:{self.port}/v1"

    @property
    def _name(self) -> str:
        host = self._address[0]
        host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)
        return f"[{host}]" if ":" in host else host

    # --- running --------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._reception.serve,
            *self._address,
            ssl=self._tls,
            process_request=self._reception.greet,
            select_subprotocol=_subprotocol,
            create_connection=HttpOrSocket.asking(self.host.desk),
            ping_interval=_PING_EVERY,
            close_timeout=1,
            max_size=_LARGEST_FRAME,
            compression=None,  # a small frame must not become a large one
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
        self._reception.close()
        await self._server.wait_closed()
        await self.host.close()


def _subprotocol(socket: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    name = Subprotocol("realtime")
    return name if name in offered else None
