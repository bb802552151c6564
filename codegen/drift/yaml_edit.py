"""Adds to YAML text without touching the rest of it: comments, order and quoting stay as written.

Knows text and positions; knows nothing of schemas. Every function takes the text and gives it back.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import yaml

from .documents import DriftError


class _Dumper(yaml.SafeDumper):
    """Lists of scalars in one line, as specs/ write them."""

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> Any:
        flat = not any(isinstance(item, dict | list) for item in sequence)
        return super().represent_sequence(tag, sequence, flow_style=flat or flow_style)

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def dump(value: Any) -> str:
    """A value as block YAML, ending in a line end."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)
    return text.removesuffix("...\n")


def add_entry(text: str, keys: Sequence[str], name: str, value: Any, *, gap: bool = False) -> str:
    """Put `name: value` at the end of the mapping at `keys`, behind an empty line if wanted."""
    node = _find(text, keys)
    if not isinstance(node, yaml.MappingNode):
        raise DriftError(f"{'/'.join(keys)}: is not a mapping; add {name} by hand.")
    if node.flow_style or not node.value:
        inside = dump({name: value}).strip()
        if "\n" in inside:
            inside = yaml.dump({name: value}, Dumper=_Dumper, default_flow_style=True,
                               sort_keys=False, width=10_000).strip()[1:-1]  # fmt: skip
        return _into_flow(text, node, inside)
    column = node.value[0][0].start_mark.column
    block = textwrap.indent(dump({name: value}), " " * column)
    return _after(text, node, f"\n{block}" if gap else block)


def add_item(text: str, keys: Sequence[str], value: Any) -> str:
    """Put a value at the end of the list at `keys`."""
    node = _find(text, keys)
    if not isinstance(node, yaml.SequenceNode):
        raise DriftError(f"{'/'.join(keys)}: is not a list; add to it by hand.")
    if node.flow_style or not node.value:
        inside = dump([value]).strip().removeprefix("- ").removeprefix("[").removesuffix("]")
        return _into_flow(text, node, inside)
    column = node.start_mark.column
    lines = dump([value] if isinstance(value, dict | list) else {"x": value}).splitlines()
    if not isinstance(value, dict | list):
        lines = [f"- {lines[0].removeprefix('x: ')}"]
    else:
        lines = [line.removeprefix("  ") if line.startswith("  -") else line for line in lines]
    block = textwrap.indent("\n".join(lines) + "\n", " " * column)
    return _after(text, node, block)


def replace_entry(text: str, keys: Sequence[str], name: str, value: Any) -> str:
    """Put `name: value` in the place of the entry at `keys`, which must stand on one line."""
    mapping = _find(text, keys[:-1])
    pairs = mapping.value if isinstance(mapping, yaml.MappingNode) else []
    for key, old in pairs:
        if key.value == keys[-1] and key.start_mark.line == old.end_mark.line:
            entry = dump({name: value}).strip()
            return text[: key.start_mark.index] + entry + text[old.end_mark.index :]
    raise DriftError(f"{'/'.join(keys)}: cannot be replaced; change it by hand.")


def has(text: str, keys: Sequence[str]) -> bool:
    try:
        _find(text, keys)
    except KeyError:  # the path ends before the last key: that is the question
        return False
    return True


def _find(text: str, keys: Sequence[str]) -> yaml.Node:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            node = next((value for name, value in node.value if name.value == key), None)
        elif isinstance(node, yaml.SequenceNode) and key.isdigit() and int(key) < len(node.value):
            node = node.value[int(key)]
        else:
            node = None
        if node is None:
            raise KeyError(key)
    assert node is not None
    return node


def _into_flow(text: str, node: yaml.Node, inside: str) -> str:
    closing = node.end_mark.index - 1
    before = text[:closing].rstrip()
    comma = "" if not node.value else " " if before.endswith(",") else ", "
    return before + comma + inside + text[closing:]


def _after(text: str, node: yaml.Node, block: str) -> str:
    """Put lines behind the last line of a block node."""
    end = len(text[: _end(node)].rstrip())
    line_end = text.find("\n", end)
    if line_end < 0:
        return f"{text}\n{block}"
    return text[: line_end + 1] + block + text[line_end + 1 :]


def _end(node: yaml.Node) -> int:
    """Where the last value inside a node ends: the mark of a block reaches to the next token."""
    if not node.value or isinstance(node, yaml.ScalarNode) or getattr(node, "flow_style", False):
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if isinstance(last, tuple) else last)
