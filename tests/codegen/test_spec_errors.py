"""Every broken convention is told by file, JSON pointer and cure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from codegen.__main__ import main
from codegen.model import read_model
from codegen.problems import SpecErrors

THINGS = "schemas/things.yaml"
SOUND = f"{THINGS}#/$defs/SoundPart"
Change = Callable[[Any], None]


def change(folder: Path, file: str, how: Change) -> None:
    path = folder / file
    document = yaml.safe_load(path.read_text("utf-8"))
    how(document)
    path.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")


def sound(how: Change) -> Change:
    return lambda doc: how(doc["$defs"]["SoundPart"])


def put(*keys: str, value: Any) -> Change:
    def how(node: Any) -> None:
        for key in keys[:-1]:
            node = node[key]
        node[keys[-1]] = value

    return how


def remove(*keys: str) -> Change:
    def how(node: Any) -> None:
        for key in keys[:-1]:
            node = node[key]
        del node[keys[-1]]

    return how


CASES: dict[str, tuple[str, Change, str, str, str]] = {
    "a $ref to a name that is not there": (
        THINGS,
        put("$defs", "ThingMade", "properties", "part", "$ref", value="#/$defs/Prat"),
        f"{THINGS}#/$defs/ThingMade/properties/part/$ref",
        "where there is no 'Prat'",
        "did you mean 'Part'?",
    ),
    "a $ref to a file that is not there": (
        THINGS,
        put("$defs", "ThingMade", "properties", "part", "$ref", value="./thngs.yaml#/$defs/Part"),
        f"{THINGS}#/$defs/ThingMade/properties/part/$ref",
        "schemas/thngs.yaml, a file that is not there",
        "did you mean schemas/things.yaml?",
    ),
    "a $ref into the middle of a schema": (
        THINGS,
        put("$defs", "ThingMade", "properties", "part", "$ref", value="#/$defs/Part/oneOf/0"),
        f"{THINGS}#/$defs/ThingMade/properties/part/$ref",
        "is no named schema",
        "#/$defs/Name",
    ),
    "an inline object": (
        THINGS,
        sound(put("properties", "key", value={"type": "object", "properties": {}})),
        f"{SOUND}/properties/key",
        "an object with properties has no name",
        "move it to $defs",
    ),
    "an inline union with an object": (
        THINGS,
        put(
            "$defs", "ThingMade", "properties", "part",
            value={"description": "x", "oneOf": [{"$ref": "#/$defs/TextPart"}, {"type": "string"}]},
        ),
        f"{THINGS}#/$defs/ThingMade/properties/part/oneOf",
        "a union with an object in it has no name",
        "x-discriminator",
    ),
    "a member without the tag": (
        THINGS,
        sound(remove("properties", "kind")),
        SOUND,
        "SoundPart has no constant 'kind', by which Part",
        "add `kind: {const: ...}`",
    ),
    "two members with one tag": (
        THINGS,
        sound(put("properties", "kind", "const", value="text")),
        f"{THINGS}#/$defs/TextPart",
        "TextPart and SoundPart have the same tag text",
        "another value",
    ),
    "a union without a discriminator": (
        THINGS,
        remove("$defs", "Part", "x-discriminator"),
        f"{THINGS}#/$defs/Part",
        "without a discriminator",
        "add `x-discriminator: [type]`",
    ),
    "a default member that is none": (
        THINGS,
        put("$defs", "Part", "x-default-member", value="ThingMade"),
        f"{THINGS}#/$defs/Part/x-default-member",
        "ThingMade is not among the members",
        "add it to `oneOf:`",
    ),
    "one name twice": (
        THINGS,
        put("$defs", "OwnLabel", value={"type": "object", "description": "x", "properties": {}}),
        f"{THINGS}#/$defs/OwnLabel",
        "duplicate name: OwnLabel is also at schemas/labels.yaml#/$defs/OwnLabel",
        "rename one",
    ),
    "a schema without a description": (
        THINGS,
        sound(remove("description")),
        SOUND,
        "the schema has no description",
        "add `description:`",
    ),
    "a property without a description": (
        THINGS,
        sound(remove("properties", "key", "description")),
        f"{SOUND}/properties/key",
        "the property has no description",
        "add `description:`",
    ),
    "a required property that is not there": (
        THINGS,
        sound(put("required", value=["kind", "colour"])),
        f"{SOUND}/required",
        "'colour' is required and not among the properties",
        "describe it",
    ),
    "a name that is no class": (
        THINGS,
        put("$defs", "small_part", value={"type": "object", "description": "x", "properties": {}}),
        f"{THINGS}#/$defs/small_part",
        "'small_part' cannot be a class name",
        "PascalCase",
    ),
    "a property that is no attribute": (
        THINGS,
        sound(put("properties", "class", value={"type": "string", "description": "x"})),
        f"{SOUND}/properties/class",
        "'class' cannot be an attribute",
        "rule in codegen",
    ),
    "a property with a method's name": (
        THINGS,
        sound(put("properties", "to_dict", value={"type": "string", "description": "x"})),
        f"{SOUND}/properties/to_dict",
        "'to_dict' is a method",
        "rule in codegen",
    ),
    "a bytes property with the name of another": (
        THINGS,
        sound(put("properties", "sound", "x-bytes-property", value="key")),
        f"{SOUND}/properties/sound/x-bytes-property",
        "'key' is a property already",
        "another name",
    ),
    "a keyword that nobody reads": (
        THINGS,
        sound(put("properties", "key", "minimun", value=1)),
        f"{SOUND}/properties/key/minimun",
        "keyword 'minimun' is not for use here",
        "specs/README.md",
    ),
    "an unknown type": (
        THINGS,
        sound(put("properties", "key", "type", value="text")),
        f"{SOUND}/properties/key/type",
        "no such type: 'text'",
        "string",
    ),
    "a default that is no value": (
        THINGS,
        put("$defs", "MiniThingMake", "properties", "color", "default", value="blue"),
        f"{THINGS}#/$defs/MiniThingMake/properties/color/default",
        "the default 'blue' is not one of the values",
        "add the value",
    ),
    "values of two kinds": (
        THINGS,
        put("$defs", "MiniThingMake", "properties", "color", "enum", value=["red", 1]),
        f"{THINGS}#/$defs/MiniThingMake/properties/color",
        "values of different or unfit kinds",
        "quotes",
    ),
    "a list of nothing": (
        THINGS,
        remove("$defs", "MiniThingMake", "properties", "parts", "items"),
        f"{THINGS}#/$defs/MiniThingMake/properties/parts",
        "a list without `items`",
        "what it is a list of",
    ),
    "a schema that nobody uses": (
        THINGS,
        put("$defs", "Lonely", value={"type": "object", "description": "x", "properties": {}}),
        f"{THINGS}#/$defs/Lonely",
        "Lonely is used by no document",
        "delete it",
    ),
    "an event with another name than its tag": (
        "mini.asyncapi.yaml",
        put("components", "messages", "ThingMade", "name", value="thing.done"),
        "mini.asyncapi.yaml#/components/messages/ThingMade/name",
        "called 'thing.done' and the `type` of ThingMade says otherwise",
        "the same wire name",
    ),
    "an event whose class is called otherwise": (
        THINGS,
        lambda doc: (
            put("$defs", "ThingMade", "properties", "type", "const", value="thing.done")(doc)
        ),
        "mini.asyncapi.yaml#/components/messages/ThingMade/name",
        "says otherwise",
        "the same wire name",
    ),
    "an operation without a summary": (
        "mini.openapi.yaml",
        remove("paths", "/things/{thing_id}/label", "post", "summary"),
        "mini.openapi.yaml#/paths/~1things~1{thing_id}~1label/post",
        "the operation has no summary",
        "add `summary:`",
    ),
    "a quirk without evidence": (
        "quirks.yaml",
        lambda doc: doc["tag_aliases"][0].pop("evidence"),
        "quirks.yaml#/tag_aliases/0",
        "no evidence",
        "where this was seen",
    ),
    "an alias of no event": (
        "quirks.yaml",
        lambda doc: doc["event_aliases"][0].update(name="thing.gone"),
        "quirks.yaml#/event_aliases/0",
        "no server event is called 'thing.gone'",
        "correct the name",
    ),
    "a deviation in no event": (
        "quirks.yaml",
        lambda doc: doc["vendor"]["workshop"]["nulls"][0].update(events=["thing.gone"]),
        "quirks.yaml#/vendor/workshop/nulls/0/events",
        "no event is called 'thing.gone'",
        "extra_events",
    ),
    "a deviation with a key that nobody reads": (
        "quirks.yaml",
        lambda doc: doc["vendor"]["workshop"]["nulls"][0].update(remark="odd"),
        "quirks.yaml#/vendor/workshop/nulls/0/remark",
        "unknown key 'remark'",
        "note",
    ),
    "a vendor of another protocol": (
        "quirks.yaml",
        lambda doc: doc["vendor"]["workshop"].update(family="maxi"),
        "quirks.yaml#/vendor/workshop/family",
        "there is no protocol 'maxi'",
        "mini",
    ),
    "a correction that leads nowhere": (
        "quirks.yaml",
        lambda doc: doc["corrections"][0].update(pointer=f"{THINGS}#/$defs/Gone/maxLength"),
        "quirks.yaml#/corrections/0",
        "where there is no 'Gone'",
        "define 'Gone'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_fault_is_told_with_place_and_cure(mini_specs: Path, case: str) -> None:
    file, how, place, fault, cure = CASES[case]
    change(mini_specs, file, how)
    with pytest.raises(SpecErrors) as caught:
        read_model(mini_specs)
    found = [problem for problem in caught.value.problems if str(problem.place) == place]
    assert found, str(caught.value)
    assert any(fault in problem.fault and cure in problem.cure for problem in found), found


def test_all_faults_are_told_at_once(mini_specs: Path) -> None:
    change(mini_specs, THINGS, sound(remove("description")))
    change(mini_specs, THINGS, put("$defs", "TextPart", "properties", "text", "type", value="txt"))
    with pytest.raises(SpecErrors) as caught:
        read_model(mini_specs)
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("text", "fault", "cure"),
    [
        ("a: 1\na: 2\n", "line 2: duplicate name 'a'", "rename or remove"),
        ("a:\n  200: x\n", "line 2: the key 200 is no text", "'200'"),
        ("a: [1\n", "line 2: expected ',' or ']'", "correct the YAML"),
    ],
)
def test_yaml_faults_name_the_line(mini_specs: Path, text: str, fault: str, cure: str) -> None:
    (mini_specs / "schemas" / "more.yaml").write_text(text)
    with pytest.raises(SpecErrors) as caught:
        read_model(mini_specs)
    (problem,) = caught.value.problems
    assert problem.place.file == "schemas/more.yaml"
    assert fault in problem.fault
    assert cure in problem.cure


def test_the_program_prints_faults_and_leaves_the_output(
    mini_specs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "generated"
    out.mkdir()
    (out / "kept.txt").write_text("what was there")
    change(mini_specs, THINGS, sound(remove("description")))
    assert main(["--specs", str(mini_specs), "--out", str(out), "generate"]) == 2
    assert f"{SOUND}: the schema has no description\n    cure: add" in capsys.readouterr().err
    assert (out / "kept.txt").read_text() == "what was there"
