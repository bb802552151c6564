"""Imports go one way: a module uses floors below it, and parts of a session are strangers.

A room is a package or a module directly under ``voxwire``. What is imported for type checkers only
does not count: it is gone at run time.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "voxwire"

STRANGERS = ("conversation", "responses", "router", "playback", "tools")
"""The parts of a session: only the core and what is above it know several of them."""

NO_IO = (
    "acks", "approvals", "codec", "conversation", "core", "costs", "errors", "events", "options",
    "playback", "reconnect", "redaction", "responses", "restoring", "router", "settings", "turns",
    "tool_turns", "uplink",
)  # fmt: skip
"""Rooms that never await and never touch a socket or a thread."""


def _modules(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        yield path, ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


class _Imports(ast.NodeVisitor):
    def __init__(self, module: str, package: bool) -> None:
        self.found: set[str] = set()
        self._package = module.split(".") if package else module.split(".")[:-1]

    def visit_If(self, node: ast.If) -> None:
        if "TYPE_CHECKING" not in ast.dump(node.test):
            self.generic_visit(node)
        else:
            for statement in node.orelse:
                self.visit(statement)

    def visit_Import(self, node: ast.Import) -> None:
        self.found |= {alias.name for alias in node.names}

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base = self._package[: len(self._package) + 1 - node.level] if node.level else []
        target = ".".join([*base, *([node.module] if node.module else [])])
        # `from . import codec` names a module, not something in one.
        self.found |= {target} if node.module else {f"{target}.{a.name}" for a in node.names}


@cache
def _imports(folder: Path) -> dict[str, set[str]]:
    """Module -> the modules that it imports."""
    found = {}
    for path, module in _modules(folder):
        visitor = _Imports(module, path.name == "__init__.py")
        visitor.visit(ast.parse(path.read_text()))
        found[module] = visitor.found
    return found


@cache
def _rooms() -> dict[str, set[str]]:
    """Room -> the other rooms that it uses."""
    rooms: dict[str, set[str]] = {}
    for module, imports in _imports(SOURCE).items():
        if module.count(".") == 0:
            continue
        room = module.split(".")[1]
        used = {name.split(".")[1] for name in imports if name.startswith("voxwire.")}
        rooms.setdefault(room, set()).update(used - {room})
    return rooms


def test_no_room_is_above_and_below_another() -> None:
    rooms = {room: set(used) for room, used in _rooms().items()}
    while rooms:
        ground = {room for room, used in rooms.items() if not used & rooms.keys()}
        assert ground, f"these import each other in a circle: {sorted(rooms)}"
        for room in ground:
            del rooms[room]


@pytest.mark.parametrize("room", STRANGERS)
def test_the_parts_of_a_session_do_not_know_each_other(room: str) -> None:
    assert not _rooms()[room] & (set(STRANGERS) - {room})


@pytest.mark.parametrize("room", NO_IO)
def test_what_is_below_the_faces_neither_awaits_nor_touches_a_socket(room: str) -> None:
    forbidden = {"asyncio", "socket", "threading", "websockets", "httpx", "concurrent"}
    for module, imports in _imports(SOURCE).items():
        if module.split(".")[1:2] == [room]:
            assert not {name.split(".")[0] for name in imports} & forbidden, module


def test_only_the_tools_for_people_and_tests_know_the_emulator() -> None:
    users = {room for room, used in _rooms().items() if "emulator" in used}
    assert users <= {"cli", "hosted", "testing", "__main__"}


def test_the_generated_package_knows_nothing_of_the_layer_on_it() -> None:
    for module, imports in _imports(ROOT / "generated" / "voxwire_protocol").items():
        assert not [n for n in imports if n == "voxwire" or n.startswith("voxwire.")], module


def test_the_generator_knows_neither_package() -> None:
    for path, module in _modules(ROOT / "codegen"):
        if "runtime" in path.parts:  # copied into the generated package
            continue
        imports = _imports(ROOT / "codegen")[module]
        assert not [n for n in imports if n.split(".")[0] in ("voxwire", "voxwire_protocol")], (
            module
        )


def test_a_store_knows_neither_events_nor_sessions() -> None:
    assert _rooms()["store"] <= {"errors", "redaction"}
    for module, imports in _imports(SOURCE).items():
        if module.split(".")[1:2] == ["store"]:
            assert not [name for name in imports if name.startswith("voxwire_protocol")], module
