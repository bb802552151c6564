"""The threaded session: each call is handed over to the asyncio session, which runs elsewhere.

This module decides nothing. How calls get from one thread to another, the portal knows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, Unpack, overload

from voxwire_protocol import ClientEvent, ConversationItem, Event, RealtimeSession

from ..audio.playback.playback import Playback
from ..conversation.conversation import Conversation
from ..session import session as asyncio_face
from ..session.actions import GivenTool
from ..session.options import ResponseOptions, SessionOptions
from ..session.reconnect.reconnector import ROTATE_SECONDS
from ..session.responses import Policy
from ..session.sender import Sendable, Sound
from ..session.voice_loop import Audio
from ..tools.mcp import Nothing
from ..tools.tool import AnyTool, Approve, Tool
from .portal import Portal
from .response import Response, SendReceipt
from .subscriptions import Subscriptions

if TYPE_CHECKING:
    from ..store.stored_session import StoredSession

__all__ = ["Session"]

P = ParamSpec("P")
R = TypeVar("R")


class Session(Subscriptions):
    """A live session; the counterpart of :class:`voxwire.Session`, made by :func:`connect`.

    It may be used from several threads. Iterate it for all that the server sends.
    """

    def __init__(self, portal: Portal, inner: asyncio_face.Session) -> None:
        super().__init__(portal, inner)
        inner.serve_threads(self, self._send_answer)

    def _send_answer(self, event: ClientEvent) -> Awaitable[Any]:
        # An async handler can await it; a plain one, in its thread, has it done at once.
        answer: Any = event  # of the events that a client sends here
        sending = self._inner.send(answer)
        if self._portal.here:
            return sending
        self._portal.call(sending)
        return Nothing()

    @property
    def conversation(self) -> Conversation:
        """What was said so far, in order."""
        return self._inner.conversation

    def send(self, event: Sendable, *, extra: Mapping[str, Any] | None = None) -> SendReceipt:
        """Check an event and send it; see :meth:`voxwire.Session.send`."""
        return SendReceipt(self._portal, self._portal.call(self._inner.send(event, extra=extra)))

    def send_raw(self, frame: str | bytes) -> None:
        """Send a text frame as it is, unchecked."""
        self._portal.call(self._inner.send_raw(frame))

    def say(
        self,
        text: str | ConversationItem | Mapping[str, Any],
        *,
        policy: Policy = "wait",
        **options: Unpack[ResponseOptions],
    ) -> Response:
        """Say something, and have the model answer; see :meth:`voxwire.Session.say`."""
        inner = self._portal.run(lambda: self._inner.say(text, policy=policy, **options))
        return Response(self._portal, inner)

    def respond(self, *, policy: Policy = "wait", **options: Unpack[ResponseOptions]) -> Response:
        """Have the model answer; see :meth:`voxwire.Session.respond`."""
        inner = self._portal.run(lambda: self._inner.respond(policy=policy, **options))
        return Response(self._portal, inner)

    def add(self, item: str | ConversationItem | Mapping[str, Any], **place: Any) -> SendReceipt:
        """Add an item without asking for a response; see :meth:`voxwire.Session.add`."""
        return SendReceipt(self._portal, self._portal.call(self._inner.add(item, **place)))

    def cancel(self) -> None:
        """Stop the running response, if there is one."""
        self._portal.call(self._inner.cancel())

    def interrupt(
        self,
        played_ms: float | None = None,
        *,
        item_id: str | None = None,
        samples: int | None = None,
    ) -> None:
        """The listener cuts in; see :meth:`voxwire.Session.interrupt`."""
        self._portal.call(self._inner.interrupt(played_ms, item_id=item_id, samples=samples))

    def talk(self, audio: Audio) -> None:
        """Hold a spoken conversation, until it ends or Ctrl-C; see :meth:`voxwire.Session.talk`."""
        self._portal.call(self._inner.talk(audio))

    @property
    def playback(self) -> Playback:
        """What the listener has heard; see :attr:`voxwire.Session.playback`."""
        return self._inner.playback

    def update(
        self,
        session: RealtimeSession | None = None,
        *,
        tools: Sequence[GivenTool] | None = None,
        **options: Unpack[SessionOptions],
    ) -> Event | None:
        """Change the session; see :meth:`voxwire.Session.update`."""
        return self._portal.call(self._inner.update(session, tools=tools, **options))

    @overload
    def tool(self, function: Callable[P, R], /) -> Tool[P, R]: ...
    @overload
    def tool(
        self,
        *,
        name: str | None = None,
        description: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        approve: Approve | None = None,
        idempotent: bool = False,
    ) -> Callable[[Callable[P, R]], Tool[P, R]]: ...
    def tool(self, function: Any = None, /, **options: Any) -> Any:  # type: ignore[misc]  # mypy loses P
        """Make a function a tool of this session; see :meth:`voxwire.Session.tool`."""

        def register(function: Callable[..., Any]) -> Any:
            return self._portal.run(lambda: self._inner.tool(**options)(function))

        return register if function is None else register(function)

    def remove_tool(self, tool: AnyTool | Callable[..., Any] | str) -> None:
        """Take a tool out of the session. Raises :class:`InvalidOption` where it is not in it."""
        self._portal.run(lambda: self._inner.remove_tool(tool))

    def append_audio(self, audio: Sound | Iterator[Sound]) -> None:
        """Append the user's audio; see :meth:`voxwire.Session.append_audio`."""
        self._portal.call(self._inner.append_audio(audio))

    def commit_audio(self) -> SendReceipt:
        """End the user's turn by hand; see :meth:`voxwire.Session.commit_audio`."""
        return SendReceipt(self._portal, self._portal.call(self._inner.commit_audio()))

    def clear_audio(self) -> SendReceipt:
        """Throw away what was appended and not committed."""
        return SendReceipt(self._portal, self._portal.call(self._inner.clear_audio()))

    def rotate(self, timeout: float = ROTATE_SECONDS) -> None:
        """Move to another connection now; see :meth:`voxwire.Session.rotate`."""
        self._portal.call(self._inner.rotate(timeout))

    def load(
        self, conversation: Conversation | Mapping[str, Any], *, timeout: float = 10.0
    ) -> tuple[str, ...]:
        """Add the items of another conversation; see :meth:`voxwire.Session.load`."""
        return self._portal.call(self._inner.load(conversation, timeout=timeout))

    def close(self, code: int = 1000, reason: str = "") -> None:
        """End the session and its thread; calling it again does nothing.

        In a handler or a tool it waits for the connection to end only.
        """
        self._portal.end(self._inner, self._inner.close(code, reason))

    @property
    def kept(self) -> StoredSession:
        """How the session is kept in a store; see :attr:`voxwire.Session.kept`."""
        return self._inner.kept

    def idle(self) -> None:
        """Wait until nothing is asked for, being said or being looked up, or the session ends."""
        self._portal.call(self._inner.idle())

    def hand_over(self, *, timeout: float = 5.0) -> None:
        """Leave the session to another process; see :meth:`voxwire.Session.hand_over`."""
        self._portal.check()
        self._portal.end(self._inner, self._inner.hand_over(timeout=timeout))

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: object, *exc: object) -> None:
        self._leave(failed=kind is not None)

    def _leave(self, *, failed: bool) -> None:
        """The end of a block: a session in a store is over only where the block was left as it was
        meant to be."""
        if failed and self._inner.is_kept and not self._portal.forked:
            self._portal.run(self._inner.kept.goes_on)
        self.close()
