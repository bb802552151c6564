"""What the user types: messages from a terminal with an editor of several lines, or from a pipe.

Knows terminals and prompt_toolkit; knows no session.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from prompt_toolkit.formatted_text import AnyFormattedText

__all__ = ["Interrupted", "Keyboard", "hushed", "lines"]

_PLACEHOLDER = "Alt-Enter: new line, /help: more, Ctrl-D: leave"


class Interrupted(Exception):
    """The user pressed Ctrl-C where nothing was typed."""


class Keyboard:
    """Asks for messages in a terminal: Enter sends, Alt-Enter begins a new line.

    Args:
        prompt: what stands before the message.
        indent: where the further lines of a message begin.

    Raises:
        ModuleNotFoundError: prompt_toolkit is not installed.
    """

    def __init__(self, prompt: str, indent: int) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.key_binding import KeyBindings
        from prompt_toolkit.styles import Style

        keys = KeyBindings()

        def submit(event: Any) -> None:
            buffer = event.current_buffer
            if buffer.document.text_before_cursor.endswith("\\"):  # as in a shell
                buffer.delete_before_cursor()
                buffer.insert_text("\n")
            else:
                buffer.validate_and_handle()

        def new_line(event: Any) -> None:
            event.current_buffer.insert_text("\n")

        def interrupt(event: Any) -> None:
            if event.current_buffer.text:
                event.current_buffer.reset()
            else:
                event.app.exit(exception=Interrupted())

        keys.add("enter")(submit)
        keys.add("escape", "enter")(new_line)
        keys.add("c-j")(submit)  # as which Enter comes that was pressed before this was ready
        keys.add("c-c")(interrupt)
        self._session: PromptSession[str] = PromptSession(
            multiline=True,
            key_bindings=keys,
            prompt_continuation=" " * indent,
            style=Style.from_dict({"prompt": "bold ansicyan", "placeholder": "ansibrightblack"}),
        )
        self._prompt: AnyFormattedText = [("class:prompt", prompt)]
        self._placeholder: AnyFormattedText = [("class:placeholder", _PLACEHOLDER)]
        self._needs = len(_PLACEHOLDER) + len(prompt)

    async def ask(self) -> str:
        """The next message. What is printed meanwhile appears above it.

        Raises:
            Interrupted: Ctrl-C, where nothing was typed; else it clears the message.
            EOFError: Ctrl-D.
        """
        from prompt_toolkit.patch_stdout import patch_stdout

        width = self._session.output.get_size().columns
        hint = self._placeholder if width > self._needs else ""
        with patch_stdout(raw=True):
            text = await self._session.prompt_async(
                self._prompt, placeholder=hint, handle_sigint=False
            )
        self._placeholder = ""  # seen
        return text

    def stop(self) -> None:
        """Ask no longer: :meth:`ask` ends with :class:`Interrupted`."""
        if self._session.app.is_running:
            self._session.app.exit(exception=Interrupted())


async def lines(source: TextIO) -> AsyncGenerator[str]:
    """The lines of a pipe that say something, each of them a message, as they come."""
    while line := await asyncio.to_thread(source.readline):
        if line.strip():
            yield line.strip()


def hushed() -> AbstractContextManager[None]:
    """While this lasts, the terminal shows nothing of what is typed but in a prompt: not before it
    is there, and not between the lines of an answer."""
    # Without termios, as on Windows, it is shown.
    if find_spec("termios") is not None and sys.stdin.isatty():
        return _without_echo(sys.stdin.fileno())
    return nullcontext()


@contextmanager
def _without_echo(descriptor: int) -> Generator[None]:
    import termios

    before = termios.tcgetattr(descriptor)
    now = termios.tcgetattr(descriptor)
    now[0] &= ~termios.ICRNL  # for the prompt, Enter is to stay what it is
    now[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(descriptor, termios.TCSANOW, now)
    try:
        yield
    finally:
        # What was typed meanwhile stays, for the next prompt.
        termios.tcsetattr(descriptor, termios.TCSANOW, before)
