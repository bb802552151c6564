"""The specs are what they say they are: OpenAPI 3.1, AsyncAPI 3.0, JSON Schema 2020-12."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from openapi_spec_validator.validation.exceptions import OpenAPIValidationError

from codegen.loading import Specs, load
from codegen.problems import Place

SPECS = Path(__file__).resolve().parents[2] / "specs"
SUBSET = Path(__file__).with_name("asyncapi_3_0_subset.yaml")
FILES = sorted(path.relative_to(SPECS).as_posix() for path in SPECS.rglob("*.yaml"))
SCHEMAS = [name for name in FILES if name.startswith("schemas/")]
ASYNCAPI = [name for name in FILES if name.endswith(".asyncapi.yaml")]


@cache
def specs() -> Specs:
    return load(SPECS)


def places(value: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    """Every value in a document, with where it is."""
    yield place, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, place / key)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from places(inner, place / i)


def faults(schema: dict[str, Any], document: Any) -> list[str]:
    errors = Draft202012Validator(schema).iter_errors(document)
    return [f"/{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in errors]


def test_the_three_documents_and_the_schemas_are_there() -> None:
    assert ASYNCAPI == ["realtime.asyncapi.yaml", "translation.asyncapi.yaml"]
    assert "realtime.openapi.yaml" in FILES
    assert len(SCHEMAS) >= 12


def test_the_http_document_is_openapi_3_1() -> None:
    path = SPECS / "realtime.openapi.yaml"
    document = specs().documents["realtime.openapi.yaml"]
    assert document["openapi"].startswith("3.1.")
    validate(document, base_uri=path.as_uri(), cls=OpenAPIV31SpecValidator)


def test_a_broken_http_document_is_refused() -> None:
    document = copy.deepcopy(specs().documents["realtime.openapi.yaml"])
    document["paths"]["/realtime/client_secrets"]["get"] = {"responses": {"200": {}}}
    uri = (SPECS / "realtime.openapi.yaml").as_uri()
    with pytest.raises(OpenAPIValidationError):
        validate(document, base_uri=uri, cls=OpenAPIV31SpecValidator)


def subset() -> dict[str, Any]:
    schema: dict[str, Any] = yaml.safe_load(SUBSET.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return schema


@pytest.mark.parametrize("name", ASYNCAPI)
def test_a_socket_document_is_asyncapi_3_0(name: str) -> None:
    assert faults(subset(), specs().documents[name]) == []


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("asyncapi", "2.6.0"),
        ("channels/realtime/publish", {}),
        ("channels/realtime/address", "realtime"),
        ("channels/realtime/bindings/ws/query/type", "array"),
        ("operations/sendClientEvents/action", "publish"),
        ("operations/sendClientEvents/messages", [{"$ref": "#/components/messages/ErrorEvent"}]),
        ("operations/sendClientEvents/channel", {"address": "/realtime"}),
        ("components/messages/ErrorEvent/payload", {"type": "object"}),
        ("components/messages/ErrorEvent/nmae", "error"),
        ("components/securitySchemes/bearer/scheme", "magic"),
        ("servers/openai/url", "wss://example.org"),
        ("servers/openai/host", "example.org/v1"),
    ],
)
def test_the_subset_refuses_what_asyncapi_3_0_has_not(pointer: str, value: Any) -> None:
    document = copy.deepcopy(specs().documents["realtime.asyncapi.yaml"])
    *path, last = pointer.split("/")
    holder = document
    for key in path:
        holder = holder[key]
    holder[last] = value
    assert faults(subset(), document)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schemas_file_is_json_schema_2020_12(name: str) -> None:
    document = specs().documents[name]
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(document)
    assert set(document) == {"$schema", "title", "description", "$defs"}


@pytest.mark.parametrize("name", FILES)
def test_references_lead_somewhere(name: str) -> None:
    for place, value in places(specs().documents[name], Place(name)):
        if isinstance(value, dict) and isinstance(value.get("$ref"), str):
            specs().follow(value, place)


def test_a_definition_has_one_home() -> None:
    homes: dict[str, str] = {}
    for name in SCHEMAS:
        for definition in specs().documents[name]["$defs"]:
            assert definition not in homes, f"{definition}: {homes[definition]} and {name}"
            homes[definition] = name


def test_every_definition_is_used() -> None:
    used = {
        specs().target(value["$ref"], place)
        for name in FILES
        for place, value in places(specs().documents[name], Place(name))
        if isinstance(value, dict) and isinstance(value.get("$ref"), str)
    }
    homeless = [
        f"{name}#/$defs/{definition}"
        for name in SCHEMAS
        for definition in specs().documents[name]["$defs"]
        if Place(name, f"/$defs/{definition}") not in used
    ]
    assert homeless == []


@pytest.mark.parametrize(
    ("name", "sent", "received"),
    [("realtime.asyncapi.yaml", 11, 46), ("translation.asyncapi.yaml", 3, 7)],
)
def test_the_number_of_events(name: str, sent: int, received: int) -> None:
    document = specs().documents[name]
    counts = {op["action"]: len(op["messages"]) for op in document["operations"].values()}
    assert counts == {"send": sent, "receive": received}
    (channel,) = document["channels"].values()
    assert len(channel["messages"]) == len(document["components"]["messages"]) == sent + received


@pytest.mark.parametrize("name", ASYNCAPI)
def test_a_message_has_the_wire_name_of_its_payload(name: str) -> None:
    document = specs().documents[name]
    for key, message in document["components"]["messages"].items():
        at = Place(name, f"/components/messages/{key}/payload")
        payload, place = specs().follow(message["payload"], at)
        assert payload["properties"]["type"]["const"] == message["name"]
        assert place.pointer == f"/$defs/{key}"
