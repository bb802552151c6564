"""Text that comes piece by piece, broken into lines under a column.

Knows columns and cells; prints nothing.
"""

from __future__ import annotations

import re

from rich.cells import cell_len

__all__ = ["Wrapping"]

_TOKENS = re.compile(r"\n|[^\S\n]*[^\s]+|[^\S\n]+")


class Wrapping:
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
