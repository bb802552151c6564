"""What happens in a live session, told to people and programs while it happens.

Knows sessions, and how events become pieces; prints nothing itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import attrs
import voxwire_protocol as p

from ..errors import ConnectionClosedError
from ..protocol.local_event import LocalEvent, Overflow
from ..session.local_events import (
    ConnectionClosed,
    HandlerFailed,
    Reconnected,
    Reconnecting,
    ToolFailed,
)
from ..session.session import Session
from .event_text import Piece
from .printer import View
from .transcript_view import TranscriptView

__all__ = ["SessionView", "again"]


_INTERRUPTED = Piece(who="assistant", kind="status", text="interrupted")


def again(event: Reconnecting | Reconnected) -> Piece:
    """What becomes of a connection that was lost."""
    if isinstance(event, Reconnecting):
        lost = "the connection was lost" if event.attempt == 1 else "not yet"
        text = f"{lost}: attempt {event.attempt} in {event.delay:.1f} s"
        if event.planned:
            text = "the session's time is nearly over: moving to another connection"
        return Piece(who="session", kind="note", text=text, data={"attempt": event.attempt})
    text = f"connected again after {event.seconds:.1f} s"
    if event.interrupted:
        text += f", {len(event.interrupted)} answers cut off"
    if event.lost_audio_ms:
        text += f", {event.lost_audio_ms / 1000:.1f} s of sound lost"
    data = {"seconds": event.seconds, "lost_audio_ms": event.lost_audio_ms}
    return Piece(who="session", kind="note", text=text, data=data)


class SessionView:
    """Shows a session while it lasts: ``async with Telling(session, view) as telling``.

    Args:
        session: an open one.
        view: what shows it.
        typed: whether the user sees what they say themselves, so that it need not be told.
    """

    def __init__(self, session: Session, view: View, *, typed: bool) -> None:
        self._session = session
        self._view = view
        self._typed = typed
        self._story = TranscriptView()
        self._broken: dict[str, str] = {}  # calls of tools that failed, and why
        self._stream = session.stream(
            p.ServerEvent,
            p.ConversationItemCreate,
            p.ConversationItemTruncate,
            p.ResponseCancel,
            LocalEvent,
            limit=65_536,
        )
        self.audio: list[bytes] = []
        """What was spoken, where :attr:`keep_audio` is set."""
        self.keep_audio = False
        self.waiting: Callable[[], object] | None = None
        """Called before the next thing is shown, once: ends a sign of waiting."""
        self.speech = False
        """Whether to tell when the user's speech begins and ends."""
        self.heard = False
        """Whether answers are played, and cut where the user cuts in."""
        self._cut = False
        self._moving = False  # to another connection
        self.failed = False
        """Whether the last response failed, or the server sent an error."""

    async def __aenter__(self) -> Self:
        for piece in self._story.settings(self._session.session):
            self._view.show(piece)
        self._told = asyncio.Event()
        self._task = asyncio.create_task(self._follow(), name="voxwire telling")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.close()
        if kind is None:
            with suppress(ConnectionClosedError):  # the end was told
                await self._task
        else:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._view.end_line()

    @property
    def over(self) -> asyncio.Task[None]:
        """Done when the session has ended, and all of it was told."""
        return self._task

    async def caught_up(self) -> None:
        """Wait until all that has come was told."""
        while len(self._stream.mailbox) and not self._task.done():
            self._told.clear()
            await self._told.wait()
        if self._task.done():
            with suppress(ConnectionClosedError):  # the end was told
                self._task.result()  # what went wrong with the showing: a broken pipe

    async def _follow(self) -> None:
        try:
            await self._follow_events()
        finally:
            self._told.set()

    async def _follow_events(self) -> None:
        async for event in self._stream:
            for piece in self._news(event):
                waiting, self.waiting = self.waiting, None
                if waiting is not None:
                    waiting()
                self._view.show(piece)
            self._told.set()

    def _news(self, event: p.Event) -> Iterator[Piece]:
        """What there is to tell; not that a new connection has its settings by and by."""
        for piece in self._pieces(event):
            if not (self._moving and piece.kind == "session"):
                yield piece

    def _pieces(self, event: p.Event) -> Iterator[Piece]:
        if self._cut and isinstance(event, (p.InputAudioBufferSpeechStopped, p.ResponseCreated)):
            self._cut = False
            yield _INTERRUPTED
        match event:
            case p.ResponseOutputAudioDelta() if self.keep_audio:
                self.audio.append(event.audio)
                yield from self._story.received(event)
            case p.ConversationItemCreate():
                for piece in self._story.sent(event):
                    if not (self._typed and piece.who == "user"):
                        yield self._with_failure(piece)
            case p.ConversationItemTruncate(audio_end_ms=heard):
                self._cut = False
                text = f"interrupted after {heard / 1000:.1f} s"
                yield Piece(who="assistant", kind="status", text=text, data={"heard_ms": heard})
            case p.ConversationItemTruncated():
                pass  # as was asked for
            case p.ResponseDone(response=p.RealtimeResponse(status="cancelled")):
                # Where it was heard, this side says next how much of it.
                self._cut = self.heard
                if not self.heard:
                    yield _INTERRUPTED
            case p.InputAudioBufferSpeechStarted(audio_start_ms=at) if self.speech:
                yield Piece(who="user", kind="speech", text="begins", data={"at_ms": at})
            case p.InputAudioBufferSpeechStopped(audio_end_ms=at) if self.speech:
                yield Piece(who="user", kind="speech", text="ends", data={"at_ms": at})
            case p.ErrorEvent():
                self.failed = True
                yield from self._story.received(event)
            case p.ResponseCancel():
                pass  # its end is told
            case p.ClientEvent():
                yield from self._story.sent(event)
            case LocalEvent():
                yield from self._local(event)
            case _:
                if isinstance(event, p.ResponseDone):
                    self.failed = getattr(event.response, "status", None) == "failed"
                yield from self._story.received(event)

    def _with_failure(self, piece: Piece) -> Piece:
        """What a tool gave; or, where it failed, why: the model is told that in other words."""
        why = self._broken.pop(str(piece.data.get("call_id")), None)
        return piece if why is None else attrs.evolve(piece, kind="error", text=why)

    def _local(self, event: LocalEvent) -> Iterator[Piece]:
        match event:
            case ToolFailed(call=call, exception=error):
                self._broken[call.call_id] = f"{call.name} failed: {type(error).__name__}: {error}"
            case HandlerFailed(handler=name, exception=error):
                yield Piece(who="voxwire", kind="error", text=f"{name} failed: {error}")
            case Overflow(dropped=dropped):
                text = f"{dropped} events were not shown: they came faster than this screen"
                yield Piece(who="voxwire", kind="note", text=text)
            case Reconnecting() | Reconnected():
                self._moving = isinstance(event, Reconnecting)
                yield again(event)
            case ConnectionClosed(expected=False, code=code, reason=reason):
                data: dict[str, Any] = {"code": code, "reason": reason}
                why = f": {reason}" if reason else ""
                text = "the connection broke" if code == 1006 else f"closed with {code}{why}"
                yield Piece(who="session", kind="error", text=text, data=data)
            case _:
                pass
