"""What a docstring says of a function and of its parameters, in the three usual layouts.

This module reads Google, NumPy and Sphinx docstrings. It does not know what they are for.
"""

from __future__ import annotations

import inspect
import re

import attrs

__all__ = ["Docs", "read"]


@attrs.frozen
class Docs:
    """A docstring, taken apart."""

    text: str = ""
    """The description, without the sections on parameters, results and the like."""

    parameters: dict[str, str] = attrs.field(factory=dict[str, str])
    """What is said of each parameter, on one line."""


_PARAMETERS = {"args", "arguments", "params", "parameters", "other parameters", "attributes"}
_OTHER = {
    *("returns", "return", "yields", "yield", "raises", "raise", "examples", "example", "note"),
    *("notes", "warning", "warnings", "warns", "see also", "references", "todo", "keyword args"),
}
_GOOGLE = re.compile(r"(?P<title>[A-Za-z][A-Za-z ]*):\s*")
_ENTRY = re.compile(r"\*{0,2}(?P<name>\w+)\s*(?:\([^)]*\))?\s*:\s*(?P<text>.*)")
_NUMPY_ENTRY = re.compile(r"(?P<names>\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?")
_SPHINX = re.compile(r":(?P<kind>\w+)(?P<rest>[^:]*):\s*(?P<text>.*)")


def read(docstring: str | None) -> Docs:
    """Take a docstring apart. One in no known layout is all description."""
    lines = inspect.cleandoc(docstring or "").splitlines()
    text: list[str] = []
    found: dict[str, str] = {}
    at = 0
    while at < len(lines):
        line = lines[at]
        google = _GOOGLE.fullmatch(line)
        title = google["title"].lower() if google else line.strip().lower()
        known = title in _PARAMETERS or title in _OTHER
        if google and known:
            at, block = _indented(lines, at + 1)
            if title in _PARAMETERS:
                found.update(_google(block))
        elif known and at + 1 < len(lines) and re.fullmatch(r"-{3,}", lines[at + 1].strip()):
            at, block = _until_title(lines, at + 2)
            if title in _PARAMETERS:
                found.update(_numpy(block))
        elif field := _SPHINX.fullmatch(line):
            at, block = _indented(lines, at + 1)
            words = field["rest"].split()  # ":param str city:" names the type first
            if field["kind"] in ("param", "parameter", "arg", "argument") and words:
                found[words[-1].lstrip("*")] = _line([field["text"], *block])
        else:
            text.append(line)
            at += 1
    return Docs("\n".join(text).strip(), {name: said for name, said in found.items() if said})


def _indented(lines: list[str], at: int) -> tuple[int, list[str]]:
    """The lines from `at` on that stand to the right of the margin."""
    start = at
    while at < len(lines) and (not lines[at].strip() or lines[at][0].isspace()):
        at += 1
    return at, lines[start:at]


def _until_title(lines: list[str], at: int) -> tuple[int, list[str]]:
    """The lines from `at` on, up to the next underlined title."""
    start = at
    while at < len(lines):
        below = lines[at + 1].strip() if at + 1 < len(lines) else ""
        if lines[at].strip() and re.fullmatch(r"-{3,}", below):
            break
        at += 1
    return at, lines[start:at]


def _google(block: list[str]) -> dict[str, str]:
    lines = inspect.cleandoc("\n".join(["", *block])).splitlines()
    found: dict[str, list[str]] = {}
    name = ""
    for line in lines:
        entry = None if line[:1].isspace() else _ENTRY.fullmatch(line)
        if entry:
            name = entry["name"]
            found[name] = [entry["text"]]
        elif name:
            found[name].append(line)
    return {name: _line(said) for name, said in found.items()}


def _numpy(block: list[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    names: list[str] = []
    for line in block:
        entry = None if line[:1].isspace() else _NUMPY_ENTRY.fullmatch(line)
        if entry:
            names = [name.strip().lstrip("*") for name in entry["names"].split(",")]
            found.update((name, []) for name in names)
        else:
            for name in names:
                found[name].append(line)
    return {name: _line(said) for name, said in found.items()}


def _line(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())
