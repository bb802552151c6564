"""A conversation in text, message by message: commands, interruptions, and how it ends.

Knows one session and who types; what is shown of it, the telling does.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, aclosing, nullcontext, suppress
from typing import TYPE_CHECKING, Any, TextIO

from ..errors import ConnectionClosedError, InvalidEvent, ServerError
from ..session.response import Response
from ..session.session import Session
from .event_text import Piece, entries
from .printer import Printer, View, heading
from .prompt import Interrupted, Keyboard, lines
from .screen import fail, moving
from .session_view import SessionView
from .signals import on_signal
from .usage_text import bill

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Chat"]

_HELP = (
    ("Enter", "sends"),
    ("Alt-Enter", "begins a new line; so does Enter behind a \\"),
    ("Ctrl-C", "stops an answer; once more leaves"),
    ("Ctrl-D, /quit", "leave"),
    ("/usage", "what was used so far"),
    ("/tools", "the tools that the model may call"),
    ("/help", "this"),
)


class Chat:
    """One conversation.

    Args:
        session: what it is held over.
        telling: what shows it.
        view: where it is shown.
        console: the screen behind that.
        local: whether an emulator answers, which costs nothing.
    """

    def __init__(
        self, session: Session, telling: SessionView, view: View, console: Console, *, local: bool
    ) -> None:
        self._session = session
        self._telling = telling
        self._view = view
        self._console = console
        self._local = local
        self._pressed = 0  # how often Ctrl-C, since something was typed
        self._leaving: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._response: Response | None = None

    async def by_pipe(self, messages: list[str], source: TextIO) -> int:
        """Say these messages, or what comes from a pipe. Gives the exit code."""
        with on_signal(self._interrupt, signal.SIGINT):
            if messages == ["-"]:
                messages = [(await asyncio.to_thread(source.read)).strip()]
            if messages:
                return await self._say(" ".join(messages))
            async with aclosing(lines(source)) as typed:
                async for message in typed:
                    if code := await self._say(message):
                        return code
        return 0

    async def by_keyboard(self) -> int:
        """Say what is typed, until the user leaves. Gives the exit code."""
        indent = getattr(self._view, "indent", 0)
        keyboard = Keyboard(heading("you", indent).plain, indent)
        with on_signal(self._interrupt, signal.SIGINT):
            while not self._leaving.done():
                try:
                    text = await self._typed(keyboard)
                except EOFError:  # Ctrl-D
                    return 0
                except Interrupted:  # Ctrl-C
                    self._interrupt()
                    continue
                if text is None:
                    break
                self._pressed = 0
                command = text.strip()
                if command in ("/quit", "/exit"):
                    return 0
                if command.startswith("/") and not text.startswith(" "):
                    self._command(command)
                elif command:
                    await self._say(text.strip("\n"))
        return 130 if self._leaving.done() else 1  # the session is over, and why was told

    async def _typed(self, keyboard: Keyboard) -> str | None:
        """A message; None where the session ends before there is one, or the user leaves."""
        self._view.end_line()
        if self._telling.over.done():
            return None
        asking = asyncio.create_task(keyboard.ask())
        ends: set[asyncio.Future[Any]] = {asking, self._telling.over, self._leaving}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if asking.done():
            return asking.result()
        keyboard.stop()
        with suppress(Interrupted):  # the end of the asking, which was just asked for
            await asking
        return None

    async def _say(self, text: str) -> int:
        """Say it, and show the answer to its end, or until the user leaves."""
        try:
            self._response = response = self._session.say(text)
        except InvalidEvent as error:  # a text that cannot be sent
            fail(str(error))
            return 1
        waiting: AbstractContextManager[object] = nullcontext()
        if moving(self._console) and isinstance(self._view, Printer):
            waiting = status = self._console.status("", spinner="dots")
            self._telling.waiting = status.stop
        answered = asyncio.create_task(self._answered(response))
        with waiting:
            ends: set[asyncio.Future[Any]] = {answered, self._leaving}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        self._response = None
        answered.cancel()
        await asyncio.wait([answered])
        await self._telling.caught_up()
        self._view.end_line()
        return 130 if self._leaving.done() or answered.cancelled() else answered.result()

    async def _answered(self, response: Response) -> int:
        try:
            await response
        except ServerError:
            return 1  # the error was told as it came
        except ConnectionClosedError:  # that, too
            await asyncio.wait([self._telling.over])
            return 1
        if response.status == "cancelled" and self._pressed:
            return 130
        return 1 if response.status == "failed" else 0

    def _interrupt(self) -> None:
        """Ctrl-C: stop the answer, and the second time leave."""
        self._pressed += 1
        if self._pressed > 1:
            if not self._leaving.done():
                self._leaving.set_result(None)
        elif self._response is not None:
            self._stopping = asyncio.create_task(self._response.cancel())
        else:
            self._note("Ctrl-C again leaves, and so does Ctrl-D")

    def _command(self, text: str) -> None:
        match text.split()[0]:
            case "/help":
                width = max(len(keys) for keys, _ in _HELP)
                self._note("\n".join(f"{keys:<{width}}  {does}" for keys, does in _HELP))
            case "/usage":
                for piece in bill(self._session.usage, local=self._local):
                    self._view.show(piece)
                if not self._session.usage.responses:
                    self._note("nothing yet")
            case "/tools":
                self._note("\n".join(self._tools()) or "none; bring some: --tools module:name")
            case other:
                self._note(f"no command {other}: /help lists them; a space before it sends it")
        sys.stdout.flush()

    def _tools(self) -> Iterator[str]:
        for tool in entries(getattr(self._session.session, "tools", None)):
            name = getattr(tool, "name", None) or getattr(tool, "server_label", "?")
            about = getattr(tool, "description", None) or ""
            yield f"{name}  {about}".split("\n")[0].strip()

    def _note(self, text: str) -> None:
        self._view.show(Piece(who="note", kind="note", text=text))
