"""Everything in the specs is described, and in our own words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codegen.loading import load

SPECS = Path(__file__).resolve().parents[2] / "specs"
UPSTREAM = SPECS.parent.parent / "shared" / "upstream" / "realtime.openapi.json"
RUN = 10
DOCUMENTS = load(SPECS).documents
DEFINITIONS = {
    name: (file, schema)
    for file, document in DOCUMENTS.items()
    for name, schema in document.get("$defs", {}).items()
}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_definition_and_its_properties_are_described(name: str) -> None:
    file, schema = DEFINITIONS[name]
    assert described(schema), f"{file}: {name} has no description"
    for prop, inner in schema.get("properties", {}).items():
        assert described(inner), f"{file}: {name}.{prop} has no description"


def described(schema: dict[str, Any]) -> bool:
    text = schema.get("description", "")
    # What a drift patch leaves to be written is not a description.
    return len(text) > 3 and "DESCRIBE" not in text


@pytest.mark.parametrize("name", DEFINITIONS)
def test_objects_inside_of_objects_have_names(name: str) -> None:
    _, schema = DEFINITIONS[name]
    for inner in values(schema):
        if inner is not schema and isinstance(inner, dict):
            assert not isinstance(inner.get("properties"), dict) or "type" not in inner


def values(value: Any) -> Iterator[Any]:
    yield value
    if isinstance(value, dict):
        for inner in value.values():
            yield from values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from values(inner)


def prose(document: Any) -> Iterator[str]:
    """The texts of a document that are sentences and not facts."""
    for value in values(document):
        if isinstance(value, dict):
            for key in ("description", "summary", "title", "note", "reason", "evidence"):
                if isinstance(value.get(key), str):
                    yield value[key]


def runs(text: str) -> Iterator[tuple[str, ...]]:
    words = re.findall(r"[a-z0-9_]+", text.lower())
    return zip(*(words[i:] for i in range(RUN)), strict=False)


@pytest.fixture(scope="module")
def upstream_runs() -> frozenset[tuple[str, ...]]:
    if not UPSTREAM.is_file():
        pytest.skip(f"no upstream document in {UPSTREAM.parent}")
    document = json.loads(UPSTREAM.read_text(encoding="utf-8"))
    return frozenset(run for text in prose(document) for run in runs(text))


@pytest.mark.parametrize("file", DOCUMENTS)
def test_no_sentence_is_upstreams(file: str, upstream_runs: frozenset[tuple[str, ...]]) -> None:
    assert len(upstream_runs) > 1000
    copied = [
        " ".join(run)
        for text in prose(DOCUMENTS[file])
        for run in runs(text)
        if run in upstream_runs
    ]
    assert copied == []
