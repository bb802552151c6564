"""What a server was told to answer: rules that match what was said, and what it is to hear.

It knows turns and replies. The first rule that matches answers; where none does, the brain.
"""

from __future__ import annotations

import json
import os
import re
from collections import deque
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, cast

import attrs

from ..errors import InvalidOption
from ..protocol.audio_format import Format
from ..protocol.constraints import nearest
from .faults import AnyFault, fault_of
from .responder import Brain, Call, Reply, Said, UserTurn, echo, reply_of

__all__ = ["Match", "Rule", "Script", "load", "script_of"]


Match: TypeAlias = str | re.Pattern[str]
_SLASHED: Final = re.compile(r"/(.*)/(i?)", re.DOTALL)


@attrs.define(kw_only=True)
class Rule:
    """One line of a script. ``match`` is a piece of the text, in any case, or a pattern in it."""

    match: Match | None = None
    output_of: str | None = None
    replies: Sequence[Brain | Reply]
    times: int | None = None
    used: int = 0

    def fits(self, turn: UserTurn) -> bool:
        """Whether this rule answers a turn."""
        if self.times is not None and self.used >= self.times:
            return False
        if turn.kind == "tool":
            # What was said before must not match again, or the call would never end.
            if self.output_of not in ("*", turn.tool):
                return False
        elif self.output_of is not None:
            return False
        if self.match is None:
            return True
        if isinstance(self.match, str):
            return self.match.casefold() in turn.text.casefold()
        return self.match.search(turn.text) is not None

    def answer(self, turn: UserTurn) -> Said | Awaitable[Said]:
        """The reply that is due; the last one stays."""
        reply = self.replies[min(self.used, len(self.replies) - 1)]
        self.used += 1
        return reply if isinstance(reply, Reply) else reply(turn)


class Script:
    """Rules, the brain behind them, and what the coming sound says."""

    def __init__(self, brain: Brain = echo) -> None:
        self.brain = brain
        self.rules: list[Rule] = []
        self.faults: list[AnyFault] = []
        """What goes wrong with every connection."""
        self._heard: deque[str | None] = deque()
        self._spoken: dict[bytes, str] = {}

    def on(
        self,
        match: Match | None = None,
        *,
        reply: str | Reply | Brain | Sequence[str | Reply] | None = None,
        call: str | Call | Sequence[Call] | None = None,
        arguments: Mapping[str, Any] | str | None = None,
        audio: bytes | None = None,
        error: str | Mapping[str, Any] | None = None,
        incomplete: Literal["max_output_tokens", "content_filter"] | None = None,
        delay: float = 0.0,
        hold: int | bool | None = None,
        silence: bool = False,
        fault: AnyFault | str | None = None,
        output_of: str | None = None,
        times: int | None = None,
    ) -> None:
        """Answer in a certain way. Of the rules that fit, the first one answers.

        Args:
            match: a piece of what the user said, typed or spoken, in any case; a compiled pattern,
                or ``"/one/"`` as text; None for whatever is said.
            reply: the words; a whole Reply; a function that is given the turn; or one after the
                other for as many turns, of which the last stays.
            call: the tool to call, by name or as a Call, or several in parallel.
            arguments: of the tool that ``call`` names.
            audio: speech to use instead of the synthesised.
            error: let the response fail with this code (or code, type and message).
            incomplete: end the response early, for this reason.
            delay: seconds before the first output.
            hold: stop after so many deltas until ``release()`` or a cancel; True for one.
            silence: never begin to answer.
            fault: what goes wrong with the connection from the reply on, also as text: ``"cut:3"``.
            output_of: match what this tool (``"*"``: any) has given, not what the user said.
            times: be used up after so many turns.
        """
        if isinstance(match, str) and (slashed := _SLASHED.fullmatch(match)):
            match = _compiled(slashed[1], re.IGNORECASE if slashed[2] else 0)
        if arguments is not None and not isinstance(call, str):
            raise InvalidOption("arguments= belong to the tool that call= names; give its name")
        calls: Sequence[Call] = ()
        if isinstance(call, str):
            calls = (Call(call, {} if arguments is None else arguments),)
        elif call is not None:
            calls = (call,) if isinstance(call, Call) else tuple(call)
        shape = Reply(
            calls=calls,
            audio=audio,
            error=error,
            incomplete=incomplete,
            delay=delay,
            hold=None if hold is None or hold is False else int(hold),
            silence=silence,
            fault=fault_of(fault) if isinstance(fault, str) else fault,
        )
        given = [reply] if reply is None or isinstance(reply, str | Reply) else reply
        replies: list[Brain | Reply]
        if callable(given):
            replies = [given]
        else:
            replies = [
                one if isinstance(one, Reply) else attrs.evolve(shape, text=one or "")
                for one in given
            ]
        if not replies:
            raise InvalidOption("reply= is an empty list: give at least one reply")
        self.rules.append(Rule(match=match, output_of=output_of, replies=replies, times=times))

    def answer(self, turn: UserTurn) -> Reply | Awaitable[Said]:
        """The reply to a turn; something to await where its author is asynchronous."""
        rule = next((rule for rule in self.rules if rule.fits(turn)), None)
        said = self.brain(turn) if rule is None else rule.answer(turn)
        return said if isinstance(said, Awaitable) else reply_of(said)

    # --- hearing --------------------------------------------------------------------------------

    def hear(self, *texts: str | None) -> None:
        """What the next pieces of speech will say, one after the other; None cannot be made out."""
        self._heard.extend(texts)

    def spoken(self, text: str, audio: bytes) -> None:
        """Sound that is known to say a text."""
        self._spoken[audio] = text

    def coming(self, audio: bytes) -> str:
        """What speech says that has not ended yet, if that is known."""
        return (self._heard[0] or "") if self._heard else self._recognised(audio)

    def heard(self, audio: bytes, format: Format) -> str | None:
        """What a piece of speech says: as told, as recognised, or how long it is."""
        if self._heard:
            return self._heard.popleft()
        seconds = format.ms(len(audio)) / 1000
        return self._recognised(audio) or f"{seconds:.1f} seconds of speech."

    def _recognised(self, audio: bytes) -> str:
        return " ".join(text for sound, text in self._spoken.items() if sound in audio)


def _compiled(pattern: str, flags: int) -> re.Pattern[str]:
    try:
        return re.compile(pattern, flags)
    except re.error as error:
        raise InvalidOption(f"/{pattern}/ is no regular expression: {error}") from error


_TOP: Final = {"default", "hear", "rules", "faults"}
_RULE: Final = {
    "match",
    "output_of",
    "reply",
    "call",
    "arguments",
    "calls",
    "error",
    "incomplete",
    "delay",
    "hold",
    "silence",
    "fault",
    "times",
}
_TEXTS: Final = ("match", "output_of", "reply", "call", "error", "fault")
"""Keys of a rule whose values are texts, and never true or false."""


def load(path: str | os.PathLike[str]) -> Script:
    """Read a script.

    Raises:
        InvalidOption: the file cannot be read, or says something that no script says.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidOption(f"{path}: cannot be read: {error}") from error
    try:
        data = json.loads(text) if path.suffix == ".json" else _yaml(text)
    except ValueError as error:
        raise InvalidOption(f"{path}: {error}") from error
    try:
        return script_of(data)
    except InvalidOption as error:
        raise InvalidOption(f"{path}: {error}") from error


def _yaml(text: str) -> Any:
    try:
        import yaml
    except ModuleNotFoundError:
        raise InvalidOption(
            "a script in YAML needs PyYAML: pip install 'voxwire[emulator]', or write it as .json"
        ) from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {' '.join(str(error).split())}") from error


def script_of(data: Any) -> Script:
    """The script that an object, as read from a file, describes."""
    fields = _object(data, "the script", _TOP)
    script = Script()
    default = fields.get("default")
    if isinstance(default, str) and default != "echo":
        script.brain = _always(default)
    hear = _list(fields, "hear")
    for text in (default, *hear):
        _refuse_yes(text, "default" if text is default else "hear")
    script.hear(*(None if text is None else str(text) for text in hear))
    for number, entry in enumerate(_list(fields, "rules"), 1):
        where = f"rule {number}"
        rule = _object(entry, where, _RULE)
        for name in _TEXTS:
            for text in rule[name] if isinstance(rule.get(name), list) else [rule.get(name)]:
                _refuse_yes(text, f"{where}: {name}")
        if "calls" in rule:
            rule["call"] = [_call(call, where) for call in _list(rule, "calls")]
            del rule["calls"]
        for name, kind in (("delay", (int, float)), ("times", int), ("hold", int)):
            if not isinstance(rule.get(name, 1), kind):
                raise InvalidOption(f"{where}: {name} is no number")
        try:
            script.on(**rule)
        except (TypeError, InvalidOption) as error:
            raise InvalidOption(f"{where}: {error}") from error
    script.faults += [fault_of(_fault_text(fault)) for fault in _list(fields, "faults")]
    return script


def _always(text: str) -> Brain:
    def brain(turn: UserTurn) -> str:
        return text

    return brain


def _call(value: Any, where: str) -> Call:
    fields = _object(value, f"a call in {where}", {"name", "arguments"})
    if not isinstance(fields.get("name"), str):
        raise InvalidOption(f"{where}: a call has no name")
    return Call(fields["name"], fields.get("arguments") or {})


def _fault_text(value: Any) -> str:
    # `- cut: 5` reads as an object of one key.
    if isinstance(value, Mapping):
        return ",".join(f"{k}:{v}" for k, v in cast("Mapping[str, Any]", value).items())
    return str(value)


def _object(value: Any, what: str, known: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidOption(f"{what} is no object with keys such as {', '.join(sorted(known))}")
    fields = dict(cast("dict[str, Any]", value))
    for name in cast("dict[Any, Any]", fields):
        if isinstance(name, bool):
            key = "on" if name else "off"
            cure = ": what the user says belongs into match" if name and "match" in known else ""
            raise InvalidOption(
                f"{what} has the key {name}, for YAML reads {key} as {str(name).lower()}{cure}"
            )
        if name not in known:
            meant = "match" if name == "on" and "match" in known else nearest(name, known)
            hint = f"did you mean {meant}? " if meant else ""
            raise InvalidOption(
                f"{what} has {name!r}: {hint}it may have {', '.join(sorted(known))}"
            )
    return fields


def _refuse_yes(value: object, where: str) -> None:
    if isinstance(value, bool):
        raise InvalidOption(
            f"{where} is {str(value).lower()} and no text, for YAML reads yes, no, on and off so: "
            "put it in quotes"
        )


def _list(fields: Mapping[str, Any], name: str) -> list[Any]:
    value = fields.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidOption(f"{name} is no list")
    return list(cast("Iterable[Any]", value))
