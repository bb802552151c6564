"""Documents made of JSON values that refer to one another: knows `$ref` and JSON pointers.

It does not know what a schema means, nor which of the two sides a document is on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from ..problems import CodegenError


class DriftError(CodegenError):
    """The comparison cannot be made; the message says what to do about it."""


@dataclass(eq=False)
class Document:
    """Files that refer to one another: path relative to their common folder -> parsed content."""

    files: dict[str, Any]

    def file(self, name: str) -> Any:
        if name not in self.files:
            raise DriftError(
                f"{name}: a reference leads to this file, but it is not there; add it."
            )
        return self.files[name]

    def node(self, file: str, *keys: str) -> Node:
        return Node(self, file, keys)


@dataclass(frozen=True)
class Node:
    """A place in a document; two nodes of the same place are equal."""

    document: Document = field(repr=False)
    file: str
    keys: tuple[str, ...] = ()

    @property
    def value(self) -> Any:
        value = self.document.file(self.file)
        for key in self.keys:
            try:
                value = value[int(key)] if isinstance(value, list) else value[key]
            except (KeyError, IndexError, TypeError, ValueError):
                raise DriftError(
                    f"{self}: nothing is there; correct the reference that leads to it."
                ) from None
        return value

    def __str__(self) -> str:
        pointer = "/".join(k.replace("~", "~0").replace("/", "~1") for k in self.keys)
        return f"{self.file}#/{pointer}"

    def child(self, *keys: str | int) -> Node:
        return Node(self.document, self.file, (*self.keys, *(str(k) for k in keys)))

    def get(self, key: str) -> Node | None:
        value = self.value
        return self.child(key) if isinstance(value, Mapping) and key in value else None

    def children(self, key: str) -> list[Node]:
        """The elements of the list or map under a key; none if there is no such key."""
        inner = self.get(key)
        if inner is None:
            return []
        value = inner.value
        if isinstance(value, Mapping):
            return [inner.child(k) for k in value]
        return [inner.child(i) for i in range(len(value))]

    @property
    def ref(self) -> str | None:
        value = self.value
        ref = value.get("$ref") if isinstance(value, Mapping) else None
        return ref if isinstance(ref, str) else None

    def target(self) -> Node:
        """Where the `$ref` of this node leads, one step."""
        ref = self.ref
        if ref is None:
            raise DriftError(f"{self}: has no $ref to follow.")
        file, _, pointer = ref.partition("#")
        name = _join(self.file, file) if file else self.file
        keys = tuple(k.replace("~1", "/").replace("~0", "~") for k in pointer.split("/")[1:])
        return Node(self.document, name, keys)

    def resolved(self) -> Node:
        """The node itself, or where its chain of `$ref`s ends."""
        node, seen = self, {self}
        while node.ref is not None:
            node = node.target()
            if node in seen:
                raise DriftError(f"{self}: its references go round in a circle; break it.")
            seen.add(node)
        return node

    @property
    def name(self) -> str | None:
        """The name of the definition, if this is one of a schemas file or of components."""
        if len(self.keys) == 2 and self.keys[0] == "$defs":
            return self.keys[1]
        if len(self.keys) == 3 and self.keys[:2] == ("components", "schemas"):
            return self.keys[2]
        return None


def _join(base: str, relative: str) -> str:
    parts: list[str] = []
    for part in (PurePosixPath(base).parent / relative).parts:
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def parse(path: Path) -> Any:
    """Read a JSON or YAML file that somebody else wrote."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DriftError(f"{path}: no such file; check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DriftError(f"{path}: cannot be read ({error}); give a JSON or YAML file.") from None
    try:
        if path.suffix == ".json":
            return json.loads(text)
        return _text_keys(yaml.load(text, Loader=_Loader))
    except (json.JSONDecodeError, yaml.YAMLError) as error:  # all that the two parsers raise
        first = str(error).splitlines()[0]
        raise DriftError(
            f"{path}: is neither JSON nor YAML ({first}); take the document again."
        ) from None


class _Loader(yaml.SafeLoader):
    """YAML without dates: a model named 2025-08-28 stays a string."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _text_keys(value: Any) -> Any:
    """As JSON has it: a status written as the number 200 is a name like any other."""
    if isinstance(value, dict):
        return {str(key): _text_keys(inner) for key, inner in value.items()}
    return [_text_keys(inner) for inner in value] if isinstance(value, list) else value
