"""The drift check: what it finds in changed copies of our own specs, how it says it, its patch."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from upstream_like import PROSE, SPECS, copy_specs, export

from codegen.drift import run
from codegen.drift.compare import compare
from codegen.drift.documents import Document
from codegen.drift.explained import entries, judge
from codegen.drift.roots import our_roots, read_specs, upstream_roots

UPSTREAM = SPECS.parent.parent / "shared" / "upstream" / "realtime.openapi.json"
Schemas = dict[str, Any]


@pytest.fixture(scope="session")
def exported() -> str:
    return json.dumps(export())


@pytest.fixture(scope="session")
def plain_specs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_specs(tmp_path_factory.mktemp("plain"))


@cache
def ours() -> Document:
    return read_specs(SPECS)


def write(folder: Path, document: dict[str, Any]) -> Path:
    path = folder / "upstream.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def found(document: dict[str, Any], folder: Path) -> list[tuple[str, str, str]]:
    differences, _ = compare(our_roots(ours()), upstream_roots(write(folder, document)))
    return [(d.kind, d.what, d.path) for d in differences]


def test_a_document_with_the_same_facts_has_no_differences(exported: str, tmp_path: Path) -> None:
    assert found(json.loads(exported), tmp_path) == []


def props(schemas: Schemas, name: str) -> dict[str, Any]:
    return schemas[name]["properties"]


def add_event(s: Schemas) -> None:
    s["New"] = {
        "type": "object",
        "description": PROSE,
        "properties": {
            "event_id": {"type": "string", "description": PROSE},
            "type": {"type": "string", "enum": ["response.paused"]},
            "response": {"$ref": "#/components/schemas/RealtimeResponse"},
            "cause": {
                "type": "object",
                "required": ["code"],
                "properties": {"code": {"type": "string", "enum": ["noise", "silence"]}},
            },
        },
        "required": ["event_id", "type"],
    }
    s["RealtimeServerEvent"]["anyOf"].append({"$ref": "#/components/schemas/New"})


def remove_event(s: Schemas) -> None:
    s["RealtimeClientEvent"]["anyOf"] = [
        m for m in s["RealtimeClientEvent"]["anyOf"] if not m["$ref"].endswith("/ResponseCancel")
    ]


def add_member(s: Schemas) -> None:
    new = {"type": "object", "properties": {"type": {"const": "skill"}}, "required": ["type"]}
    s["ToolDefinition"]["oneOf"].append(new)


def add_nested(s: Schemas) -> None:
    props(s, "RealtimeSession")["memory"] = {
        "description": PROSE,
        "anyOf": [
            {
                "type": "object",
                "properties": {
                    "size": {"type": "integer", "maximum": 9, "default": 3},
                    "voice": {"$ref": "#/components/schemas/Voice"},
                    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                },
            },
            {"type": "null"},
        ],
    }


def require(s: Schemas, name: str, field: str) -> None:
    s[name].setdefault("required", []).append(field)


def drop(s: Schemas, name: str, field: str) -> None:
    del props(s, name)[field]
    s[name]["required"] = [f for f in s[name].get("required", []) if f != field]


def take_out_of_answers(s: Schemas) -> None:
    answer = json.loads(json.dumps(s["RealtimeSession"]))
    del answer["properties"]["instructions"]
    s["Answer"] = answer
    for union in (s["SessionObject"], props(s, "ClientSecretCreateResponse")["session"]):
        text = json.dumps(union).replace("schemas/RealtimeSession", "schemas/Answer")
        union.clear()
        union.update(json.loads(text))


def narrow_in_answers(s: Schemas) -> None:
    take_out_of_answers(s)
    props(s, "Answer")["instructions"] = {"type": "string", "maxLength": 100}


Mutation = Callable[[Schemas], Any]
MUTATIONS: dict[str, tuple[Mutation, list[tuple[str, str, str]]]] = {
    "event added": (add_event, [("added", "event", "realtime server response.paused")]),
    "event removed": (remove_event, [("removed", "event", "realtime client response.cancel")]),
    "field added": (
        lambda s: props(s, "ResponseDone").update(took_ms={"type": "integer", "minimum": 0}),
        [("added", "field", "ResponseDone.took_ms")],
    ),
    "field added to a type of requests and answers": (
        add_nested,
        [("added", "field", "RealtimeSession.memory")],
    ),
    "field removed": (
        lambda s: drop(s, "ResponseOutputTextDelta", "output_index"),
        [("removed", "field", "ResponseOutputTextDelta.output_index")],
    ),
    "member added to a union": (add_member, [("added", "member", "ToolDefinition|skill")]),
    "value added": (
        lambda s: props(s, "RealtimeResponse")["status"]["enum"].append("paused"),
        [("added", "value", "RealtimeResponse.status=paused")],
    ),
    "value removed": (
        lambda s: props(s, "RealtimeResponse")["status"]["enum"].remove("failed"),
        [("removed", "value", "RealtimeResponse.status=failed")],
    ),
    "enum opened": (
        lambda s: props(s, "RealtimeResponse").update(
            status={"anyOf": [props(s, "RealtimeResponse")["status"], {"type": "string"}]}
        ),
        [("changed", "type", "RealtimeResponse.status#values")],
    ),
    "type changed": (
        lambda s: props(s, "ConversationItemTruncated")["content_index"].update(type="string"),
        [("changed", "type", "ConversationItemTruncated.content_index#type")],
    ),
    "nullable": (
        lambda s: props(s, "ConversationItemTruncated")["item_id"].update(type=["string", "null"]),
        [("changed", "nullable", "ConversationItemTruncated.item_id#nullable")],
    ),
    "required": (
        lambda s: require(s, "ResponseCancel", "response_id"),
        [("changed", "required", "ResponseCancel.response_id#required")],
    ),
    "no longer required": (
        lambda s: s["ResponseOutputTextDone"]["required"].remove("text"),
        [("changed", "required", "ResponseOutputTextDone.text#required")],
    ),
    "limit added": (
        lambda s: props(s, "ConversationItemDelete")["item_id"].update(maxLength=32),
        [("added", "limit", "ConversationItemDelete.item_id#maxLength")],
    ),
    "limit changed": (
        lambda s: props(s, "AudioOutput")["speed"].update(maximum=2),
        [("changed", "limit", "AudioOutput.speed#maximum")],
    ),
    "limit removed": (
        lambda s: props(s, "AudioOutput")["speed"].pop("minimum"),
        [("removed", "limit", "AudioOutput.speed#minimum")],
    ),
    "default changed": (
        lambda s: props(s, "AudioOutput")["speed"].update(default=1.1),
        [("changed", "default", "AudioOutput.speed#default")],
    ),
    "read-only": (
        lambda s: props(s, "RealtimeSession")["instructions"].update(readOnly=True),
        [("changed", "access", "RealtimeSession.instructions#access")],
    ),
    "no longer in answers": (
        take_out_of_answers,
        [("changed", "access", "RealtimeSession.instructions#access")],
    ),
    "limit in answers alone": (
        narrow_in_answers,
        [("added", "limit", "RealtimeSession.instructions#maxLength")],
    ),
    "second wire name": (
        lambda s: props(s, "ResponseDone").update(
            type={"enum": ["response.done", "response.finished"]}
        ),
        [("added", "value", "ResponseDone.type=response.finished")],
    ),
    "deprecated": (
        lambda s: props(s, "RealtimeSession")["instructions"].update(deprecated=True),
        [("changed", "deprecated", "RealtimeSession.instructions#deprecated")],
    ),
}


def test_a_document_may_be_yaml_and_hold_other_things(exported: str, tmp_path: Path) -> None:
    document = json.loads(exported)
    body = {"content": {"application/json": {"schema": {"type": "object"}}}}
    document["webhooks"]["batch_completed"] = {"post": {"requestBody": body}}
    document["paths"]["/batches"] = {"get": {"responses": {"200": {"description": PROSE}}}}
    answers = document["paths"]["/realtime/client_secrets"]["post"]["responses"]
    answers[200] = answers.pop("200")
    path = tmp_path / "upstream.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    differences, _ = compare(our_roots(ours()), upstream_roots(path))
    assert differences == []


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_change_is_told_once(name: str, exported: str, tmp_path: Path) -> None:
    mutate, expected = MUTATIONS[name]
    document = json.loads(exported)
    mutate(document["components"]["schemas"])
    assert found(document, tmp_path) == expected


def test_changes_of_operations_and_webhooks(exported: str, tmp_path: Path) -> None:
    document = json.loads(exported)
    calls = document["paths"]["/realtime/calls/{call_id}/refer"]["post"]
    document["paths"]["/realtime/calls/{call_id}/hold"] = {"post": calls}
    del document["paths"]["/realtime/calls/{call_id}/hangup"]
    calls["requestBody"]["required"] = False
    calls["responses"]["202"] = {"description": PROSE}
    document["paths"]["/chat/completions"] = {"post": calls}  # none of ours
    del document["webhooks"]["realtime.call.incoming"]
    assert found(document, tmp_path) == [
        ("added", "operation", "POST /realtime/calls/{call_id}/hold"),
        ("added", "operation", "POST /realtime/calls/{call_id}/refer response 202"),
        ("changed", "required", "POST /realtime/calls/{call_id}/refer request#required"),
        ("removed", "operation", "POST /realtime/calls/{call_id}/hangup"),
        ("removed", "webhook", "webhook realtime.call.incoming"),
    ]


def test_the_same_facts_written_otherwise_are_no_difference(exported: str, tmp_path: Path) -> None:
    document = json.loads(exported)
    s = document["components"]["schemas"]
    # a constant as an enum of one; nullability in the OpenAPI 3.0 way; an open enum the other way
    # round; a reference wrapped in allOf; parts of a message as one object with all fields.
    props(s, "ResponseDone")["type"] = {"type": "string", "enum": ["response.done"]}
    props(s, "ResponseDone")["response"] = {
        "allOf": [{"$ref": "#/components/schemas/RealtimeResponse"}]
    }
    model = props(s, "RealtimeSession")["model"]
    assert "anyOf" in model
    model["anyOf"].reverse()
    props(s, "InputAudioBufferCommitted")["previous_item_id"] = {"type": "string", "nullable": True}
    merged: dict[str, Any] = {"type": "object", "properties": {}}
    for part in ("InputText", "InputAudio", "InputImage"):
        merged["properties"] |= props(s, part)
    merged["properties"]["type"] = {"enum": ["input_text", "input_audio", "input_image"]}
    s["UserContent"] = merged
    assert found(document, tmp_path) == []


def test_a_new_kind_of_part_in_a_merged_object_is_found(exported: str, tmp_path: Path) -> None:
    document = json.loads(exported)
    s = document["components"]["schemas"]
    merged: dict[str, Any] = {"type": "object", "properties": {"fps": {"type": "integer"}}}
    for part in ("InputText", "InputAudio", "InputImage"):
        merged["properties"] |= props(s, part)
    kinds = ["input_text", "input_audio", "input_image", "input_video"]
    merged["properties"]["type"] = {"enum": kinds}
    s["UserContent"] = merged
    assert found(document, tmp_path) == [
        ("added", "field", "UserContent.fps"),
        ("added", "value", "UserContent.type=input_video"),
    ]


def test_exit_status_table_and_json(
    exported: str, plain_specs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(exported)
    assert run(plain_specs, write(tmp_path, document)) == 0
    assert "No drift" in capsys.readouterr().out

    props(document["components"]["schemas"], "AudioOutput")["speed"]["maximum"] = 2
    add_event(document["components"]["schemas"])
    path = write(tmp_path, document)
    assert run(plain_specs, path) == 1
    table = capsys.readouterr().out
    assert "Added upstream, not in specs/ (1)\n  event  realtime server response.paused\n" in table
    assert "Changed upstream (1)\n  limit  AudioOutput.speed#maximum  1.5 -> 2\n" in table
    assert "--write-patch" in table

    assert run(plain_specs, path, json=True) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["clean"] is False
    assert report["drift"] == [
        {"kind": "added", "what": "event", "path": "realtime server response.paused"},
        {
            "kind": "changed",
            "what": "limit",
            "path": "AudioOutput.speed#maximum",
            "ours": 1.5,
            "upstream": 2,
        },
    ]
    assert PROSE not in table + json.dumps(report)


def explain(specs: Path, yaml_text: str) -> None:
    quirks = specs / "quirks.yaml"
    text = quirks.read_text(encoding="utf-8")
    quirks.write_text(text.replace("drift: []", "drift:\n" + yaml_text), encoding="utf-8")


def test_an_explained_difference_is_no_drift_while_upstream_says_the_same(
    exported: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    specs = copy_specs(tmp_path)
    explain(
        specs,
        "  - {path: 'AudioOutput.sp*#maximum', kind: changed, upstream: 2, reason: Tried.}\n",
    )
    document = json.loads(exported)
    speed = props(document["components"]["schemas"], "AudioOutput")["speed"]
    speed["maximum"] = 2
    assert run(specs, write(tmp_path, document)) == 0
    assert "1 differences are meant" in capsys.readouterr().out

    speed["maximum"] = 3
    assert run(specs, write(tmp_path, document)) == 1
    out = capsys.readouterr().out
    assert "AudioOutput.speed#maximum  1.5 -> 3" in out
    assert "changed AudioOutput.sp*#maximum: `upstream` is 3 now" in out


def test_an_explanation_of_nothing_is_reported(
    exported: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    specs = copy_specs(tmp_path)
    explain(specs, "  - {path: Gone.field, kind: removed, reason: No more.}\n")
    assert run(specs, write(tmp_path, json.loads(exported))) == 1
    out = capsys.readouterr().out
    assert "match nothing any more (1)\n  removed Gone.field\n" in out
    assert "Remove the entries that match nothing." in out


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("{path: A.b, kind: removed}", "no `reason`"),
        ("{path: A.b, kind: gone, reason: x}", "`kind` must be one of added, removed, changed"),
        ("{kind: added, reason: x}", "needs `path` or `paths`"),
        ("{path: A.b, kind: added, reason: x, because: y}", "unknown key 'because'"),
        ("text", "is not a mapping"),
    ],
)
def test_a_wrong_explanation_names_its_place_and_the_cure(
    entry: str,
    words: str,
    exported: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    specs = copy_specs(tmp_path)
    explain(specs, f"  - {entry}\n")
    assert run(specs, write(tmp_path, json.loads(exported))) == 2
    err = capsys.readouterr().err
    assert "quirks.yaml#/drift/0" in err
    assert words in err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file; check the path"),
        ("{", "neither JSON nor YAML"),
        ('{"swagger": "2.0"}', "not an OpenAPI 3 document"),
        ('{"openapi": "3.1.0", "paths": {}}', "no schema RealtimeServerEvent"),
    ],
)
def test_a_document_that_cannot_be_compared_names_the_cure(
    content: str | None,
    words: str,
    plain_specs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "document.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    assert run(plain_specs, path) == 2
    err = capsys.readouterr().err
    assert "document.json" in err
    assert words in err


def test_a_folder_without_specs_names_the_cure(
    exported: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, write(tmp_path, json.loads(exported))) == 2
    assert "--specs" in capsys.readouterr().err


def test_the_patch_applies_and_leaves_no_additions(
    exported: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(exported)
    s = document["components"]["schemas"]
    add_event(s)
    add_member(s)
    add_nested(s)
    props(s, "ResponseDone")["took_ms"] = {"type": "integer", "description": PROSE}
    require(s, "ResponseDone", "took_ms")
    props(s, "RealtimeResponse")["status"]["enum"].append("paused")
    props(s, "SessionOutputAudioDelta")["format"]["enum"] = ["pcm16", "opus"]
    props(s, "ConversationItemDelete")["item_id"]["maxLength"] = 32
    document["paths"]["/realtime/calls/{call_id}/hold"] = {
        "post": {
            "parameters": [
                {"name": "call_id", "in": "path", "required": True, "schema": {"type": "string"}}
            ],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {"type": "object", "properties": {"music": {"type": "string"}}}
                    }
                },
            },
            "responses": {
                "200": {
                    "description": PROSE,
                    "content": {
                        "application/json": {
                            "schema": {"$ref": "#/components/schemas/RealtimeSession"}
                        }
                    },
                }
            },
        }
    }
    upstream = write(tmp_path, document)
    specs = copy_specs(tmp_path)
    patch = tmp_path / "additions.patch"
    assert run(specs, upstream, write_patch=patch) == 1
    text = patch.read_text(encoding="utf-8")
    assert "description: DESCRIBE" in text
    assert PROSE not in text

    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "apply", patch.name], cwd=tmp_path, check=True)
    capsys.readouterr()
    assert run(specs, upstream, json=True) == 0, capsys.readouterr().out

    removed = [line for line in text.splitlines() if line.startswith("-") and line[:3] != "---"]
    added = [line for line in text.splitlines() if line.startswith("+") and line[:3] != "+++"]
    # Nothing but the lists that grow is rewritten.
    assert all("[" in line for line in removed), removed
    assert any("ResponsePausedCause" in line for line in added)


def test_what_the_patch_cannot_place_is_named(
    exported: str, plain_specs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(exported)
    hook = json.loads(exported)["webhooks"]["realtime.call.incoming"]
    ended = {"type": "object", "properties": {"type": {"const": "realtime.call.ended"}}}
    hook["post"]["requestBody"]["content"]["application/json"]["schema"] = ended
    document["webhooks"]["realtime.call.ended"] = hook
    patch = tmp_path / "additions.patch"
    assert run(plain_specs, write(tmp_path, document), write_patch=patch) == 1
    assert "by hand: added webhook realtime.call.ended" in capsys.readouterr().err
    assert patch.read_text(encoding="utf-8") == ""


def test_specs_differ_from_the_upstream_document_only_where_explained() -> None:
    if not UPSTREAM.is_file():
        pytest.skip(f"no upstream document in {UPSTREAM.parent}")
    differences, _ = compare(our_roots(ours()), upstream_roots(UPSTREAM))
    verdict = judge(differences, entries(ours().files["quirks.yaml"]))
    assert [(d.kind, d.path) for d in verdict.drift] == []
    assert [str(entry) for entry in verdict.stale] == []
