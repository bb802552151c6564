"""What a report consists of: the shapes that the page draws and programs read.

Times are seconds on the clock of the recording, lengths too unless a name says ``ms``. This module
knows no frame and no event; it holds what the others found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, cast

import attrs

from ..protocol.redaction import redact, redact_text

__all__ = [
    "AudioInfo",
    "Bar",
    "Clip",
    "Exchange",
    "Finding",
    "Level",
    "Report",
    "Row",
    "Session",
    "Tile",
    "Timing",
    "Turn",
    "Wave",
]

Level: TypeAlias = Literal["error", "warning", "note"]

TurnKind: TypeAlias = Literal[
    "user", "assistant", "system", "tool", "output", "approval", "source", "translation"
]


@attrs.frozen(kw_only=True)
class Clip:
    """A piece of a sound, from ``start`` to ``end`` in it."""

    sound: str
    start: float
    end: float


@attrs.frozen(kw_only=True)
class Turn:
    """Somebody's turn: an utterance, a message, or the call of a tool with its answer."""

    id: str
    """The item's id; made up where the item has none."""
    kind: TurnKind
    who: str
    """Who it was, in a word or two."""
    at: float
    end: float
    text: str = ""
    """What was written or said; of a tool its name and arguments."""
    spoken: bool = False
    unheard: str = ""
    """The end of the text, where it was cut off before it was heard: an estimate, by length."""
    missing: str = ""
    """Why there is no text."""
    status: str | None = None
    interrupted: bool = False
    deleted: bool = False
    aside: bool = False
    """Whether it is in no conversation (the output of a response beside it)."""
    unconfirmed: bool = False
    """Whether the client sent it and the server never showed it."""
    audio: float = 0.0
    """Length of its sound, kept in the recording or not."""
    heard: float | None = None
    """How much of it was heard, where it was cut off."""
    clips: Sequence[Clip] = ()
    response: str | None = None
    rows: tuple[int, int] | None = None
    """The first and the last entry of the recording that is about it."""
    output: str | None = None
    """What the tool returned."""
    error: str | None = None
    latencies: Mapping[str, float] = attrs.Factory(dict[str, float])
    """Milliseconds by the keys of :class:`Timing`."""
    tokens: Mapping[str, int] = attrs.Factory(dict[str, int])
    amount: float | None = None
    """What the response cost in US dollars, where prices are known."""


@attrs.frozen(kw_only=True)
class Bar:
    """Something that took time."""

    lane: Literal["user", "model", "tools"]
    kind: Literal["speech", "sent", "response", "playback", "tool"]
    at: float
    end: float
    turn: str | None = None
    label: str = ""
    open: bool = False
    """Whether its end is not on record."""
    cut: bool = False


@attrs.frozen(kw_only=True)
class Wave:
    """Loudness over a stretch of time: a byte (0 to 127) for each equal part of it."""

    at: float
    end: float
    peaks: str
    """Base64."""


@attrs.frozen(kw_only=True)
class AudioInfo:
    """A sound that can be heard: its format and length."""

    format: str
    rate: int
    seconds: float
    lane: str = "user"
    at: float = 0.0
    """When it begins to be sent or heard."""

    def to_dict(self) -> dict[str, Any]:
        """It as JSON values."""
        return attrs.asdict(self)


@attrs.frozen(kw_only=True)
class Timing:
    """One kind of latency, over a session. All in milliseconds."""

    key: str
    name: str
    explained: str
    values: Sequence[tuple[str, float]]
    """The id of each turn with its milliseconds."""
    median: float
    p95: float
    """By nearest rank: with few values it is the greatest."""
    max: float


@attrs.frozen(kw_only=True)
class Exchange:
    """One response, from the request to its end. Times are None where nothing tells."""

    id: str
    trigger: str
    """What brought it about: ``request``, ``speech`` or ``server``."""
    at: float
    """When the server said that it begins."""
    asked: float | None = None
    speech_end: float | None = None
    first_text: float | None = None
    first_audio: float | None = None
    end: float | None = None
    status: str | None = None
    reason: str | None = None
    aside: bool = False


@attrs.frozen(kw_only=True)
class Finding:
    """Something worth a look. The same at several places is one finding."""

    level: Level
    what: str
    """A word for what it is."""
    text: str
    count: int = 1
    at: float = 0.0
    """When it was first met."""
    rows: Sequence[int] = ()
    """The entries, the first hundred of them."""


@attrs.frozen(kw_only=True)
class Tile:
    """A figure at the head of the report."""

    label: str
    value: str
    note: str = ""
    level: Level | None = None
    tab: str = ""
    """Where more of it is."""


@attrs.frozen(kw_only=True)
class Row:
    """One entry of the recording."""

    n: int
    """Its number in the file, from 1: with one connection and no gaps, its line."""
    at: float
    dir: Literal["sent", "received", "closed", "note"]
    type: str
    text: str = ""
    """What it says, in a few words."""
    size: int = 0
    """Bytes of the frame."""
    audio: float = 0.0
    """Length of the sound in it."""
    level: Level | None = None
    item: str | None = None
    response: str | None = None
    raw: str = ""
    """Its JSON without the sound and without keys; or what came in place of JSON."""

    def to_dict(self) -> dict[str, Any]:
        """What there is of it, as JSON values."""
        fields: dict[str, Any] = {"n": self.n, "at": self.at, "dir": self.dir, "type": self.type}
        for name in ("text", "size", "audio", "level", "item", "response", "raw"):
            if value := getattr(self, name):
                fields[name] = redact_text(value) if name in ("item", "response") else value
        return fields


@attrs.frozen(kw_only=True)
class Session:
    """One connection of a recording."""

    title: str
    facts: Sequence[tuple[str, str]] = ()
    """What is known of it, as label and value."""
    timed: bool = True
    """Whether times were recorded. Without them, entries follow each other at equal steps, sound
    takes its own length, and there are no latencies."""
    finished: bool = True
    """Whether no more will come."""
    duration: float = 0.0
    sent: int = 0
    received: int = 0
    tiles: Sequence[Tile] = ()
    turns: Sequence[Turn] = ()
    bars: Sequence[Bar] = ()
    waves: Mapping[str, Sequence[Wave]] = attrs.Factory(dict[str, Sequence[Wave]])
    """By lane."""
    exchanges: Sequence[Exchange] = ()
    timings: Sequence[Timing] = ()
    findings: Sequence[Finding] = ()
    usage: Mapping[str, Any] = attrs.Factory(dict[str, Any])
    """Of :meth:`voxwire.conversation.pricing.SessionUsage.to_dict`."""
    sounds: Mapping[str, AudioInfo] = attrs.Factory(dict[str, AudioInfo])
    rows: Sequence[Row] = ()

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            **self.head(),
            "waves": {name: [attrs.asdict(w) for w in waves] for name, waves in self.waves.items()},
            "rows": [row.to_dict() for row in self.rows],
        }

    def head(self) -> dict[str, Any]:
        """All of it but what only grows: waves and rows."""
        fields = attrs.fields(Session)
        rest = attrs.filters.exclude(fields.waves, fields.rows)
        # A server may put a key where nobody looks for one, such as into an id.
        head: dict[str, Any] = redact(_plain(attrs.asdict(self, filter=rest)))
        return head


@attrs.frozen(kw_only=True)
class Report:
    """A recording, looked into: ``voxwire.report.read(path)``."""

    source: str
    """The name of the file."""
    sessions: Sequence[Session]

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values; the sound itself is not in it."""
        return {"source": self.source, "sessions": [one.to_dict() for one in self.sessions]}


def _plain(value: Any) -> Any:
    """With lists in place of tuples, as JSON has it."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in cast("dict[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in cast("Sequence[Any]", value)]
    return value
