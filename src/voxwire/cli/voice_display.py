"""The screen of a spoken conversation: what was said above, what is being said and levels below.

Knows rich and pieces; knows no session.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from .event_text import Piece
from .play_session import Scene
from .printer import Above, WrappedText, heading
from .screen import clean

__all__ = ["Levels", "VoiceDisplay", "bar"]

_QUIETEST = -54.0
"""dBFS at which a meter is empty."""

Levels = Callable[[], tuple[float, float, str]]
"""Gives the levels of microphone and speaker in dBFS, and the state in a word or two."""


class VoiceDisplay:
    """Shows a conversation in a terminal, while it is used as a context.

    Args:
        console: a terminal.
        levels: asked each time the screen is drawn.
    """

    def __init__(self, console: Console, levels: Levels) -> None:
        self._console = console
        self._levels = levels
        self._above = Above(console)
        self._open: list[Piece] = []
        self._live = Live(
            console=console, get_renderable=self._draw, refresh_per_second=12, transient=True
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end_line()
        self._live.stop()

    def show(self, scene: Scene) -> None:
        """Show what was said; what is still being said stays below until it is complete."""
        if not isinstance(scene, Piece):
            self._above.show(scene)
        elif not scene.key:
            if scene.who != "user":  # whose words come late, and belong before the answer
                self.end_line()
            self._above.show(scene)
        else:
            if self._open and self._open[0].key != scene.key:
                self.end_line()
            self._open.append(scene)

    def end_line(self) -> None:
        """What was being said is complete."""
        pieces, self._open = self._open, []
        if pieces:
            whole = "".join(piece.text for piece in pieces)
            first = pieces[0]
            self._above.show(Piece(who=first.who, kind=first.kind, text=whole, data=first.data))

    def _draw(self) -> Group:
        lines: list[Text] = []
        pieces = list(self._open)
        if pieces:
            indent = self._above.indent
            wrapping = WrappedText(self._console.width, indent)
            wrapping.begin()
            said = wrapping.put("♪ " + clean("".join(piece.text for piece in pieces).lstrip()))
            said = "\n".join(said.split("\n")[-self._console.height // 2 :])
            lines.append(Text.assemble(heading(pieces[0].who, indent, "bold green"), said))
        heard, played, state = self._levels()
        lines.append(self._meters(heard, played, state))
        return Group(*lines)

    def _meters(self, heard: float, played: float, state: str) -> Text:
        narrow = self._console.width < 60
        cells = 8 if narrow else min(20, (self._console.width - 40) // 2)
        fancy = not (self._console.encoding or "").lower().startswith("ascii")
        line = Text()
        for name, loud in (("mic", heard), ("out", played)):
            full, empty = bar(loud, cells, fancy=fancy)
            style = "red" if loud > -3 else "yellow" if loud > -12 else "green"
            line.append(f"{name} ", "bold").append(full, style).append(empty, "dim").append("  ")
        return line.append(state, "dim")


def bar(loud: float, cells: int, *, fancy: bool = True) -> tuple[str, str]:
    """A level as a bar: its full part and its empty part."""
    share = 0.0 if math.isinf(loud) else max(0.0, min(1.0, 1 - loud / _QUIETEST))
    full = round(share * cells)
    marks = ("█", "░") if fancy else ("#", "-")
    return marks[0] * full, marks[1] * (cells - full)
