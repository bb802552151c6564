"""The page of the command line: it names each command and option, and none that there is not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from voxwire.cli.app import app

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "cli.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", PAGE, re.M))
COMMANDS: dict[str, Any] = vars(typer.main.get_command(app))["commands"]
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


def _options(command: Any) -> set[str]:
    return {
        name
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
        if name.startswith("-")
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_each_option_is_on_the_page_and_none_that_there_is_not(name: str) -> None:
    there = _options(COMMANDS[name])
    common = set(OPTION.findall(SECTIONS["What commands share"]))
    # What a code span says of ffmpeg or of another command is not of this one.
    own = re.sub(r"`(?:ffmpeg|voxwire|python) .*?`|```(.|\n)*?```", "", SECTIONS[name])
    told = set(OPTION.findall(" ".join(re.findall(r"`[^`]*`", own))))
    assert there <= told | common | {"--help", "-h"}
    assert told <= there


@pytest.mark.parametrize("name", COMMANDS)
def test_each_variable_is_on_the_page(name: str) -> None:
    for parameter in COMMANDS[name].params:
        if isinstance(parameter.envvar, str):
            assert parameter.envvar in PAGE


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_with_examples_that_exist(name: str) -> None:
    command = COMMANDS[name]
    assert "Examples:" in command.help
    examples = re.findall(rf"voxwire {name}\b.*", command.help)
    assert examples
    there = _options(command) | {"-h", "--help"}
    for example in examples:
        used = OPTION.findall(example.partition("|")[0])
        assert set(used) <= there, example
    for parameter in command.params:
        assert parameter.help, (name, parameter.name)


def test_all_commands_are_sections_and_the_other_way_round() -> None:
    others = {"What commands share", "JSON", "Completion in the shell"}
    assert set(SECTIONS) - others == set(COMMANDS)
    for name in COMMANDS:
        assert f"[`{name}`](#{name})" in PAGE
