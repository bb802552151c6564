"""Generating again: the same bytes, nothing left over, and what a changed spec gives."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from codegen import classes, client
from codegen.__main__ import main
from codegen.model import read_model
from codegen.pipeline import generate
from codegen.problems import CodegenError

ROOT = Path(__file__).resolve().parents[2]
Runner = Callable[[Path, str], str]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_twice_is_the_same(mini: Path, mini_specs: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    (again / "voxwire_protocol").mkdir(parents=True)
    (again / "voxwire_protocol" / "stale.py").write_text("left over from an older spec")
    generate(mini_specs, again)
    assert contents(again) == contents(mini)


def edit(path: Path, how: Callable[[Any], None]) -> None:
    document = yaml.safe_load(path.read_text("utf-8"))
    how(document)
    path.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")


def test_change_a_spec(tmp_path: Path, run_with: Runner) -> None:
    """A field, an enum value, an event and an item type in the real specs, and then in Python."""
    specs = Path(shutil.copytree(ROOT / "specs", tmp_path / "specs"))

    def schemas(doc: Any) -> None:
        doc["$defs"]["NoiseReduction"]["properties"]["wind"] = {
            "type": "boolean",
            "description": "Whether wind is filtered too.",
        }
        doc["$defs"]["NoiseReduction"]["properties"]["type"]["enum"].append("helmet")

    def events(doc: Any) -> None:
        doc["$defs"]["SessionPaused"] = {
            "type": "object",
            "description": "The session takes a break.",
            "required": ["type", "item"],
            "properties": {
                "type": {"const": "session.paused", "description": "Tag of the event."},
                "item": {
                    "$ref": "./items.yaml#/$defs/ConversationItem",
                    "description": "The item after which it is.",
                },
            },
        }

    def items(doc: Any) -> None:
        doc["$defs"]["ConversationItem"]["oneOf"].append({"$ref": "#/$defs/Marker"})
        doc["$defs"]["Marker"] = {
            "type": "object",
            "description": "A mark between two items.",
            "required": ["type"],
            "properties": {"type": {"const": "marker", "description": "Tag of a mark."}},
        }

    def document(doc: Any) -> None:
        doc["components"]["messages"]["SessionPaused"] = {
            "name": "session.paused",
            "title": "Session paused",
            "summary": "A break.",
            "payload": {"$ref": "./schemas/server_events.yaml#/$defs/SessionPaused"},
        }
        message = {"$ref": "#/components/messages/SessionPaused"}
        doc["channels"]["realtime"]["messages"]["SessionPaused"] = message
        doc["operations"]["receiveServerEvents"]["messages"].append(
            {"$ref": "#/channels/realtime/messages/SessionPaused"}
        )

    edit(specs / "schemas" / "audio.yaml", schemas)
    edit(specs / "schemas" / "server_events.yaml", events)
    edit(specs / "schemas" / "items.yaml", items)
    edit(specs / "realtime.asyncapi.yaml", document)
    out = tmp_path / "generated"
    generate(specs, out, http=False)
    program = """
import msgspec
from typing import get_args, get_type_hints
from voxwire_protocol import Marker, NoiseReduction, NoiseReductionDict, SessionPaused
from voxwire_protocol import RealtimeServerEvent
from voxwire_protocol._runtime import dec_hook
from voxwire_protocol.names import REALTIME_SERVER
from voxwire_protocol.rules import RULES

assert NoiseReduction(type="helmet", wind=True).to_dict() == {"type": "helmet", "wind": True}
assert get_args(get_type_hints(NoiseReductionDict)["type"]) == ("near_field", "far_field", "helmet")
assert RULES["NoiseReduction"]["wind"] == {"type": "boolean"}
assert REALTIME_SERVER["session.paused"] is SessionPaused
frame = b'{"type":"session.paused","item":{"type":"marker"}}'
event = msgspec.json.Decoder(SessionPaused, dec_hook=dec_hook).decode(frame)
assert event == SessionPaused(item=Marker())
assert isinstance(event, RealtimeServerEvent)
print("used")
"""
    assert run_with(out, program) == "used\n"
    assert "Whether wind is filtered too." in (out / "reference" / "audio.md").read_text("utf-8")


def test_the_repository_holds_what_the_specs_give(tmp_path: Path) -> None:
    out = tmp_path / "generated"
    generate(ROOT / "specs", out)
    here = {
        name: text
        for name, text in contents(ROOT / "generated").items()
        if "__pycache__" not in name
    }
    assert contents(out) == here, "run `make regenerate` and commit generated/"


def test_check_is_content_and_then_not(
    mini: Path, mini_specs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = Path(shutil.copytree(mini, tmp_path / "generated"))
    (out / "__pycache__").mkdir()
    (out / "__pycache__" / "a.pyc").write_bytes(b"\xff")
    arguments = ["--specs", str(mini_specs), "--out", str(out)]
    assert main([*arguments, "check"]) == 0

    path = mini_specs / "schemas" / "things.yaml"
    path.write_text(path.read_text("utf-8").replace("[red, green]", "[red, green, blue]"), "utf-8")
    capsys.readouterr()
    before = contents(out)
    assert main([*arguments, "check"]) == 1
    said = capsys.readouterr().err
    assert '+    color: Literal["red", "green", "blue"]' in said
    assert "fix: run `make regenerate`" in said
    assert contents(out) == before  # it looks, and changes nothing

    # What was just generated is right, before it is committed, too.
    assert main([*arguments, "generate"]) == 0
    assert main([*arguments, "check"]) == 0
    edit(path, lambda doc: doc.update(title="Other things"))
    path.rename(path.with_name("other.yaml"))
    for file in (mini_specs / "schemas" / "labels.yaml", *mini_specs.glob("mini.*.yaml")):
        file.write_text(file.read_text("utf-8").replace("things.yaml", "other.yaml"), "utf-8")
    quirks = mini_specs / "quirks.yaml"
    quirks.write_text(quirks.read_text("utf-8").replace("things.yaml", "other.yaml"), "utf-8")
    capsys.readouterr()
    assert main([*arguments, "check"]) == 1
    said = capsys.readouterr().err
    assert "--- /dev/null\n+++ reference/other.md" in said
    assert "--- reference/things.md\n+++ /dev/null" in said


def test_a_warning_of_the_class_generator_stops_everything(
    mini_specs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def warn(*_: Any, **__: Any) -> str:
        warnings.warn("something was left out", stacklevel=1)
        return ""

    monkeypatch.setattr(classes, "generate", warn)
    with pytest.raises(CodegenError, match="something was left out"):
        classes.models(read_model(mini_specs))


def test_a_warning_of_the_http_generator_stops_everything(
    mini_specs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = read_model(mini_specs)
    # Without the override it does not know what to do with a text body, and only warns.
    monkeypatch.setattr(client, "text_media_types", lambda model: set())
    with pytest.raises(CodegenError, match="Unsupported content type"):
        client.write_client(model, tmp_path / "http", tmp_path)


def test_the_program_runs_without_the_packages_that_it_makes(
    mini: Path, mini_specs: Path, tmp_path: Path, run_with: Runner
) -> None:
    program = f"""
import sys
from codegen.__main__ import main
assert main(["--specs", {str(mini_specs)!r}, "--out", {str(tmp_path / "out")!r}]) == 0
print([name for name in sys.modules if name.partition(".")[0] in ("voxwire", "voxwire_protocol")])
"""
    assert run_with(ROOT, program).splitlines()[-1] == "[]"
    # Another process has other hashes: no set may have decided an order.
    assert contents(tmp_path / "out") == contents(mini)
