"""Text that comes piece by piece, broken into lines under a column.

Knows columns and cells; prints nothing.
"""

from __future__ import annotations

import io
import json
import re
from typing import Any, Protocol

import attrs
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from .event_text import Kind, Piece
from .play_session import Begun, Ended, Scene
from .screen import clean, fail

__all__ = ["Above", "JsonLines", "Plain", "Printer", "View", "Whole", "WrappedText", "heading"]


_TOKENS = re.compile(r"\n|[^\S\n]*[^\s]+|[^\S\n]+")


class WrappedText:
    """Breaks lines at words, as far as they are known by now, and words that are longer than a
    line wherever it ends.

    Args:
        width: of a line, in cells; None for a pipe, which has no edge.
        indent: where a further line begins.
    """

    def __init__(self, width: int | None, indent: int) -> None:
        self.indent = indent
        self._width = 1 << 30 if width is None else max(width, indent + 8)
        self._column = 0

    def begin(self) -> None:
        """What comes next begins under the column."""
        self._column = self.indent

    def put(self, text: str) -> str:
        """The text with its line breaks."""
        return "".join(map(self._token, _TOKENS.findall(text)))

    def _token(self, token: str) -> str:
        if token == "\n":
            return self._break()
        size, word = cell_len(token), token.lstrip()
        broken = ""
        if self._column + size > self._width and self._column > self.indent:
            if not word:
                return ""  # a gap at the end of a line
            if self.indent + cell_len(word) <= self._width:
                broken, token, size = self._break(), word, cell_len(word)
        if self._column + size <= self._width:
            self._column += size
            return broken + token
        return broken + "".join(map(self._letter, token))

    def _letter(self, letter: str) -> str:
        size = cell_len(letter)
        broken = self._break() if self._column + size > self._width else ""
        self._column += size
        return broken + letter

    def _break(self) -> str:
        self._column = self.indent
        return "\n" + " " * self.indent


_COLUMN = 13
_NARROW = 60
"""Below this width, who speaks stands on a line of its own."""

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


class View(Protocol):
    """What shows a session."""

    def show(self, scene: Scene) -> None:
        """Show one scene."""

    def end_line(self) -> None:
        """End what is still open."""


class Printer:
    """Prints scenes as they come; text that is still being said stays open on its line."""

    def __init__(self, console: Console) -> None:
        self._console = console
        # Only a terminal has an edge to wrap at: whoever reads a pipe gets each text whole.
        width = console.width if console.is_terminal else None
        self.indent = 2 if width is not None and width < _NARROW else _COLUMN
        self._wrapping = WrappedText(width, self.indent)
        self._open: str | None = None
        self._late: list[Piece] = []  # what the user has said, known in the middle of the answer

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
        late, self._late = self._late, []
        for piece in late:
            self._piece(piece)

    def _piece(self, piece: Piece) -> None:
        if self._open and piece.who == "user" and not piece.key:
            self._late.append(piece)
            return
        style = _KIND.get(piece.kind, "")
        if not piece.key or piece.key != self._open:
            self.end_line()
            self._begin(piece.who, _WHO.get(piece.who, "dim"))
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
        self._begin(who, who_style)
        self._say(clean(text), style)
        self._console.print()

    def _begin(self, who: str, style: str) -> None:
        self._console.print(heading(who, self.indent, style), end="", soft_wrap=True)
        self._wrapping.begin()

    def _say(self, text: str, style: str) -> None:
        self._console.print(Text(self._wrapping.put(text), style), end="", soft_wrap=True)


class Above:
    """Prints scenes above what is drawn at the bottom of a terminal: whole ones only."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._made = io.StringIO()
        made = Console(
            file=self._made,
            force_terminal=True,
            width=console.width,
            color_system="standard",
            highlight=False,
            markup=False,
            emoji=False,
        )
        self._printer = Printer(made)
        self.indent = self._printer.indent

    def show(self, scene: Scene) -> None:
        """Print one scene."""
        self._printer.show(scene)
        self.end_line()

    def end_line(self) -> None:
        """Print what has been made."""
        self._printer.end_line()
        made = self._made.getvalue().rstrip("\n")
        self._made.seek(0)
        self._made.truncate()
        if made:
            self._console.print(Text.from_ansi(made), soft_wrap=True)


def heading(who: str, indent: int, style: str = "") -> Text:
    """Who speaks, up to where the text begins."""
    if indent < _COLUMN:
        return Text.assemble((who, style), "\n" + " " * indent)
    return Text(f"{who:<{indent}}", style)


class Plain:
    """What the model says and nothing else, as a program in a pipe wants it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._open = ""

    def show(self, scene: Scene) -> None:
        """Print one scene, if it is what the model says, or what went wrong."""
        if isinstance(scene, Piece) and scene.kind == "error":
            self.end_line()
            fail(scene.text)
        if not isinstance(scene, Piece) or scene.who not in ("assistant", "translation"):
            return
        if scene.kind not in ("text", "spoken"):
            return
        if scene.key != self._open or not scene.key:
            self.end_line()
        text = scene.text if self._open else scene.text.lstrip()
        self._open = scene.key or "whole"
        self._console.file.write(clean(text))
        if scene.key:  # else its end follows, in the same write
            self._console.file.flush()

    def end_line(self) -> None:
        """End the line that is still open."""
        if self._open:
            self._console.file.write("\n")
            self._console.file.flush()
        self._open = ""


class Whole:
    """Shows texts once they are complete: where a log is shown between them."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._pieces: list[Piece] = []
        self.indent: int = getattr(view, "indent", 0)

    def show(self, scene: Scene) -> None:
        """Take one scene."""
        if not isinstance(scene, Piece) or not scene.key:
            self.end_line()
            self._view.show(scene)
            return
        if self._pieces and scene.key != self._pieces[0].key:
            self.end_line()
        self._pieces.append(scene)

    def end_line(self) -> None:
        """Show what is complete."""
        if self._pieces:
            text = "".join(piece.text for piece in self._pieces)
            first, self._pieces = self._pieces[0], []
            self._view.show(attrs.evolve(first, text=text, key=""))
        self._view.end_line()


class JsonLines:
    """Each thing said as one JSON object on a line, once it is complete.

    ``numbered`` tells the connection with each: a recording may have several.
    """

    def __init__(self, console: Console, *, numbered: bool = True) -> None:
        self._console = console
        self._pieces: list[Piece] = []
        self._numbered = numbered
        self._connection = 0

    def show(self, scene: Scene) -> None:
        """Take one scene."""
        if isinstance(scene, Piece):
            if self._pieces and scene.key != self._pieces[0].key:
                # What the user said is written down late, in the middle of the answer to it.
                if not scene.key and scene.who == "user":
                    self._write(
                        {"who": scene.who, "kind": scene.kind, "text": scene.text, **scene.data}
                    )
                    return
                self.end_line()
            self._pieces.append(scene)
            if not scene.key:
                self.end_line()
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
            data = {name: value for piece in self._pieces for name, value in piece.data.items()}
            self._write({"who": first.who, "kind": first.kind, "text": text, **data})
            self._pieces = []

    def _write(self, fields: dict[str, Any]) -> None:
        if self._numbered:
            fields = {"connection": self._connection, **fields}
        line = json.dumps(fields, ensure_ascii=False, default=str)
        self._console.file.write(line + "\n")
        self._console.file.flush()
