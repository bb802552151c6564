"""A spoken conversation from its opening to its bill: what is shown of it, and how it ends.

Knows one session and what it is held through; which devices or files these are, it does not.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any

import voxwire_protocol as p

from .. import connect
from ..audio.convert import level
from ..errors import ConnectionClosedError, ServerError
from ..session.session import Session
from ..session.voice_loop import Audio
from .event_text import Piece
from .levels import Metered
from .local_echo import HINT, repeat
from .printer import JsonLines, Plain, Printer, View, Whole
from .screen import fail, logged_here, screen
from .session_view import SessionView
from .signals import on_signal
from .usage_text import bill
from .voice_display import VoiceDisplay

if TYPE_CHECKING:
    from .target import CommandTarget

__all__ = ["hold"]


async def hold(
    place: CommandTarget,
    settings: dict[str, Any],
    audio: Audio,
    *,
    files: bool,
    fast: bool,
    as_json: bool,
) -> int:
    """Hold the conversation. Gives the exit code.

    Args:
        place: where to.
        settings: of the session.
        audio: what it is held through.
        files: whether that ends by itself.
        fast: whether to wait for each answer where the user pauses.
        as_json: for programs.
    """
    console = screen()
    metered = Metered(audio)
    people = console.is_terminal and not as_json
    async with AsyncExitStack() as stack:
        pace = None if fast else 1.0
        where = await stack.enter_async_context(place.reached(pace=pace, brain=repeat))
        session = await stack.enter_async_context(connect(**where, **settings))
        mood = _Mood(session, metered)
        view: View = JsonLines(console, numbered=False) if as_json else Plain(console)
        if people:
            view = Printer(console)
            if not console.is_dumb_terminal and not logged_here():
                view = stack.enter_context(VoiceDisplay(console, mood.levels))
        if logged_here() and not as_json:
            view = Whole(view)
        telling = await stack.enter_async_context(SessionView(session, view, typed=False))
        telling.speech, telling.heard = as_json, True
        if place.local and place.script is None:
            view.show(Piece(who="note", kind="note", text=HINT))
        talking = asyncio.create_task(
            session.talk(_Patient(metered, session, mood) if fast else metered)
        )
        watching = asyncio.create_task(mood.follow())
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with on_signal(lambda: _set(over), signal.SIGINT):
            ends: set[asyncio.Future[Any]] = {talking, over}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        hung_up = not talking.done()
        for task in (talking, watching):
            task.cancel()
        await asyncio.wait([talking, watching])
        await telling.caught_up()
        view.end_line()
        nothing = files and not hung_up and not mood.spoken and session.closed is None
        if nothing:
            fail("no speech was found in the file: nothing was said to the model")
        for piece in bill(session.usage, local=place.local):
            view.show(piece)
        view.end_line()
    if hung_up:
        return 130 if files else 0
    with suppress(ConnectionClosedError):  # the end was told
        talking.result()
        return 1 if telling.failed or nothing else 0
    return 1


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class _Mood:
    """Who speaks, for the line under the conversation."""

    def __init__(self, session: Session, audio: Metered) -> None:
        self.spoken = False
        """Whether the user ever said something."""
        self._audio = audio
        self._state = "listening"
        self._news = asyncio.Event()
        self._stream = session.stream(
            p.InputAudioBufferSpeechStarted,
            p.InputAudioBufferSpeechStopped,
            p.ResponseCreated,
            p.ResponseDone,
        )

    async def follow(self) -> None:
        """Keep up with the events."""
        async for event in self._stream:
            match event:
                case p.InputAudioBufferSpeechStarted():
                    self.spoken = True
                    self._state = "you speak"
                case p.ResponseDone(response=p.RealtimeResponse(output=list(items))) if not any(
                    isinstance(item, p.FunctionCall) for item in items
                ):
                    self._state = "listening"
                case _:
                    self._state = "thinking"
            self._news.set()
        self._state = "listening"
        self._news.set()

    async def answered(self) -> None:
        """Wait until the user has been answered."""
        while len(self._stream.mailbox) or self._state != "listening":
            self._news.clear()
            await self._news.wait()

    def levels(self) -> tuple[float, float, str]:
        """The levels of both sides, and who speaks."""
        speaker = self._audio.speaker
        speaks = self._state != "you speak" and speaker.pending > 0
        return (
            self._audio.microphone.level,
            speaker.level,
            "answering" if speaks else self._state,
        )


class _Patient:
    """An :class:`Audio` whose user waits for each answer, so that time does not matter."""

    def __init__(self, inner: Metered, session: Session, mood: _Mood) -> None:
        self.speaker = inner.speaker
        self.open, self.close = inner.open, inner.close
        self.microphone = self
        self._inner = inner
        self._session = session
        self._mood = mood

    async def __aiter__(self) -> AsyncIterator[bytes]:
        spoken, quiet = False, 0.0
        form = self._inner.microphone
        async for piece in form:
            yield piece
            if level(piece, form.format) > _QUIET:
                spoken, quiet = True, 0.0
                continue
            quiet += len(piece) / form.format.bytes_per_second
            if spoken and quiet > _PAUSE:
                spoken = False
                await self._answered()

    async def _answered(self) -> None:
        """What was said has been taken in, and the answer has come."""
        # An update that changes nothing: its answer comes after all that the sound has led to.
        with suppress(ServerError):  # a server that refuses it has answered as well
            await self._session.update(p.RealtimeSession())
        with suppress(TimeoutError):  # a server may keep silent
            async with asyncio.timeout(_PATIENCE):
                await self._mood.answered()


_QUIET = -45.0
"""dBFS below which it is a pause."""

_PATIENCE = 60.0
"""Seconds to wait for an answer."""

_PAUSE = 0.8
"""Seconds after which turn detection has found the end of a turn, as servers do by default."""
