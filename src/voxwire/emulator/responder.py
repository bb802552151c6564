"""What answers in the model's place: the question put to it, the reply it may give, and an echo.

It knows nothing of how a reply is sent.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias, cast

import attrs

from ..errors import InvalidOption
from .conversation_items import ItemRecord
from .faults import AnyFault

__all__ = ["Brain", "Call", "Reply", "Said", "UserTurn", "echo", "reply_of", "turn_of"]


@attrs.frozen
class Call:
    """One call of a tool. ``arguments`` are an object, or the text of one, well formed or not."""

    name: str
    arguments: Mapping[str, Any] | str = attrs.field(factory=dict[str, Any])
    call_id: str | None = None

    @property
    def text(self) -> str:
        """The arguments as the model writes them."""
        if isinstance(self.arguments, str):
            return self.arguments
        return json.dumps(self.arguments, ensure_ascii=False, separators=(",", ":"))


@attrs.frozen(kw_only=True)
class Reply:
    """What comes of a turn: words, calls of tools, a failure, or nothing.

    Attributes:
        text: the words; spoken where the response is to be audio.
        calls: tools to call, in parallel, after the words.
        audio: speech in place of the synthesised, in the session's output format.
        error: let the response fail: an error code, or ``{"code", "type", "message"}``.
        incomplete: end the response early for this reason, after the words.
        delay: seconds before the first output, beside the usual.
        hold: stop after so many deltas, until the server's ``release()`` or a cancel.
        silence: answer ``response.created`` and then nothing, as with ``hold=0``.
        fault: what goes wrong with the connection from the reply on; frames count from there.
    """

    text: str = ""
    calls: Sequence[Call] = ()
    audio: bytes | None = attrs.field(default=None, repr=False)
    error: str | Mapping[str, Any] | None = None
    incomplete: Literal["max_output_tokens", "content_filter"] | None = None
    delay: float = 0.0
    hold: int | None = None
    silence: bool = False
    fault: AnyFault | None = None


@attrs.frozen(kw_only=True)
class UserTurn:
    """What a reply is wanted for.

    Attributes:
        text: what was said last: the words of the user since the last turn, typed or heard; or,
            when tools have answered since then, what they gave.
        kind: whose text that is; ``start`` where nothing has been said.
        tool: the tool whose output ``text`` is.
        trigger: what asked for the response: the client, the end of the user's speech, or a
            user who has been silent for too long.
        items: the conversation, or the ``input`` of the response, as JSON objects.
        audio: what the user said last, if it was spoken.
        response: the settings in force: instructions, tools, tool_choice, output_modalities ...
        metadata: of the response.
        session: the session object.
        number: how many turns there were before in this session.
    """

    text: str
    kind: Literal["user", "tool", "start"]
    tool: str | None = None
    trigger: Literal["client", "speech", "idle"] = "client"
    items: Sequence[Mapping[str, Any]] = ()
    audio: bytes = attrs.field(default=b"", repr=False)
    response: Mapping[str, Any] = attrs.field(factory=dict[str, Any])
    metadata: Mapping[str, str] = attrs.field(factory=dict[str, str])
    session: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)
    number: int = 0


Said: TypeAlias = Reply | str | Call | Sequence[Call] | None
"""What a brain may return: a reply; words; calls; None for no words at all."""

Brain: TypeAlias = Callable[[UserTurn], Said | Awaitable[Said]]
"""What stands in the model's place: a function, plain or async, that is given the turn.

A text is said, calls are made, a :class:`Reply` is both and more; ``None`` says nothing."""


def reply_of(said: Any) -> Reply:
    """What a brain returned, as a reply."""
    if isinstance(said, Reply):
        return said
    if said is None or isinstance(said, str):
        return Reply(text=said or "")
    if isinstance(said, Call):
        return Reply(calls=(said,))
    if isinstance(said, list | tuple):
        calls = cast("Sequence[object]", said)
        if all(isinstance(call, Call) for call in calls):
            return Reply(calls=cast("Sequence[Call]", calls))
    kind = type(cast("object", said)).__name__
    raise InvalidOption(f"a brain returned {kind}: return a Reply, a str, a Call or a list of them")


def echo(turn: UserTurn) -> Said:
    """Say what was said. Where a tool has to be called, call it with made-up arguments."""
    choice: Any = turn.response.get("tool_choice")
    forced: Any = choice.get("name") if isinstance(choice, dict) else None  # pyright: ignore
    tools = cast("list[dict[str, Any]]", turn.response.get("tools") or [])
    functions = [tool for tool in tools if tool.get("type", "function") == "function"]
    if choice == "required" or forced:
        for tool in functions:
            if forced in (None, tool.get("name")):
                return Call(str(tool.get("name")), _sample(tool.get("parameters")))
    return turn.text or ("Hello." if turn.kind == "start" else "")


_SAMPLES: Final[dict[str, Any]] = {
    "string": "",
    "integer": 0,
    "number": 0,
    "boolean": False,
    "array": [],
    "null": None,
}


def _sample(schema: Any) -> Any:
    """The simplest value that a JSON schema allows, as far as a tool's parameters go."""
    if not isinstance(schema, Mapping):
        return {}
    known = cast("Mapping[str, Any]", schema)
    if "const" in known:
        return known["const"]
    if known.get("enum"):
        return known["enum"][0]
    kind = known.get("type", "object")
    kind = kind if isinstance(kind, str) else kind[0]
    if kind != "object":
        return _SAMPLES.get(str(kind))
    properties = cast("Mapping[str, Any]", known.get("properties") or {})
    return {name: _sample(properties.get(name)) for name in known.get("required") or ()}


def turn_of(
    records: Sequence[ItemRecord],
    *,
    asked: Collection[str],
    trigger: Literal["client", "speech", "idle"],
    settings: Mapping[str, Any],
    session: Mapping[str, Any],
    metadata: Mapping[str, str] | None,
    number: int,
) -> UserTurn:
    """The turn that the items in ``records`` make.

    ``asked`` are the ids of those that there was a turn for before, though it may have failed: they
    count only where there is nothing newer.
    """
    last = _last(records, asked) or _last(records, ())
    kind: Literal["user", "tool", "start"] = "start"
    tool: str | None = None
    if last:
        kind = "tool" if last[0].item["type"] == "function_call_output" else "user"
    if kind == "tool":
        text = "\n".join(str(record.item["output"]) for record in last)
        tool = _name(records, last[-1].item["call_id"])
    else:
        text = "\n".join(_text(record) for record in last)
    return UserTurn(
        text=text,
        kind=kind,
        tool=tool,
        trigger=trigger,
        items=[record.item for record in records],
        audio=next((bytes(record.audio) for record in reversed(last) if record.audio), b""),
        response=settings,
        metadata=metadata or {},
        session=session,
        number=number,
    )


def _last(records: Sequence[ItemRecord], asked: Collection[str]) -> list[ItemRecord]:
    """The words of the user, or the outputs of tools, that came last; in order."""
    found: list[ItemRecord] = []
    for record in reversed(records):
        item = record.item
        if record.id in asked:
            break
        if item.get("role") == "system":
            continue
        if item.get("role") != "user" and item["type"] != "function_call_output":
            break
        if found and item["type"] != found[-1].item["type"]:
            break
        found.append(record)
    return found[::-1]


def _text(record: ItemRecord) -> str:
    typed = [part["text"] for part in record.parts if part.get("text")]
    return " ".join([*typed, record.heard] if record.heard else typed)


def _name(records: Sequence[ItemRecord], call_id: object) -> str | None:
    for record in records:
        if record.item["type"] == "function_call" and record.item.get("call_id") == call_id:
            return cast("str", record.item["name"])
    return None
