"""How a session looks in a terminal and in a pipe: a column of who, and beside it what was said.

Knows pieces and the screen; knows no event.
"""

from __future__ import annotations

import json
import re
from typing import Any

from rich.console import Console
from rich.text import Text

from .playing import Begun, Ended, Scene
from .screen import clean
from .wording import Kind, Piece

__all__ = ["JsonLines", "Printer"]

_COLUMN = 13

_WHO = {
    "user": "bold cyan",
    "speaker": "bold cyan",
    "assistant": "bold green",
    "translation": "bold green",
    "tool": "bold yellow",
}
_KIND: dict[Kind, str] = {
    "session": "dim",
    "call": "yellow",
    "output": "yellow",
    "audio": "dim",
    "status": "magenta",
    "error": "red",
    "note": "dim",
}
_MARK: dict[Kind, str] = {"spoken": "♪ ", "heard": "♪ ", "call": "→ ", "output": "← "}


class Printer:
    """Prints scenes as they come; text that is still being said stays open on its line."""

    def __init__(self, console: Console) -> None:
        self._console = console
        # Only a terminal has an edge to wrap at: whoever reads a pipe gets each text whole.
        self._width = console.width if console.is_terminal else None
        self._open: str | None = None
        self._column = 0

    def show(self, scene: Scene) -> None:
        """Print one scene."""
        match scene:
            case Piece():
                self._piece(scene)
            case Begun(number, of, live):
                self.end_line()
                if of > 1:
                    title = f"connection {number + 1} of {of}"
                    self._console.print(("\n" if number else "") + title, style="bold")
                if not live:
                    self._row(
                        "session", "dim", "translation, decoded straight from the file", "dim"
                    )
            case Ended(code, reason, recorded):
                self.end_line()
                said = "broken off" if code is None else f"closed with {code}"
                said = said if recorded else "end of the recording"
                style = "dim" if code in (1000, None) and not (recorded and code is None) else "red"
                self._row("end", "dim", f"{said} {reason}".strip(), style)

    def end_line(self) -> None:
        """End the line that is still open."""
        if self._open is not None:
            self._console.print()
            self._open = None

    def _piece(self, piece: Piece) -> None:
        style = _KIND.get(piece.kind, "")
        if not piece.key or piece.key != self._open:
            self.end_line()
            self._console.print(Text(f"{piece.who:<{_COLUMN}}", _WHO.get(piece.who, "dim")), end="")
            self._column = _COLUMN
            self._say(_MARK.get(piece.kind, ""), "dim")
            self._open = piece.key
            text = piece.text.lstrip()
        else:
            text = piece.text
        self._say(clean(text), style)
        if not piece.key:
            self._console.print()
            self._open = None

    def _row(self, who: str, who_style: str, text: str, style: str) -> None:
        self._console.print(Text(f"{who:<{_COLUMN}}", who_style), end="")
        self._column = _COLUMN
        self._say(clean(text), style)
        self._console.print()

    def _say(self, text: str, style: str) -> None:
        """Text at the current column, wrapped at words as far as they are known by now."""
        out = Text()
        for token in re.findall(r"\n|[^\S\n]*[^\s]+|[^\S\n]+", text):
            if token == "\n":
                out.append("\n" + " " * _COLUMN)
                self._column = _COLUMN
                continue
            size = Text(token).cell_len
            over = self._width is not None and self._column + size > self._width
            if over and self._column > _COLUMN:
                out.append("\n" + " " * _COLUMN)
                token = token.lstrip()
                size = Text(token).cell_len
                self._column = _COLUMN
            out.append(token, style)
            self._column += size
        self._console.print(out, end="", soft_wrap=True)


class JsonLines:
    """Each thing said as one JSON object on a line, once it is complete."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._pieces: list[Piece] = []
        self._connection = 0

    def show(self, scene: Scene) -> None:
        """Take one scene."""
        if isinstance(scene, Piece):
            if not (self._pieces and scene.key and scene.key == self._pieces[0].key):
                self.end_line()
            self._pieces.append(scene)
            return
        self.end_line()
        if isinstance(scene, Begun):
            self._connection = scene.number
        elif scene.recorded:
            self._write({"who": "end", "kind": "close", "code": scene.code, "text": scene.reason})

    def end_line(self) -> None:
        """Write what is complete."""
        if self._pieces:
            first = self._pieces[0]
            text = "".join(piece.text for piece in self._pieces)
            self._write({"who": first.who, "kind": first.kind, "text": text})
            self._pieces = []

    def _write(self, fields: dict[str, Any]) -> None:
        line = json.dumps({"connection": self._connection, **fields}, ensure_ascii=False)
        self._console.file.write(line + "\n")
        self._console.file.flush()
