"""An item of the conversation as a program reads it.

Views of what ``item_state`` holds: they always tell the present, and nothing can be changed by
them. This module does not know where an item stands among others.
"""

from __future__ import annotations

from typing import Any

from ..protocol.audio_format import Format
from .item_state import ItemState, PartState

__all__ = ["Item", "Part", "new_item"]


def new_item(id: str) -> ItemState:
    """What is known of an item of which nothing is known yet but its id."""
    state = ItemState(id)
    state.view = Item(state)
    return state


class Part:
    """A part of an item's content, as it is now."""

    __slots__ = ("_state",)

    def __init__(self, state: PartState) -> None:
        self._state = state

    @property
    def type(self) -> str | None:
        """``input_text``, ``input_audio``, ``input_image``, ``output_text`` or ``output_audio``."""
        return self._state.kind

    @property
    def text(self) -> str:
        """What is written in it so far."""
        return self._state.text.value

    @property
    def transcript(self) -> str | None:
        """What is spoken in it so far; ``None`` until the first word has come. An empty one is a
        result: of the user's speech, that nothing was understood; of the model's, that it was
        interrupted, and :attr:`heard` has the words up to there."""
        transcript = self._state.transcript
        return transcript.value if transcript.known else None

    @property
    def transcription_error(self) -> Any:
        """Why there will be no transcript (a ``TranscriptionError``); else ``None``."""
        return self._state.error

    @property
    def heard(self) -> str:
        """Of the transcript, what was spoken before it was interrupted: an estimate, by length.
        The whole transcript where it was not."""
        cut = self._state.heard
        return self._state.transcript.value if cut is None else cut

    @property
    def interrupted(self) -> bool:
        """Whether it was cut short after it had been sent (:attr:`audio_ms` is where): its
        transcript is empty then, and :attr:`heard` has the words."""
        return self._state.cut_ms is not None

    @property
    def audio(self) -> bytes:
        """The sound, as much of it as is kept."""
        return self._state.sound.value

    @property
    def audio_ms(self) -> int:
        """Milliseconds of the sound, whether it is kept or not."""
        return self._state.ms

    @property
    def audio_start_ms(self) -> int | None:
        """Where the user's speech begins, in milliseconds of all audio appended to the input audio
        buffer; ``None`` for other sound, and in a restored conversation."""
        return self._state.begins_ms

    @property
    def format(self) -> Format:
        """The format of the sound."""
        return self._state.format

    @property
    def part(self) -> Any:
        """The part as the server last sent it whole, without the sound; ``None`` before."""
        return self._state.source

    def __repr__(self) -> str:
        cut = f" interrupted heard={self.heard!r}" if self.interrupted else ""
        return f"<Part {self.type} text={self.text!r} transcript={self.transcript!r}{cut}>"


class Item:
    """An item of the conversation, as it is now."""

    __slots__ = ("_state",)

    def __init__(self, state: ItemState) -> None:
        self._state = state

    @property
    def id(self) -> str:
        """Its id."""
        return self._state.id

    @property
    def type(self) -> str | None:
        """``message``, ``function_call``, ``function_call_output``, ``mcp_call`` and so on."""
        return self._state.type

    @property
    def role(self) -> str | None:
        """``user``, ``assistant`` or ``system`` for a message; else ``None``."""
        return self._state.role if self._state.type == "message" else None

    @property
    def status(self) -> str | None:
        """``in_progress``, ``completed`` or ``incomplete``; ``failed`` for what MCP could not do.
        ``None`` where the server has not told."""
        return self._state.status

    @property
    def idle_timeout(self) -> bool:
        """Whether it is the silence after which the server asked for a response by itself, and no
        turn of the user (``turn_detection.idle_timeout_ms``)."""
        return self._state.idle

    @property
    def phase(self) -> str | None:
        """``commentary`` or ``final_answer``, from models that tell."""
        return self._state.phase

    @property
    def content(self) -> tuple[Part, ...]:
        """Its parts in order."""
        return tuple(Part(part) for _, part in sorted(self._state.parts.items()))

    @property
    def text(self) -> str:
        """What is written in it: the text of all its parts."""
        return "".join(part.text for part in self.content)

    @property
    def transcript(self) -> str | None:
        """What is spoken in it. ``None`` until something of it has come; an empty one is a result:
        of the user's speech, that nothing was understood; of the model's, that it was interrupted
        (:attr:`interrupted`), and :attr:`heard` has the words up to there."""
        known = [part.transcript for part in self.content if part.transcript is not None]
        return "".join(known) if known else None

    @property
    def heard(self) -> str:
        """What is spoken in it, up to where it was interrupted: an estimate, by length. (The
        transcript of an interrupted item is empty, as it is on the server.)"""
        return "".join(part.heard for part in self.content)

    @property
    def audio(self) -> bytes:
        """Its sound, as much of it as is kept; empty with ``audio="none"``."""
        return b"".join(part.audio for part in self.content)

    @property
    def audio_ms(self) -> int:
        """Milliseconds of its sound, whether it is kept or not."""
        return sum(part.audio_ms for part in self.content)

    @property
    def name(self) -> str | None:
        """The function or tool called."""
        return self._state.name

    @property
    def arguments(self) -> str | None:
        """The arguments of the call, as JSON text that is whole once the item is completed;
        ``None`` for what is no call."""
        arguments = self._state.arguments
        return arguments.value if arguments.known or self._state.name is not None else None

    @property
    def call_id(self) -> str | None:
        """What ties a function call to its output."""
        return self._state.call_id

    @property
    def output(self) -> str | None:
        """What the function or tool returned."""
        return self._state.output

    @property
    def response_id(self) -> str | None:
        """The response that it is part of."""
        return self._state.response_id

    @property
    def previous_item_id(self) -> str | None:
        """The item before it, as the server told when it came; ``None`` where it did not."""
        return self._state.previous

    @property
    def interrupted(self) -> bool:
        """Whether it was cut short, by the user's voice or by the program."""
        return self._state.interrupted

    @property
    def completed(self) -> bool:
        """Whether it is whole. An item that was cut short is over, but not completed."""
        return self._state.completed

    @property
    def deleted(self) -> bool:
        """Whether it has been taken out of the conversation."""
        return self._state.deleted

    @property
    def item(self) -> Any:
        """The protocol's item as it last came whole, without the sound: for what has no property
        here. It lacks what came in pieces since."""
        return self._state.source

    @property
    def formatted(self) -> dict[str, Any]:
        """What is worth showing, in one dict: ``text``, ``transcript`` and ``audio``, and for a
        call ``tool`` (its type, name, call_id and arguments), for its answer ``output``; for what
        was interrupted ``interrupted``, and ``heard``."""
        shown: dict[str, Any] = {
            "text": self.text,
            "transcript": self.transcript or "",
            "audio": self.audio,
        }
        if self.interrupted:
            shown |= {"interrupted": True, "heard": self.heard}
        if self.type in ("function_call", "mcp_call"):
            shown["tool"] = {
                "type": "function" if self.type == "function_call" else "mcp",
                "name": self.name,
                "call_id": self.call_id,
                "arguments": self.arguments,
            }
        if self.output is not None:
            shown["output"] = self.output
        return shown

    def __repr__(self) -> str:
        said = self.heard or self.text or self.name or self.output or ""
        if len(said) > 60:
            said = f"{said[:60]}…"
        status = "interrupted" if self.interrupted else self.status
        return f"<Item {self.id} {self.role or self.type} {status} {said!r}>"
