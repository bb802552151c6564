"""Turns out of the items of a conversation: who said what when, in the conversation's order.

What the items hold, the conversation knows; when it happened, the session that is read notes here.
Nothing is decoded or measured in this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import attrs
import voxwire_protocol as p

from ..conversation.item_state import entries, peek, string
from ..conversation.items import Item
from ..tools.runner import failure_of
from .event_rows import safe_text
from .labels import compact, error_text, seconds
from .model import Clip, Exchange, Turn, TurnKind
from .playback_estimate import PlaybackEstimate
from .response_timings import of_exchange

__all__ = ["Note", "Notes", "Source", "tool_failure"]

_WHO: Mapping[str, str] = {"user": "User", "assistant": "Model", "system": "System"}


@attrs.define(kw_only=True)
class Note:
    """When what was heard of an item."""

    id: str
    at: float
    first: int
    last: int
    latest: float = 0.0
    """When its content changed last."""
    item: Item | None = None
    response: str | None = None
    said: str = ""
    """Its transcript before it was cut off."""
    speech: tuple[float, float] | None = None
    """When the user spoke, on the recording's clock."""
    transcribed: float | None = None
    called: float | None = None
    """When a call was complete."""
    answered: float | None = None
    """When the client sent its output."""
    interrupted_at: float | None = None
    """When the user began to speak while it was heard."""
    left: float = 0.0
    """Seconds of it that had come and were not heard yet at that time."""
    cut_at: float | None = None
    aside: bool = False


@attrs.frozen(kw_only=True)
class Source:
    """What turns are made of, beside the notes."""

    order: Iterable[Item]
    """The conversation's items."""
    exchanges: Mapping[str, Exchange]
    listener: PlaybackEstimate
    clips: Callable[[float, float], list[Clip]]
    """The user's sound from one second to another."""
    used: Mapping[str, Mapping[str, Any]]
    """What each response has used and cost, by its id."""
    unconfirmed: Iterable[tuple[float, int, Any]]
    """What the client sent and the server never showed: when, which entry, and the item."""


class Notes:
    """The notes on all items of a connection, and the turns that they make."""

    def __init__(self) -> None:
        self.known: dict[str, Note] = {}

    def touch(self, id: str, at: float, row: int) -> Note:
        """An entry is about an item."""
        note = self.known.get(id)
        if note is None:
            note = self.known[id] = Note(id=id, at=at, first=row, last=row, latest=at)
        note.last = row
        return note

    def turns(self, source: Source) -> list[Turn]:
        """The turns: those of the conversation in its order, the others where they fell in time."""
        ids = [item.id for item in source.order]
        ranked = [self.known[id] for id in ids if id in self.known]
        there = set(ids)
        others = [n for n in self.known.values() if n.id not in there and n.item is not None]
        outputs = _outputs(ranked)
        first: dict[str, str] = {}
        for note in [*ranked, *others]:
            if note.response is not None:
                first.setdefault(note.response, note.id)
        turns = [
            _turn(note, source, outputs, first)
            for note in ranked
            if not (note.item and note.item.call_id in outputs and _is_output(note.item))
        ]
        loose = [_turn(note, source, outputs, first) for note in others]
        loose += [_unconfirmed(at, row, item) for at, row, item in source.unconfirmed]
        for turn in loose:
            place = next((i for i, one in enumerate(turns) if one.at > turn.at), len(turns))
            turns.insert(place, turn)
        return turns


def _is_output(item: Item) -> bool:
    return item.type == "function_call_output"


_Outputs: TypeAlias = Mapping[str | None, Item]


def _outputs(notes: Iterable[Note]) -> _Outputs:
    """The outputs that belong to a call: they are told in its turn."""
    items = [note.item for note in notes if note.item is not None]
    calls = {item.call_id for item in items if item.type == "function_call"}
    return {i.call_id: i for i in items if _is_output(i) and i.call_id in calls}


def _turn(note: Note, source: Source, outputs: _Outputs, first: Mapping[str, str]) -> Turn:
    item = note.item
    assert item is not None
    kind = _kind(item)
    turn = Turn(
        id=note.id,
        kind=kind,
        who=_WHO.get(kind) or _who(item),
        at=note.at,
        end=max(note.at, note.latest),
        text=safe_text(item.text),
        status=item.status,
        interrupted=item.interrupted,
        deleted=item.deleted,
        aside=note.aside,
        response=note.response,
        rows=(note.first, note.last),
    )
    if kind == "user":
        turn = _user(turn, note, item, source)
    elif kind == "assistant":
        turn = _assistant(turn, note, item, source)
    elif kind in ("tool", "output"):
        turn = _tool(turn, note, item, outputs.get(item.call_id))
    elif kind == "approval":
        turn = attrs.evolve(turn, text=safe_text(_approval(item)))
    elif item.idle_timeout:
        turn = _idle(turn, item, source)
    # What a response took and cost stands at the first thing that came of it.
    if note.response is not None and first.get(note.response) == note.id:
        exchange, used = source.exchanges.get(note.response), source.used.get(note.response)
        if exchange is not None:
            turn = attrs.evolve(turn, latencies={**of_exchange(exchange), **turn.latencies})
        if used is not None:
            tokens = {"input": used["input"]["total"], "output": used["output"]["total"]}
            cost = used["cost"]
            amount = cost["total"] if cost["complete"] and cost["lines"] else None
            turn = attrs.evolve(turn, tokens=tokens, amount=amount)
    return turn


def _kind(item: Item) -> TurnKind:
    match item.type:
        case "message" if item.idle_timeout and not item.transcript:
            return "system"
        case "message":
            roles: dict[str, TurnKind] = {"user": "user", "assistant": "assistant"}
            return roles.get(item.role or "", "system")
        case "function_call_output":
            return "output"
        case "mcp_approval_request" | "mcp_approval_response":
            return "approval"
        case "function_call" | "mcp_call" | "mcp_list_tools":
            return "tool"
        case _:
            return "system"


def _who(item: Item) -> str:
    return {"mcp_call": "MCP tool", "mcp_list_tools": "MCP", "function_call": "Tool"}.get(
        item.type or "", (item.type or "item").replace("_", " ").capitalize()
    )


def _user(turn: Turn, note: Note, item: Item, source: Source) -> Turn:
    parts = item.content
    spoken = [part for part in parts if part.type == "input_audio"]
    images = sum(part.type == "input_image" for part in parts)
    words = [item.text, item.transcript or "", *["(an image)"] * images]
    error = next((part.transcription_error for part in parts if part.transcription_error), None)
    latencies: dict[str, float] = {}
    at, end = (turn.at, turn.end) if note.speech is None else note.speech
    if note.speech is not None and note.transcribed is not None and note.transcribed >= end:
        latencies["speech_to_transcript"] = round((note.transcribed - end) * 1000, 1)
    missing = ""
    if spoken and not item.transcript:
        missing = "not transcribed" if item.transcript is None else "nothing was understood"
    return attrs.evolve(
        turn,
        at=at,
        end=max(at, end),
        text=safe_text(" ".join(word for word in words if word)),
        spoken=bool(spoken),
        missing=missing,
        audio=item.audio_ms / 1000,
        clips=_clips(item, source),
        error=None if error is None else safe_text(error_text(error)),
        latencies=latencies,
    )


def _idle(turn: Turn, item: Item, source: Source) -> Turn:
    """The silence after which the server asked for a response by itself."""
    return attrs.evolve(
        turn,
        who="Silence",
        text=f"nobody spoke for {seconds(item.audio_ms / 1000)}: the server asks for a response",
        audio=item.audio_ms / 1000,
        clips=_clips(item, source),
    )


def _clips(item: Item, source: Source) -> tuple[Clip, ...]:
    """What was sent of the user's sound that an item is made of."""
    found: list[Clip] = []
    for part in item.content:
        if part.type == "input_audio" and part.audio_start_ms is not None:
            begin = part.audio_start_ms / 1000
            found += source.clips(begin, begin + part.audio_ms / 1000)
    return tuple(found)


def _assistant(turn: Turn, note: Note, item: Item, source: Source) -> Turn:
    voice = source.listener.voices.get(note.id)
    ends = voice.ends if voice is not None else None
    said = item.transcript or ""
    unheard = ""
    if item.interrupted and note.said:
        said = item.heard
        unheard = note.said[len(said) :] if note.said.startswith(said) else ""
    latencies: dict[str, float] = {}
    if note.interrupted_at is not None and note.cut_at is not None:
        latencies["interruption"] = round((note.cut_at - note.interrupted_at) * 1000, 1)
    return attrs.evolve(
        turn,
        end=max(turn.at, turn.end if ends is None else ends),
        text=safe_text(item.text + said),
        spoken=voice is not None or item.transcript is not None,
        unheard=safe_text(unheard),
        audio=voice.received if voice is not None else item.audio_ms / 1000,
        heard=voice.cut if voice is not None else None,
        clips=tuple(source.listener.clips(note.id)),
        latencies=latencies,
    )


def _tool(turn: Turn, note: Note, item: Item, answer: Item | None) -> Turn:
    source = item.item
    output = item.output if answer is None else answer.output
    error = tool_failure(item, output)
    text = f"{item.name or ''} {compact(item.arguments or '')}".strip()
    if item.type == "mcp_list_tools":
        names = [string(peek(tool, "name")) or "?" for tool in entries(peek(source, "tools"))]
        text = f"tools: {', '.join(names)}" if names else "tools are being listed"
    latencies: dict[str, float] = {}
    if note.called is not None and note.answered is not None:
        latencies["tool"] = round((note.answered - note.called) * 1000, 1)
    return attrs.evolve(
        turn,
        text=safe_text(text),
        end=max(turn.end, note.answered or 0.0),
        output=None if output is None else safe_text(output),
        error=None if error is None else safe_text(error),
        latencies=latencies,
    )


def tool_failure(item: Item, output: str | None) -> str | None:
    """Why a call failed; ``None`` where it did not, or nobody says so."""
    failure = peek(item.item, "error")
    if failure is not None:
        return error_text(failure)
    if item.status == "failed":
        return "the server does not say why"
    return None if output is None else failure_of(output)


def _approval(item: Item) -> str:
    if item.type == "mcp_approval_response":
        return "yes" if peek(item.item, "approve") is True else "no"
    return f"may {item.name or 'a tool'} run? {compact(item.arguments or '')}"


def _unconfirmed(at: float, row: int, item: Any) -> Turn:
    kind: TurnKind = "output" if isinstance(item, p.FunctionCallOutput) else "user"
    if string(peek(item, "role")) == "system":
        kind = "system"
    texts = [string(peek(part, "text")) or "" for part in entries(peek(item, "content"))]
    texts.append(string(peek(item, "output")) or "")
    return Turn(
        id=f"sent-{row}",
        kind=kind,
        who=_WHO.get(kind, "Output"),
        at=at,
        end=at,
        text=safe_text(" ".join(text for text in texts if text)),
        rows=(row, row),
        unconfirmed=True,
    )
