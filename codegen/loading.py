"""Reads the YAML files of a spec folder and follows `$ref`s between them.

Knows YAML and JSON pointers; does not know what a schema means.
"""

from __future__ import annotations

import posixpath
from collections.abc import Hashable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from .problems import Place, fail


class _Loader(yaml.SafeLoader):
    """YAML as JSON has it: no dates, no `on`/`off`/`yes`/`no`, no key twice."""

    file = ""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key: Any = self.construct_object(key_node, deep=True)
            line = f"line {key_node.start_mark.line + 1}"
            if not isinstance(key, str):
                fail(
                    Place(self.file),
                    f"{line}: the key {key!r} is no text",
                    f"put it in quotes: '{key}'",
                )
            if key in seen:
                fail(
                    Place(self.file),
                    f"{line}: duplicate name {key!r} in one mapping",
                    "rename or remove one of the two",
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if not tag.endswith((":timestamp", ":bool"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", __import__("re").compile(r"^(?:true|false)$"), list("tf")
)


class Specs:
    """The documents of a spec folder by their path within it."""

    def __init__(self, documents: dict[str, Any]) -> None:
        self.documents = documents

    def matching(self, suffix: str) -> dict[str, Any]:
        return {name: doc for name, doc in self.documents.items() if name.endswith(suffix)}

    @property
    def schema_files(self) -> dict[str, Any]:
        return {name: doc for name, doc in self.documents.items() if name.startswith("schemas/")}

    def target(self, ref: str, at: Place) -> Place:
        """The place that a reference written at `at` means; it need not exist."""
        file, _, pointer = ref.partition("#")
        if file:
            file = posixpath.normpath(posixpath.join(posixpath.dirname(at.file), file))
        return Place(file or at.file, pointer)

    def get(self, place: Place, at: Place) -> Any:
        """What is at a place that `at` refers to."""
        if place.file not in self.documents:
            fail(at, f"$ref to {place.file}, a file that is not there", self._hint_file(place.file))
        node = self.documents[place.file]
        for step in place.pointer.split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            if isinstance(node, list) and key.isdigit() and int(key) < len(node):
                node = node[int(key)]
            elif isinstance(node, dict) and key in node:
                node = node[key]
            else:
                near = get_close_matches(key, node) if isinstance(node, dict) else []
                cure = f"did you mean {near[0]!r}?" if near else f"define {key!r} there"
                fail(at, f"$ref to {place}, where there is no {key!r}", cure)
        return node

    def follow(self, node: Any, at: Place) -> tuple[Any, Place]:
        """The node itself, or what its `$ref` leads to, however many steps away."""
        seen: set[Place] = set()
        while isinstance(node, dict) and "$ref" in node:
            place = self.target(node["$ref"], at)
            if place in seen:
                fail(at, f"$ref to {place} leads back to itself", "point it at a definition")
            seen.add(place)
            node = self.get(place, at / "$ref")
            at = place
        return node, at

    def _hint_file(self, file: str) -> str:
        near = get_close_matches(file, self.documents)
        return f"did you mean {near[0]}?" if near else "correct the path or add the file"


def load(folder: Path) -> Specs:
    """Parse every YAML file of the folder."""
    documents: dict[str, Any] = {}
    for path in sorted(folder.rglob("*.yaml")):
        name = path.relative_to(folder).as_posix()
        documents[name] = _unshared(parse(path.read_text("utf-8"), name))
    if not documents:
        fail(Place(str(folder)), "no YAML files here", "point --specs at the folder of the specs")
    return Specs(documents)


def parse(text: str, name: str) -> Any:
    """The content of one file; `name` is for the messages."""
    loader = _Loader(text)
    loader.file = name
    try:
        return loader.get_single_data()
    except yaml.MarkedYAMLError as error:  # no YAML: said with file and line
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        fail(Place(name), f"line {line}: {error.problem}", "correct the YAML")
    finally:
        loader.dispose()


def _unshared(value: Any) -> Any:
    """A copy in which YAML anchors are no longer one object, so that a change hits one place."""
    if isinstance(value, dict):
        return {key: _unshared(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unshared(item) for item in value]
    return value
