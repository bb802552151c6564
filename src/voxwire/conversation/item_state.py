"""What is known of one item, as it changes while events come in: the write face.

It takes over what a server says of an item or a part as a whole, whatever shape that has. It does
not know events, nor the place of an item among others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import attrs
from voxwire_protocol import UNSET, Model, Unknown

from ..protocol.audio_format import PCM16, Format
from .buffers import AudioBuffer, TextBuffer

if TYPE_CHECKING:
    from .items import Item

__all__ = ["ItemState", "PartState", "entries", "number", "peek", "string"]

# Content parts go by other names in content_part events and in the beta.
_KINDS: Final = {"text": "output_text", "audio": "output_audio"}
_FINAL: Final = ("completed", "incomplete", "failed")

MOST_PARTS = 256
"""How many parts of an item are kept: no model writes so many."""


def peek(thing: object, name: str) -> Any:
    """A field of whatever a server sent in the place of an object; ``None`` where it is not."""
    if isinstance(thing, Unknown):
        thing = thing.payload
    if isinstance(thing, dict):
        return cast("dict[str, Any]", thing).get(name)
    value = getattr(thing, name, None)
    return None if value is UNSET else value


def string(value: object) -> str | None:
    """`value` where it is a string."""
    return value if isinstance(value, str) else None


def entries(value: Any) -> Sequence[Any]:
    """`value` where it is a list, else nothing."""
    return value if type(value) in (list, tuple) else []


def number(value: object) -> int:
    """`value` where it is a sensible count, else 0."""
    return value if type(value) is int and 0 <= value < 1 << 53 else 0


def settle(text: TextBuffer, value: object) -> tuple[bool, str]:
    """:meth:`TextBuffer.settle` with what a server says at the end of what the model writes or
    speaks, or the client sent: an empty one takes nothing away, for servers leave out what they
    have sent before."""
    words = string(value)
    return text.settle(None if words == "" and text.value else words)


@attrs.define(eq=False)
class PartState:
    """One part of an item's content."""

    kind: str | None = None
    text: TextBuffer = attrs.Factory(TextBuffer)
    transcript: TextBuffer = attrs.Factory(TextBuffer)
    sound: AudioBuffer = attrs.Factory(AudioBuffer)
    format: Format = PCM16
    source: Any = None
    """The part as it last came, without its audio."""
    error: Any = None
    """Why there is no transcript."""
    begins_ms: int | None = None
    """Where the user's sound begins in all that was appended."""
    cut_ms: int | None = None
    """Where it was truncated."""
    heard: str | None = None
    """The words before that place, as far as can be told."""
    billed: bool = False
    """Whether its transcription has been counted."""

    def absorb(self, part: object, *, final: bool) -> bool:
        """Take over what a whole part says; tells whether that changed anything."""
        told = _texts(part, _PART_TEXTS)
        kind, text, transcript = told.get("type"), told.get("text"), told.get("transcript")
        if kind is None:
            return False
        kind = _KINDS.get(kind, kind)
        changed = self.kind != kind
        self.kind, self.source = kind, _with_known(_without_audio(part), self.source)
        if self.cut_ms is not None:
            return changed  # what is told now is more than was heard
        if kind == "input_audio":
            # Empty or not, the events of the transcription tell; an item may be ahead of them.
            return self.transcript.suggest(transcript or "") or changed
        for known, value in ((self.text, text), (self.transcript, transcript)):
            if value is not None:
                changed |= settle(known, value)[0] if final else known.suggest(value)
        return changed

    def fill(self, part: object) -> None:
        """As :meth:`ItemState.fill`."""
        told = _texts(part, _PART_TEXTS)
        self.kind = self.kind or told.get("type")
        self.text.suggest(told.get("text", ""))
        self.source = _with_known(self.source, _without_audio(part))

    @property
    def ms(self) -> int:
        """Milliseconds of its audio."""
        if self.cut_ms is not None and not self.sound.size:
            return self.cut_ms  # sound that went over a call's own media line
        return self.format.ms(self.sound.size)


@attrs.define(eq=False)
class ItemState:
    """All that is known of one item."""

    id: str
    type: str | None = None
    role: str | None = None
    status: str | None = None
    phase: str | None = None
    name: str | None = None
    call_id: str | None = None
    output: str | None = None
    arguments: TextBuffer = attrs.Factory(TextBuffer)
    parts: dict[int, PartState] = attrs.Factory(dict[int, PartState])
    response_id: str | None = None
    previous: str | None = None
    """The item before it, as the server told."""
    source: Any = None
    """The item as it last came, without its audio."""
    placed: bool = False
    """Whether the server has told its place."""
    listed: bool = False
    """Whether the server has shown it as part of the conversation, and not of a response only."""
    announced: bool = False
    """Whether the input audio buffer named it before it came: it stands at the end then."""
    speech: int | None = None
    """Where in the appended audio the user began to speak."""
    span: tuple[int, int] | None = None
    """Which piece of the appended audio it is; ``None`` for one of another connection."""
    answered: bool = False
    """Whether a response has ended since the user said it."""
    interrupted: bool = False
    whole: bool = False
    """Whether all of a turn of the user is there: it was committed, or transcribed."""
    idle: bool = False
    """Whether it is the silence after which a server asked for a response by itself."""
    completed: bool = False
    deleted: bool = False
    view: Item = attrs.field(init=False)
    """The read face, which ``new_item`` gives it."""

    def part(self, index: object, kind: str | None = None) -> PartState:
        """The part with that content index, made where it is new."""
        part = self.parts.get(index) if type(index) is int else None
        if part is not None:
            return part
        place = number(index)
        part = self.parts.get(place)
        if part is None:
            part = PartState(kind)
            if len(self.parts) < MOST_PARTS:  # what comes beyond is not kept
                self.parts[place] = part
        return part

    def absorb(self, item: object, *, final: bool, begins: bool = False) -> bool:
        """Take over what a whole item says; tells whether that changed anything. What it leaves
        out, or shows empty, stays as it is known.

        Args:
            final: whether that is the end of it.
            begins: whether the server begins it, so that it cannot be over with nothing in it.
        """
        changed = False
        told = _texts(item, _ITEM_TEXTS)
        status, arguments = told.pop("status", None), told.pop("arguments", None)
        if begins and status == "incomplete":
            status = "in_progress"
        for field, value in told.items():
            if value != getattr(self, field) and (value or getattr(self, field) is None):
                setattr(self, field, value)
                changed = True
        changed |= self.become(status)
        if arguments is not None:
            changed |= (
                settle(self.arguments, arguments)[0] if final else self.arguments.suggest(arguments)
            )
        for index, part in enumerate(entries(peek(item, "content"))[:MOST_PARTS]):
            changed |= self.part(index).absorb(part, final=final)
        self.source = _with_known(_without_audio(item), self.source)
        return changed

    def fill(self, item: object) -> None:
        """Take over from the item that the client sent what the server does not show of it."""
        for field, value in _texts(item, _ITEM_TEXTS).items():
            if field == "arguments":
                self.arguments.suggest(value)
            elif field != "status" and not getattr(self, field):
                setattr(self, field, value)
        for index, part in enumerate(entries(peek(item, "content"))):
            self.part(index).fill(part)
        self.source = _with_known(self.source, _without_audio(item))

    def become(self, status: str | None) -> bool:
        """Take over a status; what is over does not begin again."""
        if status is None or status == self.status or self.status in _FINAL:
            return False
        self.status = status
        return True


# The fields whose texts are taken over as they are told.
_ITEM_TEXTS: Final = (
    "type", "role", "phase", "name", "call_id", "output", "status", "arguments",
)  # fmt: skip
_PART_TEXTS: Final = ("type", "text", "transcript")
_DECLARED: dict[tuple[type, tuple[str, ...]], tuple[str, ...]] = {}


def _texts(thing: object, names: tuple[str, ...]) -> dict[str, str]:
    """Those of the fields that hold a text, of whatever a server sent in the place of an object."""
    kind = type(thing)
    declared = _DECLARED.get((kind, names))
    if declared is None:
        # Most classes have half of them: which, is found out once for each.
        typed = issubclass(kind, Model) and attrs.has(kind)
        declared = tuple(name for name in names if hasattr(kind, name)) if typed else ()
        _DECLARED[kind, names] = declared
    if not declared:
        return {name: value for name in names if isinstance(value := peek(thing, name), str)}
    return {name: value for name in declared if isinstance(value := getattr(thing, name), str)}


def _without_audio(thing: Any) -> Any:
    """`thing` as it came, but for the sound in it, which would be kept twice or unasked."""
    if not isinstance(thing, Model):
        return thing
    parts = entries(getattr(thing, "content", None))
    if not (_sounds(thing) or any(map(_sounds, parts))):
        return thing
    changes: dict[str, Any] = {"content": [_without_audio(part) for part in parts]} if parts else {}
    if _sounds(thing):
        changes["audio"] = UNSET
    return attrs.evolve(cast(Any, thing), **changes)


def _with_known(shown: Any, known: Any) -> Any:
    """An item or a part as a server shows it, with what was known of it before and is left out
    now: such as the image, or the arguments, that the client has sent itself."""
    if type(shown) is not type(known) or not isinstance(shown, Model) or not attrs.has(type(shown)):
        return shown
    changes: dict[str, Any] = {}
    for field in attrs.fields(cast(Any, type(shown))):
        now, before = getattr(shown, field.name), getattr(known, field.name)
        if field.name == "content":
            old, new = entries(before), entries(now)
            pairs = zip(new, old, strict=False)
            both = [*(_with_known(a, b) for a, b in pairs), *new[len(old) :]]
            if both != list(new):
                changes["content"] = both
        elif field.name in ("audio", "transcript"):
            pass  # the transcript has events of its own, and a truncation takes it away
        elif _nothing(now) and isinstance(before, str) and before:
            changes[field.name] = before
    return attrs.evolve(cast(Any, shown), **changes) if changes else shown


def _nothing(value: object) -> bool:
    return value is UNSET or value is None or value == ""


def _sounds(thing: object) -> bool:
    return isinstance(getattr(thing, "audio", None), str)
