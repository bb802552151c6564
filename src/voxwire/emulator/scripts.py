"""Scripts in files: what a server answers, hears and does wrong, as YAML or JSON.

A file is one object:

.. code-block:: yaml

    default: Sorry?              # where no rule fits; an echo if left out
    hear: [a table for two, yes please]
    rules:
      - match: a table for       # a piece of the text, or /a pattern/
        call: book_table
        arguments: {people: 2}
      - output_of: book_table
        reply: It is booked.
      - match: /calls?/i
        calls: [{name: a, arguments: {}}, {name: b}]
        delay: 0.5
    faults: [cut:40]
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, cast

from ..errors import InvalidOption
from .brain import Brain, Call, Turn
from .mishaps import fault_of
from .rules import Script

__all__ = ["load", "script_of"]

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
    if isinstance(default := fields.get("default"), str) and default != "echo":
        script.brain = _always(default)
    script.hear(*(None if text is None else str(text) for text in _list(fields, "hear")))
    for number, entry in enumerate(_list(fields, "rules"), 1):
        where = f"rule {number}"
        rule = _object(entry, where, _RULE)
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
    def brain(turn: Turn) -> str:
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
    for name in fields:
        if name not in known:
            raise InvalidOption(f"{what} has {name!r}; it may have {', '.join(sorted(known))}")
    return fields


def _list(fields: Mapping[str, Any], name: str) -> list[Any]:
    value = fields.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidOption(f"{name} is no list")
    return list(cast("Iterable[Any]", value))
