"""The pages of the Python API have every public name."""

from __future__ import annotations

import sys
from pathlib import Path

import voxwire

DOCS = Path(__file__).resolve().parents[2] / "docs"
sys.path.insert(0, str(DOCS / "mkdocs"))

import api_names  # noqa: E402 (it belongs to the documentation, which is no package)

# Packages whose names nobody is meant to import: parts that a session is composed of, and the
# command, which has a page of its own.
INSIDE = {
    "voxwire.cli",
    "voxwire.protocol",
    "voxwire.session",
    "voxwire.transport",
}


def test_every_name_of_voxwire_is_on_a_page() -> None:
    missing = [
        name for name in api_names.names("voxwire") if not api_names.place_of("voxwire", name)
    ]
    assert not missing, "name them on a page in docs/api"


def test_every_package_is_on_a_page() -> None:
    package = Path(str(voxwire.__file__)).parent
    there = {f"voxwire.{path.parent.name}" for path in package.glob("*/__init__.py")}
    missing = sorted(there - INSIDE - set(api_names.packages()))
    assert not missing, "a page in docs/api needs a line <!-- the rest of PACKAGE -->"
    assert there >= INSIDE


def test_every_name_of_a_public_package_is_on_a_page_once() -> None:
    for module in api_names.packages():
        assert all(api_names.place_of(module, name) for name in api_names.names(module)), module
    places = [(each.page, each.path) for each in api_names.public()]
    assert len(places) == len(set(places))


def test_the_rest_of_a_module_is_written_out() -> None:
    text = "# Page\n\n## Part\n\n<!-- the rest of voxwire.errors -->\n"
    out = api_names.expanded(text, "errors")
    assert "::: voxwire.errors.ServerError\n    options: {heading_level: 3}" in out
    assert "the rest" not in out
    assert "ServerError" not in api_names.expanded(text, "another")
    assert "::: voxwire.errors.ServerError\n    options: {heading_level: 2}" in api_names.expanded(
        text.replace("## Part", ""), "errors"
    )


def test_named_objects_are_not_told_twice() -> None:
    text = "::: voxwire.conversation.Conversation\n\n<!-- the rest of voxwire.conversation -->\n"
    out = api_names.expanded(text, "conversation")
    assert "voxwire.conversation.ConversationTracker" in out
    assert out.count("::: voxwire.conversation.Conversation\n") == 1
